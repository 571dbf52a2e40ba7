//! The service's own settings, and the list of its endpoints.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::layout::Static;
use super::literal::{address, codes, duration, json, number, texts};
use crate::model::{
    Baked, Client, ClientTls, FilePath, Gateway, LogLevel, Logging, Proxies, Router, Server, Tls, TlsVersion,
};

pub(super) fn gateway(gateway: &Gateway) -> Static {
    let Gateway { name, config, hash, server, client, router, logging, baked, brokers: _, endpoints: _ } = gateway;
    let mut calls: Vec<_> = name.iter().map(|name| call("name", name)).collect();
    for (part, kind, changes) in [
        ("server", quote! { Server }, server_calls(server)),
        ("client", quote! { ClientOptions }, client_calls(client)),
        ("router", quote! { RouterOptions }, router_calls(router)),
        ("logging", quote! { Logging }, logging_calls(logging)),
    ] {
        if !changes.is_empty() {
            calls.push(call(part, quote! { #kind::DEFAULT #(#changes)* }));
        }
    }
    if !baked.is_empty() {
        let baked = baked.iter().map(|Baked { key, value, place }| {
            let place = &place.0;
            quote! { Baked::new(#key, #value, #place) }
        });
        calls.push(quote! { .baked(&[#(#baked),*]) });
    }
    let docs = vec![format!("The gateway of `{config}`, and the SHA-256 of that file.")];
    Static {
        docs,
        visibility: "pub(crate) ",
        name: format_ident!("GATEWAY"),
        kind: quote! { Description },
        value: quote! { Description::new(#config, #hash, ROUTES) #(#calls)* },
    }
}

pub(super) fn routes<'a>(endpoints: impl Iterator<Item = &'a Ident>) -> Static {
    Static {
        docs: vec!["Every endpoint, in the order of the file.".to_owned()],
        visibility: "",
        name: format_ident!("ROUTES"),
        kind: quote! { &[&dyn AnyEndpoint] },
        value: quote! { &[#(&#endpoints),*] },
    }
}

/// `.name(argument)`.
fn call(name: &str, argument: impl ToTokens) -> TokenStream {
    let name = format_ident!("{name}");
    quote! { .#name(#argument) }
}

fn server_calls(server: &Server) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    calls.extend(server.port.map(|port| call("port", Literal::u16_unsuffixed(port))));
    calls.extend(server.listen_ip.map(|ip| call("listen_ip", address(ip))));
    for (name, timeout) in [
        ("read_timeout", server.read_timeout),
        ("write_timeout", server.write_timeout),
        ("idle_timeout", server.idle_timeout),
        ("read_header_timeout", server.read_header_timeout),
        ("max_shutdown_wait", server.max_shutdown_wait),
    ] {
        calls.extend(timeout.map(|timeout| call(name, duration(timeout))));
    }
    calls.extend(server.max_header_bytes.map(|bytes| call("max_header_bytes", number(bytes as u64))));
    if server.use_h2c {
        calls.push(quote! { .h2c() });
    }
    calls.extend(server.tls.as_ref().map(|tls| call("tls", tls_value(tls))));
    calls
}

fn tls_value(tls: &Tls) -> TokenStream {
    let keys = pairs(&tls.keys);
    let mut calls = Vec::new();
    let min = tls.min_version.unwrap_or(TlsVersion::Tls13);
    let max = tls.max_version.unwrap_or(TlsVersion::Tls13);
    if (min, max) != (TlsVersion::Tls13, TlsVersion::Tls13) {
        let (min, max) = (tls_version(min), tls_version(max));
        calls.push(quote! { .versions(#min, #max) });
    }
    for (name, list) in [("curve_preferences", &tls.curve_preferences), ("cipher_suites", &tls.cipher_suites)] {
        if !list.is_empty() {
            calls.push(call(name, codes(list)));
        }
    }
    if tls.enable_mtls {
        calls.push(quote! { .client_certificates() });
    }
    if !tls.ca_certs.is_empty() {
        let paths: Vec<_> = tls.ca_certs.iter().map(|path| &path.0).collect();
        calls.push(call("ca_certs", texts(&paths)));
    }
    if tls.disable_system_ca_pool {
        calls.push(quote! { .disable_system_ca_pool() });
    }
    quote! { Tls::new(&[#(#keys),*]) #(#calls)* }
}

fn tls_version(version: TlsVersion) -> TokenStream {
    match version {
        TlsVersion::Tls12 => quote! { TlsVersion::Tls12 },
        TlsVersion::Tls13 => quote! { TlsVersion::Tls13 },
    }
}

fn client_calls(client: &Client) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    let idle = client.max_idle_connections_per_host;
    calls.extend(idle.map(|count| call("max_idle_connections_per_host", number(count as u64))));
    if client.disable_keep_alives {
        calls.push(quote! { .disable_keep_alives(true) });
    }
    for (name, timeout) in [
        ("idle_connection_timeout", client.idle_connection_timeout),
        ("dialer_timeout", client.dialer_timeout),
        ("dialer_fallback_delay", client.dialer_fallback_delay),
        ("dialer_keep_alive", client.dialer_keep_alive),
        ("response_header_timeout", client.response_header_timeout),
        ("expect_continue_timeout", client.expect_continue_timeout),
    ] {
        calls.extend(timeout.map(duration).map(|timeout| call(name, quote! { Some(#timeout) })));
    }
    if client.disable_compression {
        calls.push(quote! { .disable_compression(true) });
    }
    calls.extend(client.dns_cache_ttl.map(|ttl| call("dns_cache_ttl", duration(ttl))));
    calls.extend(client.tls.as_ref().map(|tls| call("tls", client_tls(tls))));
    calls
}

fn client_tls(tls: &ClientTls) -> TokenStream {
    let mut calls = Vec::new();
    for (name, set) in [
        ("allow_insecure_connections", tls.allow_insecure_connections),
        ("disable_system_ca_pool", tls.disable_system_ca_pool),
    ] {
        if set {
            calls.push(call(name, quote! { true }));
        }
    }
    if !tls.ca_certs.is_empty() {
        let paths: Vec<_> = tls.ca_certs.iter().map(|path| &path.0).collect();
        calls.push(call("ca_certs", texts(&paths)));
    }
    for (name, version, default) in
        [("min_version", tls.min_version, TlsVersion::Tls12), ("max_version", tls.max_version, TlsVersion::Tls13)]
    {
        if version != default {
            calls.push(call(name, tls_version(version)));
        }
    }
    for (name, list) in [("curve_preferences", &tls.curve_preferences), ("cipher_suites", &tls.cipher_suites)] {
        if !list.is_empty() {
            calls.push(call(name, codes(list)));
        }
    }
    if !tls.client_certs.is_empty() {
        let pairs = pairs(&tls.client_certs);
        calls.push(quote! { .client_certs(&[#(#pairs),*]) });
    }
    quote! { ClientTls::DEFAULT #(#calls)* }
}

/// Certificates and their private keys.
fn pairs(files: &[(FilePath, FilePath)]) -> impl Iterator<Item = TokenStream> {
    files.iter().map(|(certificate, key)| {
        let (certificate, key) = (&certificate.0, &key.0);
        quote! { (#certificate, #key) }
    })
}

fn router_calls(router: &Router) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    for (name, set) in [
        ("auto_options", router.auto_options),
        ("hide_version_header", router.hide_version_header),
        ("disable_redirect_trailing_slash", router.disable_redirect_trailing_slash),
        ("disable_redirect_fixed_path", router.disable_redirect_fixed_path),
        ("disable_handle_method_not_allowed", router.disable_handle_method_not_allowed),
        ("remove_extra_slash", router.remove_extra_slash),
        ("disable_path_decoding", router.disable_path_decoding),
        ("return_error_msg", router.return_error_msg),
        ("disable_health", router.disable_health),
        ("debug_endpoint", router.debug_endpoint),
        ("echo_endpoint", router.echo_endpoint),
    ] {
        if set {
            calls.push(call(name, quote! { true }));
        }
    }
    calls.extend(router.health_path.as_ref().map(|path| call("health_path", path)));
    for (name, body) in [("error_body_404", &router.error_body_404), ("error_body_405", &router.error_body_405)] {
        calls.extend(body.as_ref().map(|body| call(name, json(body))));
    }
    if router.proxies != Proxies::default() {
        calls.push(call("proxies", proxies(&router.proxies)));
    }
    calls.extend(router.access_log.as_ref().map(|skipped| call("access_log", texts(skipped))));
    calls
}

fn proxies(proxies: &Proxies) -> TokenStream {
    let mut calls = Vec::new();
    if proxies.nobody {
        calls.push(quote! { .nobody() });
    }
    if !proxies.headers.is_empty() {
        calls.push(call("headers", texts(&proxies.headers)));
    }
    if !proxies.trusted.is_empty() {
        let networks = proxies.trusted.iter().map(|(ip, bits)| {
            let (ip, bits) = (address(*ip), Literal::u8_unsuffixed(*bits));
            quote! { (#ip, #bits) }
        });
        calls.push(quote! { .trusted(&[#(#networks),*]) });
    }
    if proxies.app_engine {
        calls.push(quote! { .app_engine() });
    }
    quote! { Proxies::DEFAULT #(#calls)* }
}

fn logging_calls(logging: &Logging) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    if let Some(level) = logging.level {
        let level = match level {
            LogLevel::Debug => quote! { LogLevel::Debug },
            LogLevel::Info => quote! { LogLevel::Info },
            LogLevel::Warning => quote! { LogLevel::Warning },
            // KrakenD logs nothing at CRITICAL but its own end.
            LogLevel::Error | LogLevel::Critical => quote! { LogLevel::Error },
        };
        calls.push(call("level", level));
    }
    let prefix = logging.prefix.as_ref().filter(|prefix| !prefix.is_empty());
    calls.extend(prefix.map(|prefix| call("prefix", prefix)));
    if logging.stdout {
        calls.push(quote! { .stdout() });
    }
    calls
}
