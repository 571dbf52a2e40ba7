//! Middleware through a whole gateway: rate limits, schemas, static answers, and their order.

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};

use crate::support::{Running, echo, serve_upstream, status};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/middleware.rs"));
}

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18150", answer));
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path().strip_prefix("/status/") {
        Some(code) => status(code.parse().expect("a status"), r#"{"id":7}"#),
        None => echo(request).await,
    }
}

#[tokio::test]
async fn static_data_joins_the_answers_that_its_strategy_names() {
    let gateway = start();
    let (with, without) = (r#"{"id":0,"added":{"by":"gateway"}}"#, r#"{"id":7}"#);
    // Beside a backend that answers, one that does or does not.
    let cases = [
        ("/static/always/200", 200, "true", with),
        ("/static/always/500", 200, "false", with),
        ("/static/success/200", 200, "true", with),
        ("/static/success/500", 200, "false", without),
        ("/static/complete/200", 200, "true", with),
        ("/static/complete/500", 200, "false", without),
        ("/static/incomplete/200", 200, "true", without),
        ("/static/incomplete/500", 200, "false", with),
        ("/static/errored/200", 200, "true", without),
        ("/static/errored/500", 200, "false", with),
        ("/one/success/200", 200, "true", r#"{"id":7,"added":true}"#),
        ("/one/success/500", 500, "false", ""),
        ("/one/errored/200", 200, "true", r#"{"id":7}"#),
        ("/one/errored/500", 200, "false", r#"{"added":true}"#),
    ];
    for (path, status, completed, body) in cases {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("x-krakend-completed")), (status, Some(completed)), "{path}");
        if body.is_empty() {
            assert_eq!(answer.text(), "", "{path}");
        } else {
            let expected: serde_json::Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(answer.json(), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn bodies_have_to_match_the_schema() {
    let gateway = start();
    let cases = [
        (r#"{"name":"a"}"#, 200),
        (r#"{"name":"a","age":18,"more":[]}"#, 200),
        (r#"{"name":"","age":18}"#, 400),
        (r#"{"name":"a","age":17}"#, 400),
        (r#"{"age":18}"#, 400),
        (r#"[]"#, 400),
        (r#"{"name":"a""#, 400),
        ("", 400),
    ];
    for (body, status) in cases {
        let answer = gateway.post("/schema", body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        if status == 200 {
            assert_eq!(answer.json()["body"], body, "the backend gets what was checked");
        } else {
            assert_eq!(answer.brief(), (400, "false", ""), "{body}");
        }
        assert_eq!(gateway.post("/schema/published", body).await.status, status, "{body}");
    }
    assert_eq!(gateway.get("/schema").await.status, 400, "trap 63: whatever the method");
    for body in [r#"{"name":"a"}"#, r#"{"name":"a","age":18,"more":[]}"#] {
        assert_eq!(gateway.get("/schema/published").await.text(), body);
    }
    assert_eq!(gateway.get("/schema/published").await.status, 204, "what is refused is not published");
}

#[tokio::test]
async fn rates_are_limited() {
    let gateway = start();
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let (ada, bob): (Headers<'_>, Headers<'_>) =
        (&[("X-Forwarded-For", "203.0.113.1")], &[("X-Forwarded-For", "203.0.113.2")]);
    let key: Headers<'_> = &[("X-Key", "a")];
    let cases: [(&str, Headers<'_>, u16); 14] = [
        ("/limited", &[], 200),
        ("/limited", &[], 200),
        ("/limited", &[], 503),
        ("/limited/ip", &[], 200),
        ("/limited/ip", &[], 429),
        ("/limited/ip", ada, 200),
        ("/limited/ip", bob, 200),
        ("/limited/ip", ada, 429),
        ("/limited/header", key, 200),
        ("/limited/header", key, 429),
        ("/limited/header", &[], 429),
        ("/limited/param/1", &[], 200),
        ("/limited/param/1", &[], 429),
        ("/limited/param/2", &[], 200),
    ];
    for (path, headers, status) in cases {
        let answer = gateway.client().await.request("GET", path, headers, "").await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
        if status != 200 {
            assert_eq!((answer.text(), answer.header("x-krakend")), ("", None), "{path}");
        }
    }
    let other = start();
    assert_eq!(other.get("/limited").await.status, 200, "each gateway has buckets of its own");
}

#[tokio::test]
async fn limits_come_before_schemas_and_static_data_hides_neither() {
    let gateway = start();
    // Refused by the schema, and counted by the limit before.
    let refused = gateway.post("/limited/all", "[]").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let limited = gateway.post("/limited/all", r#"{"name":"a"}"#).await;
    assert_eq!((limited.status, limited.text()), (503, ""));
    let gateway = start();
    let answer = gateway.post("/limited/all", r#"{"name":"a"}"#).await;
    assert_eq!((&answer.json()["method"], &answer.json()["added"]), (&"POST".into(), &true.into()));
}
