//! Azure's SDK in Python on one side of Service Bus, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::json;

use super::Stage;

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

#[tokio::test]
async fn what_another_client_sent_is_read_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    let message = json!({
        "attributes": {"X-Order-Id": "0042", "count": 7, "flag": true, "ratio": 1.5},
        "properties": {
            "message_id": "id-7",
            "session_id": "customer-7",
            "content_type": "application/vnd.order",
            "subject": "order.made",
            "correlation_id": "c-7",
            "reply_to": "answers",
        },
        "body": BASE64.encode(&body()),
    });
    stage.send("suite/orders-in", &message).await;
    let answer = stage.gateway.get("/orders").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.order")), "{answer:?}");
    for (name, expected) in [
        ("x-order-id", "0042"),
        ("x-count", "7"),
        ("x-flag", "true"),
        ("x-ratio", "1.5"),
        ("x-key", "customer-7"),
        ("x-id", "id-7"),
        ("x-subject", "order.made"),
        ("x-correlation-id", "c-7"),
        ("x-reply-to", "answers"),
        ("x-deliveries", "1"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
    }
    assert!(answer.header("x-published").is_some_and(|time| time.starts_with("20")), "{answer:?}");
    assert_eq!(answer.body, body());
    assert_eq!(stage.gateway.get("/orders").await.status, 204, "it is completed");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn what_is_published_reaches_another_client_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    let headers = [
        ("Content-Type", "application/vnd.order"),
        ("X-Order-Id", "0042"),
        ("X-Customer", "customer-7"),
        ("X-No", "1"),
    ];
    let answer = stage.gateway.client().await.request("POST", "/orders", &headers, body()).await;
    assert_eq!(answer.brief(), (200, "true", "{}"));
    let expected = json!({
        "attributes": {"X-Order-Id": "0042", "source": "web/0042"},
        "properties": {
            "message_id": "0042",
            "partition_key": "customer-7",
            "correlation_id": "order-0042",
            "subject": "order.made",
            "content_type": "application/vnd.order",
            "delivery_count": 0,
            "time_to_live": 3600.0,
        },
        "body": BASE64.encode(&body()),
    });
    assert_eq!(stage.other(&["receive", "suite/orders-out:other"]).says().await, expected);
    stage.gateway.stop().await;
}

/// It has all metadata as application properties, as they are.
#[tokio::test]
async fn what_a_krakend_published_is_read() {
    let Some(stage) = Stage::set().await else { return };
    let message = json!({
        "attributes": {
            "Content-Type": "application/json",
            "User-Agent": "KrakenD Version 2.13.8",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "gateway.test",
        },
        "body": BASE64.encode(br#"{"order": 1.50}"#),
    });
    stage.send("suite/krakend", &message).await;
    let answer = stage.gateway.get("/krakend").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"order": 1.50}"#), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    stage.gateway.stop().await;
}
