//! The values of a publisher's options and of headers: literal text and what the client's request has, `order-{body.id}`.
//!
//! | Written | Means |
//! |---|---|
//! | `{id}` | the endpoint's path parameter |
//! | `{header.X-Id}` | the first value of a header that `input_headers` lets in |
//! | `{query.q}` | the first value of a parameter that `input_query_strings` lets in |
//! | `{body.customer.id}` | a string, a number or a boolean of the JSON body; a number of the path counts in a list |
//! | `{resp0_id}` | in a sequence, a value of an earlier answer |
//! | `{{`, `}}` | a brace |

use std::fmt;
use std::ops::Range;

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::{Context, Owner, earlier, header, is_response, unknown_parameter};
use crate::diagnostic::Diagnostic;
use crate::emit::literal::number;
use crate::model::{Earlier, Names};
use crate::suggest::closest;
use crate::syntax::kind::At;
use crate::tree::Node;

/// How deep a path into the body may lead. Nobody needs more, and what looks it up is as deep.
const MAX_LEVELS: usize = 32;

/// A value that is made for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// In order; no two texts follow each other.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Copied.
    Text(String),
    /// The endpoint's path parameter at this position.
    Param {
        /// Its position in [`EndpointPath::params`](crate::model::EndpointPath::params).
        index: usize,
        /// Its name.
        name: String,
    },
    /// A header, as the config writes its name.
    Header(String),
    /// A query parameter.
    Query(String),
    /// The way to a value in the JSON body, one name or more.
    Body(Vec<String>),
    /// A value of an earlier answer.
    Earlier(Earlier),
}

// === impl Template ===

impl Template {
    /// Reads the template that `node` holds. Each mistake in it is underlined by itself.
    pub(crate) fn parse(context: &Context<'_>, node: &Node, owner: &Owner<'_>) -> Option<Self> {
        let text = node.text()?.value.as_str();
        let report = |range: Range<usize>, message: &str, label: &str| {
            Diagnostic::error("bad-template", node.part(range), message).label(label)
        };
        let mut template = Self { parts: Vec::new() };
        let mut sound = controls(context, node, text);
        let mut rest = 0;
        while let Some(at) = text[rest..].find(['{', '}']).map(|offset| rest + offset) {
            template.text(&text[rest..at]);
            let brace = &text[at..=at];
            if text[at + 1..].starts_with(brace) {
                template.text(brace);
                rest = at + 2;
                continue;
            }
            if brace == "}" {
                let error = report(at..at + 1, "`}` closes nothing", "no `{` before it");
                context.push(error.help("write `}}` for a brace"));
                sound = false;
                rest = at + 1;
                continue;
            }
            let end = text[at + 1..].find(['{', '}']).map_or(text.len(), |offset| at + 1 + offset);
            if !text[end..].starts_with('}') {
                let error = report(at..end, "`{` is not closed", "expected `}`");
                context.push(error.help("write `{{` for a brace"));
                return None;
            }
            match part(context, node, at + 1..end, owner) {
                Some(part) => template.parts.push(part),
                None => sound = false,
            }
            rest = end + 1;
        }
        template.text(&text[rest..]);
        sound.then_some(template)
    }

