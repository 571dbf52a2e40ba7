//! RabbitMQ over HTTP, beside a real server.

mod interop;
mod outages;
mod poison;

use std::env;

use lapin::ExchangeKind::{Fanout, Topic};
use lapin::types::{AMQPValue, LongString};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Program, Rabbitmq, eventually};

/// One test at a time, as their gateways take from the same queues.
static ONE: Mutex<()> = Mutex::const_new(());

/// A gateway beside the server that all tests share, and another client of that.
struct Stage {
    gateway: Program,
    client: Rabbitmq,
    url: String,
    _one: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no server.
    async fn set() -> Option<Self> {
        if !crate::support::broker("rabbitmq") {
            return None;
        }
        let one = ONE.lock().await;
        let url = env::var("RABBIT_SERVER_URL").expect("it was started, so its address is known");
        let client = Rabbitmq::connect(&url).await;
        declare(&client).await;
        Some(Self { gateway: start(&url).await, client, url, _one: one })
    }
}

/// What the gateway of this suite expects to be there; for a server that has it already this does nothing.
async fn declare(client: &Rabbitmq) {
    let graves = [("x-dead-letter-exchange", AMQPValue::LongString(LongString::from("graves.rejected")))];
    client.declare("orders.out", Topic, "orders.out", "#").await;
    for name in ["orders.in", "krakend", "poison", "poison.dropped", "graves", "graves.rejected", "shared"] {
        client.declare(name, Fanout, name, "").await;
        client.purge(name).await;
    }
    client.declare_with("poison.rejected", Fanout, "poison.rejected", "", &graves).await;
    // Nothing is bound to it.
    client.exchange("nowhere", Fanout).await;
}

/// A gateway that is connected, with nothing left from before.
async fn start(url: &str) -> Program {
    let gateway = start_alone(url).await;
    let connected = async || gateway.get("/__ready").await.json()["brokers"]["rabbitmq"]["state"] == "connected";
    eventually(connected).await;
    gateway
}

/// A gateway, whether or not its server is there.
async fn start_alone(url: &str) -> Program {
    let mut command = Program::command("rabbitmq");
    command.args(["--listen", "127.0.0.1:0"]).env("RABBIT_SERVER_URL", url);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}
