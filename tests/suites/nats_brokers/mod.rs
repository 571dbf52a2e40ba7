//! Named brokers of NATS: one at the real server that `NATS_SERVER_URL` names, and one where nobody listens.

use std::env;

use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Running, eventually};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/nats_brokers.rs"));
}

/// One test at a time, as they share subjects.
static ONE: Mutex<()> = Mutex::const_new(());

async fn start() -> Option<(Running, MutexGuard<'static, ()>)> {
    if env::var_os("NATS_SERVER_URL").is_none() {
        assert!(env::var_os("CI").is_none(), "NATS_SERVER_URL is not set");
        println!("skipped: nats_brokers: NATS_SERVER_URL is not set");
        return None;
    }
    let one = ONE.lock().await;
    let gateway = Running::start(&gateway::GATEWAY);
    eventually(async || gateway.get("/__ready").await.json()["brokers"]["here"]["state"] == "connected").await;
    Some((gateway, one))
}

#[tokio::test]
async fn readiness_and_endpoints_depend_on_their_own_broker() {
    let Some((gateway, _one)) = start().await else { return };
    let ready = gateway.get("/__ready").await;
    let brokers = json!({
        "here": {"state": "connected", "required": true},
        "nowhere": {"state": "connecting", "required": true},
    });
    assert_eq!((ready.status, ready.json()), (503, json!({"status": "not ready", "brokers": brokers})));
    let refused = gateway.post("/nowhere", "{}").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let headers = [("Content-Type", "application/json"), ("X-Order-Id", "o-7")];
    let sent = gateway.client().await.request("POST", "/orders", &headers, r#"{"id":1}"#).await;
    assert_eq!(sent.brief(), (200, "true", "{}"));
    let taken = gateway.get("/orders").await;
    assert_eq!(taken.brief(), (200, "true", r#"{"id":1}"#));
    assert_eq!((taken.header("x-order-id"), taken.header("x-topic")), (Some("o-7"), Some("named.orders")));
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_that_is_given_up_goes_to_the_dead_letter_subject() {
    let Some((gateway, _one)) = start().await else { return };
    assert_eq!(gateway.post("/orders", "{broken").await.status, 200);
    for _ in 0..2 {
        eventually(async || gateway.get("/orders").await.status == 502).await;
    }
    let mut grave = None;
    eventually(async || {
        let answer = gateway.get("/graves").await;
        let found = answer.status == 200;
        grave = found.then_some(answer);
        found
    })
    .await;
    let grave = grave.expect("a message");
    assert_eq!((grave.text(), grave.header("x-deliveries")), ("{broken", Some("2")));
    assert_eq!(grave.header("x-from"), Some("nats://named.orders?queue=named"));
    assert!(grave.header("x-reason").is_some_and(|reason| reason.contains("invalid JSON")), "{grave:?}");
    assert_eq!(gateway.get("/orders").await.status, 204);
    gateway.stop().await;
}
