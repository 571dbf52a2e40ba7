//! What a publisher can be told besides its topic, on the embedded broker: what a message has is seen by its type.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Answer, Running, json as answer_json, serve_upstream};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/publisher.rs"));
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        serve_upstream("127.0.0.1:18190", async |_| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            answer_json(r#"{"stored":true}"#)
        });
    });
    Running::start(&gateway::GATEWAY)
}

async fn send(gateway: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    gateway.client().await.request(method, path, headers, body).await
}

#[tokio::test]
async fn a_message_is_made_of_the_request() {
    let gateway = start();
    let headers = [("Content-Type", "text/plain"), ("X-Type", "shop")];
    let body = r#"{"customer": {"id": 7}}"#;
    let answer = send(&gateway, "PUT", "/orders/1?type=text%2Fcsv", &headers, body).await;
    assert_eq!(answer.brief(), (200, "true", "{}"), "this broker's receipt says nothing");
    let message = gateway.get("/orders").await;
    assert_eq!((message.header("content-type"), message.text()), (Some("text/csv; from=shop"), body));
}

#[tokio::test]
async fn an_attribute_without_a_value_is_left_out() {
    let gateway = start();
    let headers = [("Content-Type", "text/plain")];
    for (body, expected) in [
        (r#"{"format": "x+json"}"#, "application/x+json"),
        (r#"{"format": null}"#, "application/octet-stream"),
        ("{", "application/octet-stream"),
    ] {
        assert_eq!(send(&gateway, "POST", "/events", &headers, body).await.brief(), (200, "true", "{}"), "{body}");
        let message = gateway.get("/orders").await;
        assert_eq!((message.header("content-type"), message.text()), (Some(expected), body));
    }
}

#[tokio::test]
async fn a_request_without_its_key_is_400_and_sends_nothing() {
    let gateway = start();
    let cannot = "the key of the message cannot be made: ";
    for (path, body, expected) in [
        ("/orders/1", r#"{"customer": {}}"#, "`{body.customer.id}` has no value"),
        ("/orders/1", r#"{"customer": {"id": ""}}"#, "`{body.customer.id}` has no value"),
        ("/orders/1", r#"{"customer": {"id": "a\u0000"}}"#, "`{body.customer.id}` has a control character in it"),
        ("/orders/%0d%0a", r#"{"customer": {"id": 7}}"#, "`{id}` has a control character in it"),
    ] {
        let refused = send(&gateway, "PUT", path, &[], body).await;
        assert_eq!(refused.brief(), (400, "false", format!("{cannot}{expected}").as_str()));
    }
    let refused = send(&gateway, "PUT", "/orders/1?type=%00", &[("X-Type", "a")], r#"{"customer": {"id": 7}}"#).await;
    let expected = "the attribute Content-Type cannot be made: `{query.type}` has a control character in it";
    assert_eq!(refused.brief(), (400, "false", expected));
    assert_eq!(gateway.get("/orders").await.status, 204);
}

#[tokio::test]
async fn of_several_backends_none_is_called_without_the_key_of_one() {
    let gateway = start();
    let answer = gateway.post("/both", r#"{"id": 1}"#).await;
    assert_eq!(answer.brief(), (200, "true", r#"{"orders":{},"audit":{},"stored":true}"#));
    assert_eq!(gateway.get("/orders").await.status, 200);
    let calls = CALLS.load(Ordering::Relaxed);
    let refused = gateway.post("/both", "{}").await;
    assert_eq!(refused.brief(), (400, "false", "the key of the message cannot be made: `{body.id}` has no value"));
    assert_eq!(gateway.get("/orders").await.status, 204);
    assert_eq!(CALLS.load(Ordering::Relaxed), calls);
}
