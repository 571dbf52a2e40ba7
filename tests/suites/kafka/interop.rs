//! A client of another make (confluent-kafka) on one side of Kafka, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Stage;
use crate::support::{Answer, Other, eventually};

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

fn other(stage: &Stage, arguments: &[&str]) -> Other {
    Other::start("kafkac.py", ("KAFKA_BROKERS", &stage.servers), arguments)
}

fn base64(text: &str) -> String {
    BASE64.encode(text.as_bytes())
}

/// Asks until there is a message: a group takes its time to find together.
async fn next(stage: &Stage, path: &str) -> Answer {
    let mut answer = None;
    eventually(async || {
        answer = Some(stage.gateway.get(path).await).filter(|answer| answer.status != 204);
        answer.is_some()
    })
    .await;
    answer.expect("a message")
}

#[tokio::test]
async fn what_another_client_published_is_read_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let message = json!({
        "key": base64("customer-7"),
        "headers": [
            ["Content-Type", base64("application/vnd.order")],
            ["X-Order-Id", base64("0042")],
            ["binary", BASE64.encode(&[0, 0xff])],
        ],
        "timestamp": 1_700_000_000_123_u64,
        "body": BASE64.encode(&body()),
    });
    let tombstone = json!({"key": base64("customer-7"), "body": null});
    for (offset, message) in [message, tombstone].iter().enumerate() {
        let stored = other(&stage, &["publish", "orders.in", &message.to_string()]).says().await;
        assert_eq!(stored, json!({"partition": 0, "offset": offset}));
    }
    let answer = next(&stage, "/orders").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.order")), "{answer:?}");
    for (name, expected) in [
        ("x-order-id", "0042"),
        ("x-key", "customer-7"),
        ("x-topic", "orders.in"),
        ("x-partition", "0"),
        ("x-offset", "0"),
        ("x-published", "2023-11-14T22:13:20.123Z"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
    }
    assert_eq!((&answer.body, answer.header("x-tombstone")), (&body(), None));

    let answer = next(&stage, "/orders").await;
    assert_eq!((answer.status, answer.header("x-tombstone"), answer.text()), (200, Some("true"), ""), "{answer:?}");
    stage.gateway.stop().await;
    assert_eq!(stage.client.committed("orders", "orders.in").await, [(0, 2)].into(), "both are settled");
}

#[tokio::test]
async fn what_is_published_reaches_another_client_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let headers = [
        ("Content-Type", "application/vnd.order"),
        ("X-Order-Id", "0042"),
        ("X-Customer", "customer-7"),
        ("X-No", "1"),
    ];
    let mut client = stage.gateway.client().await;
    let receipt = client.request("POST", "/orders", &headers, body()).await;
    assert_eq!((receipt.status, receipt.json()), (200, json!({"partition": "0", "offset": 0})), "{receipt:?}");
    let named = client.request("POST", "/key-name", &[("X-Customer", "customer-8")], "").await;
    assert_eq!(named.brief(), (200, "true", "{}"));

    let mut received = other(&stage, &["receive", "orders.out", "2"]);
    let mut first = received.says().await;
    let headers: &mut Value = &mut first["headers"];
    let mut sorted = headers.as_array().cloned().expect("a list");
    sorted.sort_by_key(ToString::to_string);
    *headers = sorted.into();
    let expected = json!({
        "partition": 0,
        "offset": 0,
        "key": base64("customer-7"),
        "headers": [["Content-Type", base64("application/vnd.order")], ["X-Order-Id", base64("0042")]],
        "timestamp": 1_700_000_000_123_u64,
        "body": BASE64.encode(&body()),
    });
    assert_eq!(first, expected);
    let second = received.says().await;
    assert_eq!((&second["key"], &second["headers"]), (&json!(base64("customer-8")), &json!([])));
    assert_eq!(second["body"], "", "an empty value, and none that is missing");
    stage.gateway.stop().await;
}

/// As the recordings of `pubsub-kafka` show it: no key, and all metadata as headers.
#[tokio::test]
async fn what_a_krakend_published_is_read() {
    let Some(stage) = Stage::set().await else { return };
    if !crate::support::broker("clients") {
        return;
    }
    let message = json!({
        "key": null,
        "headers": [
            ["Content-Type", base64("application/json")],
            ["User-Agent", base64("KrakenD Version 2.13.8")],
            ["X-Forwarded-For", base64("127.0.0.1")],
            ["X-Forwarded-Host", base64("gateway.test")],
        ],
        "body": base64(r#"{"order": 1.50}"#),
    });
    other(&stage, &["publish", "krakend", &message.to_string()]).says().await;
    assert_eq!(next(&stage, "/krakend").await.brief(), (200, "true", r#"{"order": 1.50}"#));
    stage.gateway.stop().await;
}
