//! Statuses and receipts.

use serde_json::json;

use super::{ONE_JSON, Stage};
use crate::support::announced;

const LIMIT: usize = 10_000_000;

#[tokio::test]
async fn what_cannot_be_stored_is_answered_as_it_failed() {
    let Some(stage) = Stage::set(&["shared"]).await else { return };
    let gateway = &stage.gateway;
    for answer in [gateway.post("/missing", "{}").await, gateway.get("/missing").await] {
        assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{answer:?}");
    }
    assert_eq!(gateway.post("/shared", "").await.status, 400, "neither body nor attribute");
    assert_eq!(announced(gateway, "/shared", LIMIT + 1).await.status, 413);
    assert_eq!(gateway.post("/orders", "{}").await.status, 400, "no key");
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    assert_eq!(gateway.get("/shared").await.status, 204);
    let ready = gateway.get("/__ready").await.json();
    assert_eq!(ready["brokers"]["gcp_pubsub"]["state"], "connected", "{ready:?}");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn several_publishers_are_confirmed_or_named() {
    let Some(stage) = Stage::set(&["shared", "audit"]).await else { return };
    let gateway = &stage.gateway;
    assert_eq!(gateway.post("/both", ONE_JSON).await.brief(), (200, "true", "{}"));
    for path in ["/shared", "/audit"] {
        assert_eq!(gateway.get(path).await.brief(), (200, "true", ONE_JSON), "{path}");
    }
    let answer = gateway.post("/both-missing", ONE_JSON).await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (502, Some("false")), "{answer:?}");
    let report = json!({"backends": [
        {"backend": "gcppubsub://suites/shared", "outcome": "confirmed"},
        {"backend": "gcppubsub://suites/missing", "outcome": "refused"},
    ]});
    assert_eq!(answer.json(), report);
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    stage.gateway.stop().await;
}
