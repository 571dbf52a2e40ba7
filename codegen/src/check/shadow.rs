//! `proxy.shadow` of a backend.

use super::Context;
use super::backend;
use super::calls::Turn;
use super::endpoint::Owner;
use super::pubsub;
use crate::diagnostic::Diagnostic;
use crate::model::Shadow;
use crate::syntax::Object;

pub(super) fn is_shadow(object: Object<'_>) -> bool {
    object.extra("proxy").is_some_and(|proxy| proxy.flag("shadow"))
}

pub(super) fn shadow(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Shadow> {
    if let Some(subscriber) = object.namespace(pubsub::SUBSCRIBER) {
        let error = Diagnostic::error("shadow-subscriber", subscriber.key_span, "a shadow backend receives messages");
        context.push(
            error.label("its answer is ignored: every message would be lost").help("remove `shadow`, or the backend"),
        );
        return None;
    }
    let timeout = object.extra("proxy").and_then(|proxy| proxy.duration("shadow_timeout"));
    if let Some(timeout) = timeout.filter(|timeout| timeout.value.is_zero()) {
        let error =
            Diagnostic::error("out-of-range", timeout.span, "a `shadow_timeout` of 0 leaves no time for the call");
        context.push(error.label("expected more than 0").help("leave the key out to have the endpoint's timeout"));
    }
    let backend = backend::backend(context, object, &Owner { turn: Turn::Shadow, ..*owner })?;
    Some(Shadow { backend, timeout: timeout.map(|timeout| timeout.value) })
}

/// Reports a time limit for copies that are not sent.
pub(super) fn unused_timeout(context: &Context<'_>, object: Object<'_>) {
    let Some(timeout) = object.extra("proxy").and_then(|proxy| proxy.member("shadow_timeout")) else { return };
    let message = "`shadow_timeout` does nothing without `\"shadow\": true`";
    let warning = Diagnostic::warning("inapplicable", timeout.key_span, message);
    context.push(warning.label("the backend has the endpoint's timeout").help(r#"add `"shadow": true`, or remove it"#));
}
