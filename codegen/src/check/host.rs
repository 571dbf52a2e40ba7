//! `host`: sanitised as KrakenD does (trap 4), strictly.

use std::ops::Range;

use super::{Context, variable_name};
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::tree::Node;

/// Where an HTTP backend is: `http://users:8080`, and a path before every `url_pattern`. Or `env:NAME` or `file:PATH`, which
/// are read when the gateway starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) authority: String,
    pub(super) path: String,
}

/// The hosts of the service or of a backend. `None` when one of them is wrong, and was reported.
pub(super) fn sanitised(context: &Context<'_>, owner: Object<'_>) -> Option<Vec<String>> {
    let Some(node) = owner.get("host") else { return Some(Vec::new()) };
    if owner.texts("host").len() != node.items().len() || !node.is_array() {
        return None;
    }
    let hosts = node.items().iter().map(|item| check(context, item, sanitise));
    // Every wrong one is reported, so no early end.
    let hosts: Vec<Option<Host>> = hosts.collect();
    hosts.into_iter().map(|host| host.map(|host| host.authority)).collect()
}

/// The hosts of a backend with `disable_host_sanitize`. `None` when one of them is wrong, and was reported.
pub(super) fn as_written(context: &Context<'_>, owner: Object<'_>) -> Option<Vec<Host>> {
    let items = owner.get("host").map_or(&[][..], Node::items);
    let hosts: Vec<Option<Host>> = items.iter().map(|item| check(context, item, whole_url)).collect();
    hosts.into_iter().collect()
}

/// Whether `path` behind `file:` can be a file's. Reports it where not.
fn file_path(context: &Context<'_>, item: &Node, path: &str) -> bool {
    if !path.starts_with("//") {
        return true;
    }
    let error = Diagnostic::error("bad-host", item.part(0..7), "`file:` is followed by a path, and not by a host");
    context.push(error.label("not a host").help("a host that is read at start is written `file:PATH` or `env:NAME`"));
    false
}

struct Fault {
    range: Range<usize>,
    message: String,
    help: Option<String>,
}

fn check(context: &Context<'_>, item: &Node, read: fn(&str) -> Result<Host, Fault>) -> Option<Host> {
    let text = item.text()?.value.as_str();
    let at_start = || Host { authority: text.to_owned(), path: String::new() };
    if let Some(name) = text.strip_prefix("env:") {
        return variable_name(context, item, name).then(at_start);
    }
    // A host may be called `file` as well.
    if let Some(path) = text.strip_prefix("file:").filter(|path| path.bytes().any(|byte| !byte.is_ascii_digit())) {
        return file_path(context, item, path).then(at_start);
    }
    match read(text) {
        Ok(host) => Some(host),
        Err(fault) => {
            let error = Diagnostic::error("bad-host", item.part(fault.range), fault.message).label("not a host");
            context.push(match fault.help {
                Some(help) => error.help(help),
                None => error.help("a host is written `http://name` or `http://name:port`"),
            });
            None
        }
    }
}

/// `(http[s]://)name(:port)(/)`: what KrakenD's pattern takes, if it has to take the whole text.
fn sanitise(text: &str) -> Result<Host, Fault> {
    let (scheme, rest) = scheme(text)?;
    let start = text.len() - rest.len();
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(slash) = rest.find('/') {
        return Err(Fault {
            range: start + slash..text.len(),
            message: "a host has no path".to_owned(),
            help: Some("put the path before the `url_pattern`, or set `disable_host_sanitize`".to_owned()),
        });
    }
    authority(rest, start)?;
    Ok(Host { authority: format!("{scheme}{rest}"), path: String::new() })
}

/// A URL up to its path.
fn whole_url(text: &str) -> Result<Host, Fault> {
    if !text.contains("://") {
        return Err(Fault {
            range: 0..text.len(),
            message: format!("`{text}` has no scheme, and `disable_host_sanitize` adds none"),
            help: Some(format!("write `\"http://{text}\"`")),
        });
    }
    let (scheme, rest) = scheme(text)?;
    let start = text.len() - rest.len();
    let slash = rest.find('/').unwrap_or(rest.len());
    let (name, path) = rest.split_at(slash);
    if let Some(offset) = path.find(['?', '#']) {
        return Err(Fault {
            range: start + slash + offset..text.len(),
            message: "a host has no query string".to_owned(),
            help: Some("put it into the `url_pattern`".to_owned()),
        });
    }
    authority(name, start)?;
    Ok(Host { authority: format!("{scheme}{name}"), path: path.trim_end_matches('/').to_owned() })
}

