//! `proxy.sequential`: what a backend takes over from the answers before it.

use super::Context;
use super::calls::Turn;
use crate::diagnostic::Diagnostic;
use crate::model::{Backend, BackendKind, Decode, Earlier, Field, FieldRule, Fields, Respond, Shape};
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::Span;

/// A backend of a sequence, and what is before and behind it. Shadow backends do not count.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    /// All of the sequence.
    pub(super) backends: &'a [Object<'a>],
    /// Those before it. `None` for one that is wrong, and was reported.
    pub(super) before: &'a [Option<Backend>],
    pub(super) propagated: &'a [At<&'a str>],
}

// === impl Turn ===

impl Turn<'_> {
    /// Whether a body that is not read serves for something although the endpoint's answer is JSON.
    pub(super) fn takes_no_op(self) -> bool {
        match self {
            Turn::Beside => false,
            Turn::Shadow => true,
            Turn::After(chain) => {
                let name = format!("resp{}", chain.before.len());
                let placeholder = format!("{{{name}}}");
                let later = chain.backends.get(chain.before.len() + 1..).unwrap_or_default();
                later.iter().any(|object| object.node().to_json().contains(&placeholder))
                    || chain.propagated.iter().any(|param| lower(param.value) == name)
            }
        }
    }
}

/// `resp0` or `resp0_id`.
pub(crate) fn is_response(name: &str) -> bool {
    parts(name).is_some()
}

/// The digits and what follows `_`.
fn parts(name: &str) -> Option<(&str, Option<&str>)> {
    let rest = name.strip_prefix("resp")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, path) = rest.split_at(digits);
    match path {
        _ if digits.is_empty() => None,
        "" => Some((digits, None)),
        path => path.strip_prefix('_').map(|path| (digits, Some(path))),
    }
}

/// The value that `name` stands for at `span`. The whole of an answer must be one that is not read, unless `any_whole`.
pub(crate) fn earlier(
    context: &Context<'_>,
    span: Span,
    name: &str,
    turn: Turn<'_>,
    any_whole: bool,
) -> Option<Earlier> {
    let (digits, path) = parts(name)?;
    let error = |code, message: String| Diagnostic::error(code, span, message);
    let chain = match turn {
        Turn::After(chain) => chain,
        Turn::Beside => {
            let message = format!("`{{{name}}}` needs a sequence: the backends are called side by side");
            let error = error("response-without-sequence", message).label("nothing provides this value");
            context.push(error.help("write `\"proxy\": {\"sequential\": true}` into the endpoint's `extra_config`"));
            return None;
        }
        Turn::Shadow => {
            let message = format!("`{{{name}}}` cannot be had: a shadow backend gets a copy of the request");
            context.push(error("response-without-sequence", message).label("nothing was answered when it is called"));
            return None;
        }
    };
    let position = chain.before.len();
    let Some(backend) = digits.parse::<usize>().ok().filter(|backend| *backend < position) else {
        let message = format!("backend {digits} is not called before this one");
        let error = error("response-not-before", message).label(format!("this is backend {position}"));
        context.push(error.help("backends are counted from 0, in the order of the file, without shadow backends"));
        return None;
    };
    let path: Vec<String> = path.map_or_else(Vec::new, |path| path.split('.').map(str::to_owned).collect());
    if path.iter().any(String::is_empty) {
        let error = error("bad-url-pattern", format!("`{{{name}}}` does not name a member"));
        context.push(error.label("expected `{resp0_name}` or `{resp0_object.name}`"));
        return None;
    }
    let earlier = Earlier { name: name.to_owned(), backend, path };
    // One that is wrong itself was reported.
    let Some(before) = &chain.before[backend] else { return Some(earlier) };
    let (decode, shape) = match &before.kind {
        BackendKind::Publish(publish) => {
            if in_receipt(&publish.options.respond, &earlier.path) {
                return Some(earlier);
            }
            let error =
                error("response-without-value", format!("backend {backend} publishes, and does not answer this"));
            context.push(error.label("nothing to put in").help(
                "with `\"respond\": \"receipt\"` it answers what the broker gives: `id`, `partition`, `offset`, `duplicate`",
            ));
            return None;
        }
        BackendKind::Http(http) => (http.decode, &http.shape),
        BackendKind::Subscribe(subscribe) => (subscribe.decode, &subscribe.shape),
    };
    match (decode == Decode::NoOp, earlier.path.is_empty()) {
        (true, false) => {
            let message = format!("backend {backend} has the encoding `no-op`: its answer is not read");
            let error = error("response-without-value", message).label("no members are known");
            context.push(error.help(format!("write `{{resp{backend}}}` for the whole of it, or another `encoding`")));
            None
        }
        (false, true) if !any_whole => {
            let message = format!("`{{{name}}}` is the whole of an answer that is not read");
            let error = error("response-without-value", message).label(format!("backend {backend} reads it as data"));
            context.push(error.help(format!(
                "write `{{resp{backend}_NAME}}` for one of its members, or `\"encoding\": \"no-op\"` in backend {backend}"
            )));
            None
        }
        (false, false) if !can_have(shape, decode, &earlier.path) => {
            let message = format!("the answer of backend {backend} never has `{}`", earlier.path.join("."));
            let error = error("response-without-value", message).label("not there any more");
            let error = error.help(where_else(shape, decode, backend, &earlier.path));
            context.push(error.note("it is looked for behind `allow`, `deny`, `mapping` and `group`"));
            None
        }
        _ => Some(earlier),
    }
}

