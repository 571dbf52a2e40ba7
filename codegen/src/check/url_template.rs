//! `url_pattern`: literal text and parameters.

use std::fmt::Write as _;

use super::endpoint::Owner;
use super::{Context, sequence};
use crate::diagnostic::Diagnostic;
use crate::model::{Piece, UrlTemplate};
use crate::suggest::closest;
use crate::tree::{Node, Span};

/// Reads the pattern that `node` holds. `prefix` goes before it.
pub(super) fn parse(context: &Context<'_>, node: &Node, prefix: &str, owner: &Owner<'_>) -> Option<UrlTemplate> {
    let text = node.text()?.value.as_str();
    let report = |start: usize, end: usize, code: &'static str, message: String, label: &str| {
        Diagnostic::error(code, node.part(start..end), message).label(label)
    };
    if text.contains("://") && !text.starts_with('/') {
        let end = text
            .find("://")
            .map_or(text.len(), |scheme| text[scheme + 3..].find('/').map_or(text.len(), |slash| scheme + 3 + slash));
        let error =
            report(0, end, "bad-url-pattern", "a `url_pattern` has no host".to_owned(), "would be taken as a path");
        context.push(error.help("put the host into `host`, and begin the pattern with `/`"));
        return None;
    }
    // `example.com:8080/path`, which only lacks its scheme.
    let first = text.split(['/', '?']).next().unwrap_or_default();
    if let Some((name, port)) = first.split_once(':')
        && name.contains(|letter: char| letter.is_ascii_alphanumeric())
        && !name.contains('{')
        && port.parse::<u16>().is_ok()
    {
        let message = "a `url_pattern` has no host".to_owned();
        let error = report(0, first.len(), "bad-url-pattern", message, "would be taken as a path");
        context.push(error.help("put the host into `host`, and begin the pattern with `/`"));
        return None;
    }
    if let Some(offset) = text.find('#') {
        let message = "a `url_pattern` has no fragment".to_owned();
        context
            .push(report(offset, text.len(), "bad-url-pattern", message, "never sent").help("write `%23` for a `#`"));
        return None;
    }
    literal(context, node, text, owner);
    let mut template = Builder::default();
    template.text(prefix);
    // KrakenD adds the slash.
    if !text.starts_with('/') {
        template.text("/");
    }
    let mut rest = 0;
    let mut sound = true;
    while let Some(open) = text[rest..].find(['{', '}']).map(|offset| rest + offset) {
        template.text(&text[rest..open]);
        sound &= escapes(context, node, &text[rest..open], rest);
        let close = text[open..].find('}').map(|offset| open + offset);
        let Some(close) = close.filter(|close| *close > open && is_name(bare(&text[open + 1..*close]))) else {
            let end = close.map_or(text.len(), |close| close + 1);
            let error = report(open, end, "bad-url-pattern", "this is not a parameter".to_owned(), "expected `{name}`");
            context.push(error.help("write `%7B` and `%7D` for braces"));
            return None;
        };
        sound &= param(context, node, (open, close), owner, &mut template);
        rest = close + 1;
    }
    template.text(&text[rest..]);
    sound &= escapes(context, node, &text[rest..], rest);
    sound.then(|| UrlTemplate { text: text.to_owned(), pieces: template.pieces })
}

