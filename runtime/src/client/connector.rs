use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::proxy::Proxies;
use super::tls::Tls;
use super::transport::Transport;
use super::{ClientError, ClientErrorKind, ClientOptions};

/// Opens connections: TCP for `http`, TLS over it for `https`, either of them through a proxy where there is one.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    tls: Tls,
    proxies: Option<Arc<Proxies>>,
    dialer_timeout: Option<Duration>,
}

impl Connector {
    pub(super) fn new(options: &ClientOptions, tls: Tls, proxies: Option<Arc<Proxies>>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Without it a small request waits 40 ms for the acknowledgement of the one before.
        tcp.set_nodelay(true);
        tcp.set_keepalive(options.dialer_keep_alive);
        tcp.set_keepalive_interval(options.dialer_keep_alive);
        tcp.set_happy_eyeballs_timeout(options.dialer_fallback_delay);
        Self { tcp, tls, proxies, dialer_timeout: options.dialer_timeout }
    }

    /// The same without proxies.
    pub(super) fn direct(self) -> Self {
        Self { proxies: None, ..self }
    }
}

/// A TCP connection to the backend, or through a tunnel that ends there.
async fn dial(mut tcp: HttpConnector, uri: Uri, proxy: Option<Intercept>) -> Result<TcpStream, ClientError> {
    let Some(proxy) = proxy else {
        let stream = tcp.call(uri).await;
        return stream.map(TokioIo::into_inner).map_err(|error| ClientError::new(ClientErrorKind::Connect, error));
    };
    let of_proxy = |error: &dyn std::error::Error| {
        // The outer error only says that there is an inner one.
        let cause = std::iter::successors(Some(error), |error| error.source()).last().map(ToString::to_string);
        ClientError::new(ClientErrorKind::Connect, format!("the proxy: {}", cause.unwrap_or_default()))
    };
    if uri.scheme() != Some(&Scheme::HTTPS) {
        let stream = tcp.call(proxy.uri().clone()).await;
        return stream.map(TokioIo::into_inner).map_err(|error| of_proxy(&error));
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    if let Some(authorization) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    let stream = tunnel.call(uri).await;
    stream.map(TokioIo::into_inner).map_err(|error| of_proxy(&error))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Transport>;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ClientError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        self.tcp.poll_ready(context).map_err(|error| ClientError::new(ClientErrorKind::Connect, error))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = (uri.scheme() == Some(&Scheme::HTTPS)).then(|| (self.tls.clone(), uri.clone()));
        let proxy = self.proxies.as_ref().and_then(|proxies| proxies.intercept(&uri));
        let proxied = proxy.is_some();
        let dial = dial(self.tcp.clone(), uri, proxy);
        let dialer_timeout = self.dialer_timeout;
        Box::pin(async move {
            let tcp = match dialer_timeout {
                Some(limit) => tokio::time::timeout(limit, dial).await.map_err(|_| late("dialer_timeout", limit))??,
                None => dial.await?,
            };
            let transport = match tls {
                Some((tls, uri)) => tls.connect(&uri, tcp).await?,
                None => Transport::new(tcp, false).through_proxy(proxied),
            };
            Ok(TokioIo::new(transport))
        })
    }
}

fn late(what: &str, limit: Duration) -> ClientError {
    let error = io::Error::new(io::ErrorKind::TimedOut, format!("{what} of {limit:?} went by"));
    ClientError::new(ClientErrorKind::Connect, error)
}
