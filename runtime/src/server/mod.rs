//! The server: accepts connections, speaks HTTP/1 and HTTP/2 on them, keeps Go's limits and timeouts,
//! settles what a response consumed after the flush, and shuts down without cutting anyone off.
//!
//! - **Half-closed clients.** A client that closes its sending side after the request (`nc`, `ncat`)
//!   still gets its answer on HTTP/1. A client that went away for good looks the same until it is sent
//!   something, so its handler is not cancelled, unlike in KrakenD. A settlement of such a response
//!   waits [half a second](HALF_CLOSED_WAIT) after the flush for the reset that tells the two apart.
//! - **HTTP/2** comes by ALPN under TLS, and by its preface with [`ServerOptions::h2c`] (prior
//!   knowledge; the `Upgrade` of RFC 7540 was withdrawn by RFC 9113). At most 250 streams at once.
//!   A settlement of a response without a body means that its end was sent, not that no reset of the
//!   stream crossed it.
//! - **Limits of hyper.** A request target is at most 65,534 bytes (else 414), a request has at
//!   most 100 header fields on HTTP/1 (else 431), whatever `max_header_bytes` allows.

mod body;
mod connection;
mod http1;
mod http2;
mod io;
mod link;
mod listen;
mod refusal;
mod service;
mod settle;
mod timeouts;
#[cfg_attr(not(feature = "tls"), path = "tls_absent.rs")]
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

pub use self::listen::Listener;
pub use self::settle::{Settle, Settling};
pub use self::tls::*;

use self::connection::Shared;
use self::link::Connections;

/// How long the settlement of a response waits for a reset from a half-closed client.
pub const HALF_CLOSED_WAIT: Duration = Duration::from_millis(500);

/// How long a connection that is being shut down may take to send the head of its first request, or
/// to close an HTTP/2 connection without open streams.
const LAST_HEAD_WAIT: Duration = Duration::from_secs(1);

/// Go's `DefaultMaxHeaderBytes`.
const DEFAULT_MAX_HEADER_BYTES: usize = 1 << 20;

/// How long [`serve`] waits for the tasks of connections that it has cut.
const CUT_WAIT: Duration = Duration::from_secs(1);

/// The client's end of the connection, in the extensions of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address. IPv4 is never written as IPv6.
    pub address: SocketAddr,
    /// The IP alone, as a header has it: written once per connection, as it is sent on with every request.
    pub ip: Option<HeaderValue>,
}

impl Peer {
    /// The peer at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, ip: HeaderValue::try_from(address.ip().to_canonical().to_string()).ok() }
    }
}

/// What a server allows. The timeouts mean what they mean in Go's net/http: `None` and zero are none.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// For a whole request with its body, from its first byte (the first request of a connection: from
    /// the moment it is ready). Reading a body beyond it is an error to the handler.
    pub read_timeout: Option<Duration>,
    /// For the head of a request. Defaults to `read_timeout`.
    pub read_header_timeout: Option<Duration>,
    /// From the end of a request's head to the last byte of its response; then the connection is
    /// closed. On HTTP/2 a stream whose handler or body takes longer is reset, and the connection is
    /// closed when a response waits and not a byte was taken for so long.
    pub write_timeout: Option<Duration>,
    /// Between two requests. Defaults to `read_timeout`.
    pub idle_timeout: Option<Duration>,
    /// For the head of a request: request line and fields. Go's 4096 spare bytes come on top. Beyond
    /// it: 431. Zero means the default.
    pub max_header_bytes: usize,
    /// `false` closes an HTTP/1 connection after its first response.
    pub keep_alive: bool,
    /// Accepts HTTP/2 without TLS from clients that begin with it.
    pub h2c: bool,
    /// Serves TLS and nothing else.
    pub tls: Option<Tls>,
    /// How long a shutdown waits for the requests in flight; `None` and zero are as long as they take.
    pub max_shutdown_wait: Option<Duration>,
}

impl Default for ServerOptions {
    /// Go's: no timeouts, 1 MiB of headers.
    fn default() -> Self {
        Self {
            read_timeout: None,
            read_header_timeout: None,
            write_timeout: None,
            idle_timeout: None,
            max_header_bytes: DEFAULT_MAX_HEADER_BYTES,
            keep_alive: true,
            h2c: false,
            tls: None,
            max_shutdown_wait: None,
        }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy when the wait was over, and were cut.
    pub connections_cut: usize,
}

/// Serves until `shutdown` is ready, and then until every request that was accepted is answered or
/// [`ServerOptions::max_shutdown_wait`] is over.
///
/// Spawns a task per connection on the current runtime. `service` must always be ready: its
/// `poll_ready` is not called. Every request carries a [`Peer`]; a response may carry a [`Settling`].
/// Dropping the future closes the listener; connections then go on until their clients leave.
///
/// # Errors
/// The listener cannot be registered with the runtime. Later trouble is logged and lived with.
pub async fn serve<S>(
    listener: Listener,
    service: S,
    mut options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<Drained>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let mut accepting = listener.accepting()?;
    let connections = Arc::new(Connections::default());
    let max_shutdown_wait = options.max_shutdown_wait.filter(|wait| !wait.is_zero());
    if options.max_header_bytes == 0 {
        options.max_header_bytes = DEFAULT_MAX_HEADER_BYTES;
    }
    let shared = Arc::new(Shared::new(service, &options));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, peer) = accepting.accept() => {
                tokio::spawn(connection::run(stream, peer, connections.open(), shared.clone()));
            }
        }
    }
    drop(accepting);
    connections.finish();
    Ok(Drained { connections_cut: drain(&connections, max_shutdown_wait).await })
}

async fn drain(connections: &Connections, limit: Option<Duration>) -> usize {
    if timeouts::within(limit, connections.closed()).await.is_some() {
        return 0;
    }
    let cut = connections.count();
    connections.cut();
    if tokio::time::timeout(CUT_WAIT, connections.closed()).await.is_err() {
        tracing::warn!("a handler blocks its thread; not waiting for it");
    }
    cut
}
