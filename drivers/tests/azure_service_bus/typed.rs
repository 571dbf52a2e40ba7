//! Messages of another client (Microsoft's, in Python), which has types where we have texts.

use std::path::PathBuf;
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};
use sluicegate_drivers::{Broker as _, Delivery as _, Settlement};

use super::common::{NACK, ack, keyed, publish, publisher, receive, settle, start, subscriber};
use super::server::Server;

/// What it says.
fn other(server: &Server, arguments: &[&str]) -> Option<Value> {
    let Ok(python) = std::env::var("CLIENTS_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "CLIENTS_PYTHON is not set");
        println!("skipped: CLIENTS_PYTHON is not set");
        return None;
    };
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers/clients/asbc.py");
    let output = tokio::task::block_in_place(|| {
        let mut command = Command::new(python);
        command.arg(script).args(arguments).env("SERVICEBUS_CONNECTION_STRING", server.string()).output()
    });
    let output = output.expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_types_are_texts() {
    let Some(server) = start(&["queue typed"]) else { return };
    let message = json!({
        "attributes": { "text": "zwölf", "number": -12_345, "part": 0.25, "yes": true },
        "properties": { "message_id": "7", "subject": "s", "content_type": "text/plain", "correlation_id": "c" },
        "body": BASE64.encode(&[0, 0xff, b'a']),
    });
    if other(&server, &["send-queue", "typed", &message.to_string()]).is_none() {
        return;
    }
    let broker = server.broker();
    let subscriber = subscriber(&broker, "azuresb://typed?queue=true").await;
    let delivery = receive(&subscriber).await;
    let found = delivery.message();
    for (name, value) in [
        ("text", "zwölf"),
        ("number", "-12345"),
        ("part", "0.25"),
        ("yes", "true"),
        ("Servicebus-Subject", "s"),
        ("Servicebus-Correlation-Id", "c"),
        ("Content-Type", "text/plain"),
    ] {
        assert_eq!(found.attribute(name), Some(value), "{found:?}");
    }
    assert_eq!((found.id.as_deref(), &found.body[..]), (Some("7"), &b"\0\xffa"[..]));
    ack(&delivery).await;
    broker.close().await;
}

/// It finds what was given back and what was given up as the service has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_for_others() {
    let Some(server) = start(&["queue left", "queue sessions sessions=yes"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://left").await;
    let messages = subscriber(&broker, "azuresb://left?queue=true").await;
    publish(&topic, keyed("k", "dead")).await;
    publish(&topic, keyed("k", "again")).await;
    let dead = receive(&messages).await;
    settle(&dead, Settlement::DeadLetter { reason: "not JSON".to_owned() }).await;
    settle(&receive(&messages).await, NACK).await;
    let Some(letter) = other(&server, &["receive-dead", "left"]) else { return };
    assert_eq!(letter["properties"]["dead_letter_reason"], "not JSON", "{letter}");
    assert_eq!(letter["body"], BASE64.encode(b"dead"));
    let again = other(&server, &["receive", "left"]).expect("as before");
    assert_eq!((&again["body"], &again["properties"]["delivery_count"]), (&json!(BASE64.encode(b"again")), &json!(1)));
    // A session that was let go is there for others at once.
    let topic = publisher(&broker, "azuresb://sessions").await;
    let sessions = subscriber(&broker, "azuresb://sessions?queue=true&sessions=true").await;
    publish(&topic, keyed("a", "one")).await;
    publish(&topic, keyed("a", "two")).await;
    ack(&receive(&sessions).await).await;
    let two = other(&server, &["receive-session", "sessions", "a"]).expect("as before");
    assert_eq!(two["body"], BASE64.encode(b"two"), "{two}");
    broker.close().await;
}
