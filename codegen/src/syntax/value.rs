//! Values that are more than a type: ranges, URLs, regular expressions, names.

mod time;
mod url;

use std::ops::Range;

use data_encoding::{BASE64, BASE64_NOPAD};

use self::time::is_time;
use self::url::{address, url};
use super::kind::Kind;
use crate::diagnostic::{Diagnostic, Sink};
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
