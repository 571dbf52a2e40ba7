//! URLs and addresses.

use super::{Fault, fault};
use crate::suggest::closest;

/// An absolute URL. What follows the scheme is looked into only where that is HTTP's.
pub(super) fn url(text: &str, schemes: &[&str], name: &str) -> Option<Fault> {
    let list = || schemes.iter().map(|scheme| format!("`{scheme}`")).collect::<Vec<_>>().join(", ");
    if let Some(offset) = text.find(|letter: char| letter.is_whitespace() || letter.is_control()) {
        let message = format!("{name} is a URL, and a URL has no spaces");
        return fault(offset..text.len(), message, "not part of a URL", None);
    }
    let Some(end) = text.find("://") else {
        let message = format!("{name} is not a URL: it has no scheme");
        let scheme = schemes.last().copied().unwrap_or_default();
        return fault(0..text.len(), message, "no `://` in it", Some(format!("write `\"{scheme}://{text}\"`")));
    };
    let scheme = &text[..end];
    if !schemes.contains(&scheme) {
        let help = match closest(scheme, schemes.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the schemes are {}", list()),
        };
        return fault(0..end, format!("{name} has the unknown scheme `{scheme}`"), "not a known scheme", Some(help));
    }
    let rest = &text[end + 3..];
    if rest.is_empty() {
        return fault(0..text.len(), format!("{name} ends after its scheme"), "expected more", None);
    }
    if !scheme.starts_with("http") {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let start = end + 3 + authority.rfind('@').map_or(0, |at| at + 1);
    host_and_port(&text[start..end + 3 + authority.len()], start, false, name)
}

/// `host:port`, or `:port`.
pub(super) fn address(text: &str, name: &str) -> Option<Fault> {
    // A socket of the machine, as agents of Datadog have it.
    if text.starts_with("unix:") {
        return None;
    }
    match text.rsplit_once(':') {
        Some(_) => host_and_port(text, 0, true, name),
        None => fault(
            0..text.len(),
            format!("{name} has no port"),
            "expected `host:port`",
            Some(match text.bytes().all(|byte| byte.is_ascii_digit()) {
                true => format!("write `\":{text}\"`"),
                false => format!("write `\"{text}:PORT\"`"),
            }),
        ),
    }
}

/// `host(:port)`, which begins at `start` of the whole text.
fn host_and_port(text: &str, start: usize, may_be_empty: bool, name: &str) -> Option<Fault> {
    let (host, port) = match text.rsplit_once(':') {
        // The last group of an IPv6 address is no port.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() && !may_be_empty {
        return fault(start..start + text.len(), format!("{name} has no host"), "expected a host", None);
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let sound = literal.map_or(host.bytes().all(valid), |literal| literal.parse::<std::net::Ipv6Addr>().is_ok());
    if !sound {
        let message = format!("`{host}` is not a host");
        return fault(start..start + host.len(), message, "expected a name or an IP address", None);
    }
    let port = port?;
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => {
            let end = start + text.len();
            fault(end - port.len()..end, format!("`{port}` is not a port"), "expected 1 to 65535", None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    fn range(fault: Option<Fault>) -> Option<Range<usize>> {
        fault.map(|fault| fault.range)
    }

    #[test]
    fn urls_and_what_is_wrong_with_them() {
        for (text, expected) in [
            ("https://id.example.com/keys?x=1#y", None),
            ("http://KEYCLOAK:8080/auth", None),
            ("http://[::1]:80/", None),
            ("https://user:secret@id.example.com:443", None),
            ("id.example.com/keys", Some(0..19)),
            ("htps://a", Some(0..4)),
            ("https://", Some(0..8)),
            ("https:///keys", Some(8..8)),
            ("https://a b/c", Some(9..13)),
            ("https://a:0/", Some(10..11)),
            ("https://a:99999", Some(10..15)),
            ("https://a|b/", Some(8..11)),
            ("", Some(0..0)),
        ] {
            assert_eq!(range(url(text, &["http", "https"], "`url`")), expected, "{text}");
        }
        assert_eq!(range(url("awskms://key", &["awskms"], "`url`")), None);
        assert_eq!(range(url("awskm://key", &["awskms"], "`url`")), Some(0..5));
    }

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("a:80", None),
            (":8090", None),
            ("[::1]:80", None),
            ("a", Some(0..1)),
            ("a:b", Some(2..3)),
            (":", Some(1..1)),
        ] {
            assert_eq!(range(address(text, "`address`")), expected, "{text}");
        }
    }
}
