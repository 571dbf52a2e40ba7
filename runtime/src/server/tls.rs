//! TLS for the server: versions, suites and curves as Go names them, client certificates, and
//! certificates that are read again when their files change.

mod certificates;
mod error;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

pub(crate) use self::certificates::{Certificates, read_certificates};
pub use self::error::TlsError;

pub(super) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// A version of TLS. Older ones than these are not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The files of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsKey {
    /// PEM: the certificate, then the chain up to the root.
    pub certificate: PathBuf,
    /// PEM: its private key, PKCS#8, PKCS#1 or SEC1.
    pub private_key: PathBuf,
}

/// What a TLS server offers and demands. See KrakenD's `tls`.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// At least one. The client's server name chooses; the first is for those that match none.
    pub keys: Vec<TlsKey>,
    /// The least version accepted.
    pub min_version: TlsVersion,
    /// The greatest version offered.
    pub max_version: TlsVersion,
    /// Demands a certificate of every client, signed by one of the authorities below.
    pub enable_mtls: bool,
    /// PEM files with authorities for client certificates.
    pub ca_certs: Vec<PathBuf>,
    /// Leaves the system's authorities out.
    pub disable_system_ca_pool: bool,
    /// By IANA number; empty means all. As in Go, TLS 1.3's suites are always on, and this chooses
    /// among those of TLS 1.2.
    pub cipher_suites: Vec<u16>,
    /// By IANA number, in no order; empty means the defaults.
    pub curves: Vec<u16>,
}

impl Default for TlsOptions {
    /// KrakenD's: TLS 1.3, no client certificates. The keys are missing.
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            min_version: TlsVersion::Tls13,
            max_version: TlsVersion::Tls13,
            enable_mtls: false,
            ca_certs: Vec::new(),
            disable_system_ca_pool: false,
            cipher_suites: Vec::new(),
            curves: Vec::new(),
        }
    }
}

impl TlsOptions {
    /// Reads all files and checks that everything fits together. Blocks on the file system.
    ///
    /// # Errors
    /// A file, number or combination that does not work, by name.
    pub fn load(self) -> Result<Tls, TlsError> {
        let provider = Arc::new(self.provider()?);
        let versions = self.versions()?;
        let certificates = Arc::new(Certificates::load(&self.keys, provider.clone())?);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(TlsError::Configuration)?;
        let builder = if self.enable_mtls {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.authorities()?), provider)
                .build()
                .map_err(|error| TlsError::Configuration(rustls::Error::General(error.to_string())))?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Configuration)?;
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(crate) fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        use TlsVersion::{Tls12, Tls13};
        match (self.min_version, self.max_version) {
            (Tls12, Tls12) => Ok(vec![&rustls::version::TLS12]),
            (Tls12, Tls13) => Ok(vec![&rustls::version::TLS13, &rustls::version::TLS12]),
            (Tls13, Tls13) => Ok(vec![&rustls::version::TLS13]),
            (Tls13, Tls12) => Err(TlsError::Versions),
        }
    }

    pub(crate) fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = aws_lc_rs::default_provider();
        if !self.cipher_suites.is_empty() {
            let known = |id| provider.cipher_suites.iter().any(|suite| u16::from(suite.suite()) == id);
            report_unusable("cipher suite", &self.cipher_suites, known, GO_CIPHER_SUITES)
                .map_err(TlsError::UnknownCipherSuite)?;
            provider.cipher_suites.retain(|suite| {
                matches!(suite, SupportedCipherSuite::Tls13(_)) || self.cipher_suites.contains(&suite.suite().into())
            });
        }
        if !self.curves.is_empty() {
            let known = |id| aws_lc_rs::ALL_KX_GROUPS.iter().any(|group| u16::from(group.name()) == id);
            report_unusable("curve", &self.curves, known, GO_CURVES).map_err(TlsError::UnknownCurve)?;
            provider.kx_groups = aws_lc_rs::ALL_KX_GROUPS
                .iter()
                .copied()
                .filter(|group| self.curves.contains(&group.name().into()))
                .collect();
            if provider.kx_groups.is_empty() {
                return Err(TlsError::NoCurve);
            }
        }
        Ok(provider)
    }

    fn authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if !self.disable_system_ca_pool {
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                tracing::warn!(%error, "an authority of the system cannot be read");
            }
            roots.add_parsable_certificates(system.certs);
        }
        for path in &self.ca_certs {
            for certificate in read_certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| TlsError::Certificate { path: path.clone(), message: error.to_string() })?;
            }
        }
        if roots.is_empty() { Err(TlsError::NoAuthority) } else { Ok(roots) }
    }
}

