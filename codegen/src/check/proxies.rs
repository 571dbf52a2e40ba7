//! The keys of `router` about the client's address.

use std::net::IpAddr;

use super::names;
use super::router::no_effect;
use crate::diagnostic::{Diagnostic, Sink};
use crate::model::Proxies;
use crate::syntax::Object;
use crate::syntax::kind::At;

pub(super) fn proxies(options: Object<'_>, sink: &Sink) -> Proxies {
    let nobody = options.has("forwarded_by_client_ip") && !options.flag("forwarded_by_client_ip");
    let headers = options.texts("remote_ip_headers");
    let trusted = options.texts("trusted_proxies");
    for (key, list) in [("remote_ip_headers", &headers), ("trusted_proxies", &trusted)] {
        if nobody && !list.is_empty() {
            let why = "`forwarded_by_client_ip` is false: no proxy is asked for the client's address";
            no_effect(options, key, why, sink);
        }
    }
    Proxies {
        nobody,
        headers: headers.into_iter().filter_map(|name| names::header_name(sink, name)).collect(),
        trusted: trusted.into_iter().filter_map(|network| self::network(network, sink)).collect(),
        app_engine: options.flag("app_engine"),
    }
}

/// Whether anybody at all can say what the client's address is.
pub(crate) fn trusts_everybody(service: Object<'_>) -> bool {
    service.extra("router").is_none_or(|options| {
        let nobody = options.has("forwarded_by_client_ip") && !options.flag("forwarded_by_client_ip");
        !nobody && options.texts("trusted_proxies").is_empty()
    })
}

/// An address, or one with the number of its bits that count.
fn network(text: At<&str>, sink: &Sink) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.value.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text.value, None),
    };
    let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse().ok().filter(|bits| *bits <= all))?;
        Some((address, bits))
    });
    if parsed.is_none() {
        let message = format!("`{}` is not an address or a network", text.value);
        let error = Diagnostic::error("bad-address", text.span, message).label("KrakenD would believe every proxy");
        sink.push(error.help("write an address, `10.0.0.7`, or a network, `10.0.0.0/8`"));
    }
    parsed
}
