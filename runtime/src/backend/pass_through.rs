//! An upstream's answer handed on as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::backend::Failure;
use crate::backend::forward::remove_hop_by_hop;
use crate::backend::reply::Reply;
use crate::backend::timely::Timely;
use crate::incoming::Incoming;

/// Hands on status, headers and body, without what belongs to the upstream's connection. `method` is what the upstream
/// was asked with, `endpoint` a path for the log.
///
/// The body has to end before the request's deadline, as in KrakenD, where the endpoint's timeout covers all of an answer;
/// otherwise it is cut off in a way that the client can see. A client that does not read changes nothing about that.
pub(super) fn pass_through<B>(
    response: Response<B>,
    method: &Method,
    endpoint: &'static str,
    incoming: &Incoming,
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
    let timely = |body| Timely::new(body, endpoint, incoming.deadline);
    let body = match incoming.parts.version {
        _ if body.is_end_stream() => Body::empty(),
        Version::HTTP_2 => Body::new(timely(body).watched()),
        _ => Body::new(timely(body)),
    };
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
