//! The service's keys about calling HTTP backends.

use std::time::Duration;

use super::service::timeout;
use super::{Context, tls};
use crate::diagnostic::Diagnostic;
use crate::model::{Client, ClientTls, FilePath, TlsVersion};
use crate::syntax::Object;
use crate::tree::Span;

/// KrakenD looks hosts up no more often.
const LEAST_DNS_CACHE_TTL: Duration = Duration::from_secs(1);

pub(super) fn client(context: &Context<'_>, service: Object<'_>) -> Client {
    let timeout = |key| timeout(service, key);
    let max_idle = service.integer("max_idle_connections_per_host");
    max_idle_connections(context, service);
    Client {
        // As in KrakenD, 0 asks for the default.
        max_idle_connections_per_host: context.size(max_idle, "max_idle_connections_per_host").filter(|max| *max > 0),
        idle_connection_timeout: timeout("idle_connection_timeout"),
        disable_keep_alives: service.flag("disable_keep_alives"),
        dialer_timeout: timeout("dialer_timeout"),
        dialer_fallback_delay: timeout("dialer_fallback_delay"),
        dialer_keep_alive: timeout("dialer_keep_alive"),
        response_header_timeout: timeout("response_header_timeout"),
        expect_continue_timeout: timeout("expect_continue_timeout"),
        disable_compression: service.flag("disable_compression"),
        dns_cache_ttl: dns_cache_ttl(context, service),
        tls: client_tls(context, service),
    }
}

/// The limit over all hosts is not kept: unused connections are counted for each host alone.
fn max_idle_connections(context: &Context<'_>, service: Object<'_>) {
    let Some(value) = service.integer("max_idle_connections") else { return };
    if context.size(Some(value), "max_idle_connections").is_some_and(|max| max > 0) {
        let message = "`max_idle_connections` is not kept: unused connections are counted for each host alone";
        let warning = Diagnostic::warning("no-effect", value.span, message).label("no limit over all hosts");
        context.push(warning.help("`max_idle_connections_per_host` and `idle_connection_timeout` limit them"));
    }
}

fn dns_cache_ttl(context: &Context<'_>, service: Object<'_>) -> Option<Duration> {
    let ttl = service.duration("dns_cache_ttl").filter(|ttl| !ttl.value.is_zero())?;
    if ttl.value < LEAST_DNS_CACHE_TTL {
        let error = Diagnostic::error("out-of-range", ttl.span, "`dns_cache_ttl` is below one second");
        context.push(error.label("expected `\"1s\"` or more"));
    }
    Some(ttl.value)
}

/// `client_tls`, and `allow_insecure_connections` as KrakenD had it before.
fn client_tls(context: &Context<'_>, service: Object<'_>) -> Option<ClientTls> {
    let former = service.flag("allow_insecure_connections");
    if former {
        insecure(
            context,
            service.member("allow_insecure_connections").map_or(service.mark(), |member| member.key_span),
        );
    }
    let Some(object) = service.object("client_tls") else {
        return former.then(|| ClientTls {
            allow_insecure_connections: true,
            ca_certs: Vec::new(),
            disable_system_ca_pool: false,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            curve_preferences: Vec::new(),
            cipher_suites: Vec::new(),
            client_certs: Vec::new(),
        });
    };
    if object.flag("allow_insecure_connections")
        && let Some(member) = object.member("allow_insecure_connections")
    {
        insecure(context, member.key_span);
    }
    let min_version = tls::version(context, object, "min_version").map(|(version, _)| version);
    let max_version = tls::version(context, object, "max_version");
    if let (None | Some(TlsVersion::Tls13), Some((TlsVersion::Tls12, max))) = (min_version, max_version) {
        let error = Diagnostic::error("out-of-range", max.span, "`max_version` is below `min_version`");
        let error = error.label("no version is left");
        context.push(match min_version {
            None => error.help("`min_version` is `TLS13` where it is left out, as in KrakenD"),
            Some(_) => error,
        });
    }
    let pem = |path, expected| tls::pem(context, path, expected);
    let ca_certs: Vec<FilePath> =
        object.texts("ca_certs").into_iter().filter_map(|path| pem(path, tls::Pem::Certificate)).collect();
    let mut client_certs = Vec::new();
    for pair in object.objects("client_certs") {
        let certificate = pair.text("certificate").and_then(|path| pem(path, tls::Pem::Certificate));
        let key = pair.text("private_key").and_then(|path| pem(path, tls::Pem::PrivateKey));
        client_certs.extend(certificate.zip(key));
    }
    let checked = ClientTls {
        allow_insecure_connections: former || object.flag("allow_insecure_connections"),
        ca_certs,
        disable_system_ca_pool: object.flag("disable_system_ca_pool"),
        min_version: min_version.unwrap_or(TlsVersion::Tls13),
        max_version: max_version.map_or(TlsVersion::Tls13, |(version, _)| version),
        curve_preferences: tls::numbers(context, object, "curve_preferences", &tls::CURVES),
        cipher_suites: tls::numbers(context, object, "cipher_suites", &tls::CIPHER_SUITES),
        client_certs,
    };
    if checked.disable_system_ca_pool && !checked.allow_insecure_connections && object.texts("ca_certs").is_empty() {
        let error = Diagnostic::error("missing-key", object.mark(), "no backend's certificate can be accepted");
        context.push(error.label("`disable_system_ca_pool` without other authorities").help("add `ca_certs`"));
    }
    Some(checked)
}

fn insecure(context: &Context<'_>, span: Span) {
    let message = "the certificates of backends are not checked";
    let warning = Diagnostic::warning("insecure", span, message).label("anyone on the way can answer for a backend");
    context.push(warning.help("`client_tls.ca_certs` trusts authorities of your own"));
}
