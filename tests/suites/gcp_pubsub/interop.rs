//! Google's SDK in Python on one side of Pub/Sub, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::json;

use super::Stage;

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

#[tokio::test]
async fn what_another_client_published_is_read_as_it_is() {
    let Some(stage) = Stage::set(&["orders-in"]).await else { return };
    let message = json!({
        "attributes": {"Content-Type": "application/vnd.order", "X-Order-Id": "0042", "note": "100% {ä} ✓"},
        "key": "customer-7",
        "body": BASE64.encode(&body()),
    });
    let published = stage.publish("orders-in", &message).await;
    let answer = stage.gateway.get("/orders").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.order")), "{answer:?}");
    for (name, expected) in [
        ("x-order-id", "0042"),
        ("x-note", "100% {ä} ✓"),
        ("x-key", "customer-7"),
        ("x-id", published["id"].as_str().expect("an id")),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
    }
    assert!(answer.header("x-published").is_some_and(|time| time.starts_with("20")), "{answer:?}");
    assert_eq!(answer.body, body());
    assert_eq!(stage.gateway.get("/orders").await.status, 204, "it is acknowledged");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn what_is_published_reaches_another_client_as_it_is() {
    let Some(stage) = Stage::set(&["orders-out"]).await else { return };
    let headers = [
        ("Content-Type", "application/vnd.order"),
        ("X-Order-Id", "0042"),
        ("X-Customer", "customer-7"),
        ("X-No", "1"),
    ];
    let receipt = stage.gateway.client().await.request("POST", "/orders", &headers, body()).await;
    assert_eq!(receipt.status, 200, "{receipt:?}");
    let expected = json!({
        "id": receipt.json()["id"],
        "attributes": {
            "Content-Type": "application/vnd.order",
            "X-Order-Id": "0042",
            "source": "web/0042",
            "empty": "",
        },
        "key": "customer-7",
        "body": BASE64.encode(&body()),
    });
    assert_eq!(stage.receive("orders-out").await, expected);
    stage.gateway.stop().await;
}

/// It has no key, and all metadata as attributes, as they are.
#[tokio::test]
async fn what_a_krakend_published_is_read() {
    let Some(stage) = Stage::set(&["krakend"]).await else { return };
    let message = json!({
        "attributes": {
            "Content-Type": "application/json",
            "User-Agent": "KrakenD Version 2.13.8",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "gateway.test",
        },
        "body": BASE64.encode(br#"{"order": 1.50}"#),
    });
    stage.publish("krakend", &message).await;
    assert_eq!(stage.gateway.get("/krakend").await.brief(), (200, "true", r#"{"order": 1.50}"#));
    stage.gateway.stop().await;
}
