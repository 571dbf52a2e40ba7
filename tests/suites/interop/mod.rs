//! A client of another make (nats-py) on one side of NATS, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::{Answer, Broker, Other, Program, eventually, nats};

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

/// A message as the other client shows it.
fn shown(subject: &str, id: Option<&str>) -> Value {
    let mut headers = json!({ "X-Order-Id": "0042", "Content-Type": "application/vnd.order" });
    if let Some(id) = id {
        headers["Nats-Msg-Id"] = id.into();
    }
    json!({ "subject": subject, "headers": headers, "body": BASE64.encode(&body()) })
}

/// nats-py, with the broker's address.
fn other(broker: &Broker, arguments: &[&str]) -> Other {
    Other::start("natsc.py", ("NATS_SERVER_URL", broker.variable("NATS_SERVER_URL")), arguments)
}

/// A broker and a gateway that is connected to it.
async fn start(test: &str) -> Option<(Broker, Program)> {
    if !crate::support::broker("nats") || !crate::support::broker("clients") {
        return None;
    }
    let broker = Broker::start("nats", &format!("interop-{test}")).await;
    nats::create_stream(broker.port, "STORED", "stored.*").await;
    let mut command = Program::command("interop");
    command.args(["--listen", "127.0.0.1:0"]).env("NATS_SERVER_URL", format!("nats://127.0.0.1:{}", broker.port));
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    for driver in ["nats", "jetstream"] {
        let connected = async || gateway.get("/__ready").await.json()["brokers"][driver]["state"] == "connected";
        eventually(connected).await;
    }
    Some((broker, gateway))
}

async fn post(gateway: &Program, path: &str) -> Answer {
    let headers =
        [("Content-Type", "application/vnd.order"), ("X-Order-Id", "0042"), ("Idempotency-Key", "id-7"), ("X-No", "1")];
    gateway.client().await.request("POST", path, &headers, body()).await
}

fn assert_is_whole(answer: &Answer, topic: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.order")));
    assert_eq!((answer.header("x-order-id"), answer.header("x-topic")), (Some("0042"), Some(topic)));
    assert_eq!(answer.body, body());
}

#[tokio::test]
async fn core_both_ways() {
    let Some((broker, gateway)) = start("core").await else { return };
    // The server has the gateway's subscription before it confirms this.
    assert_eq!(post(&gateway, "/core").await.status, 200);
    let message = shown("", None).to_string();
    assert_eq!(other(&broker, &["publish", "core.in", &message]).says().await, "sent");
    assert_is_whole(&gateway.get("/core").await, "core.in");

    let mut other = other(&broker, &["receive", "core.out"]);
    assert_eq!(other.says().await, "ready");
    assert_eq!(post(&gateway, "/core").await.brief(), (200, "true", "{}"));
    assert_eq!(other.says().await, shown("core.out", None));
    broker.stop().await;
}

#[tokio::test]
async fn jetstream_both_ways() {
    let Some((broker, gateway)) = start("jetstream").await else { return };
    let message = shown("", None).to_string();
    let stored = other(&broker, &["js-publish", "stored.in", &message]).says().await;
    assert_eq!(stored, json!({ "stream": "STORED", "seq": 1, "duplicate": false }));
    let answer = gateway.get("/jetstream").await;
    assert_is_whole(&answer, "stored.in");
    assert_eq!(answer.header("x-offset"), Some("1"));

    let receipt = post(&gateway, "/jetstream").await;
    assert_eq!((receipt.status, &receipt.json()["offset"]), (200, &json!(2)), "{receipt:?}");
    let received = other(&broker, &["js-receive", "stored.out", "STORED"]).says().await;
    assert_eq!(received, shown("stored.out", Some("id-7")));
    broker.stop().await;
}
