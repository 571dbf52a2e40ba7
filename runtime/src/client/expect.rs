//! `Expect: 100-continue`: the body waits until the backend asks for it, or the time is up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::header::EXPECT;
use http::{Request, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;

/// `request` with a body that waits, if that is what it asks for.
pub(super) fn wait_for_continue(mut request: Request<Body>, limit: Duration) -> Request<Body> {
    let expects =
        request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !expects || request.body().is_end_stream() {
        return request;
    }
    let asked = Arc::new(Notify::new());
    let asks = Arc::clone(&asked);
    hyper::ext::on_informational(&mut request, move |response| {
        if response.status() == StatusCode::CONTINUE {
            asks.notify_one();
        }
    });
    let wait = async move {
        // Whether it was asked for or the time is up, it is sent now.
        let _ = tokio::time::timeout(limit, asked.notified()).await;
    };
    request.map(|body| Body::new(Held { body, wait: Some(Box::pin(wait)) }))
}

struct Held<W> {
    body: Body,
    wait: Option<Pin<Box<W>>>,
}

impl<W: Future<Output = ()>> HttpBody for Held<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Some(wait) = &mut this.wait {
            ready!(wait.as_mut().poll(context));
            this.wait = None;
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
