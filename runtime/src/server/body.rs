//! The bodies of a connection: responses that know when all their bytes are gone, requests with a
//! deadline.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Buf, Bytes};
use http::{HeaderMap, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::link::{Link, OpenStream, Phase};
use super::settle::{Unsettled, lock};

/// Shared by a response's body and its chunks; when the last of them is gone and nothing was lost,
/// the settlement moves on to the connection, which waits for the flush.
pub(super) struct Guard {
    /// Locked only to be `Sync`.
    unsettled: Mutex<Option<Unsettled>>,
    lost: AtomicBool,
    link: Arc<Link>,
    stream: Option<OpenStream>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if *self.lost.get_mut() {
            return;
        }
        if let Some(unsettled) = lock(&self.unsettled).take() {
            self.link.settlements.add(unsettled);
        }
        if self.stream.is_some() {
            // The rule of HTTP/2 needs a poll of the connection that begins after this.
            self.link.wake();
        } else if self.link.phase().0 == Phase::Busy {
            self.link.enter(Phase::Flushing);
        }
    }
}

/// What a chunk keeps alive.
#[derive(Clone)]
enum Hold {
    Guard(Arc<Guard>),
    Stream { _open: OpenStream },
}

/// A piece of a response.
pub(super) struct Chunk {
    bytes: Bytes,
    hold: Option<Hold>,
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        self.bytes.copy_to_bytes(len)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(Hold::Guard(guard)) = &self.hold
            && !self.bytes.is_empty()
        {
            guard.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// How much of a body has to leave before the response is complete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The protocol sends no body (HEAD, 204, 304), whatever the handler gave.
    Nothing,
    /// This many bytes, by `Content-Length`.
    Bytes(u64),
    /// Everything until the body ends.
    UntilEnd,
}

/// The body of a response as the connection sends it.
pub(super) struct Outgoing {
    body: Body,
    hold: Option<Hold>,
    left: Left,
    /// The body must not be polled: HTTP/2 would send it.
    withheld: bool,
    finished: bool,
}

/// What a response needs to know of its request and connection.
pub(super) struct Exchange<'a> {
    pub(super) link: &'a Arc<Link>,
    pub(super) head: bool,
    pub(super) http2: bool,
    /// The connection's timeouts want to know when the response is done.
    pub(super) timed: bool,
}

impl Outgoing {
    pub(super) fn response(
        response: Response<Body>,
        unsettled: Option<Unsettled>,
        exchange: &Exchange<'_>,
    ) -> Response<Self> {
        let (mut parts, body) = response.into_parts();
        let bodiless = exchange.head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless && exchange.http2 {
            if exchange.head {
                set_content_length(&mut parts.headers, &body);
            }
            let guard = unsettled.map(|unsettled| guard(Some(unsettled), exchange));
            let body = Self { body: Body::empty(), hold: guard, left: Left::Nothing, withheld: true, finished: false };
            return Response::from_parts(parts, body);
        }
        let hold = if unsettled.is_some() || (exchange.timed && !exchange.http2) {
            Some(guard(unsettled, exchange))
        } else if exchange.http2 {
            Some(Hold::Stream { _open: OpenStream::new(exchange.link) })
        } else {
            None
        };
        let (left, withheld) = match hold {
            Some(Hold::Guard(_)) if bodiless => (Left::Nothing, false),
            // An empty body is dropped whether or not its head could be sent, so it says nothing; one
            // that is polled to its end does.
            Some(Hold::Guard(_)) if exchange.http2 && body.is_end_stream() => (Left::Nothing, true),
            Some(Hold::Guard(_)) => (length(&parts.headers, &body).map_or(Left::UntilEnd, Left::Bytes), false),
            _ => (Left::UntilEnd, false),
        };
        Response::from_parts(parts, Self { body, hold, left, withheld, finished: false })
    }

    /// Cuts what goes beyond the length, as HTTP/1 would, and counts the rest.
    fn account(&mut self, bytes: &mut Bytes) {
        if let Left::Bytes(left) = &mut self.left {
            if let Ok(most) = usize::try_from(*left) {
                bytes.truncate(most);
            }
            *left -= bytes.len() as u64;
            self.finished = *left == 0;
        }
    }

    fn is_complete(&self, guard: &Guard) -> bool {
        self.finished
            || match self.left {
                Left::Nothing => guard.stream.is_none(),
                Left::Bytes(left) => left == 0,
                Left::UntilEnd => self.body.is_end_stream(),
            }
    }
}

fn guard(unsettled: Option<Unsettled>, exchange: &Exchange<'_>) -> Hold {
    Hold::Guard(Arc::new(Guard {
        unsettled: Mutex::new(unsettled),
        lost: AtomicBool::new(false),
        link: exchange.link.clone(),
        stream: exchange.http2.then(|| OpenStream::new(exchange.link)),
    }))
}

fn length(headers: &HeaderMap, body: &Body) -> Option<u64> {
    match headers.get(header::CONTENT_LENGTH) {
        Some(value) => value.to_str().ok().and_then(|value| value.parse().ok()),
        None if headers.contains_key(header::TRANSFER_ENCODING) => None,
        None => body.size_hint().exact(),
    }
}

/// RFC 9110, section 9.3.2: the answer to HEAD has the headers that GET would have.
fn set_content_length(headers: &mut HeaderMap, body: &Body) {
    if let Some(length) = body.size_hint().exact()
        && length > 0
    {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

impl HttpBody for Outgoing {
    type Data = Chunk;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Chunk>, axum::Error>>> {
        let this = self.get_mut();
        if this.withheld {
            this.finished = true;
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        Poll::Ready(match frame {
            None => {
                this.finished = !matches!(this.left, Left::Bytes(1..));
                None
            }
            Some(Err(error)) => Some(Err(error)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(mut bytes) => {
                    this.account(&mut bytes);
                    Some(Ok(Frame::data(Chunk { bytes, hold: this.hold.clone() })))
                }
                Err(frame) => {
                    this.finished = !matches!(this.left, Left::Bytes(1..));
                    frame.into_trailers().ok().map(|trailers| Ok(Frame::trailers(trailers)))
                }
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.hold {
            Some(Hold::Guard(_)) => self.finished || (!self.withheld && self.body.is_end_stream()),
            _ => self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.withheld { SizeHint::default() } else { self.body.size_hint() }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(Hold::Guard(guard)) = &self.hold
            && !self.is_complete(guard)
        {
            guard.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// Turns hyper's body into axum's. A request without a body costs no allocation.
pub(super) fn incoming(body: Incoming, deadline: Option<Instant>) -> Body {
    match deadline {
        _ if body.is_end_stream() => Body::empty(),
        None => Body::new(body),
        Some(deadline) => Body::new(Deadline { body, sleep: Box::pin(tokio::time::sleep_until(deadline)) }),
    }
}

/// A request's body that has to be read by a point in time.
struct Deadline {
    body: Incoming,
    sleep: Pin<Box<Sleep>>,
}

impl HttpBody for Deadline {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|result| result.map_err(Into::into)));
        }
        std::task::ready!(self.sleep.as_mut().poll(cx));
        let timeout = io::Error::new(io::ErrorKind::TimedOut, "the request's body did not arrive in time");
        Poll::Ready(Some(Err(timeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