/// The scheme with its slashes, `http://` when there is none, and the rest.
fn scheme(text: &str) -> Result<(&'static str, &str), Fault> {
    if text.is_empty() {
        return Err(Fault { range: 0..0, message: "the host is empty".to_owned(), help: None });
    }
    let Some(end) = text.find("://") else { return Ok(("http://", text)) };
    let rest = &text[end + 3..];
    match &text[..end] {
        "http" => Ok(("http://", rest)),
        "https" => Ok(("https://", rest)),
        scheme if sluicegate_drivers::by_scheme(scheme).is_some() => Err(Fault {
            range: 0..end,
            message: format!("`{scheme}` is a message broker, and this backend calls HTTP"),
            help: Some(
                "add `backend/pubsub/publisher` or `backend/pubsub/subscriber` to the backend's `extra_config`"
                    .to_owned(),
            ),
        }),
        scheme => Err(Fault {
            range: 0..end,
            message: format!("unknown scheme `{scheme}` of a host"),
            help: Some("the schemes are `http` and `https`".to_owned()),
        }),
    }
}

/// Checks `name(:port)`, which begins at `start` of the whole text.
fn authority(text: &str, start: usize) -> Result<(), Fault> {
    let fault = |range: Range<usize>, message: &str| Fault {
        range: start + range.start..start + range.end,
        message: message.to_owned(),
        help: None,
    };
    if text.contains('@') {
        return Err(fault(0..text.len(), "a host has no user and no password"));
    }
    if let Some(address) = text.strip_prefix('[') {
        return ipv6(address, start + 1);
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    if name.is_empty() {
        return Err(fault(0..text.len(), "the host has no name"));
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if let Some(offset) = name.bytes().position(|byte| !valid(byte)) {
        return Err(fault(offset..name.len(), "a host is a name or an IPv4 address"));
    }
    match port {
        Some(port) => check_port(port, start + name.len() + 1),
        None => Ok(()),
    }
}

/// Checks `::1](:port)`, which begins at `start` of the whole text. KrakenD's pattern has no IPv6 addresses.
fn ipv6(text: &str, start: usize) -> Result<(), Fault> {
    let fault = |message: &str| Fault { range: start..start + text.len(), message: message.to_owned(), help: None };
    let Some((address, port)) = text.split_once(']') else { return Err(fault("`[` is never closed")) };
    if address.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(fault("this is not an IPv6 address"));
    }
    match port.strip_prefix(':') {
        Some(port) => check_port(port, start + address.len() + 2),
        None if port.is_empty() => Ok(()),
        None => Err(fault("a port begins with `:`")),
    }
}

fn check_port(port: &str, start: usize) -> Result<(), Fault> {
    let fault = |message: &str| Fault { range: start..start + port.len(), message: message.to_owned(), help: None };
    if port.len() == 1 && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault {
            help: Some("KrakenD's pattern of a host has no port below 10".to_owned()),
            ..fault("a port has 2 to 5 digits")
        });
    }
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(fault("a port is a number up to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_as_krakend_sanitises_them() {
        for (text, expected) in [
            ("http://a:80", Ok("http://a:80")),
            ("https://a.b-c_d/", Ok("https://a.b-c_d")),
            ("127.0.0.1:18081", Ok("http://127.0.0.1:18081")),
            ("a", Ok("http://a")),
            ("", Err(0..0)),
            ("http://", Err(7..7)),
            ("http://a:9", Err(9..10)),
            ("http://a:99999", Err(9..14)),
            ("http://a:8x", Err(9..11)),
            ("http://a/b", Err(8..10)),
            ("http://u:p@a", Err(7..12)),
            ("http://a?b", Err(8..10)),
            ("ftp://a", Err(0..3)),
            ("nats://", Err(0..4)),
            ("http://[::1]:80", Ok("http://[::1]:80")),
            ("http://[::1", Err(8..11)),
        ] {
            let found = sanitise(text).map(|host| host.authority).map_err(|fault| fault.range);
            assert_eq!(found, expected.map(str::to_owned), "{text}");
        }
    }

    /// The gateway reads hosts too, where the environment names them.
    #[test]
    fn the_gateway_has_the_same_hosts() {
        let table = std::fs::read_to_string("tests/hosts.txt").expect("the table");
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let (text, expected) = line.split_once(" -> ").expect("a case");
            let found = sanitise(text).map_or("error".to_owned(), |host| host.authority);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn without_sanitising_a_path_stays() {
        for (text, expected) in [
            ("http://a/b/c/", Ok(("http://a", "/b/c"))),
            ("https://a:80", Ok(("https://a:80", ""))),
            ("a:80", Err(0..4)),
            ("http://a/b?c", Err(10..12)),
        ] {
            let found = whole_url(text).map(|host| (host.authority, host.path)).map_err(|fault| fault.range);
            assert_eq!(found, expected.map(|(a, p)| (a.to_owned(), p.to_owned())), "{text}");
        }
    }
}
