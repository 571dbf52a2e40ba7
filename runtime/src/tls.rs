//! `tls` of a description, loaded.

use std::path::PathBuf;

use crate::broker::base;
use crate::description::{Tls, TlsVersion};
use crate::gateway::StartError;
use crate::server;

/// Makes aws-lc-rs the process's TLS provider, for libraries that ask for the default one.
pub(crate) fn install_provider() {
    // Fails only when the process has a provider already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Reads the files. Relative paths are looked up in GATEWAY_BASE, or the working directory without it.
pub(crate) fn load(tls: &Tls) -> Result<server::Tls, StartError> {
    let options = server::TlsOptions {
        keys: files(tls.keys),
        min_version: version(tls.min_version),
        max_version: version(tls.max_version),
        enable_mtls: tls.client_certificates,
        ca_certs: tls.ca_certs.iter().map(|file| path(file)).collect(),
        disable_system_ca_pool: tls.disable_system_ca_pool,
        cipher_suites: tls.cipher_suites.to_vec(),
        curves: tls.curve_preferences.to_vec(),
    };
    options.load().map_err(|error| StartError::new(format!("tls: {error}")))
}

/// Certificates and private keys.
pub(crate) fn files(pairs: &[(&str, &str)]) -> Vec<server::TlsKey> {
    let key = |(certificate, private_key): &(&str, &str)| server::TlsKey {
        certificate: path(certificate),
        private_key: path(private_key),
    };
    pairs.iter().map(key).collect()
}

/// A file of the config, in GATEWAY_BASE or the working directory.
pub(crate) fn path(file: &str) -> PathBuf {
    base().join(file)
}

pub(crate) fn version(version: TlsVersion) -> server::TlsVersion {
    match version {
        TlsVersion::Tls12 => server::TlsVersion::Tls12,
        TlsVersion::Tls13 => server::TlsVersion::Tls13,
    }
}
