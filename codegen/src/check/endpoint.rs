//! An endpoint's own keys.

use std::time::Duration;

use super::calls::{self, Turn};
use super::routes::Routes;
use super::{Context, names, path, router};
use crate::diagnostic::Diagnostic;
use crate::middleware;
use crate::model::{Endpoint, Method, Names, Output};
use crate::suggest::closest;
use crate::syntax::Object;
use crate::syntax::kind::At;

const METHODS: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
/// Encodings that KrakenD's open edition can write and this version cannot.
const OUTPUTS_LATER: [&str; 5] = ["json-collection", "negotiate", "string", "xml", "yaml"];

/// What a backend or a middleware must know of its endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// `None` when the path is wrong, and was reported.
    pub(crate) params: Option<&'a [String]>,
    pub(super) method: Method,
    pub(crate) output: Output,
    /// What of the request a template may name.
    pub(crate) input_headers: &'a Names,
    pub(crate) input_query_strings: &'a Names,
    pub(super) timeout: Duration,
    /// Where the backend stands among the others.
    pub(crate) turn: Turn<'a>,
}

pub(super) fn endpoint(context: &Context<'_>, object: Object<'_>, routes: &mut Routes) -> Option<Endpoint> {
    let method = match object.text("method").filter(|method| !method.value.is_empty()) {
        Some(method) => names::method(context, method, &METHODS),
        None => Some(Method::Get),
    };
    let parsed = object.get("endpoint").and_then(|node| Some((path::parse(context, node)?, node)));
    if let (Some(method), Some((parsed, node))) = (method, &parsed) {
        routes.add(context, method, parsed, node);
    }
    let path = parsed.map(|(parsed, _)| parsed.path);
    let duration = |key| object.duration(key).map(|value| value.value).filter(|value| !value.is_zero());
    let (input_headers, input_query_strings) = (names::headers(context, object), names::query_strings(object));
    let owner = Owner {
        params: path.as_ref().map(|path| path.params.as_slice()),
        method: method.unwrap_or(Method::Get),
        output: endpoint_output(context, object),
        input_headers: &input_headers,
        input_query_strings: &input_query_strings,
        timeout: duration("timeout").unwrap_or(context.defaults.timeout),
        turn: Turn::Beside,
    };
    let calls = calls::calls(context, object, &owner);
    let proxy = object.extra("proxy");
    Some(Endpoint {
        place: context.place(object.mark()),
        timeout: owner.timeout,
        cache_ttl: duration("cache_ttl").or(context.defaults.cache_ttl),
        output: owner.output,
        max_body_bytes: proxy
            .and_then(|proxy| router::max_payload(proxy, context.sink))
            .or(context.defaults.max_payload),
        steps: middleware::steps(context, &owner, object),
        input_headers,
        input_query_strings,
        backends: calls.backends,
        sequential: calls.sequential,
        concurrent_calls: calls.concurrent_calls,
        shadows: calls.shadows,
        path: path?,
        method: method?,
    })
}

/// Reads `output_encoding`, the service's or an endpoint's.
pub(super) fn output(context: &Context<'_>, text: At<&str>) -> Option<Output> {
    match text.value {
        "json" | "" => return Some(Output::Json),
        "no-op" => return Some(Output::NoOp),
        known if OUTPUTS_LATER.contains(&known) => {
            context.not_yet(text.span, &format!("the output encoding `{known}`"));
            return None;
        }
        _ => {}
    }
    let message = match text.value {
        "fast-json" => "the output encoding `fast-json` is a feature of KrakenD's Enterprise edition".to_owned(),
        unknown => format!("unknown output encoding `{unknown}`"),
    };
    let error = Diagnostic::error("unknown-encoding", text.span, message).label("KrakenD falls back to `json`");
    let known = OUTPUTS_LATER.into_iter().chain(["json", "no-op"]);
    let error = if text.value == "fast-json" { error } else { error.did_you_mean(closest(text.value, known)) };
    context.push(error.help("the supported output encodings are `json` and `no-op`"));
    None
}

fn endpoint_output(context: &Context<'_>, object: Object<'_>) -> Output {
    let output = match object.text("output_encoding").filter(|output| !output.value.is_empty()) {
        Some(own) => self::output(context, own),
        None if context.defaults.output.as_deref() == Some("no-op") => Some(Output::NoOp),
        None => Some(Output::Json),
    };
    let output = output.unwrap_or(Output::Json);
    let count = object.objects("backend").count();
    if output == Output::NoOp && count > 1 {
        let span = object.text("output_encoding").map_or(object.mark(), |own| own.span);
        let message = format!("`no-op` passes on the answer of one backend, and this endpoint has {count}");
        let error = Diagnostic::error("no-op-merge", span, message).label("nothing can be merged without being read");
        context.push(error.help("use `json`, or keep one backend"));
    }
    output
}
