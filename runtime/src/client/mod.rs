//! The pooled HTTP client for HTTP backends.
//!
//! One client serves all backends of a gateway. Connections are kept open and reused per scheme, host and port,
//! as many as there are requests at once; HTTP/2 is used where a TLS backend offers it, and without TLS where the config
//! says so. `TCP_NODELAY` is set.
//!
//! **Retries.** A backend may close an unused connection at the moment it is given a request. A request that was
//! not written yet goes out again on another connection, whatever its method. One that was written is repeated only
//! if no byte of a response came, the connection had served before, the method is GET, HEAD, OPTIONS or TRACE, and
//! there is no body: then, and as in Go's `Transport`, it can do no harm. Anything else is
//! [`ClientErrorKind::Closed`]. A fresh connection never leads to a repetition, so a backend that always hangs up
//! sees a request once.
//!
//! **Proxies.** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read at start, as Go does: see `proxy`.
//!
//! **Not done here.** Redirects are not followed, bodies are not decompressed: backends do that.

mod connector;
mod error;
mod expect;
pub(crate) mod gzip;
mod hosts;
mod options;
mod proxy;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod transport;

use std::sync::Arc;

use axum::body::Body;
use http::header::{CONNECTION, PROXY_AUTHORIZATION};
use http::{Extensions, HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::connector::Connector;
pub use self::error::{ClientError, ClientErrorKind};
pub(crate) use self::hosts::Hosts;
pub use self::options::{ClientOptions, ClientTls};
use self::proxy::Proxies;
use self::tls::Tls;
use self::transport::Activity;

/// Sends requests to HTTP backends over a pool of connections. Cloning shares the pool.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<Connector, Body>,
    connector: Connector,
    proxies: Option<Arc<Proxies>>,
    options: ClientOptions,
}

impl HttpClient {
    /// Makes a client without connections. With the feature `tls` it reads the system's certificates, which
    /// takes some milliseconds.
    ///
    /// # Errors
    /// TLS cannot be set up, or `HTTP_PROXY` or `HTTPS_PROXY` is not a proxy that can be used.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        Ok(Self::with(options, Tls::new(&options.tls)?, Proxies::from_env()?))
    }

    fn with(options: &ClientOptions, tls: Tls, proxies: Option<Proxies>) -> Self {
        let proxies = proxies.map(Arc::new);
        let connector = Connector::new(options, tls, proxies.clone());
        Self { client: pool(options, connector.clone(), false), connector, proxies, options: *options }
    }

    /// The same for backends that speak HTTP/2 without TLS, by prior knowledge. Connections are its own, and no proxy
    /// is used.
    #[must_use]
    pub fn h2c(&self) -> Self {
        let connector = self.connector.clone().direct();
        Self { client: pool(&self.options, connector.clone(), true), connector, proxies: None, options: self.options }
    }

    /// How it was made.
    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Sends `request`, whose URI is absolute, and waits for the headers of the response. Must be called on a
    /// tokio runtime with I/O and time. Dropping the future gives the request up.
    ///
    /// `again` makes the same request without a body once more, for the rare case that it is repeated: see the
    /// [module](self). `Host` is added when it is missing. The request's HTTP version is not looked at: the connection
    /// decides.
    ///
    /// # Errors
    /// See [`ClientErrorKind`]. A status is never an error.
    pub async fn send(
        &self,
        request: Request<Body>,
        again: impl Fn() -> Option<Request<Body>>,
    ) -> Result<Response<Incoming>, ClientError> {
        let authority = request.uri().authority().cloned();
        let sent = self.send_again_if_harmless(request, again);
        let answered = match self.options.response_header_timeout {
            None => sent.await,
            Some(limit) => match tokio::time::timeout(limit, sent).await {
                Ok(answered) => answered,
                Err(late) => return Err(ClientError::new(ClientErrorKind::HeaderTimeout, late).to(authority.as_ref())),
            },
        };
        answered.map_err(|error| ClientError::of_client(error).to(authority.as_ref()))
    }

    async fn send_again_if_harmless(
        &self,
        mut request: Request<Body>,
        again: impl Fn() -> Option<Request<Body>>,
    ) -> Result<Response<Incoming>, Error> {
        let harmless = is_harmless(&request);
        if let Some(limit) = self.options.expect_continue_timeout {
            request = expect::wait_for_continue(request, limit);
        }
        loop {
            if let Some(proxies) = &self.proxies
                && let Some(authorization) = proxies.authorization(request.uri())
            {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
            }
            *request.version_mut() = Version::HTTP_11;
            if self.options.disable_keep_alives {
                request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            match self.client.request(request).await {
                // Ends at the latest when the pool has no old connection left.
                Err(error) if harmless && failed_unanswered(&error) => match again() {
                    Some(copy) => request = copy,
                    None => return Err(error),
                },
                answered => return answered,
            }
        }
    }
}

fn pool(options: &ClientOptions, connector: Connector, h2c: bool) -> Client<Connector, Body> {
    let idle = if options.disable_keep_alives { 0 } else { options.max_idle_connections_per_host };
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(options.idle_connection_timeout)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_only(h2c)
        .build(connector)
}

/// Whether sending it twice is the same as sending it once: RFC 9110, 9.2.1.
fn is_harmless(request: &Request<Body>) -> bool {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    safe && request.body().size_hint().exact() == Some(0)
}

fn failed_unanswered(error: &Error) -> bool {
    let Some(connection) = error.connect_info() else { return false };
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    extras.get::<Activity>().is_some_and(Activity::failed_unanswered)
}

#[cfg(test)]
mod tests;
