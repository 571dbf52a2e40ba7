//! What becomes of the answers of HTTP backends: shaped, merged, and told complete or not.

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};

use crate::support::{Running, eventually, json, never, serve_upstream, status};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/shaping.rs"));
}

const ORDER: &str = r#"{"id":7,"note":"<b>&","customer":{"name":"Ada","address":{"city":"Turin","zip":"10121"}},"lines":[{"sku":"a"}]}"#;

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18120", answer));
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/order" => json(ORDER),
        "/list" => json(r#"[{"a":1},2]"#),
        "/null" => json("null"),
        "/empty-object" => json(" { } "),
        "/verbatim" => json(r#"{"z":1.50,"a":123456789012345678901234567890,"e":1E+2,"u":"\u00e9\/"}"#),
        "/first" => json(r#"{"a":1,"both":{"x":1}}"#),
        "/second" => json(r#"{"b":2,"both":{"y":2}}"#),
        "/slow-first" => {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            json(r#"{"a":1,"both":{"x":1}}"#)
        }
        "/never" => never().await,
        "/invalid" => json("{not json"),
        _ => status(500, r#"{"error":true}"#),
    }
}

const COMPLETE: (u16, &str) = (200, "true");
const INCOMPLETE: (u16, &str) = (200, "false");
const FAILED: (u16, &str) = (500, "false");

#[tokio::test]
async fn answers() {
    let gateway = start();
    let cases = [
        ("/plain", COMPLETE, ORDER),
        ("/allow", COMPLETE, r#"{"id":7,"customer":{"name":"Ada"}}"#),
        ("/deny", COMPLETE, r#"{"id":7,"customer":{"name":"Ada"},"lines":[{"sku":"a"}]}"#),
        ("/mapping", COMPLETE, r#"{"number":7}"#),
        ("/group", COMPLETE, r#"{"order":{"id":7}}"#),
        ("/target", COMPLETE, r#"{"city":"Turin","zip":"10121"}"#),
        ("/target/missing", INCOMPLETE, "{}"),
        ("/target/all", COMPLETE, r#"{"person":{"home":{"city":"Turin"}}}"#),
        ("/collection", COMPLETE, r#"{"collection":[{"a":1},2]}"#),
        ("/collection/mapped", COMPLETE, r#"{"page":{"items":[{"a":1},2]}}"#),
        ("/collection/object", FAILED, ""),
        ("/object/list", FAILED, ""),
        ("/null", INCOMPLETE, "null"),
        ("/empty", INCOMPLETE, "{ }"),
        ("/verbatim", COMPLETE, r#"{"z":1.50,"a":123456789012345678901234567890,"e":1E+2,"u":"\u00e9\/"}"#),
        ("/later/wins", COMPLETE, r#"{"a":1,"both":{"y":2},"b":2}"#),
        ("/earlier/wins", COMPLETE, r#"{"b":2,"both":{"x":1},"a":1}"#),
        (
            "/groups",
            COMPLETE,
            r#"{"a":{"a":1,"both":{"x":1}},"b":{"b":2,"both":{"y":2}},"c":{"collection":[{"a":1},2]}}"#,
        ),
        ("/same/group", COMPLETE, r#"{"g":{"b":2,"both":{"y":2}}}"#),
        ("/partial", INCOMPLETE, r#"{"a":1,"both":{"x":1}}"#),
        ("/partial/null", INCOMPLETE, r#"{"a":1,"both":{"x":1}}"#),
        ("/partial/slow", INCOMPLETE, r#"{"a":1,"both":{"x":1}}"#),
        ("/partial/late", INCOMPLETE, r#"{"a":1,"both":{"x":1}}"#),
        ("/failed", FAILED, ""),
        ("/failed/slow", FAILED, ""),
        ("/slow", FAILED, ""),
    ];
    for (path, (status, completed), body) in cases {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), (status, completed, body), "{path}");
        let cached = if completed == "true" { Some("public, max-age=90") } else { None };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
        let json = if status == 200 { Some("application/json; charset=utf-8") } else { None };
        assert_eq!(answer.header("content-type"), json, "{path}");
        assert!(answer.header("x-krakend").is_some_and(|value| value.starts_with("Sluicegate ")), "{path}");
    }
}

#[tokio::test]
async fn the_same_answers_give_the_same_bytes() {
    let gateway = start();
    let mut client = gateway.client().await;
    for _ in 0..50 {
        assert_eq!(client.get("/later/wins").await.text(), r#"{"a":1,"both":{"y":2},"b":2}"#);
    }
}

#[tokio::test]
async fn a_cache_ttl_below_a_second_is_no_age() {
    let gateway = start();
    assert_eq!(gateway.get("/uncached").await.header("cache-control"), Some("public, max-age=0"));
}

#[tokio::test]
async fn a_client_that_leaves_a_slow_backend_does_not_stop_the_gateway() {
    let gateway = start();
    for _ in 0..20 {
        let mut client = gateway.client().await;
        client.send("GET /failed/slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.reset();
    }
    assert_eq!(gateway.get("/plain").await.status, 200);
    let gateway = &gateway;
    eventually(async || gateway.get("/slow").await.status == 500).await;
}
