use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// TCP, or TLS over it.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

// The states of a connection; 0 until something is read.
/// Something was read since the last write.
const ANSWERED: u8 = 1;
/// Something was read before the last write, and nothing since: a request on a reused connection waits.
const REUSED: u8 = 2;

/// What a connection is doing. Shared with hyper's pool, which hands it out with an error.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity(Arc<AtomicU8>);

impl Activity {
    /// Whether the request that failed was on a connection that had served before, and no byte of its response
    /// came. Only for HTTP/1, where a connection has one request at a time.
    pub(super) fn failed_unanswered(&self) -> bool {
        self.0.load(Ordering::Relaxed) == REUSED
    }

    fn has_read(&self) {
        self.0.store(ANSWERED, Ordering::Relaxed);
    }

    fn writes(&self) {
        if self.0.load(Ordering::Relaxed) == ANSWERED {
            self.0.store(REUSED, Ordering::Relaxed);
        }
    }
}

/// A connection to a backend that knows whether it has answered.
pub(super) struct Transport {
    io: Box<dyn Io>,
    http2: bool,
    proxied: bool,
    activity: Activity,
}

impl Transport {
    pub(super) fn new(io: impl Io + 'static, http2: bool) -> Self {
        Self { io: Box::new(io), http2, proxied: false, activity: Activity::default() }
    }

    /// With a proxy at the other end that is told whole URLs.
    pub(super) fn through_proxy(self, proxied: bool) -> Self {
        Self { proxied, ..self }
    }
}

impl Connection for Transport {
    fn connected(&self) -> Connected {
        if self.http2 {
            return Connected::new().negotiated_h2();
        }
        Connected::new().proxy(self.proxied).extra(self.activity.clone())
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.has_read();
        }
        polled
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.activity.writes();
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.writes();
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
