//! How TLS is spoken to servers: rustls on aws-lc-rs, TLS 1.2 and 1.3.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Who is trusted, and the certificate to show. Not shown, for its key.
pub(crate) struct Tls {
    /// Whether a server that does not offer TLS is refused.
    #[cfg_attr(
        not(any(feature = "nats", feature = "rabbitmq")),
        allow(dead_code, reason = "not every user has a choice")
    )]
    pub(crate) required: bool,
    /// Whether the system's roots are trusted as well, or the bundled ones where the system has none.
    system_roots: bool,
    roots: Vec<CertificateDer<'static>>,
    certificate: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
}

impl Tls {
    pub(crate) fn new(required: bool, system_roots: bool) -> Self {
        Self { required, system_roots, roots: Vec::new(), certificate: Vec::new(), key: None }
    }

    pub(crate) fn add_roots(&mut self, pem: &[u8]) -> Result<(), String> {
        self.roots.extend(certificates(pem)?);
        Ok(())
    }

    #[cfg(any(feature = "nats", feature = "rabbitmq"))]
    pub(crate) fn set_certificate(&mut self, pem: &[u8]) -> Result<(), String> {
        self.certificate = certificates(pem)?;
        Ok(())
    }

    #[cfg(any(feature = "nats", feature = "rabbitmq"))]
    pub(crate) fn set_key(&mut self, pem: &[u8]) -> Result<(), String> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| format!("holds no private key: {error}"))?;
        self.key = Some(key);
        Ok(())
    }

    /// What rustls is told. Reads the system's roots, and blocks.
    ///
    /// # Errors
    /// A certificate cannot be used.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        if self.system_roots {
            let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
        for root in &self.roots {
            roots.add(root.clone()).map_err(|error| format!("a certificate of `tls.ca_certs`: {error}"))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        match &self.key {
            None => Ok(builder.with_no_client_auth()),
            Some(key) => builder
                .with_client_auth_cert(self.certificate.clone(), key.clone_key())
                .map_err(|error| format!("`tls.client_cert` and `tls.client_key`: {error}")),
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("holds no certificate: {error}")),
    }
}
