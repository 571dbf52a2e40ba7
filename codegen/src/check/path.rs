//! An endpoint's path: `/users/{id}/*`.

use std::ops::Range;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::EndpointPath;
use crate::tree::Node;

/// Paths that the gateway answers itself; nothing below them can be an endpoint.
const RESERVED: [&str; 4] = ["/__debug", "/__echo", "/__health", "/__ready"];

/// A path with the bytes of each parameter's name.
pub(super) struct ParsedPath {
    pub(super) path: EndpointPath,
    pub(super) segments: Vec<Segment>,
}

/// What stands between two slashes.
pub(super) enum Segment {
    Text(String),
    /// A parameter, and the bytes of it within the path.
    Param(String, Range<usize>),
    /// A parameter behind a prefix, and the bytes of it within the path (`disable_rest`).
    Prefixed(String, String, Range<usize>),
    /// `*`, the last.
    Rest(Range<usize>),
}

/// Whether a path belongs to the gateway itself (KrakenD trap 6, and our `/__ready`).
pub(super) fn is_reserved(path: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| path.strip_prefix(reserved).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Reads the path that `node` holds. Each mistake in it is underlined by itself.
pub(super) fn parse(context: &Context<'_>, node: &Node) -> Option<ParsedPath> {
    let text = node.text()?.value.as_str();
    let before = context.sink.len();
    let report = |range: Range<usize>, message: String, label: &str, help: &str| {
        let error = Diagnostic::error("bad-path", node.part(range), message).label(label);
        context.push(if help.is_empty() { error } else { error.help(help) });
    };
    if is_reserved(text) {
        report(
            0..text.len(),
            format!("`{text}` is reserved"),
            "the gateway answers this itself",
            "choose another path",
        );
        return None;
    }
    if !text.starts_with('/') {
        let help = match text.split_once("://") {
            Some((_, rest)) => {
                format!("write what follows the host: `\"/{}\"`", rest.split_once('/').map_or("", |(_, path)| path))
            }
            None => format!("write `\"/{text}\"`"),
        };
        report(0..text.len(), "the path does not begin with `/`".to_owned(), "expected `/` first", &help);
    }
    if let Some(offset) = text.find(['?', '#']) {
        let what = if text[offset..].starts_with('?') { "a query string" } else { "a fragment" };
        let help = "list the parameters in `input_query_strings`";
        let help = if what == "a query string" { help } else { "remove it: no client sends one" };
        report(
            offset..text.len(),
            format!("a path has no room for {what}"),
            "would be matched as part of the path",
            help,
        );
        return None;
    }
    let mut parsed =
        ParsedPath { path: EndpointPath { text: text.to_owned(), params: Vec::new() }, segments: Vec::new() };
    let mut colons = Vec::new();
    let mut offset = usize::from(text.starts_with('/'));
    for segment in text[offset..].split('/') {
        let range = offset..offset + segment.len();
        let last = range.end == text.len();
        offset = range.end + 1;
        if let Some(name) =
            segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|name| is_name(name))
        {
            if parsed.path.params.iter().any(|known| known == name) {
                report(
                    range,
                    format!("the parameter `{{{name}}}` stands twice in the path"),
                    "given again here",
                    "give each a name of its own",
                );
                continue;
            }
            parsed.path.params.push(name.to_owned());
            parsed.segments.push(Segment::Param(name.to_owned(), range));
        } else if let (true, Some((prefix, name))) = (context.defaults.disable_rest, prefixed(segment)) {
            if parsed.path.params.iter().any(|known| known == name) {
                report(
                    range,
                    format!("the parameter `{{{name}}}` stands twice in the path"),
                    "given again here",
                    "give each a name of its own",
                );
                continue;
            }
            parsed.path.params.push(name.to_owned());
            parsed.segments.push(Segment::Prefixed(prefix.to_owned(), name.to_owned(), range));
        } else if segment == "*" && last {
            parsed.segments.push(Segment::Rest(range));
        } else if segment.contains('*') {
            report(
                range,
                "`*` stands only at the end of a path, after a `/`".to_owned(),
                "not a wildcard here",
                "write `{name}` for one segment",
            );
        } else if segment.contains(['{', '}']) {
            let label = match context.defaults.disable_rest {
                true => "a parameter is the end of a segment: `/v{name}/`",
                false => "a parameter is a whole segment: `/{name}/`",
            };
            let help = match prefixed(segment) {
                Some((prefix, name)) => {
                    format!(
                        "write `/{prefix}/{{{name}}}`, or `\"disable_rest\": true` in the service, which allows this"
                    )
                }
                None => "a name has letters, digits, `-` and `_`".to_owned(),
            };
            report(range, "this is not a path parameter".to_owned(), label, &help);
        } else if let Some(name) = segment.strip_prefix(':') {
            let help = format!("write `{{{name}}}`");
            report(
                range,
                "parameters are written in braces".to_owned(),
                "would be matched as it is, colon included",
                &help,
            );
        } else {
            if let Some(colon) = segment.find(':') {
                colons.push(range.start + colon..range.end);
            }
            parsed.segments.push(Segment::Text(segment.to_owned()));
        }
    }
    let sound = context.sink.len() == before;
    for range in colons.into_iter().filter(|_| sound) {
        let name = text[range.start + 1..range.end].to_owned();
        let message = format!("KrakenD takes `:{name}` for a parameter, and here it is matched as it is");
        let warning = Diagnostic::warning("colon-in-a-path", node.part(range), message);
        let warning = warning.label("anything would match there on a KrakenD");
        context.push(warning.help(format!("for a parameter, write a segment of its own: `/{{{name}}}`")));
    }
    sound.then_some(parsed)
}

/// `v{name}`, as `disable_rest` allows it.
fn prefixed(segment: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = segment.split_once('{')?;
    let name = rest.strip_suffix('}').filter(|name| is_name(name))?;
    (!prefix.contains(['}', '*', ':'])).then_some((prefix, name))
}

/// What KrakenD takes for the name of a parameter.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
