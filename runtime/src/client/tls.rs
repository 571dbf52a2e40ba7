use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::transport::Transport;
use super::{ClientError, ClientErrorKind};

/// As in KrakenD, where it cannot be configured.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How TLS is spoken to backends: rustls on aws-lc-rs, TLS 1.2 and 1.3, HTTP/2 preferred.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// Trusts the system's roots, and the bundled ones where the system has none. Reads files.
    pub(super) fn new() -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        let (added, ignored) = roots.add_parsable_certificates(system.certs);
        tracing::debug!(added, ignored, errors = system.errors.len(), "system's TLS roots");
        if added == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Self::trusting(roots)
    }

    pub(super) fn trusting(roots: RootCertStore) -> Result<Self, ClientError> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(super) async fn connect(&self, uri: &Uri, tcp: TcpStream) -> Result<Transport, ClientError> {
        // An IPv6 address stands in brackets in a URI only.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(failed)?;
        let handshake = self.connector.connect(name, tcp);
        let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(stream) => stream.map_err(failed)?,
            Err(_) => return Err(failed(format!("no handshake in {HANDSHAKE_TIMEOUT:?}"))),
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Transport::new(stream, http2))
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
    ClientError::new(ClientErrorKind::Tls, error)
}
