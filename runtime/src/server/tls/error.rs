//! What can be wrong with the TLS options.

use std::fmt;
use std::path::PathBuf;

use rustls_pki_types::pem;

/// TLS options that cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// No certificate is configured.
    NoKey,
    /// A file cannot be read, or is not the PEM that it should be.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A certificate that cannot be used, or does not belong to its key.
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// `min_version` is above `max_version`.
    Versions,
    /// A number that is no cipher suite.
    UnknownCipherSuite(u16),
    /// A number that is no curve.
    UnknownCurve(u16),
    /// None of the curves is supported.
    NoCurve,
    /// Client certificates are demanded, and there is no authority to check them.
    NoAuthority,
    /// The options do not fit together.
    Configuration(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("TLS needs a certificate and its private key"),
            Self::File { path, source: pem::Error::NoItemsFound } => {
                write!(f, "{}: holds neither certificate nor key of the expected kind", path.display())
            }
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Certificate { path, message } => write!(f, "{}: {message}", path.display()),
            Self::Versions => f.write_str("the least TLS version is above the greatest"),
            Self::UnknownCipherSuite(id) => write!(f, "{id} is no cipher suite"),
            Self::UnknownCurve(id) => write!(f, "{id} is no curve"),
            Self::NoCurve => f.write_str("none of the curves is supported"),
            Self::NoAuthority => f.write_str("client certificates need at least one authority that signs them"),
            Self::Configuration(error) => write!(f, "TLS cannot be configured so: {error}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Configuration(error) => Some(error),
            _ => None,
        }
    }
}
