use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::transport::Transport;
use super::{ClientError, ClientErrorKind, ClientTls};
use crate::server::{self, Certificates, TlsOptions};
use crate::tls::{files, path};

/// As in KrakenD, where it cannot be configured.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How TLS is spoken to backends: rustls on aws-lc-rs, HTTP/2 preferred.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// Reads files.
    pub(super) fn new(tls: &ClientTls) -> Result<Self, ClientError> {
        // The server's options, which mean the same here: numbers, versions and the files of certificates.
        let options = TlsOptions {
            keys: files(tls.client_certs),
            min_version: crate::tls::version(tls.min_version),
            max_version: crate::tls::version(tls.max_version),
            cipher_suites: tls.cipher_suites.to_vec(),
            curves: tls.curve_preferences.to_vec(),
            ..TlsOptions::default()
        };
        let provider = Arc::new(options.provider().map_err(unusable)?);
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&options.versions().map_err(unusable)?)
            .map_err(unusable)?;
        let builder = if tls.allow_insecure_connections {
            tracing::warn!("certificates of backends are not checked: allow_insecure_connections is set");
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider.clone())))
        } else {
            builder.with_root_certificates(roots(tls)?)
        };
        let mut config = if options.keys.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder.with_client_cert_resolver(Arc::new(Certificates::load(&options.keys, provider).map_err(unusable)?))
        };
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

/// The system's authorities, or the bundled ones where the system has none, and those of the config.
fn roots(tls: &ClientTls) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    if !tls.disable_system_ca_pool {
        let system = rustls_native_certs::load_native_certs();
        let (added, ignored) = roots.add_parsable_certificates(system.certs);
        tracing::debug!(added, ignored, errors = system.errors.len(), "system's TLS roots");
        if added == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    for file in tls.ca_certs {
        for certificate in server::read_certificates(&path(file)).map_err(unusable)? {
            roots.add(certificate).map_err(|error| unusable(format!("{file}: {error}")))?;
        }
    }
    // Without authorities no connection succeeds, which only matters where there is one with TLS.
    Ok(roots)
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
    ClientError::new(ClientErrorKind::Tls, error)
}

fn unusable(error: impl std::fmt::Display) -> ClientError {
    failed(format!("client_tls: {error}"))
}

/// `allow_insecure_connections`: believes every certificate. What a peer signs must still be signed with it.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
