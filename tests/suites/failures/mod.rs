//! What clients are told of failures, with `return_error_msg`.

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};
use serde_json::json;

use crate::support::{Logs, Running, json as answer_json, never, serve_upstream, status};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/failures.rs"));
}

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18140", answer));
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    if let Some(code) = path.strip_prefix("/status/") {
        return match code {
            "204" => status(204, ""),
            code => status(code.parse().expect("a status"), r#"{"id":7}"#),
        };
    }
    match path {
        "/body/invalid" => answer_json("{\"id\":7,"),
        "/body/none" => answer_json(""),
        "/body/text" => answer_json("hello"),
        "/body/array" => answer_json("[1]"),
        "/body/control" => answer_json("{\"a\":\"\u{1}\"}"),
        "/body/object" => answer_json(r#"{"id":7}"#),
        _ => never().await,
    }
}

const JSON: Option<&str> = Some("application/json; charset=utf-8");
const TEXT: Option<&str> = Some("text/plain; charset=utf-8");

#[tokio::test]
async fn statuses_of_one_backend() {
    let gateway = start();
    let id = r#"{"id":7}"#;
    let details = |status: u16| {
        format!(
            r#"{{"error_orders":{{"http_status_code":{status},"http_body":"{{\"id\":7}}","http_body_encoding":"application/json"}}}}"#
        )
    };
    let invalid = |status: u16| {
        let url = format!("http://127.0.0.1:18140/status/{status}");
        format!("invalid status code {status} [GET /status/{{{{.Status}}}}]: {url}")
    };
    let cases = [
        ("/plain/200", (200, "true", id), JSON),
        ("/plain/201", (200, "true", id), JSON),
        ("/plain/202", (200, "true", id), JSON),
        ("/plain/204", (200, "false", "{}"), JSON),
        ("/plain/206", (500, "false", &invalid(206)), TEXT),
        ("/plain/404", (500, "false", &invalid(404)), TEXT),
        ("/plain/500", (500, "false", &invalid(500)), TEXT),
        ("/code/200", (200, "true", id), JSON),
        ("/code/404", (404, "false", id), Some("application/json")),
        ("/code/503", (503, "false", id), Some("application/json")),
        ("/details/200", (200, "true", id), JSON),
        ("/details/404", (200, "false", &details(404)), JSON),
        ("/details/500", (200, "false", &details(500)), JSON),
    ];
    for (path, expected, content_type) in cases {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), expected, "{path}");
        assert_eq!(answer.header("content-type"), content_type, "{path}");
        let cached = if expected.1 == "true" { Some("public, max-age=90") } else { None };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
    }
}

#[tokio::test]
async fn in_a_merge_a_status_makes_it_incomplete() {
    let gateway = start();
    let id = r#"{"id":7}"#;
    assert_eq!(gateway.get("/merged/code/404").await.brief(), (200, "false", id));
    assert_eq!(gateway.get("/merged/code/200").await.brief(), (200, "true", id));
    let answer = gateway.get("/merged/details/404").await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("false")));
    assert_eq!(answer.json()["id"], 7);
    assert_eq!(answer.json()["error_orders"]["http_status_code"], 404);
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_500() {
    let gateway = start();
    let cases = [
        ("/body/invalid", "invalid JSON at byte 8: unexpected end"),
        ("/body/none", "invalid JSON at byte 0: unexpected end"),
        ("/body/text", "invalid JSON at byte 0: a value was expected"),
        ("/body/array", "unexpected JSON at byte 0: not an object"),
        ("/body/control", "invalid JSON at byte 6: control character in a string"),
    ];
    for (path, message) in cases {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), (500, "false", message), "{path}");
        assert_eq!(answer.header("content-type"), TEXT, "{path}");
        let both = gateway.get(&format!("/merged{path}")).await;
        let messages = format!("invalid JSON at byte 8: unexpected end\n{message}");
        assert_eq!(both.brief(), (500, "false", messages.as_str()), "/merged{path}");
    }
    assert_eq!(gateway.get("/merged/body/object").await.brief(), (200, "false", r#"{"id":7}"#));
}

#[tokio::test]
async fn time_that_is_up_is_500() {
    let gateway = start();
    assert_eq!(gateway.get("/slow").await.brief(), (500, "false", "no answer within 300ms"));
}

#[tokio::test]
async fn a_broker_that_refuses_says_why() {
    let gateway = start();
    assert_eq!(gateway.post("/full", "{}").await.status, 200);
    let answer = gateway.post("/full", "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text().starts_with("mem://full: "), "{answer:?}");
}

#[tokio::test]
async fn routes_that_are_not_there() {
    let gateway = start();
    let unknown = gateway.get("/unknown").await;
    assert_eq!(unknown.brief(), (404, "false", r#"{"message":"nothing here"}"#));
    assert_eq!(unknown.json(), json!({"message": "nothing here"}));
    let wrong = gateway.client().await.request("DELETE", "/full", &[], "").await;
    assert_eq!(wrong.brief(), (405, "false", r#"{"message":"not like this"}"#));
    assert_eq!(wrong.header("allow"), Some("POST"));
    for answer in [&unknown, &wrong] {
        assert_eq!(answer.header("content-type"), JSON);
        assert!(answer.header("x-krakend").is_some());
    }
    let redirected = gateway.get("/slow/").await;
    assert_eq!((redirected.status, redirected.header("location")), (301, Some("/slow")));
    assert_eq!(redirected.header("x-krakend"), None);
}

#[tokio::test]
async fn a_failure_is_one_error_in_the_log() {
    let logs = Logs::start();
    let gateway = start();
    for path in ["/code/200", "/code/503", "/body/invalid"] {
        gateway.get(path).await;
    }
    let failures = logs.with_message("request failed");
    let found: Vec<_> = failures.iter().map(|event| (&event["level"], &event["path"], &event["status"])).collect();
    let (code, body) = (json!("/code/{status}"), json!("/body/{name}"));
    assert_eq!(found, [(&json!("ERROR"), &code, &json!(503)), (&json!("ERROR"), &body, &json!(500))]);
    assert!(failures.iter().all(|event| event["method"] == "GET" && event["reason"].is_string()), "{failures:?}");
}

#[tokio::test]
async fn no_query_is_in_the_log() {
    let logs = Logs::start();
    let gateway = start();
    for path in ["/secret/500", "/secret/500/merged", "/secret/200/merged"] {
        let answer = gateway.get(&format!("{path}?token=secret")).await;
        // The client is told what KrakenD would tell it.
        assert_eq!(answer.status == 500, answer.text().contains("/status/500?key=secret&token=secret"), "{answer:?}");
    }
    let failures = logs.with_message("request failed");
    let incomplete = logs.with_message("answer incomplete: a backend failed");
    assert_eq!((failures.len(), incomplete.len()), (2, 1));
    for event in failures.iter().chain(&incomplete) {
        let reason = event["reason"].as_str().expect("a reason");
        assert!(reason.contains("http://127.0.0.1:18140/status/") && !reason.contains("secret"), "{reason}");
    }
}
