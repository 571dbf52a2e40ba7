//! `tls`: versions, suites, and files that are there and hold PEM.

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::{FilePath, Tls, TlsVersion};
use crate::syntax::Object;
use crate::syntax::kind::At;

/// What rustls has, by IANA number.
pub(super) const CIPHER_SUITES: [u16; 9] = [4865, 4866, 4867, 49195, 49196, 49199, 49200, 52392, 52393];
/// Go's numbers of the curves: P-256, P-384, P-521, X25519, and X25519 with ML-KEM-768.
pub(super) const CURVES: [u16; 5] = [23, 24, 25, 29, 4588];

/// What a PEM file is to hold.
#[derive(Clone, Copy)]
pub(super) enum Pem {
    Certificate,
    PrivateKey,
}

/// `None` when it is disabled.
pub(super) fn tls(context: &Context<'_>, object: Object<'_>) -> Option<Tls> {
    let mut keys = Vec::new();
    let pairs = object.objects("keys").chain(object.has("public_key").then_some(object));
    for pair in pairs {
        let certificate = pair.text("public_key").and_then(|path| pem(context, path, Pem::Certificate));
        let key = pair.text("private_key").and_then(|path| pem(context, path, Pem::PrivateKey));
        if let (Some(certificate), Some(key)) = (certificate, key) {
            keys.push((certificate, key));
        }
    }
    if object.has("public_key") != object.has("private_key") {
        let missing = if object.has("public_key") { "private_key" } else { "public_key" };
        let error = Diagnostic::error("missing-key", object.mark(), format!("`{missing}` is missing in `tls`"));
        context.push(error.label(format!("this has no `{missing}`")));
    }
    let disabled = object.flag("disabled");
    if !disabled && !object.has("keys") && !object.has("public_key") && !object.has("private_key") {
        let error = Diagnostic::error("missing-key", object.mark(), "`keys` is missing in `tls`");
        let help = r#"write `"keys": [{"public_key": "cert.pem", "private_key": "key.pem"}]`"#;
        context.push(error.label("this has no certificate").help(help));
    }
    let min_version = version(context, object, "min_version");
    let max_version = version(context, object, "max_version");
    if let (Some((TlsVersion::Tls13, _)), Some((TlsVersion::Tls12, max))) = (min_version, max_version) {
        let error = Diagnostic::error("out-of-range", max.span, "`max_version` is below `min_version`");
        context.push(error.label("no version is left"));
    }
    let tls = Tls {
        keys,
        min_version: min_version.map(|(version, _)| version),
        max_version: max_version.map(|(version, _)| version),
        curve_preferences: numbers(context, object, "curve_preferences", &CURVES),
        cipher_suites: numbers(context, object, "cipher_suites", &CIPHER_SUITES),
        enable_mtls: object.flag("enable_mtls"),
        ca_certs: object
            .texts("ca_certs")
            .into_iter()
            .filter_map(|path| pem(context, path, Pem::Certificate))
            .collect(),
        disable_system_ca_pool: object.flag("disable_system_ca_pool"),
    };
    if tls.enable_mtls && tls.disable_system_ca_pool && object.texts("ca_certs").is_empty() {
        let error = Diagnostic::error("missing-key", object.mark(), "no client certificate can be accepted");
        context.push(error.label("`enable_mtls` without the system's authorities").help("add `ca_certs`"));
    }
    (!disabled).then_some(tls)
}

pub(super) fn version<'a>(context: &Context<'_>, object: Object<'a>, key: &str) -> Option<(TlsVersion, At<&'a str>)> {
    let version = object.text(key)?;
    match version.value {
        "TLS12" => Some((TlsVersion::Tls12, version)),
        "TLS13" => Some((TlsVersion::Tls13, version)),
        "SSL3.0" | "TLS10" | "TLS11" => {
            let error = Diagnostic::error(
                "unsupported",
                version.span,
                format!("`{}` is broken and is not offered", version.value),
            );
            context.push(error.label("too old").help("the versions are `TLS12` and `TLS13`"));
            None
        }
        _ => None,
    }
}

pub(super) fn numbers(context: &Context<'_>, object: Object<'_>, key: &str, known: &[u16]) -> Vec<u16> {
    let known_number = |number: At<i64>| {
        let found = u16::try_from(number.value).ok().filter(|number| known.contains(number));
        if found.is_none() {
            let what = if key == "cipher_suites" { "cipher suite" } else { "curve" };
            let error =
                Diagnostic::error("unknown-value", number.span, format!("{what} {} is not supported", number.value));
            let list: Vec<_> = known.iter().map(u16::to_string).collect();
            context
                .push(error.label("not one of the known numbers").help(format!("the numbers are {}", list.join(", "))));
        }
        found
    };
    object.integers(key).into_iter().filter_map(known_number).collect()
}

/// The path, when the file is there and looks as it should.
pub(super) fn pem(context: &Context<'_>, path: At<&str>, expected: Pem) -> Option<FilePath> {
    let full = context.named_file(path.value);
    let (what, found) = match expected {
        Pem::Certificate => ("certificate", "-----BEGIN CERTIFICATE-----"),
        Pem::PrivateKey => ("private key", "PRIVATE KEY-----"),
    };
    let bytes = match std::fs::read(&full) {
        Ok(bytes) => bytes,
        Err(error) => {
            let error =
                Diagnostic::error("unreadable-file", path.span, format!("cannot read the {what}: {}", reason(&error)));
            context.push(error.label(format!("looked for `{}`", full.display())));
            return None;
        }
    };
    // By the crate that reads them when the gateway starts.
    let read = match expected {
        Pem::Certificate => match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
            Ok(found) if found.is_empty() => Err(pem::Error::NoItemsFound),
            read => read.map(drop),
        },
        Pem::PrivateKey => PrivateKeyDer::from_pem_slice(&bytes).map(drop),
    };
    match read {
        Ok(()) => {}
        Err(pem::Error::NoItemsFound) => {
            let error = Diagnostic::error("bad-file", path.span, format!("the file holds no {what} in PEM form"));
            context.push(error.label(format!("no `{found}` in it")));
            return None;
        }
        Err(error) => {
            let error = Diagnostic::error("bad-file", path.span, format!("the PEM of the {what} is damaged: {error}"));
            context.push(error.label("cannot be decoded").help("write the file again from where it came from"));
            return None;
        }
    }
    Some(FilePath(path.value.to_owned()))
}

/// The error without the number that Rust adds.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
