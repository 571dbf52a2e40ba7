//! What the endpoints on brokers have in common.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::routes::{JSON, MAX_BODY_BYTES, TIMEOUT, failed, finish, over_limit};

/// The body of a request and its Content-Type, which the message keeps.
pub(crate) async fn read(request: Request) -> Result<(Option<HeaderValue>, Bytes), Response> {
    let (mut head, body) = request.into_parts();
    match timeout(TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok((head.headers.remove(CONTENT_TYPE), body)),
        Ok(Err(error)) if over_limit(&error) => Err(failed(StatusCode::PAYLOAD_TOO_LARGE)),
        Ok(Err(_)) => Err(failed(StatusCode::BAD_REQUEST)),
        Err(_) => Err(failed(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Checks the syntax of all of it and copies nothing.
pub(crate) fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok_and(|raw| raw.get().starts_with('{'))
}

pub(crate) fn unavailable() -> Response {
    let mut response = failed(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A message that was received, and what becomes of it.
pub(crate) trait Settle: Send + Unpin + 'static {
    /// The connection took it all.
    fn ack(self);
    /// It goes to somebody else. `body` is its own.
    fn give_back(self, body: Bytes);
}

/// `message` as the answer, acknowledged when the connection took it, given back otherwise.
pub(crate) fn delivered(body: Bytes, message: impl Settle) -> Response {
    let mut response = Response::new(Body::new(Delivered { body, message: Some(message), sent: false }));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    finish(response, true)
}

struct Delivered<M: Settle> {
    body: Bytes,
    message: Option<M>,
    sent: bool,
}

// === impl Delivered ===

impl<M: Settle> HttpBody for Delivered<M> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent {
            return Poll::Ready(None);
        }
        self.sent = true;
        Poll::Ready(Some(Ok(Frame::data(self.body.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent
    }

    fn size_hint(&self) -> SizeHint {
        let left = if self.sent { 0 } else { self.body.len() };
        SizeHint::with_exact(left as u64)
    }
}

impl<M: Settle> Drop for Delivered<M> {
    fn drop(&mut self) {
        match self.message.take() {
            Some(message) if self.sent => message.ack(),
            Some(message) => message.give_back(std::mem::take(&mut self.body)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Noted(Arc<Mutex<Vec<&'static str>>>);

    impl Settle for Noted {
        fn ack(self) {
            self.0.lock().unwrap().push("acknowledged");
        }

        fn give_back(self, _: Bytes) {
            self.0.lock().unwrap().push("given back");
        }
    }

    #[tokio::test]
    async fn settles_by_what_the_connection_took() {
        let noted = Arc::default();
        let response = || delivered(Bytes::from_static(b"{}"), Noted(Arc::clone(&noted)));
        drop(response());
        assert_eq!(axum::body::to_bytes(response().into_body(), 10).await.unwrap(), "{}");
        assert_eq!(*noted.lock().unwrap(), ["given back", "acknowledged"]);
    }

    #[test]
    fn only_objects_pass() {
        for (body, expected) in [("{\"a\":[1]}", true), ("{", false), ("[]", false), ("{}x", false), ("", false)] {
            assert_eq!(is_object(body.as_bytes()), expected, "{body}");
        }
    }
}
