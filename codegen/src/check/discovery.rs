//! `sd` and `sd_scheme`: hosts from SRV records.

use std::ops::Range;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::tree::Node;

/// What service discovery looks up, and the scheme of the hosts that it finds.
pub(super) struct Discovery {
    pub(super) name: String,
    pub(super) scheme: &'static str,
}

/// `None` without it. `Some(None)` when it is wrong, and was reported.
pub(super) fn discovery(context: &Context<'_>, object: Object<'_>) -> Option<Option<Discovery>> {
    let sd = object.text("sd").filter(|sd| !matches!(sd.value, "static" | ""));
    let Some(sd) = sd else {
        if let Some(scheme) = object.text("sd_scheme").filter(|scheme| !matches!(scheme.value, "http" | "")) {
            let message = "`sd_scheme` does nothing without `\"sd\": \"dns\"`";
            let warning = Diagnostic::warning("no-effect", scheme.span, message).label("not read");
            context.push(warning.help("the scheme of a host stands before it: `https://example.com`"));
        }
        return None;
    };
    if sd.value == "dns-shared" {
        let message = "`dns-shared` is a feature of KrakenD's Enterprise edition, and is not supported";
        let error = Diagnostic::error("enterprise", sd.span, message).label("KrakenD calls the name as a host");
        context.push(error.help("write `\"dns\"`: each backend looks its name up by itself"));
        return Some(None);
    }
    let scheme = scheme(context, object);
    let name = name(context, object);
    Some(name.zip(scheme).map(|(name, scheme)| Discovery { name, scheme }))
}

fn scheme(context: &Context<'_>, object: Object<'_>) -> Option<&'static str> {
    let Some(scheme) = object.text("sd_scheme") else { return Some("http") };
    match scheme.value {
        "http" | "" => Some("http"),
        "https" => Some("https"),
        other => {
            let message = format!("unknown value `{other}` of `sd_scheme`");
            let error = Diagnostic::error("unknown-value", scheme.span, message).label("not a scheme of HTTP");
            context.push(error.help("the values are `http`, `https`"));
            None
        }
    }
}

/// The one host of the backend, which is a name.
fn name(context: &Context<'_>, object: Object<'_>) -> Option<String> {
    let hosts = object.get("host").map_or(&[][..], Node::items);
    let help = "write `\"host\": [\"api.service.consul\"]`";
    let host = match hosts {
        [] => {
            let error = Diagnostic::error("no-host", object.mark(), "service discovery has no name to look up");
            context.push(error.label("this has no `host`").help(help));
            return None;
        }
        [only] => only,
        [_, second, ..] => {
            let error = Diagnostic::error("bad-host", second.span, "service discovery looks up one name");
            context.push(error.label("KrakenD ignores this").help("give each name a backend of its own, or remove it"));
            return None;
        }
    };
    let text = host.text()?.value.as_str();
    let fault = |range: Range<usize>, message: &str, help: &str| {
        let error = Diagnostic::error("bad-host", host.part(range), message).label("not a name");
        context.push(error.help(help));
        None
    };
    if let Some((scheme, rest)) = text.split_once("://") {
        let help = format!("write `\"{}\"`; `sd_scheme` is the scheme", rest.trim_end_matches('/'));
        return fault(0..scheme.len() + 3, "service discovery looks up a name, not a URL", &help);
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if let Some(offset) = text.bytes().position(|byte| !valid(byte)) {
        return fault(offset..text.len(), "service discovery looks up a DNS name", "ports come from the SRV records");
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.len() > 253 || labels.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return fault(0..text.len(), "service discovery looks up a DNS name", help);
    }
    if !object.flag("disable_host_sanitize") {
        let warning = Diagnostic::warning("krakend-needs", host.span, "this backend would not work on a KrakenD");
        let warning = warning.label("KrakenD needs `disable_host_sanitize`, or looks up `http://...`");
        context.push(warning.note("Sluicegate does not need it"));
    }
    // Complete, so that the search list of the machine does not matter.
    Some(format!("{labels}."))
}
