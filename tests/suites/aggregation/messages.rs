//! Publishers and subscribers in a sequence, and shadow publishers.

use serde_json::json;

use super::{arrived, start};
use crate::support::{Logs, eventually};

#[tokio::test]
async fn what_was_stored_is_then_published() {
    let gateway = start();
    assert_eq!(gateway.post("/outbox", r#"{"id":1}"#).await.brief(), (200, "true", r#"{"m":8}"#));
    assert_eq!(gateway.get("/outbox").await.text(), r#"{"id":1}"#, "the request's body");
    let client = &mut gateway.client().await;
    let answer = client.request("POST", "/outbox/made", &[("Content-Type", "text/csv")], "a,b").await;
    assert_eq!(answer.brief(), (200, "true", r#"{"m":8}"#));
    let made = client.get("/outbox/made").await;
    assert_eq!((made.text(), made.header("content-type")), (r#"{"stored":8}"#, Some("application/json")));
    assert_eq!(client.request("POST", "/outbox/keyed", &[], "x").await.status, 200);
    assert_eq!(client.get("/outbox/keyed").await.header("content-type"), Some("of/8"), "attributes know answers");
}

#[tokio::test]
async fn no_success_without_the_message() {
    let gateway = start();
    let report = |topic: &str| json!({"backends": [{"backend": format!("mem://{topic}"), "outcome": "refused"}]});
    for (path, status, topic) in
        [("/outbox/unreached", 500, "unreached"), ("/outbox/later", 404, "later"), ("/outbox/missing", 500, "missing")]
    {
        let answer = gateway.post(path, r#"{"id":1}"#).await;
        assert_eq!((answer.status, answer.header("x-krakend-completed")), (status, Some("false")), "{path}");
        assert_eq!(answer.json(), report(topic), "{path}");
    }
    assert_eq!(gateway.get("/outbox/unreached").await.status, 204);
}

#[tokio::test]
async fn what_was_published_first_stays_a_success() {
    let gateway = start();
    assert_eq!(gateway.post("/outbox/first", r#"{"id":1}"#).await.brief(), (200, "false", "{}"));
    assert_eq!(gateway.get("/outbox/first").await.text(), r#"{"id":1}"#);
}

#[tokio::test]
async fn a_message_goes_on_to_another_topic() {
    let gateway = start();
    assert_eq!(gateway.get("/relay").await.brief(), (204, "false", ""));
    assert_eq!(gateway.get("/relayed").await.status, 204, "nothing came of nothing");
    gateway.post("/relay", r#"{"id":[1,2]}"#).await;
    assert_eq!(gateway.get("/relay").await.brief(), (200, "true", r#"{"id":[1,2]}"#));
    assert_eq!(gateway.get("/relayed").await.text(), r#"{"relayed":[1,2]}"#);
    assert_eq!(gateway.get("/relay").await.status, 204, "it was acknowledged");
}

#[tokio::test]
async fn an_empty_subscription_ends_the_sequence() {
    let gateway = start();
    assert_eq!(gateway.get("/jobs").await.brief(), (204, "false", ""));
    // The client's own message was not published, and must not look so.
    assert_eq!(gateway.post("/jobs/of/the/client", "{}").await.status, 502);
    gateway.post("/jobs", r#"{"id":1}"#).await;
    assert_eq!(gateway.get("/jobs").await.brief(), (200, "true", r#"{"id":1,"m":8}"#));
}

#[tokio::test]
async fn a_message_is_given_back_when_the_next_call_cannot_be_made() {
    let gateway = start();
    gateway.post("/relay", r#"{"no id":1}"#).await;
    let answer = gateway.get("/relay").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json(), json!({"backends": [{"backend": "mem://out", "outcome": "refused"}]}));
    assert_eq!(gateway.get("/relay").await.status, 500, "it is still there");
}

#[tokio::test]
async fn a_shadow_backend_publishes() {
    let logs = Logs::start();
    let gateway = start();
    assert_eq!(gateway.post("/shadow/publishes", r#"{"id":1}"#).await.brief(), (200, "true", r#"{"n":7}"#));
    eventually(async || gateway.get("/shadow/publishes").await.text() == r#"{"id":1}"#).await;
    assert!(logs.with_message("message of a shadow backend not published").is_empty());
}

/// A message that is not read is in no answer: it is gone with its acknowledgement.
#[tokio::test]
async fn a_message_that_no_backend_has_taken_is_given_back() {
    let gateway = start();
    gateway.post("/taken", "a,b").await;
    for path in ["/taken/fails", "/taken/passed-on", "/taken/half"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), (502, "false", ""), "{path}");
    }
    let answer = gateway.get("/taken/published").await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json(), json!({"backends": [{"backend": "mem://half", "outcome": "confirmed"}]}));
    assert_eq!(gateway.get("/taken").await.brief(), (200, "false", "{}"));
    assert_eq!(arrived("/kept/taken").await["body"], "a,b");
    assert_eq!(gateway.get("/taken").await.status, 204, "it was acknowledged");
}

#[tokio::test]
async fn a_message_that_the_encoding_would_leave_out_is_given_back() {
    let gateway = start();
    gateway.post("/texts", r#"{"content":"all of it"}"#).await;
    assert_eq!(gateway.get("/texts").await.brief(), (200, "true", "all of it"));
    gateway.post("/texts", r#"{"id":1}"#).await;
    assert_eq!(gateway.get("/texts").await.brief(), (502, "false", ""));
    assert_eq!(gateway.get("/texts/json").await.brief(), (200, "true", r#"{"id":1}"#));
}

#[tokio::test]
async fn what_was_published_stays_a_success_without_an_answer() {
    let gateway = start();
    assert_eq!(gateway.post("/outbox/deep", r#"{"id":1}"#).await.brief(), (200, "false", "<doc/>"));
    assert_eq!(gateway.get("/outbox/deep").await.text(), r#"{"id":1}"#);
}

#[tokio::test]
async fn no_shadow_publishes_what_the_endpoint_refuses() {
    let gateway = start();
    let client = &mut gateway.client().await;
    assert_eq!(client.request("POST", "/shadow/refused", &[], r#"{"id":1}"#).await.status, 400);
    assert_eq!(client.get("/shadow/refused").await.status, 204);
    assert_eq!(client.request("POST", "/shadow/refused", &[("X-Key", "k")], r#"{"id":2}"#).await.status, 200);
    eventually(async || gateway.get("/shadow/refused").await.text() == r#"{"id":2}"#).await;
}