/// Go has these, rustls leaves them out for being weak: CBC, RSA key exchange, RC4, 3DES.
const GO_CIPHER_SUITES: &[u16] = &[
    0x0005, 0x000a, 0x002f, 0x0035, 0x003c, 0x009c, 0x009d, 0xc007, 0xc009, 0xc00a, 0xc011, 0xc012, 0xc013, 0xc014,
    0xc023, 0xc027,
];

/// P-521, which KrakenD's schema names in its example.
const GO_CURVES: &[u16] = &[25];

/// A number that Go knows and rustls does not is left out with a warning, so that a KrakenD file stays
/// valid; one that neither knows is returned.
fn report_unusable(what: &str, ids: &[u16], usable: impl Fn(u16) -> bool, known: &[u16]) -> Result<(), u16> {
    for &id in ids.iter().filter(|&&id| !usable(id)) {
        if !known.contains(&id) {
            return Err(id);
        }
        tracing::warn!(id, "this {what} is not supported and left out");
    }
    Ok(())
}

/// Loaded certificates, ready for connections. Clones share them.
///
/// A handshake looks whether the files have changed, at most once a second; one that cannot be used is
/// logged, and the old certificate stays. Authorities are not read again.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream> {
        self.acceptor.accept(stream).await
    }
}

pub(super) fn tcp(stream: &TlsStream) -> &TcpStream {
    stream.get_ref().0
}

/// Whether ALPN chose HTTP/2.
pub(super) fn is_http2(stream: &TlsStream) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::Files;

    fn options(files: &Files) -> TlsOptions {
        TlsOptions { keys: vec![files.key("a", &["a.test"])], ..TlsOptions::default() }
    }

    #[test]
    fn numbers_are_those_of_go() {
        let files = Files::new();
        type Change = fn(&mut TlsOptions);
        let cases: [(&str, Change, Option<&str>); 9] = [
            ("the defaults", |_| {}, None),
            ("KrakenD's example", |o| (o.cipher_suites, o.curves) = (vec![4865, 4866, 4867], vec![23, 24, 25]), None),
            ("a suite of TLS 1.2 with TLS 1.3", |o| o.cipher_suites = vec![0xc02f], None),
            ("a weak suite is left out", |o| o.cipher_suites = vec![0xc013, 0xc02f], None),
            ("no suite", |o| o.cipher_suites = vec![7], Some("7 is no cipher suite")),
            ("no curve", |o| o.curves = vec![29, 7], Some("7 is no curve")),
            ("no curve left", |o| o.curves = vec![25], Some("none of the curves is supported")),
            (
                "versions the wrong way round",
                |o| o.max_version = TlsVersion::Tls12,
                Some("the least TLS version is above the greatest"),
            ),
            (
                "nobody to trust",
                |o| (o.enable_mtls, o.disable_system_ca_pool) = (true, true),
                Some("client certificates need at least one authority that signs them"),
            ),
        ];
        for (name, change, want) in cases {
            let mut options = options(&files);
            change(&mut options);
            let error = options.load().err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), want, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let files = Files::new();
        let missing = files.path("missing.pem");
        let empty = files.write("empty.pem", "nothing");
        let good = files.key("good", &["a.test"]);
        let other = files.key("other", &["a.test"]);
        let keys = [
            (TlsKey { certificate: missing.clone(), ..good.clone() }, &missing),
            (TlsKey { private_key: missing.clone(), ..good.clone() }, &missing),
            (TlsKey { certificate: empty.clone(), ..good.clone() }, &empty),
            (TlsKey { private_key: empty.clone(), ..good.clone() }, &empty),
            (TlsKey { private_key: other.private_key.clone(), ..good.clone() }, &other.private_key),
        ];
        for (key, want) in keys {
            let options = TlsOptions { keys: vec![good.clone(), key], ..TlsOptions::default() };
            let error = options.load().expect_err("unusable").to_string();
            assert!(error.contains(&want.display().to_string()), "{error}");
        }
        let options = TlsOptions { enable_mtls: true, ca_certs: vec![missing.clone()], ..options(&files) };
        let error = options.load().expect_err("unusable").to_string();
        assert!(error.contains(&missing.display().to_string()), "{error}");
        assert!(matches!(TlsOptions::default().load(), Err(TlsError::NoKey)));
    }
}
