//! Google Cloud Pub/Sub over HTTP, beside pstest, which stands for it.

mod answers;
mod interop;
mod outages;
mod poison;

use std::env;

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Other, Program, eventually, standins};

/// One test at a time, as their gateways take from the same subscriptions.
static ONE: Mutex<()> = Mutex::const_new(());

const ONE_JSON: &str = r#"{"n":1}"#;

/// A gateway beside the server that all tests share, with subscriptions that nothing was received from before.
struct Stage {
    gateway: Program,
    emulator: String,
    _one: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no server, or no client of another make. `places` are the topics, each with a subscription of
    /// its name.
    async fn set(places: &[&str]) -> Option<Self> {
        if !crate::support::broker("pubsub") || !crate::support::broker("clients") {
            return None;
        }
        let one = ONE.lock().await;
        let emulator = env::var("PUBSUB_EMULATOR_HOST").expect("it was started, so its address is known");
        create(&emulator, places).await;
        Some(Self { gateway: start(&emulator).await, emulator, _one: one })
    }

    /// Google's client in Python.
    fn other(&self, arguments: &[&str]) -> Other {
        Other::start("gcpc.py", ("PUBSUB_EMULATOR_HOST", &self.emulator), arguments)
    }

    async fn publish(&self, place: &str, message: &Value) -> Value {
        self.other(&["publish", &topic(place), &message.to_string()]).says().await
    }

    async fn receive(&self, place: &str) -> Value {
        self.other(&["receive", &subscription(place)]).says().await
    }
}

fn topic(place: &str) -> String {
    format!("projects/suites/topics/{place}")
}

fn subscription(place: &str) -> String {
    format!("projects/suites/subscriptions/{place}")
}

/// Topics and subscriptions, which have an order.
async fn create(emulator: &str, places: &[&str]) {
    for place in places {
        let options = json!({"enable_message_ordering": true, "ack_deadline_seconds": 10});
        standins::create_subscription(emulator, &topic(place), &subscription(place), &options).await;
    }
}

/// A gateway that is connected.
async fn start(emulator: &str) -> Program {
    let gateway = start_alone(emulator).await;
    eventually(async || gateway.get("/__ready").await.json()["brokers"]["gcp_pubsub"]["state"] == "connected").await;
    gateway
}

/// A gateway, whether or not its server is there.
async fn start_alone(emulator: &str) -> Program {
    let mut command = Program::command("gcp_pubsub");
    command.args(["--listen", "127.0.0.1:0"]).env("PUBSUB_EMULATOR_HOST", emulator);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}
