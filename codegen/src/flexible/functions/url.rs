//! URLs in parts, by the rules of Go's `net/url`.

use std::fmt::Write as _;

use super::super::value::Value;
use super::Type::{Map, Text};
use super::{Function, Outcome, map, plain, text};

pub(super) const FUNCTIONS: &[Function] = &[plain("urlParse", &[Text], parse), plain("urlJoin", &[Map], join)];

/// Go's `url.QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn parse(given: &[Value]) -> Outcome {
    let whole = text(given, 0);
    if whole.chars().any(char::is_control) {
        return Err("a URL has no control characters".into());
    }
    let (rest, fragment) = whole.split_once('#').unwrap_or((&whole, ""));
    let (scheme, rest) = match rest.split_once(':') {
        Some(("", _)) => return Err("a URL does not begin with `:`".into()),
        Some((scheme, after))
            if scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) =>
        {
            (scheme.to_ascii_lowercase(), after)
        }
        _ => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut opaque = "";
    let (mut authority, mut path) = ("", rest);
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find('/').unwrap_or(after.len());
        (authority, path) = after.split_at(end);
    } else if !scheme.is_empty() && !rest.starts_with('/') {
        (opaque, path) = (rest, "");
    }
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if let Some(bad) = host.chars().find(|letter| matches!(letter, ' ' | '\\' | '^' | '`' | '{' | '|' | '}')) {
        return Err(format!("`{bad}` is not part of a host"));
    }
    let hostname = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let port = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or("", |(_, port)| port);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{port}` is not a port"));
    }
    let parts = [
        ("fragment", unescape(fragment)?),
        ("host", unescape(host)?),
        ("hostname", unescape(hostname)?),
        ("opaque", opaque.to_owned()),
        ("path", unescape(path)?),
        ("query", query.to_owned()),
        ("scheme", scheme),
        ("userinfo", userinfo.to_owned()),
    ];
    Ok(Value::map(parts.into_iter().map(|(name, part)| (name.into(), Value::text(part))).collect()))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(
            code.ok_or_else(|| format!("`{}` is no escape of a URL", rest[at..].chars().take(3).collect::<String>()))?,
        );
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| "what is escaped in it is not UTF-8".into())
}

fn join(given: &[Value]) -> Outcome {
    let object = map(given, 0)?;
    let object = object.entries.borrow();
    let part = |name: &str| match object.get(name) {
        None => Ok(String::new()),
        Some(Value::Text(text)) => Ok(text.to_string()),
        Some(other) => Err(format!("`{name}` is a text, and this is {}", other.described())),
    };
    let (scheme, host, path, userinfo) = (part("scheme")?, part("host")?, part("path")?, part("userinfo")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let mut out = String::new();
    if !scheme.is_empty() {
        let _ = write!(out, "{scheme}:");
    }
    if opaque.is_empty() {
        if !host.is_empty() || !userinfo.is_empty() {
            let at = if userinfo.is_empty() { "" } else { "@" };
            let _ = write!(out, "//{userinfo}{at}{host}");
            if !path.is_empty() && !path.starts_with('/') {
                out.push('/');
            }
        }
        out.push_str(&escape(&path, b"$&+,/:;=@"));
    } else {
        out.push_str(&opaque);
    }
    if !query.is_empty() {
        let _ = write!(out, "?{query}");
    }
    if !fragment.is_empty() {
        let _ = write!(out, "#{}", escape(&fragment, b"$&+,/:;=?@!()*"));
    }
    Ok(Value::text(out))
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
