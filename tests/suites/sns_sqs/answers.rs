//! Statuses, receipts and keys.

use serde_json::json;

use super::{ONE_JSON, Stage};
use crate::support::announced;

#[tokio::test]
async fn what_cannot_be_stored_is_answered_as_it_failed() {
    let Some(stage) = Stage::set().await else { return };
    let gateway = &stage.gateway;
    for path in ["/missing", "/missing-topic"] {
        let answer = gateway.post(path, "{}").await;
        assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{path}: {answer:?}");
    }
    let answer = gateway.get("/missing").await;
    assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{answer:?}");
    for path in ["/shared", "/shared-topic"] {
        assert_eq!(gateway.post(path, "").await.status, 400, "{path}: no body");
    }
    // A body that is no text grows by a third.
    for (path, most) in [("/shared", 1 << 20), ("/shared-topic", 256 << 10)] {
        assert_eq!(announced(gateway, path, most + 1).await.status, 413, "{path}");
        assert_eq!(gateway.post(path, vec![0xff; most * 4 / 5]).await.status, 413, "{path}");
        assert_eq!(gateway.post(path, vec![b'x'; most]).await.status, 200, "{path}");
    }
    assert_eq!(stage.client.messages("shared").await, (2, 0), "what was refused is not there");
    for _ in 0..2 {
        assert_eq!(gateway.get("/shared/any").await.status, 200);
    }
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    assert_eq!(gateway.get("/shared").await.status, 204);
    let ready = gateway.get("/__ready").await.json();
    assert_eq!(ready["brokers"]["sqs"]["state"], "connected", "{ready:?}");
    stage.gateway.stop().await;
    assert_eq!(stage.client.messages("shared").await, (0, 0), "it is acknowledged");
}

#[tokio::test]
async fn several_publishers_are_confirmed_or_named() {
    let Some(stage) = Stage::set().await else { return };
    let gateway = &stage.gateway;
    assert_eq!(gateway.post("/both", ONE_JSON).await.brief(), (200, "true", "{}"));
    // From the queue itself, and from the topic behind which it is.
    for _ in 0..2 {
        assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    }
    let answer = gateway.post("/both-missing", ONE_JSON).await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (502, Some("false")), "{answer:?}");
    let report = json!({"backends": [
        {"backend": "awssqs://sqs.us-east-2.amazonaws.com/123456789012/shared", "outcome": "confirmed"},
        {"backend": "awssns:///arn:aws:sns:us-east-2:123456789012:missing", "outcome": "refused"},
    ]});
    assert_eq!(answer.json(), report);
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    stage.gateway.stop().await;
}

/// Groups keep their order, and what has been seen is not stored again.
#[tokio::test]
async fn a_fifo_queue_has_keys_and_knows_what_it_has_seen() {
    let Some(stage) = Stage::set().await else { return };
    let mut client = stage.gateway.client().await;
    assert_eq!(client.request("POST", "/fifo", &[("X-Order-Id", "0")], "{}").await.status, 400, "no key");
    for (path, id) in [("/fifo", "1"), ("/fifo", "1"), ("/fifo", "2"), ("/topic/fifo", "3")] {
        let headers = [("X-Customer", "customer-7"), ("X-Order-Id", id)];
        let answer = client.request("POST", path, &headers, format!("order {id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["id"].is_string(), path == "/fifo", "{answer:?}");
    }
    for id in ["1", "2", "3"] {
        let answer = stage.gateway.get("/fifo").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("order {id}")), "{answer:?}");
        assert_eq!((answer.header("x-key"), answer.header("x-id")), (Some("customer-7"), Some(id)), "{answer:?}");
    }
    assert_eq!(stage.gateway.get("/fifo").await.status, 204);
    stage.gateway.stop().await;
}
