//! The service's own settings, and the list of its endpoints.

use super::code::{Code, Static};
use super::literal::{address, duration, json, number, text};
use crate::model::{Client, Gateway, LogLevel, Logging, Router, Server, Tls, TlsVersion};

pub(super) fn gateway(gateway: &Gateway) -> Static {
    let Gateway { name, config, hash, server, client, router, logging, endpoints: _ } = gateway;
    let mut calls: Vec<_> = name.iter().map(|name| Code::call("name", [text(name)])).collect();
    for (part, defaults, changes) in [
        ("server", "Server::DEFAULT", server_calls(server)),
        ("client", "ClientOptions::DEFAULT", client_calls(client)),
        ("router", "RouterOptions::DEFAULT", router_calls(router)),
        ("logging", "Logging::DEFAULT", logging_calls(logging)),
    ] {
        if !changes.is_empty() {
            calls.push(Code::call(part, [Code::word(defaults).with(changes)]));
        }
    }
    Static {
        docs: vec![format!("The gateway of `{config}`, and the SHA-256 of that file.")],
        visibility: "pub(crate) ",
        name: "GATEWAY".to_owned(),
        kind: "Description".to_owned(),
        value: Code::call("Description::new", [text(config), text(hash), Code::word("ROUTES")]).with(calls),
    }
}

pub(super) fn routes<'a>(endpoints: impl Iterator<Item = &'a str>) -> Static {
    Static {
        docs: vec!["Every endpoint, in the order of the file.".to_owned()],
        visibility: "",
        name: "ROUTES".to_owned(),
        kind: "&[&dyn AnyEndpoint]".to_owned(),
        value: Code::List(endpoints.map(|name| Code::word(format!("&{name}"))).collect()),
    }
}

fn server_calls(server: &Server) -> Vec<Code> {
    let mut calls = Vec::new();
    calls.extend(server.port.map(|port| Code::call("port", [Code::word(port.to_string())])));
    calls.extend(server.listen_ip.map(|ip| Code::call("listen_ip", [address(ip)])));
    for (name, timeout) in [
        ("read_timeout", server.read_timeout),
        ("write_timeout", server.write_timeout),
        ("idle_timeout", server.idle_timeout),
        ("read_header_timeout", server.read_header_timeout),
        ("max_shutdown_wait", server.max_shutdown_wait),
    ] {
        calls.extend(timeout.map(|timeout| Code::call(name, [duration(timeout)])));
    }
    calls.extend(server.max_header_bytes.map(|bytes| Code::call("max_header_bytes", [number(bytes as u64)])));
    if server.use_h2c {
        calls.push(Code::call("h2c", []));
    }
    calls.extend(server.tls.as_ref().map(|tls| Code::call("tls", [tls_value(tls)])));
    calls
}

fn tls_value(tls: &Tls) -> Code {
    let keys = tls.keys.iter().map(|(certificate, key)| Code::call("", [text(&certificate.0), text(&key.0)]));
    let mut calls = Vec::new();
    let min = tls.min_version.unwrap_or(TlsVersion::Tls13);
    let max = tls.max_version.unwrap_or(TlsVersion::Tls13);
    if (min, max) != (TlsVersion::Tls13, TlsVersion::Tls13) {
        calls.push(Code::call("versions", [min, max].map(tls_version)));
    }
    for (name, list) in [("curve_preferences", &tls.curve_preferences), ("cipher_suites", &tls.cipher_suites)] {
        if !list.is_empty() {
            calls.push(Code::call(name, [Code::codes(list)]));
        }
    }
    if tls.enable_mtls {
        calls.push(Code::call("client_certificates", []));
    }
    if !tls.ca_certs.is_empty() {
        let paths: Vec<_> = tls.ca_certs.iter().map(|path| &path.0).collect();
        calls.push(Code::call("ca_certs", [Code::texts(&paths)]));
    }
    if tls.disable_system_ca_pool {
        calls.push(Code::call("disable_system_ca_pool", []));
    }
    Code::call("Tls::new", [Code::List(keys.collect())]).with(calls)
}

fn tls_version(version: TlsVersion) -> Code {
    Code::word(match version {
        TlsVersion::Tls12 => "TlsVersion::Tls12",
        TlsVersion::Tls13 => "TlsVersion::Tls13",
    })
}

fn client_calls(client: &Client) -> Vec<Code> {
    let mut calls = Vec::new();
    let idle = client.max_idle_connections_per_host;
    calls.extend(idle.map(|count| Code::call("max_idle_connections_per_host", [number(count as u64)])));
    if client.disable_keep_alives {
        calls.push(Code::call("disable_keep_alives", [Code::word("true")]));
    }
    for (name, timeout) in [
        ("idle_connection_timeout", client.idle_connection_timeout),
        ("dialer_timeout", client.dialer_timeout),
        ("dialer_fallback_delay", client.dialer_fallback_delay),
        ("dialer_keep_alive", client.dialer_keep_alive),
        ("response_header_timeout", client.response_header_timeout),
    ] {
        calls.extend(timeout.map(|timeout| Code::call(name, [Code::call("Some", [duration(timeout)])])));
    }
    calls
}

fn router_calls(router: &Router) -> Vec<Code> {
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
            calls.push(Code::call(name, [Code::word("true")]));
        }
    }
    calls.extend(router.health_path.as_ref().map(|path| Code::call("health_path", [text(path)])));
    for (name, body) in [("error_body_404", &router.error_body_404), ("error_body_405", &router.error_body_405)] {
        calls.extend(body.as_ref().map(|body| Code::call(name, [json(body)])));
    }
    calls
}

fn logging_calls(logging: &Logging) -> Vec<Code> {
    let mut calls = Vec::new();
    if let Some(level) = logging.level {
        let level = match level {
            LogLevel::Debug => "LogLevel::Debug",
            LogLevel::Info => "LogLevel::Info",
            LogLevel::Warning => "LogLevel::Warning",
            // KrakenD logs nothing at CRITICAL but its own end.
            LogLevel::Error | LogLevel::Critical => "LogLevel::Error",
        };
        calls.push(Code::call("level", [Code::word(level)]));
    }
    let prefix = logging.prefix.as_ref().filter(|prefix| !prefix.is_empty());
    calls.extend(prefix.map(|prefix| Code::call("prefix", [text(prefix)])));
    if logging.stdout {
        calls.push(Code::call("stdout", []));
    }
    calls
}
