//! Drives an HTTP/2 connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::LAST_HEAD_WAIT;
use super::io::Io;
use super::link::{Link, OpenStream};
use super::service::Requests;
use super::settle::Unsettled;
use super::timeouts::{While, within};

/// Go's default.
const MAX_CONCURRENT_STREAMS: u32 = 250;

/// HTTP/2 counts 32 bytes more for each field; Go adds them for ten.
const FIELD_OVERHEAD_BYTES: usize = 320;

/// Runs the streams of a connection, each in a task.
#[derive(Clone)]
struct Streams {
    link: Arc<Link>,
    write_timeout: Option<Duration>,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let open = OpenStream::new(&self.link);
        let write_timeout = self.write_timeout;
        tokio::spawn(async move {
            // A stream that is dropped is reset.
            within(write_timeout, stream).await;
            drop(open);
        });
    }
}

pub(super) async fn drive<S>(io: Io, requests: Requests<S>) -> hyper::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let link = requests.link.clone();
    let timeouts = requests.shared.timeouts;
    let max_header_bytes = requests.shared.max_header_bytes.saturating_add(FIELD_OVERHEAD_BYTES);
    let mut builder = Builder::new(Streams { link: link.clone(), write_timeout: timeouts.write });
    builder
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX));
    let mut connection = builder.serve_connection(TokioIo::new(io), requests);
    let mut connection = Pin::new(&mut connection);

    let mut told = false;
    let mut armed = Vec::new();
    let mut last_wait = While::new(LAST_HEAD_WAIT);
    let mut idle = timeouts.idle.map(While::new);
    let mut stalled = timeouts.write.map(While::new);
    let mut writes = 0;
    poll_fn(|cx| {
        link.register(cx.waker());
        loop {
            if link.is_cut() {
                return Poll::Ready(Ok(()));
            }
            // What is armed was written or buffered before this poll of the connection begins; a poll
            // that ends with nothing unflushed has brought it to the socket.
            link.settlements.take_into(&mut armed);
            match connection.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => {
                    // h2 ends well only after it has flushed everything.
                    if !link.is_unflushed() {
                        link.settlements.take_into(&mut armed);
                        armed.drain(..).for_each(Unsettled::delivered);
                    }
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if !link.is_unflushed() => armed.drain(..).for_each(Unsettled::delivered),
                Poll::Pending => {}
            }
            let quiet = link.open_streams() == 0 && !link.is_unflushed();
            if let Some(timer) = &mut idle
                && timer.poll(quiet, cx).is_ready()
            {
                // GOAWAY tells the client that it may try again elsewhere.
                idle = None;
                told = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if !told && link.is_finishing() {
                told = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if let Some(timer) = &mut stalled {
                let moved = link.writes() != writes;
                writes = link.writes();
                if moved {
                    timer.restart();
                }
                if timer.poll(link.open_streams() > 0, cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
            }
            // A client that does not answer the GOAWAY must not keep the connection.
            return last_wait.poll(told && quiet, cx).map(Ok);
        }
    })
    .await
}
