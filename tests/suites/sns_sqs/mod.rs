//! SNS and SQS over HTTP, beside moto, which stands for them.

mod answers;
mod interop;
mod outages;
mod poison;

use std::env;

use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Moto, Other, Program, eventually, moto, standins};

/// One test at a time, as their gateways take from the same queues.
static ONE: Mutex<()> = Mutex::const_new(());

const ONE_JSON: &str = r#"{"n":1}"#;

/// A gateway beside the server that all tests share, and another client of that.
struct Stage {
    gateway: Program,
    client: Moto,
    url: String,
    _one: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no server, or no client of another make.
    async fn set() -> Option<Self> {
        if !crate::support::broker("moto") || !crate::support::broker("clients") {
            return None;
        }
        let one = ONE.lock().await;
        let url = env::var("AWS_ENDPOINT_URL_SQS").expect("it was started, so its address is known");
        let client = Moto::at(&url);
        create(client).await;
        Some(Self { gateway: start(&url).await, client, url, _one: one })
    }

    /// boto3.
    fn other(&self, arguments: &[&str]) -> Other {
        Other::start("awsc.py", ("AWS_ENDPOINT_URL_SQS", &self.url), arguments)
    }
}

/// What the gateway of this suite expects to be there, with nothing left in it.
async fn create(client: Moto) {
    let queues = [
        "orders-out",
        "orders-in",
        "orders-envelope",
        "orders-raw",
        "krakend",
        "poison",
        "poison-dropped",
        "graves",
        "shared",
        "shared-copy",
    ];
    for queue in queues {
        client.delete_queue(queue).await;
        client.create_queue(queue, &[]).await;
    }
    client.delete_queue("orders.fifo").await;
    client.create_queue("orders.fifo", &[("FifoQueue", "true")]).await;
    let graves = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"5"}}"#, moto::queue_arn("graves"));
    client.delete_queue("poison-redriven").await;
    client.create_queue("poison-redriven", &[("RedrivePolicy", &graves)]).await;
    client.create_topic("orders", &["orders-envelope"], false).await;
    client.create_topic("orders", &["orders-raw"], true).await;
    client.create_topic("orders.fifo", &["orders.fifo"], true).await;
    client.create_topic("shared", &["shared", "shared-copy"], false).await;
}

/// A gateway that is connected.
async fn start(url: &str) -> Program {
    let gateway = start_alone(url).await;
    eventually(async || {
        let ready = gateway.get("/__ready").await.json();
        ["sns", "sqs"].iter().all(|name| ready["brokers"][name]["state"] == "connected")
    })
    .await;
    gateway
}

/// A gateway, whether or not its server is there.
async fn start_alone(url: &str) -> Program {
    let mut command = Program::command("sns_sqs");
    command.args(["--listen", "127.0.0.1:0"]).envs(standins::NOWHERE);
    command.env("AWS_ENDPOINT_URL_SQS", url).env("AWS_ENDPOINT_URL_SNS", url);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}
