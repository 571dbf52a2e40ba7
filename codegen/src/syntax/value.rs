//! Values that are more than a type: ranges, URLs, regular expressions, names.

use std::ops::Range;

use data_encoding::{BASE64, BASE64_NOPAD};

use super::kind::Kind;
use crate::diagnostic::{Diagnostic, Sink};
use crate::suggest::closest;
use crate::tree::{Node, Value};

/// What is wrong with a text, and where.
pub(crate) struct Fault {
    range: Range<usize>,
    message: String,
    label: &'static str,
    help: Option<String>,
}

/// Whether `node` is as `kind` wants it, which is reported where not. `None` when it is of another type.
pub(super) fn check(node: &Node, kind: &Kind, name: &str, sink: &Sink) -> Option<bool> {
    match (kind, &node.value) {
        (Kind::Between(least, most), Value::Number(number)) => {
            let value = number.parse::<i64>().ok()?;
            let fits = (*least..=*most).contains(&value);
            if !fits {
                let expected = match *most {
                    i64::MAX => format!("{least} or more"),
                    most => format!("{least} to {most}"),
                };
                out_of_range(node, number, &expected, name, sink);
            }
            Some(fits)
        }
        (Kind::Inside(above, below), Value::Number(number)) => {
            let value = number.parse::<f64>().ok()?;
            let fits = value > *above && value < *below;
            if !fits {
                let expected = match below.is_finite() {
                    true => format!("a number above {above} and below {below}"),
                    false => format!("a number above {above}"),
                };
                out_of_range(node, number, &expected, name, sink);
            }
            Some(fits)
        }
        (Kind::NotNegative, Value::Number(number)) => {
            let fits = number.parse::<f64>().ok()? >= 0.0;
            if !fits {
                out_of_range(node, number, "0 or more", name, sink);
            }
            Some(fits)
        }
        (Kind::Share, Value::Number(number)) => {
            let fits = (0.0..=1.0).contains(&number.parse::<f64>().ok()?);
            if !fits {
                out_of_range(node, number, "a number from 0 to 1", name, sink);
            }
            Some(fits)
        }
        (_, Value::String(text)) => {
            let (code, fault) = match kind {
                Kind::Filled => ("empty-value", filled(&text.value, name)),
                Kind::Url(schemes) => ("bad-url", url(&text.value, schemes, name)),
                Kind::Address => ("bad-address", address(&text.value, name)),
                Kind::Regex => ("bad-regex", regex_fault(&text.value)),
                Kind::HeaderName => ("bad-header-name", header_name(&text.value)),
                Kind::Base64 => ("bad-base64", base64(&text.value, name)),
                Kind::Mime => ("bad-mime-type", mime(&text.value)),
                Kind::Time => ("bad-time", time(&text.value)),
                _ => return None,
            };
            let fits = fault.is_none();
            if let Some(fault) = fault {
                sink.push(fault.at(node, code));
            }
            Some(fits)
        }
        _ => None,
    }
}

impl Fault {
    /// As a diagnostic of the string `node`.
    pub(crate) fn at(self, node: &Node, code: &'static str) -> Diagnostic {
        self.within(node, 0, code)
    }

    /// The same, of a part of the string that begins at `start`.
    pub(crate) fn within(self, node: &Node, start: usize, code: &'static str) -> Diagnostic {
        let range = start + self.range.start..start + self.range.end;
        // Nothing can be underlined in an empty string.
        let span = if range.is_empty() { node.span } else { node.part(range) };
        let error = Diagnostic::error(code, span, self.message).label(self.label);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

fn out_of_range(node: &Node, number: &str, expected: &str, name: &str, sink: &Sink) {
    let error = Diagnostic::error("out-of-range", node.span, format!("{name} is {number}"));
    sink.push(error.label(format!("expected {expected}")));
}

fn fault(range: Range<usize>, message: String, label: &'static str, help: Option<String>) -> Option<Fault> {
    Some(Fault { range, message, label, help })
}

fn filled(text: &str, name: &str) -> Option<Fault> {
    match text.trim().is_empty() {
        true => fault(0..text.len(), format!("{name} is empty"), "expected a text", None),
        false => None,
    }
}

/// An absolute URL. What follows the scheme is looked into only where that is HTTP's.
fn url(text: &str, schemes: &[&str], name: &str) -> Option<Fault> {
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
fn address(text: &str, name: &str) -> Option<Fault> {
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

/// What is wrong with a regular expression, by the crate that runs it.
pub(crate) fn regex_fault(text: &str) -> Option<Fault> {
    let label = "not a regular expression";
    let (message, span) = match regex_syntax::parse(text) {
        Ok(_) => match regex::Regex::new(text) {
            Ok(_) => return None,
            Err(regex::Error::CompiledTooBig(limit)) => {
                let message = format!("the regular expression takes more than {limit} bytes when it is compiled");
                return fault(0..text.len(), message, "too big", Some("repeat less".to_owned()));
            }
            Err(error) => return fault(0..text.len(), error.to_string(), label, None),
        },
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), *error.span()),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), *error.span()),
        Err(error) => return fault(0..text.len(), error.to_string(), label, None),
    };
    let end = span.end.offset.max(span.start.offset);
    let range = if span.start.offset == end { 0..text.len() } else { span.start.offset..end };
    let help = if message.contains("look-around") || message.contains("backreferences") {
        Some("KrakenD's regular expressions have none either".to_owned())
    } else {
        Some(r"a sign that stands for itself is written with a backslash before it: `\\(` in JSON".to_owned())
    };
    fault(range, format!("the regular expression is wrong: {message}"), label, help)
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn mime(text: &str) -> Option<Fault> {
    let essence = text.split(';').next().unwrap_or_default();
    let sound = essence.trim().split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let help = || Some("a type is written `application/json` or `text/plain; charset=utf-8`".to_owned());
    match sound && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => None,
        false => fault(0..text.len(), format!("`{text}` is not a media type"), "expected `type/subtype`", help()),
    }
}

