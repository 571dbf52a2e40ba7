//! Filters of an answer that match nothing, whatever the answer is.

use std::collections::HashSet;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::Decode;
use crate::suggest::closest;
use crate::syntax::Object;
use crate::tree::{Member, Node};

const CODE: &str = "never-matches";

/// Warns of what `target`, `allow`, `deny` and `mapping` of `backend` name in vain.
pub(super) fn unmatched(context: &Context<'_>, backend: Object<'_>, decode: Option<Decode>) {
    let root = decode.and_then(|decode| only_field(backend, decode));
    if let Some(node) = backend.get("target") {
        target(context, node, root);
    }
    // What excludes another was reported, and what replaces these was too.
    let replaced = backend.extra("proxy").and_then(|proxy| proxy.get("flatmap_filter"));
    if replaced.is_some_and(|filter| !filter.items().is_empty()) {
        return;
    }
    let allow = names(backend, "allow");
    let deny = if allow.is_empty() { names(backend, "deny") } else { Vec::new() };
    for (key, paths) in [("allow", &allow), ("deny", &deny)] {
        let Some(member) = backend.member(key).filter(|_| !paths.is_empty()) else { continue };
        match root {
            Some((field, why)) if !paths.iter().any(|(_, path)| path.split('.').next() == Some(field)) => {
                let error = warning(member, format!("`{key}` names nothing that the answer has: {why}"));
                let label = if key == "allow" { "answers `{}`, as in KrakenD" } else { "removes nothing" };
                let help = format!("filters do not go into arrays, and the one field of this answer is `{field}`");
                context.push(error.label(label).help(help));
            }
            Some(_) => {}
            None => paths.iter().for_each(|(node, path)| syntax(context, node, path, key)),
        }
    }
    let Some(mapping) = backend.member("mapping") else { return };
    let sources = mapping.value.members();
    if let Some((field, why)) = root.filter(|_| !sources.is_empty())
        && !sources.iter().any(|source| source.key == field)
    {
        let error = warning(mapping, format!("`mapping` names nothing that the answer has: {why}"));
        return context.push(error.label("renames nothing").help(format!("the one field of this answer is `{field}`")));
    }
    let allowed: HashSet<&str> = allow.iter().filter_map(|(_, path)| path.split('.').next()).collect();
    let denied: HashSet<&str> = deny.iter().map(|(_, path)| *path).collect();
    sources.iter().for_each(|source| renamed(context, source, &allowed, &denied));
}

/// Where an answer becomes an object by one field: which, and why.
fn only_field(backend: Object<'_>, decode: Decode) -> Option<(&'static str, &'static str)> {
    match decode {
        Decode::Text => Some(("content", "`string` gives `content`")),
        Decode::Json | Decode::Yaml if backend.flag("is_collection") => {
            Some(("collection", "an array becomes `collection`"))
        }
        _ => None,
    }
}

fn names<'a>(backend: Object<'a>, key: &str) -> Vec<(&'a Node, &'a str)> {
    let items = backend.get(key).map_or(&[][..], Node::items).iter();
    items.filter_map(|node| Some((node, node.text()?.value.as_str()))).collect()
}

fn target(context: &Context<'_>, node: &Node, root: Option<(&str, &str)>) {
    let Some(text) = node.text().map(|text| text.value.as_str()).filter(|text| !text.is_empty()) else { return };
    if let Some((_, why)) = root {
        let message = format!("`target` is never found: {why}, which is no object");
        let error = Diagnostic::warning(CODE, node.span, message).label("answers `{}`, as in KrakenD");
        return context.push(error.help("remove it: `target` is an object inside of the answer"));
    }
    syntax(context, node, text, "target");
}

/// What other languages of paths have, and is a name here.
fn syntax(context: &Context<'_>, node: &Node, path: &str, key: &str) {
    let (range, message, help) = if path.is_empty() || path.split('.').any(str::is_empty) {
        (0..path.len(), format!("a name in this path of `{key}` is empty"), "a path is names and dots: `user.name`")
    } else if path.starts_with("$.") || path.starts_with('/') {
        (0..1, format!("a path of `{key}` begins with a name"), "a path is names and dots: `user.name`")
    } else if let Some(star) = path.split('.').any(|name| name == "*").then(|| path.find('*')).flatten() {
        let help = match key {
            "target" => "name the object itself",
            _ => "`flatmap_filter` of `proxy` has wildcards",
        };
        (star..star + 1, format!("`{key}` has no wildcards"), help)
    } else if let (Some(open), true) = (path.find('['), path.contains(']')) {
        (open..path.len(), format!("`{key}` does not go into arrays"), "`flatmap_filter` of `proxy` does")
    } else {
        return;
    };
    let span = if range.is_empty() { node.span } else { node.part(range) };
    context.push(Diagnostic::warning(CODE, span, message).label("taken for a name that no field has").help(help));
}

/// One entry of `mapping`, which renames what the lists have left, at the first level.
fn renamed(context: &Context<'_>, source: &Member, allow: &HashSet<&str>, deny: &HashSet<&str>) {
    let name = source.key.as_str();
    let message = if name.contains('.') {
        // A field may have a dot in its name.
        return;
    } else if !allow.is_empty() && !allow.contains(name) {
        format!("`{name}` is renamed, and `allow` does not let it in")
    } else if deny.contains(name) {
        format!("`{name}` is renamed, and `deny` has removed it")
    } else {
        return;
    };
    let error = Diagnostic::warning(CODE, source.key_span, message).label("there is no such field any more");
    let meant = closest(name, allow.iter().copied());
    let error = error.did_you_mean(meant);
    context.push(error.help("the lists come first, and have the names of the backend's answer"));
}

fn warning(member: &Member, message: String) -> Diagnostic {
    Diagnostic::warning(CODE, member.key_span, message)
}
