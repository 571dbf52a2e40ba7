//! A client of another make (pika) on one side of RabbitMQ, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Stage;
use crate::support::Other;

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

fn other(stage: &Stage, arguments: &[&str]) -> Other {
    Other::start("rabbitc.py", ("RABBIT_SERVER_URL", &stage.url), arguments)
}

#[tokio::test]
async fn what_another_client_published_is_read_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let message = json!({
        "key": "eu.west",
        "headers": {"X-Order-Id": "0042", "count": 7, "binary": {"base64": "AP8="}},
        "properties": {
            "content_type": "application/vnd.order",
            "message_id": "id-7",
            "correlation_id": "c-7",
            "reply_to": "answers",
            "type": "order.made",
            "priority": 3,
            "timestamp": 1_700_000_000,
            "delivery_mode": 2,
        },
        "body": BASE64.encode(&body()),
    });
    assert_eq!(other(&stage, &["publish", "orders.in", &message.to_string()]).says().await, "sent");
    let answer = stage.gateway.get("/orders").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.order")), "{answer:?}");
    for (name, expected) in [
        ("x-order-id", "0042"),
        ("x-key", "eu.west"),
        ("x-id", "id-7"),
        ("x-type", "order.made"),
        ("x-correlation-id", "c-7"),
        ("x-priority", "3"),
        ("x-reply-to", "answers"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
    }
    assert!(answer.header("x-published").is_some_and(|time| time.starts_with("2023-11-14T22:13:20")), "{answer:?}");
    assert_eq!(answer.body, body());
    stage.gateway.stop().await;
    assert_eq!(stage.client.waiting("orders.in").await, 0, "it is acknowledged");
}

#[tokio::test]
async fn what_is_published_reaches_another_client_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let headers =
        [("Content-Type", "application/vnd.order"), ("X-Order-Id", "0042"), ("X-Region", "eu.west"), ("X-No", "1")];
    let mut client = stage.gateway.client().await;
    assert_eq!(client.request("POST", "/orders", &headers, body()).await.brief(), (200, "true", "{}"));
    let expected = json!({
        "key": "eu.west",
        "headers": {"X-Order-Id": "0042"},
        "properties": {
            "content_type": "application/vnd.order",
            "correlation_id": "order-0042",
            "type": "order.made",
            "priority": 4,
            "delivery_mode": 2,
        },
        "body": BASE64.encode(&body()),
    });
    assert_eq!(other(&stage, &["receive", "orders.out"]).says().await, expected);

    let named = client.request("POST", "/key-name", &[("Rk", "us.east")], "").await;
    assert_eq!(named.brief(), (200, "true", "{}"));
    let received = other(&stage, &["receive", "orders.out"]).says().await;
    assert_eq!(
        (&received["key"], &received["headers"], &received["body"]),
        (&json!("us.east"), &json!({}), &json!(""))
    );
    stage.gateway.stop().await;
}

/// As the recordings of `pubsub-rabbit` show it: no properties, and all metadata as headers.
#[tokio::test]
async fn what_a_krakend_published_is_read() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let message: Value = json!({
        "headers": {
            "Content-Type": "application/json",
            "User-Agent": "KrakenD Version 2.13.8",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "gateway.test",
        },
        "body": BASE64.encode(br#"{"order": 1.50}"#),
    });
    assert_eq!(other(&stage, &["publish", "krakend", &message.to_string()]).says().await, "sent");
    assert_eq!(stage.gateway.get("/krakend").await.brief(), (200, "true", r#"{"order": 1.50}"#));
    stage.gateway.stop().await;
}
