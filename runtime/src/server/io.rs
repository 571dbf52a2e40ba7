//! The bytes of a connection, plain or under TLS, and what their movement means: a flush settles, a
//! first byte starts a head.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::link::{Link, Phase};
use super::refusal;
use super::settle::{Unsettled, lock};
use super::tls::TlsStream;

/// The transport of a connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => super::tls::tcp(stream),
        }
    }
}

/// Runs an expression on whichever transport it is.
macro_rules! on_stream {
    ($self:expr, $stream:ident => $call:expr) => {
        match &mut $self.stream {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

/// What hyper reads from and writes to.
pub(super) struct Io {
    stream: Stream,
    link: Arc<Link>,
    /// Bytes that were read to tell the protocol; hyper gets them first.
    prefix: Vec<u8>,
    prefix_read: usize,
    http2: bool,
    timed: bool,
    ended: bool,
    /// Room for what a flush settles, kept for the next.
    sent: Vec<Unsettled>,
    /// Requests that had begun when everything was last flushed.
    answered: u64,
    /// The rest of what is sent instead of hyper's own answer.
    refusal: &'static [u8],
}

impl Io {
    pub(super) fn new(stream: Stream, link: Arc<Link>, prefix: Vec<u8>, http2: bool, timed: bool) -> Self {
        let sent = Vec::new();
        Self { stream, link, prefix, prefix_read: 0, http2, timed, ended: false, sent, answered: 0, refusal: &[] }
    }

    /// Whether the client said that it sends no more, or broke off.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The error that the socket met since it was last asked: a client that is gone answers what it
    /// is sent with a reset.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.stream.tcp().take_error().unwrap_or_else(Some)
    }

    /// Whether the client's FIN has arrived, read or not. Costs no system call.
    fn is_half_closed(&self, cx: &mut Context<'_>) -> bool {
        let tcp = self.stream.tcp();
        // The cheaper question first: mostly there is nothing to read at all.
        if tcp.poll_read_ready(cx).is_pending() {
            return false;
        }
        let ready = tcp.ready(Interest::READABLE).now_or_never();
        matches!(ready, Some(Ok(ready)) if ready.is_read_closed())
    }

    fn written(&self, result: &Poll<io::Result<usize>>) {
        if self.timed && matches!(result, Poll::Ready(Ok(1..))) {
            self.link.wrote();
        }
    }

    /// Whether `bytes` are hyper's own answer to what is no request; then another one is sent at the next flush.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        if self.http2 || self.link.requests() != self.answered {
            return false;
        }
        let Some(answer) = refusal::instead_of(bytes) else { return false };
        self.refusal = answer;
        true
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let rest = self.refusal;
            let count = ready!(on_stream!(self, stream => stream.poll_write(cx, rest)))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal = &rest[count..];
        }
        Poll::Ready(Ok(()))
    }

    /// HTTP/1: hyper flushes only when its own buffer is empty, so everything that waits is out.
    fn flushed(&mut self, cx: &mut Context<'_>) {
        self.answered = self.link.requests();
        self.link.settlements.take_into(&mut self.sent);
        if !self.sent.is_empty() {
            if self.is_half_closed(cx) {
                lock(&self.link.held).append(&mut self.sent);
            }
            self.sent.drain(..).for_each(Unsettled::delivered);
        }
        if self.timed && self.link.phase().0 == Phase::Flushing {
            self.link.enter(Phase::Idle);
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix_read < this.prefix.len() {
            let rest = &this.prefix[this.prefix_read..];
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..count]);
            this.prefix_read += count;
            if this.prefix_read == this.prefix.len() {
                this.prefix = Vec::new();
                this.prefix_read = 0;
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let asked = buffer.remaining();
        let result = on_stream!(this, stream => stream.poll_read(cx, buffer));
        match &result {
            Poll::Ready(Ok(())) if buffer.filled().len() == before && asked > 0 => this.ended = true,
            Poll::Ready(Err(_)) => this.ended = true,
            Poll::Ready(Ok(())) if this.timed && this.link.phase().0 == Phase::Idle => this.link.enter(Phase::Head),
            _ => {}
        }
        result
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.set_unflushed(true);
        if this.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = on_stream!(this, stream => stream.poll_write(cx, bytes));
        this.written(&result);
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.set_unflushed(true);
        if let [slice] = slices
            && this.replaces(slice)
        {
            return Poll::Ready(Ok(slice.len()));
        }
        let result = on_stream!(this, stream => stream.poll_write_vectored(cx, slices));
        this.written(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(cx))?;
        let result = on_stream!(this, stream => stream.poll_flush(cx));
        if let Poll::Ready(Ok(())) = result {
            this.link.set_unflushed(false);
            if !this.http2 {
                this.flushed(cx);
            }
        }
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, stream => stream.poll_shutdown(cx))
    }
}
