//! Methods, header names and query parameters.

use std::collections::HashSet;

use super::Context;
use crate::diagnostic::{Diagnostic, Sink};
use crate::model::{Method, Names};
use crate::suggest::closest;
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::Node;

const ALL: [Method; 7] =
    [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Head, Method::Options];

/// Reads a method. KrakenD writes lower case as upper case; it is accepted with a warning.
pub(super) fn method(context: &Context<'_>, method: At<&str>, allowed: &[Method]) -> Option<Method> {
    let upper = method.value.to_ascii_uppercase();
    let known = ALL.into_iter().find(|known| known.as_str() == upper);
    if let Some(found) = known.filter(|known| allowed.contains(known)) {
        if upper != method.value {
            let message = format!("the method `{}` is not in upper case", method.value);
            let warning =
                Diagnostic::warning("letter-case", method.span, message).label(format!("taken for `{upper}`"));
            context.push(warning.help(format!("write `\"{upper}\"`")));
        }
        return Some(found);
    }
    let names: Vec<_> = allowed.iter().map(|method| method.as_str()).collect();
    let message = match known {
        Some(_) => format!("an endpoint cannot have the method `{upper}`"),
        None => format!("unknown method `{}`", method.value),
    };
    let error = Diagnostic::error("unknown-method", method.span, message).label("no client could call this");
    let error = error.did_you_mean(closest(&upper, names.iter().copied()));
    let list: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    context.push(error.help(format!("the methods are {}", list.join(", "))));
    None
}

/// The methods that a backend can be called with.
pub(super) fn backend_method(context: &Context<'_>, text: At<&str>) -> Option<Method> {
    method(context, text, &ALL)
}

/// An endpoint's `input_headers`.
pub(super) fn headers(context: &Context<'_>, object: Object<'_>) -> Names {
    let names = object.texts("input_headers");
    if names.iter().any(|name| name.value == "*") {
        return Names::All;
    }
    Names::List(names.into_iter().filter_map(|name| header(context, name)).collect())
}

/// An endpoint's `input_query_strings`.
pub(super) fn query_strings(context: &Context<'_>, object: Object<'_>) -> Names {
    let names = object.texts("input_query_strings");
    for name in object.get("input_query_strings").map_or(&[][..], Node::items) {
        query_name(context, name);
    }
    if names.iter().any(|name| name.value == "*") {
        return Names::All;
    }
    Names::List(names.into_iter().map(|name| name.value.to_owned()).collect())
}

/// Warns of what is no name of a parameter, but a piece of a query.
fn query_name(context: &Context<'_>, node: &Node) {
    let Some(text) = node.text().map(|text| text.value.as_str()) else { return };
    let Some(start) = text.find(['?', '=', '&']) else { return };
    let name = text.trim_start_matches(['?', '&']).split(['=', '&']).next().unwrap_or_default();
    let message = format!("no parameter of a query is called `{text}`");
    let warning = Diagnostic::warning("never-matches", node.part(start..start + 1), message);
    let warning = warning.label("not part of a name");
    context.push(if name.is_empty() { warning } else { warning.help(format!("write `\"{name}\"`")) });
}

/// Headers that a backend gets though nobody lists them.
pub(super) const UNASKED: [&str; 5] =
    ["content-type", "user-agent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-via"];

/// Warns of names that a backend lists and its endpoint does not let in: they never arrive.
pub(super) fn unlisted(context: &Context<'_>, backend: Object<'_>, endpoint: &Names, key: &str, added: &[String]) {
    let Names::List(listed) = endpoint else { return };
    let known: HashSet<&str> = listed.iter().map(String::as_str).collect();
    for name in backend.texts(key).into_iter().filter(|name| !matches!(name.value, "" | "*")) {
        let lower = name.value.to_ascii_lowercase();
        let arrives = match key {
            "input_headers" => {
                UNASKED.contains(&lower.as_str()) || added.contains(&lower) || known.contains(lower.as_str())
            }
            _ => known.contains(name.value),
        };
        if arrives {
            continue;
        }
        let message = format!("`{}` never arrives here: the endpoint's `{key}` does not let it in", name.value);
        let warning = Diagnostic::warning("unlisted-name", name.span, message).label("not listed in the endpoint");
        let warning = warning.did_you_mean(closest(name.value, listed.iter().map(String::as_str)));
        context.push(warning.help(format!("add it to `{key}` of the endpoint")));
    }
}

/// A backend's own list: `None` when it lets all pass. `[""]` lets nothing pass, as in KrakenD.
pub(super) fn backend_names(context: &Context<'_>, object: Object<'_>, key: &str) -> Option<Vec<String>> {
    let names = object.texts(key);
    if names.is_empty() {
        return None;
    }
    let mut list = Vec::new();
    for name in names {
        if name.value == "*" {
            let error =
                Diagnostic::error("no-wildcard", name.span, format!("`*` has no meaning in `{key}` of a backend"));
            let error = error.label("would let nothing pass");
            context.push(error.help("leave the key out to pass on what the endpoint lets in"));
        } else if key == "input_headers" {
            list.extend(header(context, name).filter(|name| !name.is_empty()));
        } else if !name.value.is_empty() {
            list.push(name.value.to_owned());
        }
    }
    Some(list)
}

/// A header's name in lower case. The empty one stands for none.
pub(crate) fn header(context: &Context<'_>, name: At<&str>) -> Option<String> {
    header_name(context.sink, name)
}

/// The same, for what has nothing but the sink.
pub(super) fn header_name(sink: &Sink, name: At<&str>) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.value.bytes().all(token) {
        let error =
            Diagnostic::error("bad-header-name", name.span, format!("`{}` is not the name of a header", name.value));
        sink.push(error.label("HTTP cannot carry it").help("a header's name has letters, digits and `-`"));
        return None;
    }
    Some(name.value.to_ascii_lowercase())
}
