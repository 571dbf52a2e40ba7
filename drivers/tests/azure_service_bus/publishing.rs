//! What is stored of messages that are published.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_drivers::{Broker as _, Message};
use tokio::process::Command;

use super::server::{Server, publish, publisher};
use super::stored;
use crate::support::{can_start, script};

#[tokio::test]
async fn many_at_once_are_each_confirmed() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue many");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://many").await;
    let all = (0..1_000).map(|number| publish(&topic, Message::new(format!("{number}"))));
    for receipt in futures_util::future::join_all(all).await {
        receipt.expect("confirmed");
    }
    broker.close().await;
    assert_eq!(stored::all(&server, "many").await.len(), 1_000);
}

/// By the official SDK for Python.
#[tokio::test]
async fn properties_are_seen_by_another_client() {
    let Some(server) = Server::start() else { return };
    if !can_start("clients") {
        return;
    }
    server.entities.add("queue seen");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://seen").await;
    let mut message = Message::new(&b"\0\xff binary"[..]);
    (message.id, message.key) = (Some("i-1".to_owned()), Some("k-1".to_owned()));
    for (name, value) in [
        ("X-Name", "é"),
        ("Content-Type", "application/json"),
        ("Servicebus-Subject", "s"),
        ("Servicebus-Correlation-Id", "c"),
        ("Servicebus-To", "t"),
        ("Servicebus-Reply-To", "r"),
        ("Servicebus-Reply-To-Session-Id", "rs"),
        ("Servicebus-Partition-Key", "k-1"),
        ("Servicebus-Time-To-Live", "90s"),
    ] {
        message.set_attribute(name, value);
    }
    publish(&topic, message).await.expect("confirmed");
    broker.close().await;
    let python = std::env::var("CLIENTS_PYTHON").expect("the clients' Python");
    let mut receive = Command::new(python);
    receive.arg(script("clients/asbc.py")).args(["receive", "seen"]).kill_on_drop(true);
    let output = receive.env("SERVICEBUS_CONNECTION_STRING", server.string()).output().await.expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(seen["attributes"], json!({"X-Name": "é"}));
    assert_eq!(seen["body"], data_encoding::BASE64.encode(b"\0\xff binary"));
    for (name, value) in [
        ("message_id", "i-1"),
        ("session_id", "k-1"),
        ("partition_key", "k-1"),
        ("content_type", "application/json"),
        ("subject", "s"),
        ("correlation_id", "c"),
        ("to", "t"),
        ("reply_to", "r"),
        ("reply_to_session_id", "rs"),
    ] {
        assert_eq!(seen["properties"][name], value, "{name}: {seen}");
    }
    assert_eq!(seen["properties"]["time_to_live"], 90.0);
}

#[tokio::test]
async fn a_message_may_come_later_and_may_end() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue timed");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://timed").await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let mut later = Message::new("later");
    later.set_attribute("Servicebus-Scheduled-Enqueue-Time", (now.as_millis() + 5_000).to_string());
    let published = Instant::now();
    publish(&topic, later).await.expect("confirmed");
    let mut short = Message::new("short");
    short.set_attribute("Servicebus-Time-To-Live", "1ms");
    publish(&topic, short).await.expect("confirmed");
    publish(&topic, Message::new("now")).await.expect("confirmed");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let first = stored::all(&server, "timed").await;
    // A slow machine may see both.
    if published.elapsed() < Duration::from_secs(4) {
        assert_eq!(first, ["now".to_owned()].into());
    }
    let mut all = first;
    while !all.contains("later") {
        all.extend(stored::all(&server, "timed").await);
        assert!(published.elapsed() < Duration::from_secs(60), "it never comes");
    }
    assert_eq!(all, ["now".to_owned(), "later".to_owned()].into());
    broker.close().await;
}

#[tokio::test]
async fn an_id_that_was_seen_is_stored_once() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue once duplicates=60");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://once").await;
    for body in ["first", "second"] {
        let message = Message { id: Some("same".to_owned()), ..Message::new(body) };
        publish(&topic, message).await.expect("confirmed");
    }
    publish(&topic, Message { id: Some("other".to_owned()), ..Message::new("third") }).await.expect("confirmed");
    broker.close().await;
    assert_eq!(stored::all(&server, "once").await, ["first".to_owned(), "third".to_owned()].into());
}
