//! One connection from accept to close: silence, TLS, the choice of the protocol.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tower_service::Service;

use super::io::{Io, Stream};
use super::link::{CloseOnDrop, Link, Phase};
use super::service::Requests;
use super::timeouts::{Timeouts, within};
use super::{Peer, ServerOptions, Tls, http1, http2, tls};

/// Go's limit for the handshake, where no shorter timeout is configured.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What all connections of a server have in common.
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) timeouts: Timeouts,
    pub(super) http1: hyper::server::conn::http1::Builder,
    pub(super) max_header_bytes: usize,
    tls: Option<Tls>,
    h2c: bool,
}

impl<S> Shared<S> {
    pub(super) fn new(service: S, options: &ServerOptions) -> Self {
        let timeouts = Timeouts::new(
            options.read_timeout,
            options.read_header_timeout,
            options.write_timeout,
            options.idle_timeout,
        );
        Self {
            service,
            timeouts,
            http1: http1::builder(options),
            max_header_bytes: options.max_header_bytes,
            tls: options.tls.clone(),
            h2c: options.h2c,
        }
    }
}

/// Serves a connection to its end. Small while the client says nothing: the buffers of TLS and HTTP
/// are made when its first bytes are there.
pub(super) async fn run<S>(stream: TcpStream, peer: SocketAddr, link: Arc<Link>, shared: Arc<Shared<S>>)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let _close = CloseOnDrop(link.clone());
    let limit = if shared.tls.is_some() { Some(handshake_timeout(&shared.timeouts)) } else { shared.timeouts.head };
    // Not `readable`: a fresh socket counts as readable until it was tried.
    match link.unless_finishing(within(limit, stream.peek(&mut [0]))).await {
        Some(Some(Ok(1..))) => {}
        _ => return,
    }
    let chosen = match shared.tls.is_some() || shared.h2c {
        true => boxed(choose(stream, link.clone(), shared.clone())).await,
        false => Ok(Some(Chosen { stream: Stream::Plain(stream), prefix: Vec::new(), http2: false })),
    };
    let result = match chosen {
        Ok(Some(chosen)) => drive(chosen, peer, link, shared).await.map_err(io::Error::other),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// A connection whose protocol is known.
struct Chosen {
    stream: Stream,
    /// What was read to know it.
    prefix: Vec<u8>,
    http2: bool,
}

fn drive<S>(chosen: Chosen, peer: SocketAddr, link: Arc<Link>, shared: Arc<Shared<S>>) -> BoxFuture<hyper::Result<()>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let Chosen { stream, prefix, http2 } = chosen;
    let io = Io::new(stream, link.clone(), prefix, http2, shared.timeouts.any());
    let requests = Requests { shared, link, peer: Peer::new(peer), http2 };
    if http2 { boxed(http2::drive(io, requests)) } else { boxed(http1::drive(io, requests)) }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// As a function of its own, so that the caller's future has no room for what goes into the box.
fn boxed<F: Future + Send + 'static>(future: F) -> BoxFuture<F::Output> {
    Box::pin(future)
}

/// Speaks TLS where configured, and finds out which HTTP follows; `None` when the server shuts down
/// first.
async fn choose<S>(mut stream: TcpStream, link: Arc<Link>, shared: Arc<Shared<S>>) -> io::Result<Option<Chosen>> {
    let late = |what: &str| io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long"));
    if let Some(tls) = &shared.tls {
        let handshake = within(Some(handshake_timeout(&shared.timeouts)), tls.accept(stream));
        let Some(stream) = link.unless_finishing(handshake).await else { return Ok(None) };
        let stream = stream.ok_or_else(|| late("the TLS handshake"))??;
        // Go's clock for the first head starts after the handshake.
        link.enter(Phase::Head);
        let http2 = tls::is_http2(&stream);
        return Ok(Some(Chosen { stream: Stream::Tls(Box::new(stream)), prefix: Vec::new(), http2 }));
    }
    let mut prefix = Vec::new();
    let preface = within(shared.timeouts.head, begins_with_preface(&mut stream, &mut prefix));
    let Some(http2) = link.unless_finishing(preface).await else { return Ok(None) };
    let http2 = http2.ok_or_else(|| late("the first bytes"))??;
    Ok(Some(Chosen { stream: Stream::Plain(stream), prefix, http2 }))
}

/// The shortest timeout that is configured, at most Go's ten seconds.
fn handshake_timeout(timeouts: &Timeouts) -> Duration {
    [timeouts.head, timeouts.read, timeouts.write].into_iter().flatten().fold(HANDSHAKE_TIMEOUT, Duration::min)
}

/// Reads until it is clear whether the client speaks HTTP/2. What was read is in `prefix`.
async fn begins_with_preface(stream: &mut TcpStream, prefix: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; PREFACE.len()];
    loop {
        let wanted = PREFACE.len() - prefix.len();
        let count = stream.read(&mut buffer[..wanted]).await?;
        prefix.extend_from_slice(&buffer[..count]);
        if !PREFACE.starts_with(prefix) || count == 0 {
            return Ok(false);
        }
        if prefix.len() == PREFACE.len() {
            return Ok(true);
        }
    }
}
