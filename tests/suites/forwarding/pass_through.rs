//! `no-op`: nothing is read, everything is passed on.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::BodyExt;

use super::start;
use crate::support::{Framing, LARGE, json};

/// The suite's upstream: what only these tests ask for.
pub(super) async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/large" => Response::new(Body::from(vec![b'x'; LARGE])),
        "/stream" => chunks(vec![Ok("first,"), Ok("second")]),
        "/cut-off" => cut_off(),
        "/upload" => {
            let body = request.into_body().collect().await.expect("a body").to_bytes();
            let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
            json(&format!(r#"{{"bytes":{},"sum":{sum}}}"#, body.len()))
        }
        path => raw(path.trim_start_matches("/raw/").parse().unwrap_or(404)),
    }
}

fn chunks(chunks: Vec<Result<&'static str, &'static str>>) -> Response<Body> {
    Response::new(Body::from_stream(stream::iter(chunks.into_iter().map(|chunk| chunk.map(Bytes::from)))))
}

/// A body that breaks off after its first chunk has left.
fn cut_off() -> Response<Body> {
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err("cut off")
    });
    Response::new(Body::from_stream(stream::iter([Ok(Bytes::from_static(b"begun"))]).chain(end)))
}

fn raw(status: u16) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header("Content-Type", "text/x-upstream")
        .header("Set-Cookie", "a=1")
        .header("Set-Cookie", "b=2")
        .header("Location", "/elsewhere")
        .header("X-Upstream", "yes")
        .header("Connection", "X-Hop")
        .header("X-Hop", "hop");
    let body = if matches!(status, 204 | 304) { "" } else { "upstream's words" };
    response.body(Body::from(body)).expect("a response")
}

#[tokio::test]
async fn statuses_headers_and_bodies_are_the_upstreams() {
    let gateway = start();
    for status in [200, 201, 202, 204, 206, 304, 400, 401, 404, 418, 429, 500, 503] {
        let answer = gateway.get(&format!("/raw/{status}")).await;
        let body = if matches!(status, 204 | 304) { "" } else { "upstream's words" };
        assert_eq!(answer.brief(), (status, "false", body));
        // As Go's server: nothing is said about a body that cannot be.
        let content_type = if status == 304 { None } else { Some("text/x-upstream") };
        assert_eq!(answer.header("content-type"), content_type, "{status}");
        assert_eq!(answer.header("x-upstream"), Some("yes"), "{status}");
        let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert_eq!(cookies.len(), 2, "{status}");
        assert_eq!(answer.header("x-hop"), None, "{status}");
        assert_eq!(answer.header("cache-control"), None, "{status}");
    }
}

#[tokio::test]
async fn a_large_body_streams_through() {
    let gateway = start();
    let answer = gateway.get("/large").await;
    assert_eq!((answer.status, answer.body.len()), (200, LARGE));
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_body_without_a_length_stays_chunked() {
    let gateway = start();
    let mut client = gateway.client().await;
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(matches!(client.head().await.1, Framing::Chunked));
    assert_eq!(gateway.get("/stream").await.text(), "first,second");
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_client() {
    let gateway = start();
    let mut client = gateway.client().await;
    client.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let rest = String::from_utf8(client.rest().await).expect("text");
    assert!(rest.starts_with("HTTP/1.1 200") && rest.contains("begun"), "{rest}");
    assert!(!rest.ends_with("0\r\n\r\n"), "a whole body: {rest}");
    assert_eq!(gateway.get("/stream").await.text(), "first,second");
}

#[tokio::test]
async fn a_large_upload_streams_through() {
    let gateway = start();
    let answer = gateway.post("/upload", vec![b'x'; LARGE]).await;
    assert_eq!(answer.json()["bytes"], LARGE);
}
