//! What an HTTP backend is sent, and what passes through untouched.

mod graphql;
mod gzip;
mod pass_through;
mod redirects;

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support::{Running, echo, json as answer_json, serve_upstream};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/forwarding.rs"));
}

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        serve_upstream("127.0.0.1:18130", answer);
        serve_upstream("127.0.0.1:18131", async |request| match request.uri().path() {
            "/which" => answer_json(r#"{"which":"second"}"#),
            _ => echo(request).await,
        });
    });
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/which" => answer_json(r#"{"which":"first"}"#),
        path if path == "/echo" || path == "/find" || path.starts_with("/u/") => echo(request).await,
        path if path.starts_with("/redirect/") || path.starts_with("/elsewhere/") => redirects::answer(request).await,
        path if path.starts_with("/zipped/") => gzip::answer(request).await,
        path if path.matches('/').count() == 2 && !path.starts_with("/raw/") => echo(request).await,
        _ => pass_through::answer(request).await,
    }
}

/// What the backend saw of a request with these headers.
async fn seen(gateway: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let answer = gateway.client().await.request(method, path, headers, body).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

const SENT: &[(&str, &str)] = &[
    ("X-One", "1"),
    ("X-Two", "2"),
    ("X-Two", "two"),
    ("User-Agent", "test/1"),
    ("Authorization", "secret"),
    ("Cookie", "a=b"),
    ("Content-Type", "text/x-test"),
    ("X-Forwarded-For", "203.0.113.7, 10.0.0.1"),
    ("Keep-Alive", "timeout=5"),
    ("TE", "trailers"),
    ("Connection", "X-Hop"),
    ("X-Hop", "hop"),
];

#[tokio::test]
async fn headers_are_those_of_the_lists() {
    let gateway = start();
    let own = json!([format!("Sluicegate/{}", env!("CARGO_PKG_VERSION"))]);
    let client_ip = json!(["203.0.113.7"]);
    let host = json!(["gateway.test"]);
    let cases = [
        (
            "/default",
            json!({"content-type": ["text/x-test"], "accept-encoding": ["gzip"], "user-agent": own, "x-forwarded-for": client_ip, "x-forwarded-host": host}),
        ),
        (
            "/listed",
            json!({"x-one": ["1"], "x-two": ["2", "two"], "user-agent": ["test/1"], "x-forwarded-via": own,
                "accept-encoding": ["gzip"], "x-forwarded-for": client_ip, "x-forwarded-host": host}),
        ),
        ("/narrow", json!({"x-one": ["1"], "accept-encoding": ["gzip"]})),
        (
            "/all",
            json!({"x-one": ["1"], "x-two": ["2", "two"], "user-agent": ["test/1"], "x-forwarded-via": own,
                "authorization": ["secret"], "cookie": ["a=b"], "content-type": ["text/x-test"],
                "te": ["trailers"], "accept-encoding": ["gzip"], "x-forwarded-for": client_ip, "x-forwarded-host": host}),
        ),
        ("/all/narrow", json!({"x-two": ["2", "two"], "accept-encoding": ["gzip"]})),
    ];
    for (path, expected) in cases {
        let mut seen = seen(&gateway, "GET", path, SENT, "").await;
        let headers = seen["headers"].as_object_mut().expect("headers");
        assert_eq!(headers.remove("host"), Some(json!(["127.0.0.1:18130"])), "{path}");
        assert_eq!(Value::Object(headers.clone()), expected, "{path}");
    }
}

#[tokio::test]
async fn without_a_proxy_the_peer_is_forwarded() {
    let gateway = start();
    let seen = seen(&gateway, "GET", "/default", &[], "").await;
    assert_eq!(seen["headers"]["x-forwarded-for"], json!(["127.0.0.1"]));
}

#[tokio::test]
async fn queries_are_those_of_the_lists() {
    let gateway = start();
    let cases = [
        ("/default?a=1", "/echo"),
        ("/listed?b=2&c=3&a=1&b=1", "/echo?a=1&b=2&b=1"),
        ("/narrow?b=2&c=3&a=1", "/echo?a=1"),
        ("/all?z=%26x&y&A=1", "/echo?A=1&y=&z=%26x"),
        ("/all?a=1;b=2&c=%zz&d=4", "/echo?d=4"),
        ("/all/narrow?a=1&b=2", "/echo?b=2"),
        ("/search/x?page=2&other=1", "/find?q=x&fixed=1&page=2"),
    ];
    for (path, expected) in cases {
        assert_eq!(seen(&gateway, "GET", path, &[], "").await["url"], expected, "{path}");
    }
}

#[tokio::test]
async fn parameters_cannot_leave_their_place() {
    let gateway = start();
    let cases = [
        ("/users/42", "/u/42/profile"),
        ("/users/a%20b", "/u/a%20b/profile"),
        ("/users/caf%C3%A9", "/u/caf%C3%A9/profile"),
        ("/users/%22%3C%3E%5C%5E%60%7B%7C%7D", "/u/%22%3C%3E%5C%5E%60%7B%7C%7D/profile"),
        ("/users/a;b=c&d,e:f@g", "/u/a%3Bb=c&d,e:f@g/profile"),
        ("/users/...", "/u/.../profile"),
        ("/search/..", "/find?q=..&fixed=1"),
        ("/search/a&fixed=2", "/find?q=a%26fixed%3D2&fixed=1"),
        ("/search/a+b%20c", "/find?q=a%2Bb+c&fixed=1"),
        ("/pair/x/y", "/y/x"),
        ("/pair/%7Bb%7D/y", "/y/%7Bb%7D"),
    ];
    for (path, expected) in cases {
        assert_eq!(seen(&gateway, "GET", path, &[], "").await["url"], expected, "{path}");
    }
    // Question marks and what is still encoded are refused, as in KrakenD.
    // So is what would lead out of its place: encoded or not, servers resolve it.
    for path in [
        "/users/a%3Fb",
        "/users/a%23b",
        "/users/a%2562",
        "/users/%2E%2E",
        "/users/%2e",
        "/users/..;a=b",
        "/users/a%5C..%5Cb",
        "/pair/%2E%2E/x",
    ] {
        assert_eq!(gateway.get(path).await.status, 400, "{path}");
    }
    // An encoded slash is one, so these are other paths.
    assert_eq!(gateway.get("/users/a%2Fb").await.status, 404);
    let cleaned = gateway.get("/users/a%2F..%2Fb").await;
    assert_eq!((cleaned.status, cleaned.header("location")), (301, Some("/users/b")));
}

#[tokio::test]
async fn methods_and_bodies() {
    let gateway = start();
    let posted = seen(&gateway, "POST", "/default", &[("Content-Type", "text/plain")], "hello").await;
    assert_eq!((&posted["method"], &posted["body"]), (&json!("POST"), &json!("hello")));
    assert_eq!(posted["headers"]["content-type"], json!(["text/plain"]));
    assert_eq!(seen(&gateway, "POST", "/put", &[], "hello").await["method"], "PUT");
    let mut client = gateway.client().await;
    client.send("POST /default HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.json()["body"], "abcde");
}

#[tokio::test]
async fn a_length_is_told_where_it_is_listed() {
    let gateway = start();
    for (path, body, length, chunked) in [
        ("/default", "hello", Value::Null, json!(["chunked"])),
        ("/length", "hello", json!(["5"]), Value::Null),
        ("/default", "", json!(["0"]), Value::Null),
        ("/length", "", json!(["0"]), Value::Null),
    ] {
        let seen = seen(&gateway, "POST", path, &[], body).await;
        assert_eq!((&seen["headers"]["content-length"], &seen["headers"]["transfer-encoding"]), (&length, &chunked));
        assert_eq!(seen["body"], body);
    }
    let mut client = gateway.client().await;
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    let seen = client.answer().await.json();
    assert_eq!((&seen["headers"]["transfer-encoding"], &seen["body"]), (&json!(["chunked"]), &json!("abc")));
    let get = client.request("GET", "/default", &[], "").await.json();
    assert!(get["headers"]["content-length"].is_null() && get["headers"]["transfer-encoding"].is_null(), "{get}");
}

#[tokio::test]
async fn binary_and_form_bodies_arrive_as_they_were() {
    let gateway = start();
    let form = "a=1&b=%26&c=a+b";
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let seen = seen(&gateway, "POST", "/default", &headers, form).await;
    assert_eq!((&seen["body"], &seen["headers"]["content-type"][0]), (&json!(form), &json!(headers[0].1)));
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let answer = gateway.post("/upload", &bytes).await;
    assert_eq!(answer.json()["bytes"], bytes.len());
    assert_eq!(answer.json()["sum"], bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>());
}

#[tokio::test]
async fn a_head_has_no_body_and_no_length() {
    let gateway = start();
    assert_eq!(gateway.get("/head").await.brief(), (500, "false", ""), "there is nothing to decode, as in KrakenD");
    let answer = gateway.get("/head/raw").await;
    assert_eq!(answer.brief(), (200, "false", ""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn trailers_end_here() {
    let gateway = start();
    let mut client = gateway.client().await;
    let trailed = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n";
    client.send(format!("POST /default HTTP/1.1\r\nHost: a\r\n{trailed}")).await;
    let seen = client.answer().await.json();
    assert_eq!(
        (&seen["body"], &seen["headers"]["trailer"], &seen["trailers"]),
        (&json!("abc"), &Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn hosts_take_turns() {
    let gateway = start();
    let mut which = Vec::new();
    for _ in 0..6 {
        which.push(gateway.get("/balanced").await.json()["which"].as_str().expect("text").to_owned());
    }
    assert_eq!(which, ["first", "second", "first", "second", "first", "second"]);
}

#[tokio::test]
async fn a_host_that_is_down_is_500() {
    let gateway = start();
    assert_eq!(gateway.get("/down").await.brief(), (500, "false", ""));
    assert_eq!(gateway.get("/down/raw").await.brief(), (500, "false", ""));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(gateway.get("/half").await.status);
    }
    assert_eq!(statuses, [200, 500, 200, 500], "KrakenD tries no other host either");
}