/// Warns of what other gateways replace, and is sent here as it is written.
fn literal(context: &Context<'_>, node: &Node, text: &str, owner: &Owner<'_>) {
    let warn = |range: std::ops::Range<usize>, message: String, help: String| {
        let warning = Diagnostic::warning("literal-in-a-url", node.part(range), message);
        context.push(warning.label("sent as it is written").help(help));
    };
    let path = text.split('?').next().unwrap_or_default();
    let mut start = 0;
    for segment in path.split('/') {
        let range = start..start + segment.len();
        start = range.end + 1;
        let named = segment
            .strip_prefix([':', '$'])
            .filter(|name| owner.params.is_some_and(|params| params.iter().any(|param| param == name)));
        if let Some(name) = named {
            warn(range, format!("`{segment}` is not replaced"), format!("write `{{{name}}}` for the parameter"));
        } else if segment == "*" {
            let help = match owner.params.and_then(<[String]>::last) {
                Some(name) => {
                    format!("write `{{{name}}}` for a parameter; what a `*` of the endpoint stands for is not sent on")
                }
                None => "what a `*` of the endpoint stands for is not sent on".to_owned(),
            };
            warn(range, "`*` is not replaced".to_owned(), help);
        }
    }
    if let Some(second) = text.match_indices('?').nth(1).map(|(offset, _)| offset) {
        let message = "a second `?` is part of the value before it".to_owned();
        warn(second..second + 1, message, "parameters of a query are separated by `&`".to_owned());
    }
}

/// Adds the parameter between two braces.
fn param(
    context: &Context<'_>,
    node: &Node,
    (open, close): (usize, usize),
    owner: &Owner<'_>,
    template: &mut Builder,
) -> bool {
    let Some(text) = node.text() else { return false };
    let name = &text.value[open + 1..close];
    let (is_path, name) = (name.starts_with('+'), bare(name));
    let span = node.part(open..close + 1);
    let own = owner.params.is_some_and(|params| params.iter().any(|param| param == name));
    if sequence::is_response(name) && !own {
        let Some(earlier) = sequence::earlier(context, span, name, owner.turn, false) else { return false };
        template.pieces.push(if is_path { Piece::EarlierPath(earlier) } else { Piece::Earlier(earlier) });
        return true;
    }
    if name.starts_with("JWT.") {
        if !owner.claims {
            no_token(context, span, name);
            return false;
        }
        context.not_yet(span, &format!("`{{{name}}}`, a claim of the client's token,"));
        return false;
    }
    let Some(params) = owner.params else { return false };
    if let Some(index) = params.iter().position(|known| known == name) {
        let name = name.to_owned();
        template.pieces.push(if is_path { Piece::PathParam { index, name } } else { Piece::Param { index, name } });
        return true;
    }
    unknown_parameter(context, span, name, params);
    false
}

/// Reports a claim in an endpoint that reads no token.
pub(super) fn no_token(context: &Context<'_>, span: Span, name: &str) {
    let message = format!("`{{{name}}}` needs `auth/validator` in the endpoint's `extra_config`");
    let error = Diagnostic::error("no-token", span, message).label("nothing reads a token here");
    let error = error.help("add `auth/validator`, which reads the client's token");
    context.push(error.note("KrakenD sends the braces on as they are"));
}

/// Reports a `{name}` that is none of the endpoint's parameters.
pub(crate) fn unknown_parameter(context: &Context<'_>, span: Span, name: &str, params: &[String]) {
    let message = format!("`{{{name}}}` is not a parameter of this endpoint");
    let error = Diagnostic::error("unknown-parameter", span, message).label("nothing provides this value");
    let error = error
        .did_you_mean(closest(name, params.iter().map(String::as_str)).map(|name| format!("{{{name}}}")).as_deref());
    let lower = name.to_ascii_lowercase();
    if name.starts_with("Resp") && sequence::is_response(&lower) {
        return context.push(error.help(format!("an answer is written in lower case: `{{{lower}}}`")));
    }
    let list: Vec<_> = params.iter().map(|name| format!("`{{{name}}}`")).collect();
    context.push(match list.len() {
        0 => error.help("the endpoint's path has no parameters"),
        1 => error.help(format!("the endpoint's path has {}", list[0])),
        _ => error.help(format!("the endpoint's path has {}", list.join(", "))),
    });
}

/// Reports every `%` that two hexadecimal digits do not follow.
fn escapes(context: &Context<'_>, node: &Node, text: &str, start: usize) -> bool {
    let mut sound = true;
    for (offset, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(offset + 1..offset + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let span = node.part(start + offset..start + offset + 1);
            let error = Diagnostic::error("bad-url-pattern", span, "`%` is not followed by two hexadecimal digits");
            context.push(error.label("not an escape").help("write `%25` for a `%`"));
            sound = false;
        }
    }
    sound
}

