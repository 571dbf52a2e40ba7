//! Publishing to and consuming from a real NATS server, which `NATS_SERVER_URL` names.

use std::env;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use crate::support::Running;

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/nats.rs"));
}

/// Every gateway gets every message of a subject, so one test runs at a time.
static ONE: Mutex<()> = Mutex::const_new(());

async fn start() -> Option<(Running, MutexGuard<'static, ()>)> {
    if env::var_os("NATS_SERVER_URL").is_none() {
        assert!(env::var_os("CI").is_none(), "NATS_SERVER_URL is not set");
        println!("skipped: nats: NATS_SERVER_URL is not set");
        return None;
    }
    let one = ONE.lock().await;
    let gateway = Running::start(&gateway::GATEWAY);
    for _ in 0..500 {
        if gateway.get("/__ready").await.text().contains("\"connected\"") {
            return Some((gateway, one));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no connection to NATS");
}

#[tokio::test]
async fn published_messages_are_confirmed_and_consumed_in_order() {
    let Some((gateway, _one)) = start().await else { return };
    for id in 1..=3 {
        let answer = gateway.post("/orders", format!(r#"{{"id": {id}, "secret": true}}"#)).await;
        assert_eq!(answer.brief(), (200, "true", "{}"));
    }
    for id in 1..=3 {
        let answer = gateway.get("/orders").await;
        assert_eq!(answer.brief(), (200, "true", format!(r#"{{"id": {id}}}"#).as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(gateway.get("/orders").await.status, 204);
    gateway.stop().await;
}

#[tokio::test]
async fn bytes_and_content_type_pass_through() {
    let Some((gateway, _one)) = start().await else { return };
    let bytes: Vec<u8> = (0..=255).collect();
    for (body, content_type) in [(&bytes[..], "image/png"), (b"", "text/csv"), (b"a", "text/plain; charset=latin1")] {
        let answer = gateway.client().await.request("POST", "/raw", &[("Content-Type", content_type)], body).await;
        assert_eq!(answer.brief(), (200, "true", "{}"));
        let answer = gateway.get("/raw").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
        assert_eq!(answer.body, body);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_tried_again_and_then_dropped() {
    let Some((gateway, _one)) = start().await else { return };
    gateway.post("/orders", "not json").await;
    // Five times, each a little later than the one before.
    let mut failed = 0;
    while failed < 5 {
        match gateway.get("/orders").await.status {
            502 => failed += 1,
            status => assert_eq!(status, 204),
        }
    }
    gateway.post("/orders", r#"{"id": 7}"#).await;
    assert_eq!(gateway.get("/orders").await.brief(), (200, "true", r#"{"id": 7}"#));
    gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_is_a_503_and_stops_nothing_else() {
    let Some((gateway, _one)) = start().await else { return };
    for answer in [gateway.post("/away", "{}").await, gateway.get("/away").await] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(gateway.post("/raw", "{}").await.status, 200);
    let ready = gateway.get("/__ready").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert!(ready.text().contains(r#""away":{"state":"connecting"}"#), "{}", ready.text());
    gateway.stop().await;
}
