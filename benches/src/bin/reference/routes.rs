//! The four endpoints.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use crate::http_backend::BackendError;
use crate::queue::{Delivery, Message};
use crate::{Gateway, Peer};

/// The time an endpoint has.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a consumer waits for a message: the endpoint's time less 10 %.
pub(crate) const WAIT: Duration = Duration::from_millis(1_800);
/// The largest message.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

const X_KRAKEND: HeaderName = HeaderName::from_static("x-krakend");
const X_KRAKEND_COMPLETED: HeaderName = HeaderName::from_static("x-krakend-completed");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const VERSION: HeaderValue = HeaderValue::from_static("Sluicegate 0.1.0");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What belongs to the connection with the backend and not to the response (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// `GET /pass`: the backend's answer as it is, streamed.
pub(crate) async fn pass(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let deadline = Instant::now() + TIMEOUT;
    let (head, body) = request.into_parts();
    match gateway.backend.get(gateway.backend.page(), &head.headers, &peer, body, deadline).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            for name in HOP_BY_HOP {
                response.headers_mut().remove(name);
            }
            finish(response, false)
        }
        Err(error) => backend_failed(&error),
    }
}

/// `GET /filter/{id}`: three fields of the backend's answer, one under another name.
pub(crate) async fn filter(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let deadline = Instant::now() + TIMEOUT;
    let Ok(uri) = gateway.backend.item(&id) else { return failed(StatusCode::BAD_REQUEST) };
    let (head, body) = request.into_parts();
    let response = match gateway.backend.get(uri, &head.headers, &peer, body, deadline).await {
        Ok(response) if matches!(response.status().as_u16(), 200 | 201 | 202 | 204) => response,
        Ok(_) => return failed(StatusCode::INTERNAL_SERVER_ERROR),
        Err(error) => return backend_failed(&error),
    };
    let body = match response.into_body().read().await {
        Ok(body) => body,
        Err(error) => return backend_failed(&error),
    };
    match serde_json::from_slice::<Item<'_>>(&body).and_then(|item| serde_json::to_vec(&item)) {
        Ok(shaped) => json(shaped.into()),
        Err(error) => {
            eprintln!("the backend's answer is not usable: {error}");
            failed(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// `POST /publish`: the body to the topic, answered once it is stored.
pub(crate) async fn publish(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match timeout(TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if over_limit(&error) => return failed(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => return failed(StatusCode::BAD_REQUEST),
        Err(_) => return failed(StatusCode::REQUEST_TIMEOUT),
    };
    let mut attributes = Vec::new();
    if let Some(Ok(content_type)) = head.headers.get(CONTENT_TYPE).map(|value| value.to_str()) {
        attributes.push(("Content-Type", content_type.to_owned()));
    }
    match gateway.queue.publish(Message { body: Bytes::copy_from_slice(&body), attributes }) {
        Ok(()) => json(Bytes::from_static(b"{}")),
        Err(_) => {
            let mut response = failed(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

/// `GET /consume`: the next message, settled when the connection has taken the response.
pub(crate) async fn consume(State(gateway): State<Arc<Gateway>>) -> Response {
    let Ok(delivery) = timeout(WAIT, gateway.queue.receive()).await else {
        return finish(status(StatusCode::NO_CONTENT), false);
    };
    // Checks the syntax of all of it and copies nothing.
    let is_object = serde_json::from_slice::<&RawValue>(delivery.body()).is_ok_and(|raw| raw.get().starts_with('{'));
    if !is_object {
        return failed(StatusCode::BAD_GATEWAY);
    }
    let mut response = Response::new(Body::new(DeliveryBody { delivery: Some(delivery), sent: false }));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    finish(response, true)
}

/// `GET /__health`
pub(crate) async fn health() -> Response {
    json(Bytes::from_static(br#"{"status":"ok"}"#))
}

/// Any other path.
pub(crate) async fn not_found() -> Response {
    failed(StatusCode::NOT_FOUND)
}

/// Any other method.
pub(crate) async fn method_not_allowed() -> Response {
    failed(StatusCode::METHOD_NOT_ALLOWED)
}

/// What passes of an item. A field that is missing stays missing; `null` passes.
#[derive(Deserialize, Serialize)]
struct Item<'a> {
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(
        borrow,
        default,
        deserialize_with = "present",
        rename(serialize = "title"),
        skip_serializing_if = "Option::is_none"
    )]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    price: Option<Price<'a>>,
}

#[derive(Deserialize, Serialize)]
struct Price<'a> {
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    amount: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The body of a consumed message: acknowledged when the connection took it, given back otherwise.
struct DeliveryBody {
    delivery: Option<Delivery>,
    sent: bool,
}

// === impl DeliveryBody ===

impl HttpBody for DeliveryBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.sent {
            return Poll::Ready(None);
        }
        self.sent = true;
        Poll::Ready(self.delivery.as_ref().map(|delivery| Ok(Frame::data(delivery.body().clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.delivery.as_ref().filter(|_| !self.sent).map_or(0, |delivery| delivery.body().len());
        SizeHint::with_exact(left as u64)
    }
}

impl Drop for DeliveryBody {
    fn drop(&mut self) {
        if self.sent
            && let Some(delivery) = self.delivery.take()
        {
            delivery.ack();
        }
    }
}

// === responses ===

pub(crate) fn json(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    finish(response, true)
}

fn backend_failed(error: &BackendError) -> Response {
    eprintln!("backend: {error}");
    failed(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(crate) fn failed(code: StatusCode) -> Response {
    finish(status(code), false)
}

pub(crate) fn status(code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}

pub(crate) fn finish(mut response: Response, completed: bool) -> Response {
    let completed = if completed { "true" } else { "false" };
    response.headers_mut().insert(X_KRAKEND, VERSION);
    response.headers_mut().insert(X_KRAKEND_COMPLETED, HeaderValue::from_static(completed));
    response
}

pub(crate) fn over_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}
