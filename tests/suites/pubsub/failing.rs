//! Messages that cannot be decoded, and topics that take no more.

use super::start;
use crate::support::{Logs, Running, eventually};

#[tokio::test]
async fn a_message_that_is_not_json_is_502_and_dead_lettered_in_the_end() {
    let logs = Logs::start();
    let gateway = start();
    gateway.post("/poison", "{broken").await;
    let answer = gateway.get("/poison").await;
    assert_eq!(answer.brief(), (502, "false", ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(logs.with_message("message given back: it cannot be decoded").len(), 1);
    assert_eq!(gateway.get("/graves").await.status, 204, "one delivery is left");
    // It comes back after a delay, and that is its last delivery.
    eventually(async || gateway.get("/poison").await.status == 502).await;
    let grave = gateway.get("/graves").await;
    assert_eq!((grave.status, grave.text()), (200, "{broken"));
    let ends = logs.with_message("message dead-lettered");
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!((&ends[0]["level"], &ends[0]["delivery_count"]), (&"ERROR".into(), &2.into()));
    assert_eq!(ends[0]["subscription"], "mem://poison?dead_letter=graves");
    assert!(ends[0]["reason"].as_str().is_some_and(|reason| reason.contains("invalid JSON")), "{ends:?}");
    assert_eq!(gateway.get("/poison").await.status, 204);
}

#[tokio::test]
async fn a_poisoned_message_does_not_block_the_next() {
    let gateway = start();
    for body in ["{broken", r#"{"id":2}"#, "[3]", r#"{"id":4}"#] {
        gateway.post("/poison", body).await;
    }
    let mut good = Vec::new();
    eventually(async || {
        let answer = gateway.get("/poison").await;
        if answer.status == 200 {
            good.push(answer.text().to_owned());
        }
        good.len() == 2
    })
    .await;
    assert_eq!(good, [r#"{"id":2}"#, r#"{"id":4}"#]);
    let mut buried = Vec::new();
    eventually(async || {
        gateway.get("/poison").await;
        buried.extend(taken(&gateway, "/graves").await);
        buried.len() == 2
    })
    .await;
    buried.sort();
    assert_eq!(buried, ["[3]", "{broken"]);
}

#[tokio::test]
async fn policies_end_a_message_at_once() {
    let logs = Logs::start();
    let gateway = start();
    for (path, dead, expected, logged) in [
        ("/drop", "/dropped", None, "message dropped"),
        ("/bury", "/buried", Some("broken".to_owned()), "message dead-lettered"),
    ] {
        gateway.post(path, "broken").await;
        assert_eq!(gateway.get(path).await.brief(), (502, "false", ""), "{path}");
        assert_eq!(gateway.get(path).await.status, 204, "{path}");
        assert_eq!(taken(&gateway, dead).await, expected, "{path}");
        assert_eq!(logs.with_message(logged).len(), 1, "{path}");
    }
}

/// The next message's body, if there is one.
async fn taken(gateway: &Running, path: &str) -> Option<String> {
    let answer = gateway.get(path).await;
    (answer.status == 200).then(|| answer.text().to_owned())
}

#[tokio::test]
async fn a_full_topic_is_503_until_there_is_room() {
    let gateway = start();
    assert_eq!(gateway.post("/full", r#"{"id":1}"#).await.status, 200);
    let refused = gateway.post("/full", r#"{"id":2}"#).await;
    let told = r#"{"error":"the message broker is not available now, try again"}"#;
    assert_eq!(refused.brief(), (503, "false", told));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("cache-control"), None);
    assert_eq!(gateway.get("/full").await.text(), r#"{"id":1}"#);
    eventually(async || gateway.post("/full", r#"{"id":3}"#).await.status == 200).await;
    assert_eq!(gateway.get("/full").await.text(), r#"{"id":3}"#);
}
