//! What the router's options change. What they do by default, and to the router's own answers, is recorded in the suites of
//! `conformance`.

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support::{Logs, Running, echo, serve_upstream};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/router.rs"));
}

fn start() -> Running {
    static UPSTREAM: std::sync::Once = std::sync::Once::new();
    UPSTREAM.call_once(|| serve_upstream("127.0.0.1:18175", upstream));
    Running::start(&gateway::GATEWAY)
}

async fn upstream(request: Request<Body>) -> Response<Body> {
    match request.uri().path().strip_prefix("/untyped/") {
        Some("html") => Response::new(Body::from("<!doctype html><p>hello")),
        Some("nothing") => Response::new(Body::empty()),
        Some("coded") => {
            let coded = Response::builder().header("content-encoding", "br").body(Body::from("...."));
            coded.expect("a response")
        }
        Some(_) => Response::new(Body::from(vec![0, 1, 2, 3])),
        None => echo(request).await,
    }
}

async fn get(gateway: &Running, path: &str, headers: &[(&str, &str)]) -> crate::support::Answer {
    gateway.client().await.request("GET", path, headers, "").await
}

#[tokio::test]
async fn trusted_proxies_say_the_address_and_nobody_else_does() {
    let gateway = start();
    for (headers, expected) in [
        (&[][..], "127.0.0.1"),
        (&[("X-Client", "203.0.113.5")], "203.0.113.5"),
        (&[("X-Client", "nobody"), ("X-Forwarded-For", "203.0.113.6")], "203.0.113.6"),
        (&[("X-Forwarded-For", "198.51.100.1, 203.0.113.7, 10.1.1.1")], "203.0.113.7"),
        (&[("X-Real-Ip", "203.0.113.8")], "127.0.0.1"),
    ] {
        let seen = get(&gateway, "/who", headers).await.json();
        assert_eq!(seen["headers"]["x-forwarded-for"], json!([expected]), "{headers:?}");
    }
}

#[tokio::test]
async fn who_makes_addresses_up_does_not_escape_the_limit() {
    let gateway = start();
    let ask = async |list: &str| get(&gateway, "/limited", &[("X-Forwarded-For", list)]).await.status;
    // The last one that is no proxy of ours counts.
    assert_eq!(ask("203.0.113.1").await, 200);
    assert_eq!(ask("198.51.100.1, 203.0.113.1").await, 429);
    assert_eq!(ask("198.51.100.2, 203.0.113.1, 10.0.0.9").await, 429);
    assert_eq!(ask("203.0.113.2").await, 200);
}

#[tokio::test]
async fn the_access_log_has_a_line_for_each_request_but_the_skipped() {
    let logs = Logs::start();
    let gateway = start();
    for path in ["/who?secret=1", "/quiet", "/qu%69et", "/up", "/nowhere"] {
        get(&gateway, path, &[("X-Client", "203.0.113.5")]).await;
    }
    let lines = logs.with_message("request");
    let line =
        |line: &Value| (line["method"].clone(), line["path"].clone(), line["status"].clone(), line["client"].clone());
    let seen: Vec<_> = lines.iter().map(line).collect();
    let expected = |path: &str, status: u16| (json!("GET"), json!(path), json!(status), json!("203.0.113.5"));
    assert_eq!(seen, [expected("/who", 200), expected("/nowhere", 404)]);
    assert!(lines.iter().all(|line| line["milliseconds"].is_number()), "{lines:?}");
}

#[tokio::test]
async fn parameters_follow_a_prefix_without_rest() {
    let gateway = start();
    assert_eq!(get(&gateway, "/v2/items/7", &[]).await.json()["url"], "/items/7?v=2");
    assert_eq!(get(&gateway, "/v/items/7", &[]).await.json()["url"], "/items/7?v=");
    assert_eq!(get(&gateway, "/w2/items/7", &[]).await.status, 404);
    assert_eq!(get(&gateway, "/V2/items/7", &[]).await.header("location"), Some("/v2/items/7"));
}

#[tokio::test]
async fn a_body_without_a_type_gets_one() {
    let gateway = start();
    for (kind, expected) in [
        ("html", Some("text/html; charset=utf-8")),
        ("binary", Some("application/octet-stream")),
        ("nothing", None),
        ("coded", None),
    ] {
        let answer = get(&gateway, &format!("/untyped/{kind}"), &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, expected), "{kind}");
    }
}

#[tokio::test]
async fn an_echo_ends_at_its_limit() {
    let gateway = start();
    assert_eq!(gateway.post("/__echo/x", "hello").await.json()["req_body"], "hello");
    let mut client = gateway.client().await;
    client.send("POST /__echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 8388609\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(get(&gateway, "/__echo/a%3Fb", &[]).await.status, 400);
}
