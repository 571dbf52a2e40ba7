//! The official SDK in Python (boto3) on one side of SNS and SQS, an HTTP client of the gateway on the other.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Stage;
use crate::support::moto;

const BINARY: &str = "application/octet-stream";

/// All bytes, which are not UTF-8.
fn body() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

#[tokio::test]
async fn what_another_client_sent_is_read_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    let message = json!({
        "attributes": {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Order-Id": "0042",
            "count": 7,
            "binary": {"base64": "AP8="},
            "note": "100% {ä} ✓",
        },
        "body": "grüße\n\t✓",
    });
    let sent = stage.other(&["send", "orders-in", &message.to_string()]).says().await;
    let answer = stage.gateway.get("/queue").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (name, expected) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-order-id", "0042"),
        ("x-count", "7"),
        ("x-binary", "AP8="),
        ("x-note", "100% {ä} ✓"),
        ("x-deliveries", "1"),
        ("x-id", sent["id"].as_str().expect("an id")),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
    }
    assert!(answer.header("x-published").is_some_and(|time| time.starts_with("20")), "{answer:?}");
    assert_eq!(answer.text(), "grüße\n\t✓");
    stage.gateway.stop().await;
    assert_eq!(stage.client.messages("orders-in").await, (0, 0), "it is acknowledged");
}

#[tokio::test]
async fn what_is_published_reaches_another_client_as_it_is() {
    let Some(stage) = Stage::set().await else { return };
    let mut client = stage.gateway.client().await;
    let headers = [("Content-Type", "text/plain"), ("X-Order-Id", "0042"), ("X-No", "1")];
    let receipt = client.request("POST", "/queue", &headers, "grüße ✓").await;
    assert_eq!(receipt.status, 200, "{receipt:?}");
    let attributes = json!({"Content-Type": "text/plain", "X-Order-Id": "0042", "source": "web/0042"});
    let received = stage.other(&["receive", "orders-out"]).says().await;
    assert_eq!((&received["attributes"], &received["body"]), (&attributes, &json!("grüße ✓")));
    assert_eq!(received["id"], receipt.json()["id"]);

    // What no text is is base64, as KrakenD's library has it.
    let headers = [("Content-Type", BINARY), ("X-Order-Id", "0043")];
    assert_eq!(client.request("POST", "/queue", &headers, body()).await.status, 200);
    let received = stage.other(&["receive", "orders-out"]).says().await;
    assert_eq!(received["body"], BASE64.encode(&body()));
    assert_eq!(received["attributes"]["Content-Type"], BINARY);
    assert!(received["attributes"]["base64encoded"].is_string(), "{received:?}");
    stage.gateway.stop().await;
}

/// Through a topic, to queues that get the envelope of SNS and to those that get the message alone.
#[tokio::test]
async fn what_is_published_to_a_topic_comes_to_its_queues() {
    let Some(stage) = Stage::set().await else { return };
    let mut client = stage.gateway.client().await;
    for (content_type, body) in [("text/plain", "grüße ✓".as_bytes().to_vec()), (BINARY, body())] {
        let headers = [("Content-Type", content_type), ("X-Order-Id", "0042")];
        let receipt = client.request("POST", "/topic", &headers, &body).await;
        assert_eq!(receipt.status, 200, "{receipt:?}");
        assert!(receipt.json()["id"].is_string(), "{receipt:?}");
        for path in ["/topic/envelope", "/topic/raw"] {
            let answer = stage.gateway.get(path).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{path}: {answer:?}");
            assert_eq!((answer.header("x-order-id"), &answer.body), (Some("0042"), &body), "{path}");
        }
    }
    // And to another client.
    assert_eq!(client.request("POST", "/topic", &[("X-Order-Id", "0043")], r#"{"n":1}"#).await.status, 200);
    let received = stage.other(&["receive", "orders-envelope"]).says().await;
    let envelope: Value = serde_json::from_str(received["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        (&envelope["Message"], &envelope["TopicArn"]),
        (&json!(r#"{"n":1}"#), &json!(moto::topic_arn("orders")))
    );
    assert_eq!(envelope["MessageAttributes"]["X-Order-Id"], json!({"Type": "String", "Value": "0043"}));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn what_another_client_published_to_a_topic_is_read() {
    let Some(stage) = Stage::set().await else { return };
    let message = json!({"attributes": {"Content-Type": "text/plain", "X-Order-Id": "0042"}, "body": "grüße ✓"});
    stage.other(&["publish", &moto::topic_arn("orders"), &message.to_string()]).says().await;
    for path in ["/topic/envelope", "/topic/raw"] {
        let answer = stage.gateway.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain")), "{path}: {answer:?}");
        assert_eq!((answer.header("x-order-id"), answer.text()), (Some("0042"), "grüße ✓"), "{path}");
    }
    stage.gateway.stop().await;
}

/// Its library escapes names and values, and has what is no text as base64.
#[tokio::test]
async fn what_a_krakend_published_is_read() {
    let Some(stage) = Stage::set().await else { return };
    let attributes = json!({
        "Content-Type": "application%2Fjson%3B%20charset=utf-8",
        "User-Agent": "KrakenD%20Version%202.13.8",
        "X-Forwarded-For": "127.0.0.1",
        "X-Order-Id": "caf%C3%A9%20%25",
        "X__0x20__Name": "a",
    });
    let message = json!({ "attributes": attributes, "body": r#"{"order": 1.50}"# });
    stage.other(&["send", "krakend", &message.to_string()]).says().await;
    let answer = stage.gateway.get("/krakend").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"order": 1.50}"#), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!((answer.header("x-order-id"), answer.header("x-name")), (Some("café %"), Some("a")), "{answer:?}");

    let attributes = json!({"Content-Type": "image%2Fpng", "base64encoded": "true"});
    let message = json!({ "attributes": attributes, "body": BASE64.encode(&body()) });
    stage.other(&["send", "krakend", &message.to_string()]).says().await;
    let answer = stage.gateway.get("/krakend").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")), "{answer:?}");
    assert_eq!(answer.body, body());
    stage.gateway.stop().await;
}
