//! Redirects are followed, as Go's client does for KrakenD.

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{seen, start};
use crate::support::Running;

/// The suite's upstream: what only these tests ask for.
pub(super) async fn answer(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    // A client that streams its body wants it to be read.
    let _read = request.into_body().collect().await;
    let (status, location) = match path.trim_start_matches('/').split_once('/').unwrap_or_default() {
        ("redirect", status) => (status.parse().unwrap_or(500), "../echo?x=1#part"),
        (_, "other-origin") => (302, "http://127.0.0.1:18131/landing"),
        (_, "there-and-back") => (302, "http://localhost:18130/elsewhere/other-origin"),
        (_, "loop") => (302, "/elsewhere/loop"),
        (_, "nowhere") => (302, ""),
        (_, "ftp") => (302, "ftp://127.0.0.1/"),
        (_, "last") => (302, "/echo"),
        (_, countdown) => {
            let left: u32 = countdown.parse().unwrap_or_default();
            let next = if left > 1 { format!("/elsewhere/{}", left - 1) } else { "/echo".to_owned() };
            return Response::builder().status(303).header("Location", next).body(Body::empty()).expect("a response");
        }
    };
    let response = Response::builder().status(status).header("X-Redirect", "yes");
    let response = if location.is_empty() { response } else { response.header("Location", location) };
    response.body(Body::from("moved")).expect("a response")
}

const SENT: &[(&str, &str)] =
    &[("Authorization", "secret"), ("Cookie", "a=b"), ("Content-Type", "text/plain"), ("X-One", "1")];

/// Method, URL, body, `Authorization` and `Content-Type` of what the backend saw last.
fn brief(seen: &Value) -> [&Value; 5] {
    let headers = &seen["headers"];
    [&seen["method"], &seen["url"], &seen["body"], &headers["authorization"], &headers["content-type"]]
}

#[tokio::test]
async fn a_get_stays_a_get() {
    let gateway = start();
    let null = &Value::Null;
    for (status, content_type) in
        [(301, null), (302, null), (303, null), (307, &json!(["text/plain"])), (308, &json!(["text/plain"]))]
    {
        let path = format!("/redirect/{status}");
        let seen = seen(&gateway, "GET", &path, SENT, "").await;
        let expected = [&json!("GET"), &json!("/echo?x=1"), &json!(""), &json!(["secret"]), content_type];
        assert_eq!(brief(&seen), expected, "{status}");
        assert_eq!(seen["headers"]["referer"], json!([format!("http://127.0.0.1:18130/redirect/{status}")]));
        assert_eq!(seen["headers"]["x-one"], json!(["1"]), "{status}");
    }
}

#[tokio::test]
async fn a_post_becomes_a_get_or_is_not_followed() {
    let gateway = start();
    for status in [301, 302, 303] {
        let seen = seen(&gateway, "POST", &format!("/redirect/{status}"), SENT, "hello").await;
        let expected = [&json!("GET"), &json!("/echo?x=1"), &json!(""), &json!(["secret"]), &Value::Null];
        assert_eq!(brief(&seen), expected, "{status}");
        let headers = &seen["headers"];
        assert!(headers["content-length"].is_null() && headers["transfer-encoding"].is_null(), "{seen}");
    }
    for status in [307, 308] {
        // The body is gone, so the redirect is the answer.
        let mut client = gateway.client().await;
        let answer = client.request("POST", &format!("/redirect/{status}"), SENT, "hello").await;
        assert_eq!(answer.brief(), (status, "false", "moved"));
        assert_eq!(answer.header("location"), Some("../echo?x=1#part"));
        assert_eq!(gateway.post(&format!("/redirect/{status}/json"), "hello").await.brief(), (500, "false", ""));
        // There was none to lose.
        let seen = seen(&gateway, "POST", &format!("/redirect/{status}"), SENT, "").await;
        assert_eq!((&seen["method"], &seen["headers"]["content-length"]), (&json!("POST"), &json!(["0"])));
    }
}

#[tokio::test]
async fn a_body_that_is_kept_is_sent_again() {
    let gateway = start();
    for (status, method, body) in [(302, "GET", ""), (307, "PUT", "hello"), (308, "PUT", "hello")] {
        let seen = seen(&gateway, "PUT", &format!("/redirect/{status}/kept"), SENT, "hello").await;
        assert_eq!((&seen["method"], &seen["body"]), (&json!(method), &json!(body)), "{status}");
    }
}

async fn landed(gateway: &Running, path: &str) -> Value {
    seen(gateway, "GET", path, SENT, "").await
}

#[tokio::test]
async fn who_the_client_is_stays_with_its_origin() {
    let gateway = start();
    for path in ["/elsewhere/other-origin", "/elsewhere/there-and-back"] {
        let seen = landed(&gateway, path).await;
        let headers = &seen["headers"];
        assert_eq!(headers["host"], json!(["127.0.0.1:18131"]), "{path}");
        assert!(headers["authorization"].is_null() && headers["cookie"].is_null(), "{seen}");
        assert_eq!(headers["x-one"], json!(["1"]), "{path}");
        // Of where it comes from, no path and no query.
        let from = if path.ends_with("back") { "http://localhost:18130/" } else { "http://127.0.0.1:18130/" };
        assert_eq!(headers["referer"], json!([from]), "{path}");
    }
}

#[tokio::test]
async fn what_the_config_sets_stays_with_its_origin() {
    let gateway = start();
    for (path, key) in [("/set/last", json!(["secret"])), ("/set/other-origin", Value::Null)] {
        let answer = gateway.get(path).await.json();
        let headers = &answer["then"]["headers"];
        assert_eq!((&headers["x-api-key"], headers["referer"].is_null()), (&key, false), "{path}: {answer}");
    }
}

#[tokio::test]
async fn ten_requests_are_enough() {
    let gateway = start();
    assert_eq!(landed(&gateway, "/elsewhere/9").await["url"], "/echo");
    for path in ["/elsewhere/10", "/elsewhere/loop", "/elsewhere/ftp"] {
        assert_eq!(gateway.get(path).await.brief(), (500, "false", ""), "{path}");
    }
    let nowhere = gateway.get("/elsewhere/nowhere").await;
    assert_eq!(nowhere.brief(), (302, "false", "moved"));
}
