//! Drives an HTTP/1 connection.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::server::conn::http1::{Builder, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tower_service::Service;

use super::io::Io;
use super::link::Link;
use super::service::Requests;
use super::settle::{Unsettled, lock};
use super::timeouts::{PhaseTimer, While};
use super::{HALF_CLOSED_WAIT, LAST_HEAD_WAIT, ServerOptions};

/// Go allows this much more than `max_header_bytes`.
const SPARE_HEADER_BYTES: usize = 4096;

/// hyper's own default, also the most that it collects of a response before it writes.
const LEAST_BUFFER_BYTES: usize = 8192 + 4096 * 100;

/// What is read and thrown away after an early answer, so that closing does not reset the connection
/// before the client has seen it. The numbers are Go's.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 << 10;

pub(super) fn builder(options: &ServerOptions) -> Builder {
    let max_header_bytes = options.max_header_bytes.saturating_add(SPARE_HEADER_BYTES);
    // `max_headers` stays at hyper's 100 (Envoy's default too): room for more comes from the heap, for each request, and
    // costs a tenth of it.
    let mut builder = Builder::new();
    builder
        .half_close(true)
        .keep_alive(options.keep_alive)
        .max_header_size(max_header_bytes)
        .max_buf_size(max_header_bytes.max(LEAST_BUFFER_BYTES));
    builder
}

enum End {
    Done(hyper::Result<()>),
    Cut,
}

pub(super) async fn drive<S>(io: Io, requests: Requests<S>) -> hyper::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let link = requests.link.clone();
    let shared = requests.shared.clone();
    let timeouts = shared.timeouts;
    let mut timer = timeouts.any().then(|| PhaseTimer::new(timeouts));
    let mut connection = shared.http1.serve_connection(TokioIo::new(io), requests);
    let mut told = false;
    let mut last_head = While::new(LAST_HEAD_WAIT);
    let end = poll_fn(|cx| {
        link.register(cx.waker());
        if let Poll::Ready(end) = poll(&mut connection, &link, &mut told, cx) {
            return Poll::Ready(end);
        }
        // hyper would wait for the rest of a first head for ever.
        if last_head.poll(told && link.requests() == 0, cx).is_ready() {
            return Poll::Ready(End::Cut);
        }
        if let Some(timer) = &mut timer
            && let Poll::Ready(phase) = timer.poll(&link, cx)
        {
            tracing::debug!(?phase, "timeout");
            return Poll::Ready(End::Cut);
        }
        Poll::Pending
    })
    .await;
    let End::Done(result) = end else { return Ok(()) };
    let mut io = connection.into_parts().io.into_inner();
    if result.is_ok() {
        settle_held(&link, &io).await;
    }
    let refused = result.as_ref().is_err_and(|error| error.is_parse() || error.is_parse_too_large());
    if !io.has_ended() && (refused || link.body_expected()) {
        link.unless_cut(linger(&mut io)).await;
    }
    result
}

fn poll<S>(
    connection: &mut Connection<TokioIo<Io>, Requests<S>>,
    link: &Link,
    told: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<End>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    loop {
        if link.is_cut() {
            return Poll::Ready(End::Cut);
        }
        if let Poll::Ready(result) = Pin::new(&mut *connection).poll(cx) {
            return Poll::Ready(End::Done(result));
        }
        // Only after a poll: a request that has arrived is accepted.
        if *told || !link.is_finishing() {
            return Poll::Pending;
        }
        *told = true;
        Pin::new(&mut *connection).graceful_shutdown();
    }
}

/// Settles what was flushed for a half-closed client. One that is gone has answered with a reset by
/// the end of the wait.
async fn settle_held(link: &Link, io: &Io) {
    if lock(&link.held).is_empty() || link.unless_cut(tokio::time::sleep(HALF_CLOSED_WAIT)).await.is_none() {
        return;
    }
    let held = mem::take(&mut *lock(&link.held));
    match io.take_error() {
        Some(error) => tracing::debug!(%error, "the client had gone"),
        None => held.into_iter().for_each(Unsettled::delivered),
    }
}

async fn linger(io: &mut Io) {
    let drain = async {
        let mut buffer = vec![0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match io.read(&mut buffer).await {
                Ok(count @ 1..) => left = left.saturating_sub(count),
                _ => return,
            }
        }
    };
    // Whether it ended or the time was up is all the same.
    let _ = tokio::time::timeout(LINGER, drain).await;
}
