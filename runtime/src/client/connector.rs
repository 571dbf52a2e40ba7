use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::tls::Tls;
use super::transport::Transport;
use super::{ClientError, ClientErrorKind, ClientOptions};

/// Opens connections: TCP for `http`, TLS over it for `https`.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    tls: Tls,
    dialer_timeout: Option<Duration>,
}

impl Connector {
    pub(super) fn new(options: &ClientOptions, tls: Tls) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Without it a small request waits 40 ms for the acknowledgement of the one before.
        tcp.set_nodelay(true);
        tcp.set_keepalive(options.dialer_keep_alive);
        tcp.set_keepalive_interval(options.dialer_keep_alive);
        tcp.set_happy_eyeballs_timeout(options.dialer_fallback_delay);
        Self { tcp, tls, dialer_timeout: options.dialer_timeout }
    }
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
        let dial = self.tcp.call(uri);
        let dialer_timeout = self.dialer_timeout;
        Box::pin(async move {
            let tcp = match dialer_timeout {
                Some(limit) => tokio::time::timeout(limit, dial).await.map_err(|_| late("dialer_timeout", limit))?,
                None => dial.await,
            };
            let tcp = tcp.map_err(|error| ClientError::new(ClientErrorKind::Connect, error))?.into_inner();
            let transport = match tls {
                Some((tls, uri)) => tls.connect(&uri, tcp).await?,
                None => Transport::new(tcp, false),
            };
            Ok(TokioIo::new(transport))
        })
    }
}

fn late(what: &str, limit: Duration) -> ClientError {
    let error = io::Error::new(io::ErrorKind::TimedOut, format!("{what} of {limit:?} went by"));
    ClientError::new(ClientErrorKind::Connect, error)
}
