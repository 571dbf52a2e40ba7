//! Publishing to and consuming from the embedded broker.

mod failing;
mod several;

use serde_json::json;

use crate::support::Running;

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/pubsub.rs"));
}

fn start() -> Running {
    several::upstream();
    Running::start(&gateway::GATEWAY)
}

const VERSION: &str = concat!("Sluicegate ", env!("CARGO_PKG_VERSION"));

#[tokio::test]
async fn a_confirmed_message_answers_200_and_an_empty_object() {
    let gateway = start();
    let answer = gateway.post("/orders", r#"{"id": 1}"#).await;
    assert_eq!(answer.brief(), (200, "true", "{}"));
    assert_eq!(answer.header("x-krakend"), Some(VERSION));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    // A client that a cache answers would publish nothing.
    assert_eq!(answer.header("cache-control"), None);
}

#[tokio::test]
async fn consuming_takes_each_message_once_in_order_and_is_never_cacheable() {
    let gateway = start();
    for id in 1..=3 {
        gateway.post("/orders", format!(r#"{{"id": {id}}}"#)).await;
    }
    for id in 1..=3 {
        let answer = gateway.get("/orders").await;
        assert_eq!(answer.brief(), (200, "true", format!(r#"{{"id": {id}}}"#).as_str()));
        assert_eq!(answer.header("x-krakend"), Some(VERSION));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(gateway.get("/orders").await.status, 204);
}

#[tokio::test]
async fn an_empty_subscription_answers_204() {
    let gateway = start();
    for path in ["/orders", "/raw", "/list"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), (204, "false", ""), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("content-type"), None, "{path}");
    }
}

#[tokio::test]
async fn a_request_waits_for_a_message() {
    let gateway = start();
    let mut waiting = gateway.client().await;
    waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(gateway.post("/wait", r#"{"id":1}"#).await.status, 200);
    assert_eq!(waiting.answer().await.brief(), (200, "true", r#"{"id":1}"#));
}

#[tokio::test]
async fn no_op_hands_bytes_and_content_type_through() {
    let gateway = start();
    let bytes: Vec<u8> = (0..=255).collect();
    let cases: [(&[u8], Option<&str>, &str); 5] = [
        (&bytes, Some("image/png"), "image/png"),
        (b"plain", Some("text/plain; charset=latin1"), "text/plain; charset=latin1"),
        (b"{not json", Some("application/json"), "application/json"),
        (b"untyped", None, "application/octet-stream"),
        (b"", Some("text/csv"), "text/csv"),
    ];
    for (body, content_type, expected) in cases {
        let headers: Vec<_> = content_type.map(|value| ("Content-Type", value)).into_iter().collect();
        let published = gateway.client().await.request("POST", "/raw", &headers, body).await;
        assert_eq!(published.brief(), (200, "true", "{}"));
        let answer = gateway.get("/raw").await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, body));
        assert_eq!(answer.header("content-type"), Some(expected));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn messages_are_shaped_as_answers_are() {
    let gateway = start();
    gateway.post("/shaped", r#"{"id":7,"secret":1,"customer":{"name":"Ada","card":"4111"}}"#).await;
    let answer = gateway.get("/shaped").await;
    assert_eq!(answer.brief(), (200, "true", r#"{"order":{"number":7,"customer":{"name":"Ada"}}}"#));
    gateway.post("/list", "[1,2]").await;
    assert_eq!(gateway.get("/list").await.brief(), (200, "true", r#"{"collection":[1,2]}"#));
}

#[tokio::test]
async fn an_empty_message_is_null() {
    let gateway = start();
    assert_eq!(gateway.post("/orders", "").await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/orders").await.brief(), (200, "false", "null"));
    assert_eq!(gateway.get("/orders").await.status, 204, "it was acknowledged");
    for blank in ["", " \r\n"] {
        gateway.post("/shaped", blank).await;
        assert_eq!(gateway.get("/shaped").await.brief(), (200, "true", r#"{"order":null}"#));
        gateway.post("/list", blank).await;
        assert_eq!(gateway.get("/list").await.brief(), (200, "false", "null"));
    }
}

#[tokio::test]
async fn every_subscription_gets_every_message() {
    let gateway = start();
    gateway.post("/copies", r#"{"id":1}"#).await;
    for path in ["/copies/first", "/copies/second"] {
        assert_eq!(gateway.get(path).await.json(), json!({"id": 1}), "{path}");
        assert_eq!(gateway.get(path).await.status, 204, "{path}");
    }
}

#[tokio::test]
async fn gateways_of_one_process_share_nothing() {
    let (first, second) = (start(), start());
    first.post("/orders", r#"{"id":1}"#).await;
    assert_eq!(second.get("/orders").await.status, 204);
    assert_eq!(first.get("/orders").await.status, 200);
    assert_eq!(first.stop().await.cut_off, 0);
    assert_eq!(second.stop().await.cut_off, 0);
}
