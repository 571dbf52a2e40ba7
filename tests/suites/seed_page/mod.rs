//! The examples of KrakenD's page "Publish/Subscribe", as they are typed there: `host`, URL and environment. What cannot work
//! is refused by the build, word by word in `codegen/tests/diagnostics/page_*.stderr`.
//!
//! The variables that the page names lead to the brokers. For SNS, SQS and Pub/Sub, which the page gives no address for,
//! those do that the clouds' SDKs read.

use std::env;

use lapin::ExchangeKind::Fanout;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Kafka, Moto, Program, Rabbitmq, eventually, standins};

/// One test at a time of a broker, as they take from the same queues.
static ONE: Mutex<()> = Mutex::const_new(());

/// The gateway of all examples; only one broker is there.
async fn start(environment: &[(&str, &str)]) -> Program {
    let mut command = Program::command("seed_page");
    command.args(["--listen", "127.0.0.1:0"]).envs(standins::NOWHERE).envs(environment.iter().copied());
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Publishes at one path and receives at another, whatever else there may be.
async fn passes(gateway: &Program, publish: &str, consume: &str) {
    let body = json!({"from": publish, "to": consume, "in": std::process::id()});
    eventually(async || {
        let answer = gateway.post(publish, body.to_string()).await;
        assert!(matches!(answer.status, 200 | 503), "{publish}: {answer:?}");
        answer.status == 200
    })
    .await;
    arrives(gateway, consume, &body).await;
}

async fn arrives(gateway: &Program, path: &str, body: &Value) {
    eventually(async || {
        let answer = gateway.get(path).await;
        assert!(matches!(answer.status, 200 | 204 | 503), "{path}: {answer:?}");
        answer.status == 200 && answer.json() == *body
    })
    .await;
}

#[tokio::test]
async fn gcp_pubsub() {
    if !crate::support::broker("pubsub") || !crate::support::broker("clients") {
        return;
    }
    let emulator = variable("PUBSUB_EMULATOR_HOST");
    let (topic, subscription) = ("projects/myproject/topics/mytopic", "projects/myproject/subscriptions/mysub");
    standins::create_subscription(&emulator, topic, subscription, &json!({})).await;
    let gateway = start(&[("PUBSUB_EMULATOR_HOST", &emulator)]).await;
    passes(&gateway, "/gcp/topic", "/gcp/subscription").await;
    passes(&gateway, "/gcp/topic/short", "/gcp/subscription/short").await;
    gateway.stop().await;
}

#[tokio::test]
async fn nats() {
    if !crate::support::broker("nats") {
        return;
    }
    let gateway = start(&[("NATS_SERVER_URL", &variable("NATS_SERVER_URL"))]).await;
    // Nothing is kept for who comes later.
    eventually(async || gateway.get("/__ready").await.json()["brokers"]["nats"]["state"] == "connected").await;
    passes(&gateway, "/nats", "/nats").await;
    passes(&gateway, "/before-2-0", "/nats").await;
    gateway.stop().await;
}

/// There is a queue behind the topic, which another example receives from: the one that receives from the topic itself is
/// refused.
#[tokio::test]
async fn aws_sns() {
    let Some((gateway, moto, _one)) = aws().await else { return };
    moto.create_topic("mytopic", &["myqueue"], false).await;
    passes(&gateway, "/sns", "/sqs").await;
    gateway.stop().await;
}

#[tokio::test]
async fn aws_sqs() {
    let Some((gateway, _, _one)) = aws().await else { return };
    passes(&gateway, "/sqs", "/sqs").await;
    gateway.stop().await;
}

async fn aws() -> Option<(Program, Moto, MutexGuard<'static, ()>)> {
    if !crate::support::broker("moto") {
        return None;
    }
    let one = ONE.lock().await;
    let (sqs, sns) = (variable("AWS_ENDPOINT_URL_SQS"), variable("AWS_ENDPOINT_URL_SNS"));
    let moto = Moto::at(&sqs);
    moto.create_queue("myqueue", &[]).await;
    Some((start(&[("AWS_ENDPOINT_URL_SQS", &sqs), ("AWS_ENDPOINT_URL_SNS", &sns)]).await, moto, one))
}

#[tokio::test]
async fn azure_service_bus() {
    if !crate::support::broker("servicebus") {
        return;
    }
    // The stand-in has `mytopic` and `mysubscription` by itself.
    let gateway = start(&[("SERVICEBUS_CONNECTION_STRING", &variable("SERVICEBUS_CONNECTION_STRING"))]).await;
    passes(&gateway, "/azure", "/azure").await;
    gateway.stop().await;
}

#[tokio::test]
async fn kafka() {
    if !crate::support::broker("kafka") {
        return;
    }
    let servers = variable("KAFKA_BROKERS");
    let client = Kafka::connect(&servers);
    client.create(&["mytopic"], 1).await;
    let gateway = start(&[("KAFKA_BROKERS", &servers)]).await;
    // A new group gets what comes from then on.
    client.settled(&["group"], 1).await;
    passes(&gateway, "/kafka", "/kafka").await;
    gateway.stop().await;
}

/// `RABBIT_SERVER_URL='guest:guest@localhost:5672'`, without a scheme. What the page calls `myexchange` where it receives is a
/// queue.
async fn rabbitmq() -> Option<(Program, MutexGuard<'static, ()>)> {
    if !crate::support::broker("rabbitmq") {
        return None;
    }
    let one = ONE.lock().await;
    let url = variable("RABBIT_SERVER_URL");
    let client = Rabbitmq::connect(&url).await;
    for queue in ["myexchange", "myqueue"] {
        client.declare("myexchange", Fanout, queue, "").await;
        client.purge(queue).await;
    }
    let port = url.trim_end_matches('/').rsplit(':').next().expect("a port");
    let gateway = start(&[("RABBIT_SERVER_URL", &format!("guest:guest@localhost:{port}"))]).await;
    Some((gateway, one))
}

#[tokio::test]
async fn the_example_of_the_configuration() {
    let Some((gateway, _one)) = rabbitmq().await else { return };
    passes(&gateway, "/rabbitmq", "/rabbitmq/example").await;
    gateway.stop().await;
}

#[tokio::test]
async fn rabbitmq_topics_and_subscriptions() {
    let Some((gateway, _one)) = rabbitmq().await else { return };
    passes(&gateway, "/rabbitmq", "/rabbitmq").await;
    passes(&gateway, "/rabbitmq", "/rabbitmq/queue").await;
    gateway.stop().await;
}
