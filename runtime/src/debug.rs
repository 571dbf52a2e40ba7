//! `/__debug/*` and `/__echo/*`: what a person asks to see whether requests arrive, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::backend::{canonical, query_escape, query_pairs};
use crate::body::{BodyError, read_body};
use crate::deadline::before;
use crate::router::{Handle, Params};

/// `debug_endpoint`.
pub(crate) const PONG: &str = "/__debug/*";
/// `echo_endpoint`.
pub(crate) const ECHO: &str = "/__echo/*";

/// What is echoed has to fit into memory. KrakenD has no limit.
const MAX_ECHO: usize = 8 << 20;

/// How long its body is waited for where no endpoint says: KrakenD's default for `timeout`.
pub(crate) const ECHO_TIMEOUT: Duration = Duration::from_secs(2);

static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Answers `{"message":"pong"}` to everything.
pub(crate) fn pong() -> Arc<dyn Handle> {
    Arc::new(|request: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
        tracing::debug!(method = request.method().as_str(), path = request.uri().path(), "debug endpoint");
        Box::pin(std::future::ready(answer(StatusCode::OK, r#"{"message":"pong"}"#.to_owned())))
    })
}

/// Answers with the request itself, as lura's `EchoHandler` does. The body has to be there within `timeout`.
pub(crate) fn echo(timeout: Duration) -> Arc<dyn Handle> {
    Arc::new(move |request: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            match before(Instant::now() + timeout, read_body(body, Some(MAX_ECHO))).await {
                Some(Ok(body)) => answer(StatusCode::OK, describe(&head, &body)),
                Some(Err(error @ BodyError::TooLarge { .. })) => failed(StatusCode::PAYLOAD_TOO_LARGE, &error),
                Some(Err(error)) => failed(StatusCode::BAD_REQUEST, &error),
                None => failed(StatusCode::REQUEST_TIMEOUT, &format!("the body is not there after {timeout:?}")),
            }
        })
    })
}

fn failed(status: StatusCode, error: &dyn fmt::Display) -> Response<Body> {
    answer(status, json!({ "error": error.to_string() }).to_string())
}

fn answer(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON.clone());
    response
}

fn describe(head: &http::request::Parts, body: &Bytes) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // As in Go, neither `Host` nor what framed the body is one of the headers.
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != HOST && *name != TRANSFER_ENCODING) {
        headers.entry(canonical(name).into_owned()).or_default().push(text(value.as_bytes()));
    }
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in query_pairs(head.uri.query().unwrap_or_default()) {
        query.entry(text(&name)).or_default().push(text(&value));
    }
    let host = match head.uri.authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => head.headers.get(HOST).map(|host| text(host.as_bytes())).unwrap_or_default(),
    };
    let path = percent_encoding::percent_decode_str(head.uri.path()).decode_utf8_lossy().into_owned();
    let details = json!({
        "fragment": "",
        "host": host,
        "path": path,
        "query": encoded(&query),
        "user": "",
    });
    // The order is KrakenD's.
    let mut echo = Map::new();
    for (name, value) in [
        ("req_uri", Value::from(head.uri.path_and_query().map_or("", |target| target.as_str()))),
        ("req_uri_details", details),
        ("req_method", Value::from(head.method.as_str())),
        ("req_querystring", json!(query)),
        ("req_body", Value::from(text(body))),
        ("req_headers", json!(headers)),
    ] {
        echo.insert(name.to_owned(), value);
    }
    Value::Object(echo).to_string()
}

/// Go's `url.Values.Encode`.
fn encoded(query: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::new();
    for (name, values) in query {
        for value in values {
            if !text.is_empty() {
                text.push('&');
            }
            query_escape(name.as_bytes(), &mut text);
            text.push('=');
            query_escape(value.as_bytes(), &mut text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let request = Request::builder().uri("/__echo/x").body(body).unwrap();
        let answer = echo(Duration::from_secs(2)).call(request, Params::default()).await;
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[test]
    fn a_request_is_described_as_krakend_does() {
        let request = Request::builder()
            .method("POST")
            .uri("/__echo/a%20b?z=1&a=%C3%A9&z=2&bad=%zz&semi=1;2")
            .header("host", "gateway.test")
            .header("x-order-id", "1")
            .header("x-order-id", "2")
            .header("transfer-encoding", "chunked");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let echo: Value = serde_json::from_str(&describe(&head, &Bytes::from_static(b"h\xffllo"))).unwrap();
        let expected = json!({
            "req_uri": "/__echo/a%20b?z=1&a=%C3%A9&z=2&bad=%zz&semi=1;2",
            "req_uri_details": {
                "fragment": "", "host": "gateway.test", "path": "/__echo/a b", "query": "a=%C3%A9&z=1&z=2", "user": "",
            },
            "req_method": "POST",
            "req_querystring": {"a": ["é"], "z": ["1", "2"]},
            "req_body": "h\u{fffd}llo",
            "req_headers": {"X-Order-Id": ["1", "2"]},
        });
        assert_eq!(echo, expected);
    }
}