/// Without the mark of a value that is a path, which is RFC 6570's.
fn bare(name: &str) -> &str {
    name.strip_prefix('+').unwrap_or(name)
}

/// What lura takes for the name of a parameter.
pub(super) fn is_name(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/');
    !name.is_empty() && name.bytes().all(valid)
}

/// Joins what follows each other and encodes what no URL can hold.
#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
}

impl Builder {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.pieces.last(), Some(Piece::Text(_))) {
            self.pieces.push(Piece::Text(String::new()));
        }
        let Some(Piece::Text(out)) = self.pieces.last_mut() else { return };
        push_encoded(text, out);
    }
}

/// Adds a text that may have anything in it as it is in a URL.
pub(super) fn push_encoded(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Defaults;
    use crate::diagnostic::Sink;
    use crate::source::SourceFile;

    fn read(pattern: &str) -> Result<Vec<Piece>, String> {
        let file = SourceFile::new("a.json", "", crate::tree::quote(pattern));
        let sink = Sink::default();
        let node = crate::json::parse(file.text(), 0, &sink).expect("a string");
        let defaults = Defaults { timeout: std::time::Duration::from_secs(2), ..Defaults::default() };
        let owner = Owner {
            params: Some(&["id".to_owned(), "name".to_owned()]),
            method: crate::model::Method::Get,
            claims: false,
            pubsub_misplaced: false,
            output: crate::model::Output::Json,
            backends: 1,
            input_headers: &crate::model::Names::All,
            input_query_strings: &crate::model::Names::All,
            timeout: std::time::Duration::from_secs(2),
            added_headers: None,
            turn: crate::check::calls::Turn::Beside,
        };
        let template = parse(&Context::new(file.as_ref(), &sink, defaults), &node, "/base", &owner);
        match template {
            Some(template) => Ok(template.pieces),
            None => {
                let span = sink.finish(None)[0].span;
                Err(file.text()[span.start..span.end].to_owned())
            }
        }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn param(index: usize, name: &str) -> Piece {
        Piece::Param { index, name: name.to_owned() }
    }

    #[test]
    fn patterns_and_what_they_become() {
        for (pattern, expected) in [
            ("/a", Ok(vec![text("/base/a")])),
            ("", Ok(vec![text("/base/")])),
            ("a", Ok(vec![text("/base/a")])),
            ("/a b/ä?x=<1>", Ok(vec![text("/base/a%20b/%C3%A4?x=%3C1%3E")])),
            ("/a%20b", Ok(vec![text("/base/a%20b")])),
            ("/{name}/{id}", Ok(vec![text("/base/"), param(1, "name"), text("/"), param(0, "id")])),
            (
                "/x{id}.json?y={id}&z",
                Ok(vec![text("/base/x"), param(0, "id"), text(".json?y="), param(0, "id"), text("&z")]),
            ),
            ("/{+name}", Ok(vec![text("/base/"), Piece::PathParam { index: 1, name: "name".to_owned() }])),
            ("/{+nope}", Err("{+nope}")),
            ("/{+}", Err("{+}")),
            ("/{nope}", Err("{nope}")),
            ("/{resp0_a.b}", Err("{resp0_a.b}")),
            ("/{JWT.sub}", Err("{JWT.sub}")),
            ("/{id", Err("{id")),
            ("/id}", Err("}")),
            ("/{}", Err("{}")),
            ("/{{.Id}}", Err("{{.Id}")),
            ("/%zz", Err("%")),
            ("/a#b", Err("#b")),
            ("http://h/p", Err("http://h")),
            ("h:8080/p", Err("h:8080")),
            ("/h:8080/p", Ok(vec![text("/base/h:8080/p")])),
        ] {
            assert_eq!(read(pattern), expected.map_err(str::to_owned), "{pattern}");
        }
    }
}
