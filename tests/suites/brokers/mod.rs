//! Named brokers, their limits, and what subscribers are told and do with messages that are given up.

use futures_util::future::select_all;
use serde_json::json;

use crate::support::{Logs, Running, eventually, soon};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/brokers.rs"));
}

fn start() -> Running {
    Running::start(&gateway::GATEWAY)
}

#[tokio::test]
async fn brokers_of_one_driver_share_nothing() {
    let gateway = start();
    assert_eq!(gateway.post("/a", r#"{"id":1}"#).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.post("/b", r#"{"id":2}"#).await.status, 200);
    assert_eq!(gateway.get("/unnamed").await.status, 204);
    assert_eq!(gateway.post("/unnamed", r#"{"id":3}"#).await.status, 200);
    for (path, id) in [("/a", 1), ("/b", 2), ("/unnamed", 3)] {
        assert_eq!(gateway.get(path).await.json(), json!({"id": id}), "{path}");
    }
    assert_eq!(gateway.get("/a").await.status, 204);
    assert_eq!(gateway.stop().await.cut_off, 0);
}

#[tokio::test]
async fn readiness_names_each() {
    let gateway = start();
    let ready = gateway.get("/__ready").await;
    let connected = json!({"state": "connected"});
    let brokers = json!({"a": {"state": "connected", "required": true}, "b": connected, "mem": connected});
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready", "brokers": brokers})));
}

#[tokio::test]
async fn consumers_over_the_limit_are_told_at_once_and_leave_publishers_their_room() {
    let gateway = start();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = gateway.client().await;
        client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(Box::pin(async move { client.answer().await }));
    }
    let (refused, _, waiting) = soon(select_all(clients)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    for id in 1..=2 {
        assert_eq!(gateway.post("/b", format!(r#"{{"id":{id}}}"#)).await.status, 200);
    }
    for client in waiting {
        assert_eq!(client.await.status, 200);
    }
}

#[tokio::test]
async fn a_message_that_is_given_up_goes_to_the_dead_letter_topic() {
    let logs = Logs::start();
    let gateway = start();
    let headers = [("Content-Type", "text/plain"), ("X-Order-Id", "o-7")];
    gateway.client().await.request("POST", "/poison", &headers, "{broken").await;
    assert_eq!(gateway.get("/poison").await.status, 502);
    eventually(async || gateway.get("/poison").await.status == 502).await;
    let mut grave = gateway.get("/graves").await;
    if grave.status == 204 {
        eventually(async || {
            grave = gateway.get("/graves").await;
            grave.status == 200
        })
        .await;
    }
    assert_eq!((grave.text(), grave.header("content-type")), ("{broken", Some("text/plain")));
    assert!(grave.header("x-reason").is_some_and(|reason| reason.contains("invalid JSON")), "{grave:?}");
    for (header, expected) in [
        ("x-order-id", Some("o-7")),
        ("x-from", Some("mem://poison")),
        ("x-deliveries-then", Some("2")),
        ("x-deliveries", Some("1")),
        ("x-topic", Some("graves")),
        ("x-missing", None),
        ("x-key", None),
    ] {
        assert_eq!(grave.header(header), expected, "{header}");
    }
    let ends = logs.with_message("message dead-lettered");
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!((&ends[0]["level"], &ends[0]["dead_letter"]), (&"ERROR".into(), &"mem://graves".into()));
    assert_eq!((&ends[0]["subscription"], &ends[0]["delivery_count"]), (&"mem://poison".into(), &2.into()));
    assert_eq!(gateway.get("/poison").await.status, 204, "it was acknowledged");
}

#[tokio::test]
async fn a_merge_has_the_headers_of_all_its_messages() {
    let gateway = start();
    let answer = gateway.client().await.request("POST", "/told", &[("X-Order-Id", "o-7")], r#"{"id":1}"#).await;
    assert_eq!(answer.status, 200);
    let told = gateway.get("/told").await;
    assert_eq!(told.brief(), (200, "true", r#"{"one":{"id":1},"two":{"id":1}}"#));
    assert_eq!((told.header("x-one"), told.header("x-two")), (Some("o-7"), Some("told.two")));
    // What a client made of it is no header for a response.
    let answer = gateway.client().await.request("POST", "/told", &[("X-Order-Id", "a\tb")], r#"{"id":2}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(gateway.get("/told").await.header("x-one"), Some("a\tb"));
    let nothing = gateway.get("/told").await;
    assert_eq!((nothing.status, nothing.header("x-one"), nothing.header("x-two")), (200, None, None));
}
