//! One connection from accept to close: silence, TLS, the choice of the protocol.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tower_service::Service;

use super::io::{Io, Stream};
use super::link::{CloseOnDrop, Link};
use super::service::Requests;
use super::timeouts::{Timeouts, within};
use super::{ServerOptions, Tls, http1, http2, tls};

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
    match link.unless_finishing(within(limit, stream.readable())).await {
        Some(Some(Ok(()))) => {}
        _ => return,
    }
    if let Err(error) = Box::pin(speak(stream, peer, link, shared)).await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

async fn speak<S>(stream: TcpStream, peer: SocketAddr, link: Arc<Link>, shared: Arc<Shared<S>>) -> io::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let mut prefix = Vec::new();
    let (stream, http2) = match &shared.tls {
        Some(tls) => {
            let handshake = within(Some(handshake_timeout(&shared.timeouts)), tls.accept(stream));
            let stream = match link.unless_finishing(handshake).await {
                None => return Ok(()),
                Some(None) => return Err(io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long")),
                Some(Some(stream)) => stream?,
            };
            // Go's clock for the first head starts after the handshake.
            link.enter(super::link::Phase::Head);
            let http2 = tls::is_http2(&stream);
            (Stream::Tls(Box::new(stream)), http2)
        }
        None if shared.h2c => {
            let mut stream = stream;
            let preface = within(shared.timeouts.head, begins_with_preface(&mut stream, &mut prefix));
            match link.unless_finishing(preface).await {
                Some(Some(http2)) => (Stream::Plain(stream), http2?),
                _ => return Ok(()),
            }
        }
        None => (Stream::Plain(stream), false),
    };
    let io = Io::new(stream, link.clone(), prefix, http2, shared.timeouts.any());
    let requests = Requests { shared, link, peer, http2 };
    let result = if http2 { http2::drive(io, requests).await } else { http1::drive(io, requests).await };
    result.map_err(io::Error::other)
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