/// Where a value is that is not at `path`, as far as the filters show.
fn where_else(shape: &Shape, decode: Decode, backend: usize, path: &[String]) -> String {
    let name = path.join(".");
    let group = shape.group.as_deref();
    let inner = match (group, path.split_first()) {
        (Some(group), Some((first, rest))) if first == group => rest,
        _ => path,
    };
    let renamed = match (&shape.fields, inner.first()) {
        (Fields::Allow(list) | Fields::Deny(list), Some(first)) => {
            list.iter().find(|field| field.name == *first).and_then(|field| field.rename.as_deref())
        }
        _ => None,
    };
    let root: Vec<_> = group.into_iter().chain(renamed.or(inner.first().map(String::as_str))).collect();
    let elsewhere: Vec<String> =
        root.into_iter().chain(inner.iter().skip(1).map(String::as_str)).map(str::to_owned).collect();
    if elsewhere != path && can_have(shape, decode, &elsewhere) {
        return format!("write `{{resp{backend}_{}}}`", elsewhere.join("."));
    }
    match (&shape.fields, shape.is_collection) {
        (_, true) => "an array becomes `collection`".to_owned(),
        (Fields::Allow(_), _) => format!("add `{name}` to `allow` of backend {backend}"),
        _ => format!("let backend {backend} keep `{name}`"),
    }
}

/// Whether a publisher's answer can have something at `path`.
fn in_receipt(respond: &Respond, path: &[String]) -> bool {
    let Respond::Receipt { group } = respond else { return false };
    let path = match (group, path) {
        (Some(group), [first, rest @ ..]) if first == group => rest,
        (Some(_), _) => return false,
        (None, path) => path,
    };
    matches!(path, [name] if matches!(name.as_str(), "id" | "partition" | "offset" | "duplicate"))
}

/// Whether there can be something at `path` in what the shape leaves.
fn can_have(shape: &Shape, decode: Decode, path: &[String]) -> bool {
    let path = match (&shape.group, path) {
        (Some(group), [first, rest @ ..]) if first == group => rest,
        (Some(_), _) => return false,
        (None, path) => path,
    };
    if !shape.flatmap.is_empty() {
        // It may put anything anywhere.
        return true;
    }
    if shape.is_collection && matches!(decode, Decode::Json | Decode::Yaml) && path.len() > 1 {
        return false;
    }
    kept(&shape.fields, path)
}

fn kept(fields: &Fields, path: &[String]) -> bool {
    let [name, rest @ ..] = path else { return true };
    let named = |field: &&Field| field.rename.as_ref().unwrap_or(&field.name) == name;
    let inside = |field: &Field| match &field.rule {
        FieldRule::Keep => true,
        FieldRule::Drop => false,
        FieldRule::Inside(fields) => kept(fields, rest),
    };
    match fields {
        Fields::All => true,
        Fields::Allow(list) => list.iter().filter(named).any(inside),
        Fields::Deny(list) => match list.iter().find(named) {
            Some(field) => inside(field),
            None => list.iter().all(|field| field.name != *name),
        },
    }
}

/// `sequential`, and `sequential_propagated_params`: what scripts may read. The names are checked as placeholders are.
pub(super) fn propagated<'a>(
    context: &Context<'_>,
    proxy: Option<Object<'a>>,
    backends: &[Object<'_>],
) -> Vec<At<&'a str>> {
    let Some(proxy) = proxy else { return Vec::new() };
    let params = proxy.texts("sequential_propagated_params");
    if let (Some(key), true) = (proxy.member("sequential"), proxy.flag("sequential")) {
        if let [_] = backends {
            let warning = Diagnostic::warning("sequence-of-one", key.key_span, "`sequential` with one backend");
            context.push(warning.label("there is nothing to come after it"));
            return Vec::new();
        }
    } else {
        if let (Some(key), false) = (proxy.member("sequential_propagated_params"), params.is_empty()) {
            let message = "`sequential_propagated_params` does nothing without `\"sequential\": true`";
            let error = Diagnostic::error("inapplicable", key.key_span, message).label("KrakenD ignores this");
            context.push(error.help("write `\"sequential\": true` beside it"));
        }
        return Vec::new();
    }
    params.into_iter().filter(|param| is_propagated(context, *param, backends.len())).collect()
}

fn is_propagated(context: &Context<'_>, param: At<&str>, count: usize) -> bool {
    let name = lower(param.value);
    let Some((digits, _)) = parts(&name) else {
        let message = format!("`{}` is not a value of an answer", param.value);
        let error = Diagnostic::error("unknown-parameter", param.span, message).label("KrakenD ignores this");
        context.push(error.help("write `resp0` for the answer of the first backend, `resp0_name` for a member of it"));
        return false;
    };
    // Somebody must come after it.
    let before = digits.parse::<usize>().is_ok_and(|backend| backend + 1 < count);
    if !before {
        let error =
            Diagnostic::error("response-not-before", param.span, format!("nothing is called after backend {digits}"));
        context.push(error.label(format!("the last backend is {}", count.saturating_sub(1))));
    }
    before
}

/// KrakenD takes the name with a capital letter too.
fn lower(name: &str) -> String {
    name.strip_prefix('R').map_or_else(|| name.to_owned(), |rest| format!("r{rest}"))
}

/// Warns of values that are kept for nobody.
pub(super) fn unread(context: &Context<'_>, propagated: &[At<&str>], backends: &[Backend]) {
    for param in propagated {
        let name = lower(param.value);
        if backends.iter().flat_map(Backend::reads).any(|read| read.name == name) {
            continue;
        }
        let warning = Diagnostic::warning("unread-value", param.span, format!("nothing reads `{name}`"));
        let warning = warning.label("kept for nobody").help(format!(
            "write `{{{name}}}` into the `url_pattern`, or into `set_headers` or `set_body` of a backend's `proxy`"
        ));
        context.push(warning);
    }
}