    /// As it is written in generated code.
    pub(crate) fn tokens(&self) -> TokenStream {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => quote! { Part::Text(#text) },
            Part::Param { index, .. } => {
                let index = number(*index as u64);
                quote! { Part::Param(#index) }
            }
            Part::Header(name) => quote! { Part::Header(#name) },
            Part::Query(name) => quote! { Part::Query(#name) },
            Part::Body(path) => quote! { Part::Body(&[#(#path),*]) },
            Part::Earlier(Earlier { name, .. }) => quote! { Part::Answer(#name) },
        });
        quote! { &[#(#parts),*] }
    }

    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

/// As the config writes it.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Param { name, .. } => write!(f, "{{{name}}}"),
            Part::Header(name) => write!(f, "{{header.{name}}}"),
            Part::Query(name) => write!(f, "{{query.{name}}}"),
            Part::Body(path) => write!(f, "{{body.{}}}", path.join(".")),
            Part::Earlier(Earlier { name, .. }) => write!(f, "{{{name}}}"),
        })
    }
}

/// Reports every control character: a message with one is refused, so this one would never be sent.
fn controls(context: &Context<'_>, node: &Node, text: &str) -> bool {
    let mut sound = true;
    for (at, control) in text.match_indices(char::is_control) {
        let span = node.part(at..at + control.len());
        let error =
            Diagnostic::error("bad-template", span, "a key, an id, an attribute or a header has no control characters");
        context.push(error.label("no message could carry this"));
        sound = false;
    }
    sound
}

/// Reads what stands between two braces, the bytes `name` of the text.
fn part(context: &Context<'_>, node: &Node, name: Range<usize>, owner: &Owner<'_>) -> Option<Part> {
    let whole = node.part(name.start - 1..name.end + 1);
    let text = &node.text()?.value[name.clone()];
    let empty = |message: &str| {
        let error = Diagnostic::error("bad-template", whole, message).label("expected a name");
        context.push(error.help(SOURCES));
        None
    };
    if text.trim().is_empty() {
        return empty("the name of a value is empty");
    }
    if is_response(text) {
        return earlier(context, whole, text, owner.turn, false).map(Part::Earlier);
    }
    if text == "JWT" || text.starts_with("JWT.") {
        let message = format!("`{{{text}}}`, a claim of a token, is not supported here");
        let error = Diagnostic::error("unsupported", whole, message).label("nothing provides this value");
        context.push(error.note("a message is made of the client's request alone").help(SOURCES));
        return None;
    }
    let Some((source, path)) = text.split_once('.') else {
        let params = owner.params?;
        let index = params.iter().position(|known| known == text);
        if index.is_none() {
            unknown_parameter(context, whole, text, params);
        }
        return index.map(|index| Part::Param { index, name: text.to_owned() });
    };
    match source {
        "header" | "query" if path.is_empty() => empty(&format!("the name after `{source}.` is empty")),
        "header" => {
            let name = At { value: path, span: node.part(name.end - path.len()..name.end) };
            let lower = header(context, name)?;
            // What passes where nothing is listed (trap 13).
            let default = *owner.input_headers == Names::List(Vec::new()) && lower == "content-type";
            if !default {
                listed(context, name, (owner.input_headers, "input_headers"), str::eq_ignore_ascii_case)?;
            }
            Some(Part::Header(path.to_owned()))
        }
        "query" => {
            let name = At { value: path, span: node.part(name.end - path.len()..name.end) };
            listed(context, name, (owner.input_query_strings, "input_query_strings"), str::eq)?;
            Some(Part::Query(path.to_owned()))
        }
        "body" => {
            let names: Vec<_> = path.split('.').map(str::to_owned).collect();
            if names.iter().any(String::is_empty) {
                return empty("a name on the way into the body is empty");
            }
            if names.len() > MAX_LEVELS {
                let message = format!("a path into the body is {} levels deep", names.len());
                let error = Diagnostic::error("too-deep", whole, message);
                context.push(error.label(format!("at most {MAX_LEVELS} are possible")));
                return None;
            }
            Some(Part::Body(names))
        }
        _ => {
            let span = node.part(name.start..name.start + source.len());
            let error = Diagnostic::error("unknown-source", span, format!("unknown source `{source}` of a value"));
            let error = error.label("nothing provides this value");
            context.push(error.did_you_mean(closest(source, ["header", "query", "body"])).help(SOURCES));
            None
        }
    }
}

const SOURCES: &str = "the values are `{param}` of the path, `{header.NAME}`, `{query.NAME}` and `{body.PATH}`";

/// Reports a name that the endpoint does not let in.
fn listed(
    context: &Context<'_>,
    name: At<&str>,
    (names, key): (&Names, &str),
    is: impl Fn(&str, &str) -> bool,
) -> Option<()> {
    let Names::List(list) = names else { return Some(()) };
    if list.iter().any(|known| is(known, name.value)) {
        return Some(());
    }
    let message = format!("`{}` is not in the endpoint's `{key}`", name.value);
    let error = Diagnostic::error("unlisted-name", name.span, message).label("the endpoint does not let it in");
    let meant = closest(name.value, list.iter().map(String::as_str));
    context.push(match meant {
        Some(_) => error.did_you_mean(meant),
        None => error.help(format!("add `\"{}\"` to `{key}`", name.value)),
    });
    None
}

#[cfg(test)]
mod tests;
