//! How AWS is connected to: over TLS as everywhere here, and through the proxy that the environment names.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Whom to trust besides the system's roots.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Certificates in PEM, checked.
    pub(super) roots: Vec<String>,
    /// Whether the system's roots are not trusted.
    pub(super) these_alone: bool,
}

/// The SDK's HTTP client: connections of one kind for each pair of timeouts.
pub(super) struct Transport {
    context: TlsContext,
    /// Few: the service's, and those of where credentials come from.
    connectors: Mutex<Vec<(Timeouts, SharedHttpConnector)>>,
}

/// To connect, and to wait for an answer.
type Timeouts = (Option<Duration>, Option<Duration>);

impl Trust {
    /// Checks certificates in PEM, as what they are given to does not.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn add(&mut self, pem: String) -> Result<(), String> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("holds no certificate: {error}"))?;
            RootCertStore::empty().add(certificate).map_err(|error| format!("holds no root: {error}"))?;
            count += 1;
        }
        if count == 0 {
            return Err("holds no certificate".to_owned());
        }
        self.roots.push(pem);
        Ok(())
    }
}

impl Transport {
    /// Reads the system's roots, and blocks.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn shared(trust: Trust) -> Result<SharedHttpClient, String> {
        let mut store = if trust.these_alone {
            TrustStore::empty()
        } else if has_system_roots() {
            TrustStore::default()
        } else {
            TrustStore::empty().with_pem_certificate(bundled_roots())
        };
        for pem in trust.roots {
            store.add_pem_certificate(pem);
        }
        let context = TlsContext::builder().with_trust_store(store).build().map_err(|error| error.to_string())?;
        Ok(SharedHttpClient::new(Self { context, connectors: Mutex::default() }))
    }

    fn connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let mut builder = Connector::builder()
            .connector_settings(settings.clone())
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::rustls(CryptoMode::AwsLc))
            .tls_context(self.context.clone());
        builder.set_sleep_impl(components.sleep_impl());
        SharedHttpConnector::new(builder.build())
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = connectors.iter().find(|(known, _)| *known == timeouts) {
            return connector.clone();
        }
        let connector = self.connector(settings, components);
        connectors.push((timeouts, connector.clone()));
        connector
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

fn has_system_roots() -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs).0 > 0
}

/// Mozilla's, in the one format that the SDK takes.
fn bundled_roots() -> String {
    let mut pem = String::new();
    for certificate in TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = data_encoding::BASE64.encode(certificate);
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_roots_are_certificates() {
        let mut trust = Trust::default();
        trust.add(bundled_roots()).unwrap();
        let certificates = CertificateDer::pem_slice_iter(trust.roots[0].as_bytes()).count();
        assert_eq!(certificates, TLS_SERVER_ROOT_CERTS.len());
        assert_eq!(trust.add("nothing".to_owned()), Err("holds no certificate".to_owned()));
    }
}
