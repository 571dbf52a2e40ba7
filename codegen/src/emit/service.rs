//! The service's own settings, and the list of its endpoints.

use std::net::IpAddr;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::literal::{duration, json, number};
use crate::model::{Client, Gateway, LogLevel, Logging, Router, Server, Tls, TlsVersion};

pub(super) fn gateway<'a>(gateway: &Gateway, endpoints: impl Iterator<Item = &'a Ident>) -> TokenStream {
    let Gateway { name, config, hash, server, client, router, logging, endpoints: _ } = gateway;
    let doc = format!(" The gateway of `{config}`: its endpoints, in the order of the file.");
    let name = name.as_ref().map(|name| quote! { .name(#name) });
    let parts = [
        ("server", settings(server_calls(server)), quote! { Server }),
        ("client", settings(client_calls(client)), quote! { ClientOptions }),
        ("router", settings(router_calls(router)), quote! { RouterOptions }),
        ("logging", settings(logging_calls(logging)), quote! { Logging }),
    ];
    let parts = parts.iter().filter_map(|(part, calls, kind)| {
        let part = quote::format_ident!("{part}");
        calls.as_ref().map(|calls| quote! { .#part(#kind::DEFAULT #calls) })
    });
    quote! {
        #[doc = #doc]
        pub(crate) static GATEWAY: Description =
            Description::new(#config, #hash, &[#(&#endpoints),*]) #name #(#parts)*;
    }
}

/// `None` where everything is KrakenD's default.
fn settings(calls: Vec<TokenStream>) -> Option<TokenStream> {
    (!calls.is_empty()).then(|| quote! { #(#calls)* })
}

fn server_calls(server: &Server) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    if let Some(port) = server.port {
        let port = number(port);
        calls.push(quote! { .port(#port) });
    }
    if let Some(ip) = server.listen_ip {
        let ip = address(ip);
        calls.push(quote! { .listen_ip(#ip) });
    }
    for (name, timeout) in [
        ("read_timeout", server.read_timeout),
        ("write_timeout", server.write_timeout),
        ("idle_timeout", server.idle_timeout),
        ("read_header_timeout", server.read_header_timeout),
        ("max_shutdown_wait", server.max_shutdown_wait),
    ] {
        calls.extend(timeout.map(|timeout| call(name, duration(timeout))));
    }
    if let Some(bytes) = server.max_header_bytes {
        let bytes = number(bytes as u64);
        calls.push(quote! { .max_header_bytes(#bytes) });
    }
    if server.use_h2c {
        calls.push(quote! { .h2c() });
    }
    if let Some(tls) = &server.tls {
        let tls = tls_value(tls);
        calls.push(quote! { .tls(#tls) });
    }
    calls
}

fn call(name: &str, argument: TokenStream) -> TokenStream {
    let name = quote::format_ident!("{name}");
    quote! { .#name(#argument) }
}

fn address(ip: IpAddr) -> TokenStream {
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets().map(number);
            quote! { ipv4(#(#octets),*) }
        }
        IpAddr::V6(ip) => {
            let segments = ip.segments().map(number);
            quote! { ipv6([#(#segments),*]) }
        }
    }
}

fn tls_value(tls: &Tls) -> TokenStream {
    let keys = tls.keys.iter().map(|(certificate, key)| {
        let (certificate, key) = (&certificate.0, &key.0);
        quote! { (#certificate, #key) }
    });
    let mut calls = Vec::new();
    let min = tls.min_version.unwrap_or(TlsVersion::Tls13);
    let max = tls.max_version.unwrap_or(TlsVersion::Tls13);
    if (min, max) != (TlsVersion::Tls13, TlsVersion::Tls13) {
        let (min, max) = (tls_version(min), tls_version(max));
        calls.push(quote! { .versions(#min, #max) });
    }
    for (name, list) in [("curve_preferences", &tls.curve_preferences), ("cipher_suites", &tls.cipher_suites)] {
        if !list.is_empty() {
            let list = list.iter().copied().map(number);
            calls.push(call(name, quote! { &[#(#list),*] }));
        }
    }
    if tls.enable_mtls {
        calls.push(quote! { .client_certificates() });
    }
    if !tls.ca_certs.is_empty() {
        let paths = tls.ca_certs.iter().map(|path| &path.0);
        calls.push(quote! { .ca_certs(&[#(#paths),*]) });
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
    if let Some(count) = client.max_idle_connections_per_host {
        let count = number(count as u64);
        calls.push(quote! { .max_idle_connections_per_host(#count) });
    }
    if client.disable_keep_alives {
        calls.push(quote! { .disable_keep_alives(true) });
    }
    for (name, timeout) in [
        ("idle_connection_timeout", client.idle_connection_timeout),
        ("dialer_timeout", client.dialer_timeout),
        ("dialer_fallback_delay", client.dialer_fallback_delay),
        ("dialer_keep_alive", client.dialer_keep_alive),
        ("response_header_timeout", client.response_header_timeout),
    ] {
        calls.extend(timeout.map(|timeout| call(name, duration(timeout))));
    }
    calls
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
    ] {
        if set {
            calls.push(call(name, quote! { true }));
        }
    }
    if let Some(path) = &router.health_path {
        calls.push(quote! { .health_path(#path) });
    }
    for (name, body) in [("error_body_404", &router.error_body_404), ("error_body_405", &router.error_body_405)] {
        if let Some(body) = body {
            let body = json(body);
            calls.push(call(name, quote! { #body }));
        }
    }
    calls
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
        calls.push(quote! { .level(#level) });
    }
    if let Some(prefix) = logging.prefix.as_ref().filter(|prefix| !prefix.is_empty()) {
        calls.push(quote! { .prefix(#prefix) });
    }
    if logging.stdout {
        calls.push(quote! { .stdout() });
    }
    calls
}
