//! An endpoint's own keys.

use std::time::Duration;

use super::calls::{self, Turn};
use super::options::{self, Site};
use super::routes::Routes;
use super::{Context, backend, encoding, names, path, router, shadow};
use crate::diagnostic::Diagnostic;
use crate::middleware;
use crate::model::{Endpoint, Method, Names, Output};
use crate::syntax::Object;
use crate::syntax::kind::Scope;

const METHODS: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// What a backend or a middleware must know of its endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// `None` when the path is wrong, and was reported.
    pub(crate) params: Option<&'a [String]>,
    pub(crate) method: Method,
    /// Whether it reads the client's token.
    pub(super) claims: bool,
    /// Whether it has a namespace of pub/sub, which belongs into a backend.
    pub(super) pubsub_misplaced: bool,
    pub(crate) output: Output,
    /// What of the request a template may name.
    pub(crate) input_headers: &'a Names,
    pub(crate) input_query_strings: &'a Names,
    /// Headers that its own steps add to the request, in lower case; `None` where a script may add any.
    pub(super) added_headers: Option<&'a [String]>,
    /// How many backends it has.
    pub(crate) backends: usize,
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
    let (input_headers, input_query_strings) = (names::headers(context, object), names::query_strings(context, object));
    let added_headers = options::added_headers(object);
    let owner = Owner {
        params: path.as_ref().map(|path| path.params.as_slice()),
        method: method.unwrap_or(Method::Get),
        claims: options::reads_tokens(object),
        pubsub_misplaced: backend::is_pubsub(object),
        output: endpoint_output(context, object),
        input_headers: &input_headers,
        input_query_strings: &input_query_strings,
        added_headers: added_headers.as_deref(),
        backends: object.objects("backend").filter(|backend| !shadow::is_shadow(*backend)).count(),
        timeout: duration("timeout").unwrap_or(context.defaults.timeout),
        turn: Turn::Beside,
    };
    options::check(context, object, &Site::of(Scope::Endpoint, &owner));
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

fn endpoint_output(context: &Context<'_>, object: Object<'_>) -> Output {
    let output = match object.text("output_encoding").filter(|output| !output.value.is_empty()) {
        Some(own) => encoding::output(context, own),
        // What is wrong with the service's was reported there.
        None => context.defaults.output.as_deref().and_then(encoding::known_output),
    };
    let meant = || object.text("output_encoding").and_then(|own| encoding::meant_output(own.value));
    let output = output.or_else(meant).unwrap_or(Output::Json);
    let count = object.objects("backend").count();
    if output == Output::NoOp && count > 1 {
        let span = object.text("output_encoding").map_or(object.mark(), |own| own.span);
        let message = format!("`no-op` passes on the answer of one backend, and this endpoint has {count}");
        let error = Diagnostic::error("no-op-merge", span, message).label("nothing can be merged without being read");
        context.push(error.help("use `json`, or keep one backend"));
    }
    output
}
