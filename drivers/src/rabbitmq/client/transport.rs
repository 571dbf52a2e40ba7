//! The bytes of a connection for lapin, which has a thread of its own for them.
//!
//! lapin can speak TLS itself, with three dozen crates more than ours needs; and it can neither be told that a server does
//! not answer any more, nor tell when it has ended. Both are done here, through the stream that it is given.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::Task;
use async_rs::{Runtime, Tokio};
use futures_util::Stream as Items;
use futures_util::io::{AsyncRead, AsyncWrite};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::sync::watch;

use crate::stream::Stream;

/// The runtime that a connection is made on, with our own streams.
#[derive(Clone, Debug)]
pub(super) struct Kit(Tokio);

/// The stream of one connection.
pub(super) struct Transport {
    stream: Stream,
    cut: Arc<Cut>,
    /// Tells that this was dropped.
    _alive: watch::Sender<()>,
}

/// Ends a connection from outside, and tells when it has ended.
pub(super) struct Line {
    cut: Arc<Cut>,
    alive: watch::Receiver<()>,
}

struct Cut {
    is_cut: AtomicBool,
    /// Who waits for something to read.
    reader: Mutex<Option<Waker>>,
    opened: Instant,
    /// When something was read last, in milliseconds after that.
    heard: AtomicU64,
}

impl Transport {
    pub(super) fn new(stream: Stream) -> (Self, Line) {
        let (sender, alive) = watch::channel(());
        let (is_cut, reader, heard) = (AtomicBool::new(false), Mutex::default(), AtomicU64::new(0));
        let cut = Arc::new(Cut { is_cut, reader, opened: Instant::now(), heard });
        (Self { stream, cut: Arc::clone(&cut), _alive: sender }, Line { cut, alive })
    }
}

impl Line {
    /// How long nothing was heard of the server.
    pub(super) fn silence(&self) -> Duration {
        self.cut.opened.elapsed().saturating_sub(Duration::from_millis(self.cut.heard.load(Ordering::Relaxed)))
    }

    /// Waits until the connection's thread has ended.
    pub(super) async fn ended(&mut self) {
        while self.alive.changed().await.is_ok() {}
    }
}

/// A thread that waits for a server's answer would wait for good.
impl Drop for Line {
    fn drop(&mut self) {
        self.cut.is_cut.store(true, Ordering::Release);
        let reader = self.cut.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Cut {
    fn check(&self) -> io::Result<()> {
        match self.is_cut.load(Ordering::Acquire) {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was given up")),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut buffer = ReadBuf::new(buffer);
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, &mut buffer) {
            let heard = u64::try_from(this.cut.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
            this.cut.heard.store(heard, Ordering::Relaxed);
            return Poll::Ready(read.map(|()| buffer.filled().len()));
        }
        // Kept before it is looked at, or the end could come in between.
        *this.cut.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        match this.cut.check() {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.cut.check()?;
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A server that does not read is not waited for.
        this.cut.check()?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

// === impl Kit ===

impl Kit {
    /// The runtime that this is called on.
    pub(super) fn runtime() -> Runtime<Self> {
        Runtime::new(Self(Tokio::current()))
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.0.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, future: F) -> Task<Self::Task<T>> {
        self.0.spawn(future)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, work: F) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(work)
    }
}

impl Reactor for Kit {
    type TcpStream = Transport;
    type Sleep = <Tokio as Reactor>::Sleep;

    // Another bound of the trait cannot be named outside its crate; nobody asks for this.
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Transport, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Items<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    // Nor for this: connections are made before they are handed over.
    fn tcp_connect_addr(
        &self,
        _: std::net::SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
