//! The HTTP backend of both gateways: canned answers, on one thread, as fast as hyper gives them.

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sluicegate_benches::{ITEM, PAGE, UPSTREAM};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener =
        TcpListener::bind(UPSTREAM).await.map_err(|error| format!("cannot listen on {UPSTREAM}: {error}"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A gateway that is stopped breaks its connections: nothing to report.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let (status, content_type, body) = if path == "/page" {
        (StatusCode::OK, "text/plain; charset=utf-8", PAGE)
    } else if path.starts_with("/items/") {
        (StatusCode::OK, "application/json", ITEM)
    } else {
        (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"no such page\n".as_slice())
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}
