//! Azure Service Bus over HTTP, beside a stand-in.

mod answers;
mod interop;
mod outages;
mod poison;

use std::env;
use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Other, Program, eventually, standins};

/// One test at a time, as their gateways take from the same queues.
static ONE: Mutex<()> = Mutex::const_new(());

const ONE_JSON: &str = r#"{"n":1}"#;

/// What the gateway of this suite expects to be there.
const ENTITIES: &str = "\
topic suite/orders-out other
topic suite/orders-in gateway
queue suite/queue duplicates=60
queue suite/sessions sessions=yes
topic suite/krakend gateway
topic suite/poison gateway
topic suite/poison-topic gateway
topic suite/poison-dropped gateway
topic suite/graves other
queue suite/shared
";

/// A gateway beside the server that all tests share.
struct Stage {
    gateway: Program,
    connection: String,
    _one: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no server, or no client of another make.
    async fn set() -> Option<Self> {
        if !crate::support::broker("servicebus") || !crate::support::broker("clients") {
            return None;
        }
        let one = ONE.lock().await;
        let variable = |name| env::var(name).expect("it was started, so its address is known");
        standins::add_entities(&PathBuf::from(variable("SERVICEBUS_ENTITIES")), ENTITIES);
        let connection = variable("SERVICEBUS_CONNECTION_STRING");
        Some(Self { gateway: start(&connection).await, connection, _one: one })
    }

    /// Azure's client in Python.
    fn other(&self, arguments: &[&str]) -> Other {
        Other::start("asbc.py", ("SERVICEBUS_CONNECTION_STRING", &self.connection), arguments)
    }

    async fn send(&self, topic: &str, message: &Value) {
        assert_eq!(self.other(&["send-topic", topic, &message.to_string()]).says().await, "sent");
    }
}

/// A gateway that is connected.
async fn start(connection: &str) -> Program {
    let gateway = start_alone(connection).await;
    eventually(async || state(&gateway).await == "connected").await;
    gateway
}

/// A gateway, whether or not its server is there.
async fn start_alone(connection: &str) -> Program {
    let mut command = Program::command("azure_service_bus");
    command.args(["--listen", "127.0.0.1:0"]).env("SERVICEBUS_CONNECTION_STRING", connection);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}

async fn state(gateway: &Program) -> Value {
    gateway.get("/__ready").await.json()["brokers"]["azure_service_bus"]["state"].take()
}
