//! The HTTP services behind a suite's gateways.

use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};

use super::PATIENCE;

/// Answers at `address` for as long as the process lives, on a thread of its own: the tests that share it have runtimes
/// of their own, which end before it.
///
/// The address stands in the suite's config, so a second run of the tests on one machine waits for the first.
pub(crate) fn serve_upstream<F, A>(address: &'static str, answer: F)
where
    F: Fn(Request<Body>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = bind(address);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("connections");
                let answer = answer.clone();
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let answer = answer(request.map(Body::new));
                    async { Ok::<_, Infallible>(answer.await) }
                });
                stream.set_nodelay(true).expect("TCP_NODELAY");
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
}

/// Waits for a port that stands in a config, where another run of the tests may have it.
pub(crate) fn wait_until_free(address: &str) {
    drop(bind(address));
}

/// Listens at a port that stands in a config, when it is free.
pub(crate) fn bind(address: &str) -> TcpListener {
    let started = Instant::now();
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).expect("a socket");
                return listener;
            }
            Err(error) if started.elapsed() > PATIENCE => panic!("cannot listen at {address}: {error}"),
            #[expect(clippy::disallowed_methods, reason = "nothing else can be done meanwhile")]
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// The request itself as JSON.
pub(crate) async fn echo(request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
        match headers.entry(name.as_str()).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(values) => values.push(value),
            _ => unreachable!("only arrays were put in"),
        }
    }
    let body = body.collect().await.expect("a body");
    let trailers: Vec<&str> = body.trailers().iter().flat_map(|sent| sent.keys().map(HeaderName::as_str)).collect();
    let trailers = Value::from(trailers);
    let body = body.to_bytes();
    json(
        &serde_json::json!({
            "method": head.method.as_str(),
            "url": head.uri.to_string(),
            "headers": headers,
            "body": String::from_utf8_lossy(&body),
            "trailers": trailers,
        })
        .to_string(),
    )
}

pub(crate) fn json(text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("a header"));
    response
}

pub(crate) fn status(status: u16, text: &str) -> Response<Body> {
    let mut response = json(text);
    *response.status_mut() = status.try_into().expect("a status");
    response
}

/// An answer that does not come.
pub(crate) async fn never() -> Response<Body> {
    std::future::pending().await
}
