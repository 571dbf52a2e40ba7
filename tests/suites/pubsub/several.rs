//! Several backends in one endpoint, publishers and subscribers among them.

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};
use serde_json::json;

use super::start;
use crate::support::{json as answer_json, serve_upstream, status};

pub(super) fn upstream() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18110", answer));
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/stored" => answer_json(r#"{"stored":true}"#),
        _ => status(500, "broken"),
    }
}

#[tokio::test]
async fn all_publishers_confirm() {
    let gateway = start();
    assert_eq!(gateway.post("/both", r#"{"id":1}"#).await.brief(), (200, "true", "{}"));
    for path in ["/both/a", "/both/b"] {
        assert_eq!(gateway.get(path).await.text(), r#"{"id":1}"#, "{path}");
    }
}

#[tokio::test]
async fn one_publisher_that_fails_decides_and_the_report_names_each() {
    let gateway = start();
    gateway.post("/both", r#"{"id":1}"#).await;
    let refused = gateway.post("/both", r#"{"id":2}"#).await;
    assert_eq!((refused.status, refused.header("x-krakend-completed")), (503, Some("false")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/json; charset=utf-8"));
    let report = json!({"backends": [
        {"backend": "mem://both.a", "outcome": "confirmed"},
        {"backend": "mem://both.b", "outcome": "refused"},
    ]});
    assert_eq!(refused.json(), report);
    for id in 1..=2 {
        assert_eq!(gateway.get("/both/a").await.json(), json!({"id": id}), "confirmed is stored");
    }
}

#[tokio::test]
async fn a_publisher_completes_a_merge() {
    let gateway = start();
    assert_eq!(gateway.post("/beside", r#"{"id":1}"#).await.brief(), (200, "true", r#"{"stored":true}"#));
    assert_eq!(gateway.get("/beside").await.brief(), (200, "true", r#"{"id":1,"stored":true}"#));
}

#[tokio::test]
async fn an_empty_subscription_makes_a_merge_incomplete() {
    let gateway = start();
    let answer = gateway.get("/beside").await;
    assert_eq!(answer.brief(), (200, "false", r#"{"stored":true}"#));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn beside_a_publisher_a_failed_service_makes_the_answer_incomplete() {
    let gateway = start();
    assert_eq!(gateway.post("/beside/broken", r#"{"id":1}"#).await.brief(), (200, "false", "{}"));
    assert_eq!(gateway.get("/beside").await.json()["id"], 1);
}

#[tokio::test]
async fn a_publisher_that_is_refused_fails_the_merge() {
    let gateway = start();
    gateway.post("/full", "{}").await;
    let refused = gateway.post("/beside/full", "{}").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json(), json!({"backends": [{"backend": "mem://full", "outcome": "refused"}]}));
}
