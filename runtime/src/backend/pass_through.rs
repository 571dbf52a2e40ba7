//! An upstream's answer handed on as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::backend::Failure;
use crate::backend::forward::remove_hop_by_hop;
use crate::backend::reply::Reply;

/// Hands on status, headers and body, without what belongs to the upstream's connection. `method` is what the upstream
/// was asked with, `endpoint` a path for the log.
///
/// The body has to end before `deadline`, as in KrakenD, where the endpoint's timeout covers all of an answer; otherwise
/// it is cut off in a way that the client can see.
pub(super) fn pass_through<B>(
    response: Response<B>,
    method: &Method,
    endpoint: &'static str,
    deadline: Instant,
) -> Result<Reply, Failure>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    let (mut head, body) = response.into_parts();
    // Nothing that is sent on asks for another protocol.
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Failure::internal("the upstream switched protocols unasked"));
    }
    remove_hop_by_hop(&mut head.headers);
    match head.status {
        // As Go's server: these have no body, so nothing is said about one.
        StatusCode::NOT_MODIFIED => {
            head.headers.remove(CONTENT_TYPE);
            head.headers.remove(CONTENT_LENGTH);
        }
        StatusCode::NO_CONTENT => drop(head.headers.remove(CONTENT_LENGTH)),
        // The length of a body that was not asked for, while the client asked for one (an endpoint cannot be HEAD).
        _ if method == Method::HEAD => drop(head.headers.remove(CONTENT_LENGTH)),
        _ => {}
    }
    let body =
        if body.is_end_stream() { Body::empty() } else { Body::new(Timely { body, endpoint, deadline, sleep: None }) };
    Ok(Reply::pass_through(Response::from_parts(head, body)))
}

/// The client's body without its trailers, which HTTP/2 would carry on: KrakenD has none.
pub(super) fn without_trailers(body: Body) -> Body {
    Body::new(WithoutTrailers(body))
}

struct WithoutTrailers(Body);

impl HttpBody for WithoutTrailers {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match ready!(Pin::new(&mut self.get_mut().0).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A body that ends with an error when the time is up.
struct Timely<B> {
    body: B,
    endpoint: &'static str,
    deadline: Instant,
    /// Made when the body has to be waited for, which a small one has not.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> HttpBody for Timely<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        let error = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => error.into(),
            // As in KrakenD, trailers are not passed on.
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => return Poll::Ready(None),
            Poll::Ready(frame) => return Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                let deadline = this.deadline;
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                ready!(sleep.as_mut().poll(cx));
                "the endpoint's time was up".into()
            }
        };
        tracing::warn!(path = this.endpoint, %error, "answer cut off");
        Poll::Ready(Some(Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_cut_off() {
        let frames = [Bytes::from_static(b"a"), Bytes::from_static(b"b")];
        let frames = stream::iter(frames.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))));
        let body = StreamBody::new(frames.chain(stream::pending()));
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut timely = Timely { body, endpoint: "/", deadline, sleep: None };
        for expected in ["a", "b"] {
            let frame = timely.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), expected);
        }
        let error = timely.frame().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the endpoint's time was up");
        assert_eq!(Instant::now(), deadline);
    }
}
