//! Kafka over HTTP, beside a real server.

mod interop;
mod outages;
mod poison;

use std::env;

use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Kafka, Program, eventually};

/// One test at a time, as their gateways are members of the same groups.
static ONE: Mutex<()> = Mutex::const_new(());

const TOPICS: [&str; 8] =
    ["orders.in", "orders.out", "krakend", "poison", "poison.dropped", "graves", "large", "shared"];

/// A gateway beside the server that all tests share, and another client of that.
struct Stage {
    gateway: Program,
    client: Kafka,
    servers: String,
    _one: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no server.
    async fn set() -> Option<Self> {
        if !crate::support::broker("kafka") {
            return None;
        }
        let one = ONE.lock().await;
        let servers = env::var("KAFKA_BROKERS").expect("it was started, so its address is known");
        let client = Kafka::connect(&servers);
        client.create(&TOPICS, 1).await;
        Some(Self { gateway: start(&servers).await, client, servers, _one: one })
    }
}

/// A gateway that is connected.
async fn start(servers: &str) -> Program {
    let gateway = start_alone(servers).await;
    let connected = async || gateway.get("/__ready").await.json()["brokers"]["kafka"]["state"] == "connected";
    eventually(connected).await;
    gateway
}

/// A gateway, whether or not its server is there.
async fn start_alone(servers: &str) -> Program {
    let mut command = Program::command("kafka");
    command.args(["--listen", "127.0.0.1:0"]).env("KAFKA_BROKERS", servers);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}
