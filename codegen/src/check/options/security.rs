//! `security/*`: what no browser and no client would ever send.

use std::ops::Range;

use crate::check::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::suggest::closest;
use crate::syntax::kind::At;
use crate::syntax::{Object, SECURITY_HTTP, regex_fault};
use crate::tree::{Node, Value};

/// `security/cors`.
pub(super) fn cors(context: &Context<'_>, options: Object<'_>) {
    let origins = options.get("allow_origins").map_or(&[][..], Node::items);
    for node in origins {
        let Some(text) = node.text() else { continue };
        if let Some((range, message, help)) = origin(&text.value) {
            let span = if range.is_empty() { node.span } else { node.part(range) };
            let error = Diagnostic::error("bad-origin", span, message).label("no `Origin` header is like this");
            context.push(error.help(help));
        }
    }
    // A preflight may name any method: editors of configs write these two, which no endpoint can have.
    let others = |method: &At<&str>| matches!(method.value, "CONNECT" | "TRACE");
    for method in options.texts("allow_methods").into_iter().filter(|method| !others(method)) {
        names::backend_method(context, method);
    }
    let all = origins.is_empty() || origins.iter().any(|node| node.text().is_some_and(|text| text.value == "*"));
    if let (true, true, Some(member)) = (all, options.flag("allow_credentials"), options.member("allow_credentials")) {
        let message = "`allow_credentials` does nothing while every origin is allowed";
        let warning = Diagnostic::warning("no-effect", member.key_span, message);
        context.push(warning.label("no browser accepts this").help("name the origins in `allow_origins`"));
    }
}

/// What is wrong with an origin, where, and what would be right.
fn origin(text: &str) -> Option<(Range<usize>, String, String)> {
    if matches!(text, "*" | "null") {
        return None;
    }
    if let Some(comma) = text.find([',', ' ']) {
        let message = "an item of `allow_origins` is one origin".to_owned();
        return Some((comma..comma + 1, message, "list the origins one by one".to_owned()));
    }
    let Some(end) = text.find("://") else {
        let host = text.trim_end_matches('/');
        return Some((
            0..text.len(),
            format!("the origin `{text}` has no scheme"),
            format!("write `\"https://{host}\"`"),
        ));
    };
    if let Some(slash) = text[end + 3..].find(['/', '?', '#']).map(|offset| end + 3 + offset) {
        let message = "an origin has no path, and ends without a slash".to_owned();
        return Some((slash..text.len(), message, format!("write `\"{}\"`", &text[..slash])));
    }
    if text.len() == end + 3 {
        return Some((
            0..text.len(),
            format!("the origin `{text}` has no host"),
            "write `\"https://example.com\"`".to_owned(),
        ));
    }
    let stars = text.matches('*').count();
    if stars > 1 {
        let last = text.rfind('*').unwrap_or_default();
        let message = "an origin has at most one `*`".to_owned();
        return Some((last..last + 1, message, "list the origins one by one".to_owned()));
    }
    None
}

/// Of the Referrer Policy of W3C.
const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

/// Warns of a value that browsers do not know, and so do without.
fn header_value(context: &Context<'_>, options: Object<'_>, key: &str, known: &[&str]) {
    let Some(text) = options.text(key).filter(|text| !text.value.is_empty()) else { return };
    let is_known = |item: &str| known.iter().any(|known| known.eq_ignore_ascii_case(item));
    // A list is of fallbacks, and `ALLOW-FROM` has a URL behind it.
    if text.value.split(',').all(|item| is_known(item.trim())) || text.value.starts_with("ALLOW-FROM ") {
        return;
    }
    let warning = Diagnostic::warning("unknown-value", text.span, format!("unknown value `{}` of `{key}`", text.value));
    let list: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    let warning = warning.label("browsers ignore it").did_you_mean(closest(text.value, known.iter().copied()));
    context.push(warning.help(format!("the values are {}", list.join(", "))));
}

/// `security/http`.
pub(super) fn http(context: &Context<'_>, options: Object<'_>) {
    if let (Some(member), true) = (
        options.member("sts_include_subdomains").filter(|member| matches!(member.value.value, Value::Bool(true))),
        options.integer("sts_seconds").is_none_or(|seconds| seconds.value == 0)
            && !options.has_or_means(&SECURITY_HTTP, "sts_seconds"),
    ) {
        let message = "`sts_include_subdomains` does nothing without `sts_seconds`";
        let warning = Diagnostic::warning("no-effect", member.key_span, message).label("no header is sent");
        context.push(warning.help("add `\"sts_seconds\": 31536000`, a year"));
    }
    header_value(context, options, "referrer_policy", &REFERRER_POLICIES);
    header_value(context, options, "custom_frame_options_value", &["DENY", "SAMEORIGIN"]);
    let regex = options.flag("allowed_hosts_are_regex");
    let hosts = options.get("allowed_hosts").map_or(&[][..], Node::items).iter();
    let ssl = options.get("ssl_host").into_iter().map(|node| (node, false));
    for (node, regex) in hosts.map(|node| (node, regex)).chain(ssl) {
        let Some(text) = node.text().map(|text| text.value.as_str()) else { continue };
        if regex {
            if let Some(fault) = regex_fault(text) {
                context.push(fault.at(node, "bad-regex"));
            }
        } else if let Some(end) = text.find("://") {
            let error = Diagnostic::error("bad-host", node.part(0..end + 3), "a host has no scheme here");
            let host = text[end + 3..].trim_end_matches('/');
            context.push(error.label("no `Host` header is like this").help(format!("write `\"{host}\"`")));
        } else if let Some(slash) = text.find('/') {
            let error = Diagnostic::error("bad-host", node.part(slash..text.len()), "a host has no path here");
            let host = &text[..slash];
            context.push(error.label("no `Host` header is like this").help(format!("write `\"{host}\"`")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (text, expected) in [
            ("*", None),
            ("null", None),
            ("https://app.test", None),
            ("http://localhost:3000", None),
            ("https://*.example.com", None),
            ("example.com", Some(0..11)),
            ("https://example.com/", Some(19..20)),
            ("https://example.com/app", Some(19..23)),
            ("https://", Some(0..8)),
            ("https://*.*.com", Some(10..11)),
            ("", Some(0..0)),
        ] {
            assert_eq!(origin(text).map(|(range, ..)| range), expected, "{text}");
        }
    }
}
