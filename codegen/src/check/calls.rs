//! How an endpoint's backends are called: side by side, one after the other, several times, or with copies.

use super::endpoint::Owner;
use super::sequence::{self, Chain};
use super::{Context, backend, consumed, overwritten, publish, shadow, subscriber};
use crate::diagnostic::Diagnostic;
use crate::model::{Backend, BackendKind, Method, SetInCall, Shadow};
use crate::syntax::kind::At;
use crate::syntax::{ENDPOINT_PROXY, Object, is_meant};
use crate::tree::{Span, Value};

/// What can read a value of an earlier answer otherwise than by its placeholder.
const READERS: [&str; 4] = ["modifier/lua-backend", "validation/cel", "backend/graphql", "backend/conditional"];

/// Where a backend stands among the others of its endpoint.
#[derive(Clone, Copy)]
pub(crate) enum Turn<'a> {
    /// Beside them, or alone.
    Beside,
    /// In a sequence.
    After(Chain<'a>),
    /// It gets a copy of the request.
    Shadow,
}

/// An endpoint's backends.
pub(super) struct Calls {
    pub(super) backends: Vec<Backend>,
    pub(super) sequential: bool,
    pub(super) concurrent_calls: Option<usize>,
    pub(super) shadows: Vec<Shadow>,
}

pub(super) fn calls(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Calls {
    if let Some(list) = object.get("backend").filter(|list| list.is_array() && list.items().is_empty()) {
        let error = Diagnostic::error("no-backend", list.span, "the endpoint has no backend");
        context.push(error.label("expected one or more").help(r#"write `[{"url_pattern": "/"}]`"#));
    }
    let (shadows, answering): (Vec<_>, Vec<_>) =
        object.objects("backend").partition(|object| shadow::is_shadow(*object));
    if let (Some(first), true) = (shadows.first(), answering.is_empty()) {
        let error = Diagnostic::error("no-backend", first.mark(), "the endpoint has only shadow backends");
        context.push(error.label("its answer is ignored").help("nobody would answer the client: add a backend"));
    }
    publish::receipts(context, object);
    let calls = concurrent_calls(context, object);
    let proxy = object.extra("proxy");
    if let Some(proxy) = proxy {
        custom(context, proxy);
    }
    let flagged = is_sequential(object, proxy, &answering);
    if !flagged {
        overwritten::overwritten(context, &answering);
    }
    let propagated = sequence::propagated(context, proxy, &answering);
    let mut checked: Vec<Option<Backend>> = Vec::with_capacity(answering.len());
    for object in &answering {
        let chain = Chain { backends: &answering, before: &checked, propagated: &propagated };
        let turn = if flagged { Turn::After(chain) } else { Turn::Beside };
        let backend = backend::backend(context, *object, &Owner { turn, ..*owner });
        checked.push(backend);
    }
    let checked: Vec<_> =
        answering.iter().zip(checked).filter_map(|(object, backend)| Some((*object, backend?))).collect();
    subscriber::shared_headers(context, &checked);
    if checked.len() == answering.len() {
        consumed::messages(context, &checked, owner.output, proxy);
    }
    let backends: Vec<_> = checked.into_iter().map(|(_, backend)| backend).collect();
    let shadows = shadows.into_iter().filter_map(|object| shadow::shadow(context, object, owner)).collect();
    let reads = |object: &Object<'_>| READERS.iter().any(|reader| object.namespace(reader).is_some());
    if !answering.iter().skip(1).any(reads) {
        sequence::unread(context, &propagated, &backends);
    }
    if let Some(calls) = calls {
        repeated(context, calls.span, &backends);
    }
    // One backend alone is no sequence, unless something is put into its call.
    let sets = backends.iter().any(|backend| backend.set != SetInCall::default());
    Calls {
        sequential: flagged && (answering.len() > 1 || sets),
        backends,
        concurrent_calls: calls.map(|calls| calls.value),
        shadows,
    }
}

/// Whether `sequential` is set, or would be if what was reported of it were right.
fn is_sequential(endpoint: Object<'_>, proxy: Option<Object<'_>>, backends: &[Object<'_>]) -> bool {
    let Some(proxy) = proxy else {
        let below = |backend: &Object<'_>| backend.extra("proxy").is_some_and(|proxy| proxy.has("sequential"));
        return endpoint.means_namespace("proxy") || backends.iter().any(below);
    };
    match proxy.get("sequential").map(|node| &node.value) {
        Some(Value::Bool(flag)) => *flag,
        Some(_) => true,
        None => is_meant(proxy.node().members(), &ENDPOINT_PROXY, "sequential"),
    }
}

/// The value when it is above 1.
fn concurrent_calls(context: &Context<'_>, object: Object<'_>) -> Option<At<usize>> {
    let calls = object.integer("concurrent_calls")?;
    if calls.value < 0 {
        let error = Diagnostic::error("out-of-range", calls.span, "`concurrent_calls` is negative");
        context.push(error.label("expected 1 or more"));
    }
    let count = usize::try_from(calls.value).ok().filter(|count| *count > 1)?;
    if object.objects("backend").any(backend::is_pubsub) {
        let message = format!("`concurrent_calls` would publish or consume {count} messages for one request");
        let error = Diagnostic::error("pubsub-concurrent-calls", calls.span, message).label("every call is a message");
        context.push(error.help("remove the key"));
    }
    Some(At { value: count, span: calls.span })
}

/// Warns of calls that change something each time.
fn repeated(context: &Context<'_>, span: Span, backends: &[Backend]) {
    let method = backends.iter().find_map(|backend| match &backend.kind {
        BackendKind::Http(http) if !matches!(http.method, Method::Get | Method::Head | Method::Options) => {
            Some(http.method.as_str())
        }
        _ => None,
    });
    if let Some(method) = method {
        let warning = Diagnostic::warning("repeated-calls", span, format!("`concurrent_calls` repeats a `{method}`"));
        context.push(warning.label("each request may be carried out several times"));
    }
}

/// Reports what only Go code in a KrakenD of one's own gives a meaning to.
fn custom(context: &Context<'_>, proxy: Object<'_>) {
    if let Some(combiner) = proxy.text("combiner").filter(|combiner| !matches!(combiner.value, "" | "default")) {
        let message = format!("there is no combiner `{}` in KrakenD", combiner.value);
        let error =
            Diagnostic::error("unknown-combiner", combiner.span, message).label("KrakenD falls back to `default`");
        context.push(
            error
                .help("remove the key")
                .note("other combiners are Go code, in a KrakenD that somebody built with them"),
        );
    }
    if let Some(strategy) = proxy.text("strategy").filter(|strategy| !strategy.value.is_empty()) {
        let error = Diagnostic::error("unsupported", strategy.span, "`strategy` of `proxy` has no known meaning");
        let error = error.label("KrakenD does not document it");
        context.push(error.help("the strategy of static data stands in `proxy.static`"));
    }
}
