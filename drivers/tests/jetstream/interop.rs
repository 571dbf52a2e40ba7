//! A client of another make (nats-py), on JetStream and without it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};
use sluicegate_drivers::{Broker as _, Delivery as _, Message, Publisher as _, PublisherOptions, SubscriberOptions};

use super::support::{Place, ack, receive};
use crate::server::{connected, publisher, receive as receive_core};

/// All bytes, which are not UTF-8.
pub(super) fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

pub(super) fn message() -> Message {
    let mut message = Message::new(body());
    message.set_attribute("X-Order-Id", "0042");
    message.set_attribute("Content-Type", "application/octet-stream");
    message
}

fn shown() -> Value {
    json!({
        "headers": { "X-Order-Id": "0042", "Content-Type": "application/octet-stream" },
        "body": BASE64.encode(&body()),
    })
}

/// The other client, which ends with the test.
struct Other {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Other {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let python = std::env::var("CLIENTS_PYTHON").expect("checked before");
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers/clients/natsc.py");
        let mut child = Command::new(python)
            .arg(script)
            .args(arguments)
            .env("NATS_SERVER_URL", format!("nats://{}", place.server.address))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    /// The next thing that it says.
    async fn says(&mut self) -> Value {
        tokio::task::block_in_place(|| {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("text");
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
        })
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn place() -> Option<Place> {
    if std::env::var_os("CLIENTS_PYTHON").is_none() {
        assert!(std::env::var_os("CI").is_none(), "CLIENTS_PYTHON is not set");
        println!("skipped: CLIENTS_PYTHON is not set");
        return None;
    }
    Place::with_stream(&json!({}))
}

pub(super) fn assert_is_ours(received: &Message) {
    assert_eq!(received.body, body());
    assert_eq!(received.attribute("X-Order-Id"), Some("0042"));
    assert_eq!(received.attribute("Content-Type"), Some("application/octet-stream"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_both_ways() {
    let Some(place) = place() else { return };
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, "in");
    let subject = format!("{}.in", place.stream);
    let mut other = Other::start(&place, &["js-publish", &subject, &shown().to_string()]);
    assert_eq!(other.says().await, json!({ "stream": place.stream, "seq": 1, "duplicate": false }));
    let delivery = receive(&subscriber).await;
    assert_is_ours(delivery.message());
    ack(&delivery).await;

    let identified = Message { id: Some("id-7".to_owned()), ..message() };
    let publisher = broker.publisher(&place.topic("out"), &PublisherOptions::default()).expect("a topic");
    publisher.publish(identified).await.expect("confirmed");
    let subject = format!("{}.out", place.stream);
    let mut other = Other::start(&place, &["js-receive", &subject, &place.stream]);
    let mut expected = shown();
    expected["subject"] = subject.into();
    expected["headers"]["Nats-Msg-Id"] = "id-7".into();
    assert_eq!(other.says().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn core_both_ways() {
    use sluicegate_drivers::nats;
    let Some(place) = place() else { return };
    let broker: nats::Broker = connected(&place.server, &[]).await;
    let subscriber = broker.subscriber("nats://in", &SubscriberOptions::default()).expect("a subscription");
    // The server has the subscription before it confirms this.
    publisher(&broker, "nats://nobody").publish(Message::new("x")).await.expect("confirmed");
    let mut other = Other::start(&place, &["publish", "in", &shown().to_string()]);
    assert_eq!(other.says().await, "sent");
    assert_is_ours(receive_core(&subscriber).await.message());

    let mut other = Other::start(&place, &["receive", "out"]);
    assert_eq!(other.says().await, "ready");
    publisher(&broker, "nats://out").publish(message()).await.expect("confirmed");
    let mut expected = shown();
    expected["subject"] = "out".into();
    assert_eq!(other.says().await, expected);
}
