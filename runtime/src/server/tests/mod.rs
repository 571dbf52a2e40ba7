//! The server over real sockets.

mod limits;
mod settlement_http1;
mod settlement_http2;
mod shutdown;
#[cfg(feature = "tls")]
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tower_service::Service;

#[cfg(feature = "tls")]
pub(crate) use self::tls::Files;

use super::settle::lock;
use super::*;

/// Only against hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than the socket buffers of both ends take.
const LARGE: usize = 32 << 20;

pub(super) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("hangs")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    GivenBack,
}

/// Sees what becomes of a settlement.
#[derive(Clone, Default)]
pub(super) struct Probe(Arc<ProbeState>);

#[derive(Default)]
struct ProbeState {
    seen: Mutex<Vec<Fate>>,
    changed: Notify,
}

impl Probe {
    pub(super) fn settling() -> (Settling, Self) {
        let probe = Self::default();
        (probe.another(), probe)
    }

    /// Several settlements can report to one probe.
    pub(super) fn another(&self) -> Settling {
        Settling::new(self.clone())
    }

    pub(super) fn seen(&self) -> Vec<Fate> {
        lock(&self.0.seen).clone()
    }

    /// Waits for `count` settlements.
    pub(super) async fn fates(&self, count: usize) -> Vec<Fate> {
        soon(async {
            loop {
                let changed = self.0.changed.notified();
                let seen = self.seen();
                if seen.len() >= count {
                    return seen;
                }
                changed.await;
            }
        })
        .await
    }

    fn push(&self, fate: Fate) {
        lock(&self.0.seen).push(fate);
        self.0.changed.notify_waiters();
    }
}

impl Settle for Probe {
    fn delivered(self) {
        self.push(Fate::Delivered);
    }

    fn given_back(self) {
        self.push(Fate::GivenBack);
    }
}

/// A service of a function.
#[derive(Clone)]
pub(super) struct Handler<F>(F);

impl<F, A> Service<Request<Body>> for Handler<F>
where
    F: Fn(Request<Body>) -> A,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

/// A server that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<Drained>>,
}

impl Running {
    pub(super) fn start<F, A>(options: ServerOptions, handler: F) -> Self
    where
        F: Fn(Request<Body>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, Handler(handler), options, shutdown));
        Self { address, stop: Some(stop), task }
    }

    /// Answers every request with `body` and the next settlement of the probe that is returned.
    pub(super) fn consuming(
        options: ServerOptions,
        body: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> (Self, Probe) {
        let probe = Probe::default();
        let settlements = probe.clone();
        let server = Self::start(options, move |_| {
            let mut response = body();
            response.extensions_mut().insert(settlements.another());
            async move { response }
        });
        (server, probe)
    }

    pub(super) async fn client(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("the server listens"))
    }

    pub(super) fn begin_shutdown(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }

    pub(super) async fn ended(self) -> Drained {
        soon(self.task).await.expect("no panic").expect("a listener")
    }
}

/// A client that writes and reads bytes.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.0.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    pub(super) async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    }

    /// Reads until what was read ends with `end`.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let count = soon(self.0.read_buf(&mut read)).await.expect("a response");
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&read));
        }
        String::from_utf8(read).expect("text")
    }

    /// Reads to the end of the connection; a reset ends it too.
    pub(super) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let _ = soon(self.0.read_to_end(&mut read)).await;
        String::from_utf8(read).expect("text")
    }

    /// Closes with a reset.
    pub(super) fn reset(self) {
        let socket = self.0.into_std().expect("a socket");
        socket2::Socket::from(socket).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
}

pub(super) fn large() -> Response<Body> {
    Response::new(Body::from(vec![b'x'; LARGE]))
}

pub(super) fn hello() -> Response<Body> {
    Response::new(Body::from("hello"))
}

/// A body of unknown length, from the chunks that are sent.
pub(super) fn streamed() -> (mpsc::UnboundedSender<Result<Bytes, &'static str>>, Response<Body>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let stream =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) });
    (sender, Response::new(Body::from_stream(stream)))
}

pub(super) fn chunks(chunks: &[Result<&'static str, &'static str>]) -> Response<Body> {
    let (sender, response) = streamed();
    for chunk in chunks {
        sender.send(chunk.map(Bytes::from)).expect("the body lives");
    }
    response
}
