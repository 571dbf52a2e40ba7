//! How TLS is spoken to brokers: by librdkafka, with an OpenSSL that is linked into the gateway.

use super::{Access, Options};
use crate::{OpenError, Source};

impl Options {
    /// Tells librdkafka who is trusted, and the certificate to show. Reads the system's roots, and blocks.
    ///
    /// # Errors
    /// A file cannot be read, or nobody would be trusted.
    pub(super) fn speak_tls(&self, access: &mut Access) -> Result<(), OpenError> {
        let settings = &self.reader.settings;
        let mut roots = String::new();
        for source in settings.sources("tls.ca_certs") {
            let pem = self.read_pem("tls.ca_certs", source)?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                return Err(self.reader.wrong("tls.ca_certs", "holds no certificate"));
            }
            roots += &pem;
            roots.push('\n');
        }
        if !self.reader.flag("tls.disable_system_ca_pool")? {
            for certificate in rustls_native_certs::load_native_certs().certs {
                push_pem(&mut roots, &certificate);
            }
        }
        if roots.is_empty() {
            let message = "is needed: the system has no certificates of authorities, so nobody would be trusted";
            return Err(self.reader.wrong("tls.ca_certs", message));
        }
        access.config.set("ssl.ca.pem", roots);
        let certificate = settings.sources("tls.client_cert").first();
        // Either both or neither: that was checked.
        if let (Some(certificate), Some(key)) = (certificate, settings.sources("tls.client_key").first()) {
            access.config.set("ssl.certificate.pem", self.read_pem("tls.client_cert", certificate)?);
            let key = self.read_pem("tls.client_key", key)?;
            if !key.contains("PRIVATE KEY-----") {
                return Err(self.reader.wrong("tls.client_key", "holds no private key"));
            }
            access.config.set("ssl.key.pem", key);
        }
        if let Some(password) = settings.text("tls.key_password")? {
            let password = self.not_empty("tls.key_password", password)?;
            access.config.set("ssl.key.password", password.clone());
            access.secrets.texts.push(password);
        }
        Ok(())
    }
}

impl Options {
    fn read_pem(&self, name: &'static str, source: &Source) -> Result<String, OpenError> {
        self.not_empty(name, self.reader.read_file(name, source)?)
    }
}

/// Adds a certificate in the form that OpenSSL reads.
fn push_pem(pem: &mut String, certificate: &[u8]) {
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    let text = data_encoding::BASE64.encode(certificate);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
}