fn time(text: &str) -> Option<Fault> {
    match is_time(text) {
        Some(()) => None,
        None => {
            let help = "a time is written `2030-04-12T23:20:50Z`".to_owned();
            fault(0..text.len(), format!("`{text}` is not a time"), "expected RFC 3339", Some(help))
        }
    }
}

/// `2030-04-12T23:20:50.52+02:00`.
fn is_time(text: &str) -> Option<()> {
    let number = |range: Range<usize>, least: u32, most: u32| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|value| (least..=most).contains(value))
    };
    let sign = |at: usize, expected: &[u8]| text.as_bytes().get(at).filter(|byte| expected.contains(byte)).map(drop);
    let year = number(0..4, 0, 9999)?;
    let month = number(5..7, 1, 12)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    number(8..10, 1, days)?;
    number(11..13, 0, 23)?;
    number(14..16, 0, 59)?;
    number(17..19, 0, 60)?;
    for (at, expected) in [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")] {
        sign(at, expected.as_bytes())?;
    }
    let rest = text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => rest,
    };
    let start = text.len() - zone.len();
    match zone {
        "Z" | "z" => Some(()),
        _ if zone.len() == 6 => {
            sign(start, b"+-")?;
            sign(start + 3, b":")?;
            number(start + 1..start + 3, 0, 23).and(number(start + 4..start + 6, 0, 59)).map(drop)
        }
        _ => None,
    }
}

fn header_name(text: &str) -> Option<Fault> {
    match is_token(text) {
        true => None,
        false => fault(
            0..text.len(),
            format!("`{text}` is not the name of a header"),
            "HTTP cannot carry it",
            Some("a header's name has letters, digits and `-`".to_owned()),
        ),
    }
}

fn base64(text: &str, name: &str) -> Option<Fault> {
    match BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes())) {
        Ok(_) => None,
        Err(error) => {
            let end = text.len();
            let at = error.position.min(end);
            let range = if at == end || !text.is_ascii() { 0..end } else { at..end };
            fault(
                range,
                format!("{name} is not Base64"),
                "not Base64",
                Some("the body is written in Base64".to_owned()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn media_types_and_times() {
        for text in ["application/json", "text/plain; charset=utf-8", "application/vnd.api+json"] {
            assert_eq!(range(mime(text)), None, "{text}");
        }
        for text in ["json", "text/", "a b/c", "", "text/plain\n"] {
            assert_eq!(range(mime(text)), Some(0..text.len()), "{text}");
        }
        for text in ["2030-04-12T23:20:50.52Z", "2028-02-29T00:00:00+02:00", "2030-12-31t23:59:60z"] {
            assert_eq!(range(time(text)), None, "{text}");
        }
        for text in ["2030-04-12", "2030-13-12T23:20:50Z", "2030-02-29T00:00:00Z", "2030-04-12T23:20:50", "+1h", "é"] {
            assert_eq!(range(time(text)), Some(0..text.len()), "{text}");
        }
    }

    #[test]
    fn regular_expressions() {
        for (text, expected) in [
            ("(?i)crawler", None),
            ("^wget/\\d", None),
            ("(a", Some(0..1)),
            ("a)", Some(1..2)),
            ("[z-a]", Some(1..4)),
            ("a(?=b)", Some(1..4)),
            ("*", Some(0..1)),
            ("(?:a{1000}){1000}", Some(0..17)),
        ] {
            assert_eq!(range(regex_fault(text)), expected, "{text}");
        }
    }
}
