//! Certificates with their keys: the server's, chosen by server name, and those that backends ask for. They are read again
//! when their files change.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use webpki::EndEntityCert;

use super::{TlsError, TlsKey};

/// Handshakes look at the files at most this often.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// All certificates of a server, or of a client.
pub(crate) struct Certificates {
    keys: Vec<TlsKey>,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<[Arc<CertifiedKey>]>>,
    checked: Mutex<Checked>,
}

struct Checked {
    at: Instant,
    stamps: Vec<Stamp>,
}

/// What changes when a file is written or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp([Option<(SystemTime, u64)>; 2]);

impl Stamp {
    fn of(key: &TlsKey) -> Self {
        let stamp = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Self([stamp(&key.certificate), stamp(&key.private_key)])
    }
}

impl Certificates {
    pub(crate) fn load(keys: &[TlsKey], provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        if keys.is_empty() {
            return Err(TlsError::NoKey);
        }
        // Before the files are read: a change in between is seen at the next look.
        let checked = Checked { at: Instant::now(), stamps: keys.iter().map(Stamp::of).collect() };
        let current = keys.iter().map(|key| read(key, &provider)).collect::<Result<_, _>>()?;
        Ok(Self { keys: keys.to_vec(), provider, current: RwLock::new(current), checked: Mutex::new(checked) })
    }

    fn current(&self) -> Arc<[Arc<CertifiedKey>]> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files when it is time. A file that cannot be used leaves the old certificate in
    /// place and is tried again after its next change.
    fn refresh(&self, now: Instant) {
        let Ok(mut checked) = self.checked.try_lock() else { return };
        if now.saturating_duration_since(checked.at) < CHECK_INTERVAL {
            return;
        }
        checked.at = now;
        for (index, key) in self.keys.iter().enumerate() {
            let stamp = Stamp::of(key);
            if checked.stamps[index] == stamp {
                continue;
            }
            checked.stamps[index] = stamp;
            match read(key, &self.provider) {
                Ok(certified) => {
                    let mut all = self.current().to_vec();
                    all[index] = certified;
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = all.into();
                    tracing::info!(certificate = %key.certificate.display(), "certificate read again");
                }
                Err(error) => tracing::error!(%error, "a changed certificate is not used; the old one stays"),
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.refresh(Instant::now());
        let all = self.current();
        let usable = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(hello.signature_schemes()).is_some();
        let name = match (&all[..], hello.server_name()) {
            ([only], _) => return Some(only.clone()),
            (_, name) => name.and_then(|name| ServerName::try_from(name).ok()),
        };
        let named = name.and_then(|name| all.iter().filter(usable).find(|certified| is_for(certified, &name)));
        named.or_else(|| all.iter().find(usable)).or(all.first()).cloned()
    }
}

impl ResolvesClientCert for Certificates {
    /// The first whose key can sign and whose chain ends with an authority that the backend names, as Go chooses; any that
    /// can sign, when it names none.
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.refresh(Instant::now());
        let usable = |certified: &&Arc<CertifiedKey>| {
            let signs = certified.key.choose_scheme(schemes).is_some();
            signs
                && (authorities.is_empty() || certified.cert.iter().any(|certificate| is_of(certificate, authorities)))
        };
        self.current().iter().find(usable).cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Whether one of `authorities` issued the certificate.
fn is_of(certificate: &CertificateDer<'_>, authorities: &[&[u8]]) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
    let issuer = DistinguishedName::in_sequence(certificate.issuer());
    authorities.iter().any(|authority| *authority == issuer.as_ref())
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("keys", &self.keys).finish_non_exhaustive()
    }
}

fn is_for(certified: &CertifiedKey, name: &ServerName<'_>) -> bool {
    certified
        .cert
        .first()
        .and_then(|certificate| ParsedCertificate::try_from(certificate).ok())
        .is_some_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

fn read(key: &TlsKey, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = read_certificates(&key.certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(&key.private_key)
        .map_err(|source| TlsError::File { path: key.private_key.clone(), source })?;
    let broken = |message| TlsError::Certificate { path: key.certificate.clone(), message };
    if let Some(first) = chain.first() {
        ParsedCertificate::try_from(first).map_err(|error| broken(error.to_string()))?;
    }
    CertifiedKey::from_der(chain, private_key, provider)
        .map(Arc::new)
        .map_err(|error| broken(format!("does not work with {}: {error}", key.private_key.display())))
}

/// At least one certificate.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if certificates.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::server::settle::lock;
    use crate::server::tests::Files;

    fn der(certificates: &Certificates) -> CertificateDer<'static> {
        certificates.current()[0].cert[0].clone()
    }

    /// Looks at the files as a handshake after the interval would.
    fn look(certificates: &Certificates) {
        let due = lock(&certificates.checked).at + CHECK_INTERVAL;
        certificates.refresh(due);
    }

    #[test]
    fn a_changed_certificate_is_taken_and_a_broken_one_is_not() {
        let files = Files::new();
        let key = files.key("a", &["a.test"]);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = Certificates::load(std::slice::from_ref(&key), provider).expect("usable");
        let first = der(&certificates);
        look(&certificates);
        assert_eq!(der(&certificates), first);

        // Longer names, so that length differs where the clock of the file system is coarse.
        files.key("a", &["a.test", "a-longer-name.test"]);
        let at = lock(&certificates.checked).at;
        certificates.refresh(at + CHECK_INTERVAL / 2);
        assert_eq!(der(&certificates), first, "not yet time");
        look(&certificates);
        let second = der(&certificates);
        assert_ne!(second, first);

        files.write("a.crt", "nothing");
        look(&certificates);
        assert_eq!(der(&certificates), second);

        files.key("a", &["a.test", "another.test", "and-another.test"]);
        look(&certificates);
        assert_ne!(der(&certificates), second);
    }
}
