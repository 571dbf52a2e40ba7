//! Backends of an endpoint whose answers overwrite each other.

use std::collections::HashMap;

use super::backend::is_pubsub;
use super::{Context, encoding};
use crate::diagnostic::Diagnostic;
use crate::model::Decode;
use crate::syntax::Object;
use crate::tree::Span;

/// Warns where the merge of answers that are asked for side by side keeps one of two members. Messages and receipts are
/// looked at where more is known of them.
pub(super) fn overwritten(context: &Context<'_>, backends: &[Object<'_>]) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    for backend in backends.iter().filter(|backend| !is_pubsub(**backend)) {
        let alias = backend.extra("backend/http").and_then(|options| options.text("return_error_details"));
        let alias = alias.filter(|alias| !alias.value.is_empty());
        let names = content(*backend).into_iter().chain(alias.map(|at| (format!("error_{}", at.value), at.span)));
        for (name, span) in names {
            let Some(first) = seen.get(&name) else {
                seen.insert(name, span);
                continue;
            };
            let message = format!("two backends of this endpoint answer with `{name}`");
            let warning = Diagnostic::warning("overwritten", span, message).label("replaces the other's, whole");
            let warning = warning.related(*first, "the other is here");
            context.push(match name.strip_prefix("error_") {
                Some(_) => warning.help("give each backend an alias of its own"),
                None => warning.help("give each backend a `group` of its own"),
            });
        }
    }
}

/// The one member that a backend's answer becomes, where it is text. Two that share a `group`, and two arrays, may be meant:
/// what the last one has counts.
fn content(backend: Object<'_>) -> Option<(String, Span)> {
    let group = backend.text("group").is_some_and(|group| !group.value.is_empty());
    if group || encoding::named(backend.text("encoding")?.value)? != Decode::Text {
        return None;
    }
    // Renamed, moved or taken out, it is something else.
    let shaped = ["mapping", "target", "allow", "deny"].iter().any(|key| backend.has(key));
    if shaped || backend.extra("proxy").is_some_and(|proxy| proxy.has("flatmap_filter")) {
        return None;
    }
    Some(("content".to_owned(), backend.member("encoding")?.key_span))
}
