//! What becomes of the messages that an endpoint takes: all of each must be in the answer, or be taken by a later backend.

use std::collections::{BTreeSet, HashMap};

use super::Context;
use super::pubsub::SUBSCRIBER;
use crate::diagnostic::Diagnostic;
use crate::model::{
    Backend, BackendKind, Decode, Field, FieldRule, Fields, Output, Respond, Shape, StatusRule, Subscribe,
};
use crate::syntax::Object;
use crate::tree::Span;

/// The names of the root members that a backend can add to the answer. `None` where only its answers know.
type Roots = Option<BTreeSet<String>>;

/// Reports messages that could be acknowledged although nobody has got them. `objects` are the endpoint's answering
/// backends, all of them, `proxy` is its own.
pub(super) fn messages(
    context: &Context<'_>,
    objects: &[(Object<'_>, Backend)],
    output: Output,
    proxy: Option<Object<'_>>,
) {
    let filtered = proxy.is_some_and(|proxy| proxy.has("flatmap_filter"));
    let data = proxy.and_then(|proxy| proxy.object("static")).and_then(|options| options.object("data"));
    let constant: Roots =
        Some(data.map_or(&[][..], |data| data.node().members()).iter().map(|it| it.key.clone()).collect());
    let roots: Vec<Roots> = objects.iter().map(|(_, backend)| roots(backend)).collect();
    let mut named: HashMap<&str, usize> = HashMap::new();
    roots.iter().flatten().flatten().for_each(|name| *named.entry(name.as_str()).or_default() += 1);
    let unknown = roots.iter().any(Option::is_none);
    for (index, (object, backend)) in objects.iter().enumerate() {
        let BackendKind::Subscribe(subscribe) = &backend.kind else { continue };
        let span = object.namespace(SUBSCRIBER).map_or(object.mark(), |member| member.key_span);
        if subscribe.decode == Decode::NoOp && output != Output::NoOp {
            unread(context, span, index, objects);
            continue;
        }
        // Of many, few meet.
        let apart = |roots: &BTreeSet<String>| roots.iter().all(|name| named.get(name.as_str()) == Some(&1));
        let meets = unknown || !roots[index].as_ref().is_some_and(apart);
        for later in if meets { index + 1..objects.len() } else { 0..0 } {
            overwritten(context, (span, subscribe, &roots[index]), &objects[later], &roots[later]);
        }
        let others = roots.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, roots)| roots);
        // A filter of the endpoint may put anything anywhere.
        let own = if filtered { &None } else { &roots[index] };
        left_out(context, span, output, own, others.chain([&constant]));
    }
}

/// A message that is not read is for a later backend.
fn unread(context: &Context<'_>, span: Span, index: usize, objects: &[(Object<'_>, Backend)]) {
    let reads = |backend: &Backend| backend.reads().iter().any(|read| read.backend == index);
    if objects.iter().any(|(_, backend)| reads(backend)) {
        return;
    }
    let message = "a message that is received as `no-op` is in no answer, and no backend reads it";
    let error = Diagnostic::error("message-unread", span, message).label("it would be acknowledged, and lost");
    context.push(error.help(format!(
        "write `{{resp{index}}}` into the `set_body` of a later backend's `proxy`, or another `encoding` here"
    )));
}

/// Members of a later backend replace those of the same name.
fn overwritten(
    context: &Context<'_>,
    (span, subscribe, roots): (Span, &Subscribe, &Roots),
    (later, backend): &(Object<'_>, Backend),
    later_roots: &Roots,
) {
    let empty = |roots: &Roots| roots.as_ref().is_some_and(BTreeSet::is_empty);
    let apart = match (roots, later_roots) {
        (Some(roots), Some(later)) => roots.is_disjoint(later),
        _ => empty(roots) || empty(later_roots),
    };
    if apart {
        return;
    }
    let both = matches!(backend.kind, BackendKind::Subscribe(_));
    // A name that somebody chose for the message is not one that a service answers by chance.
    let shares = match (roots, later_roots) {
        (Some(_), Some(_)) => true,
        _ => subscribe.shape.group.is_none() && group(backend).is_none(),
    };
    if !both && !shares {
        return;
    }
    let message = "members of the message can be overwritten by those of a later backend";
    let told = match both {
        true => Diagnostic::error("message-overwritten", span, message),
        false => Diagnostic::warning("message-overwritten", span, message),
    };
    let told =
        told.label("it is acknowledged all the same").related(later.mark(), "this may have members of the same names");
    context.push(told.help("give each backend a `group` of its own"));
}

/// Encodings that answer one root member only.
fn left_out<'a>(
    context: &Context<'_>,
    span: Span,
    output: Output,
    roots: &Roots,
    mut others: impl Iterator<Item = &'a Roots>,
) {
    let (name, encoding) = match output {
        Output::Text => ("content", "string"),
        Output::Collection => ("collection", "json-collection"),
        Output::Json | Output::Xml | Output::Yaml | Output::Negotiate | Output::NoOp => return,
    };
    let error = |message: String| Diagnostic::error("message-left-out", span, message);
    if roots.as_ref().is_some_and(|roots| !roots.contains(name)) {
        let message = format!("`{encoding}` answers the member `{name}` only, and the message never has it");
        let error = error(message).label("it would be acknowledged, and lost");
        context.push(error.help(match output {
            Output::Text => "use `\"output_encoding\": \"json\"`, or `\"encoding\": \"string\"` in the backend",
            _ => "use `\"output_encoding\": \"json\"`, or `\"is_collection\": true` in the backend",
        }));
    } else if others.any(|other| other.as_ref().is_none_or(|roots| roots.contains(name))) {
        let message = format!("`{encoding}` answers the member `{name}` only, which something else may have too");
        let error = error(message).label("the message may be acknowledged although it is not in the answer");
        context
            .push(error.help("use `\"output_encoding\": \"json\"`, or keep this backend alone, without static data"));
    }
}

fn roots(backend: &Backend) -> Roots {
    match &backend.kind {
        BackendKind::Publish(publish) => match &publish.options.respond {
            Respond::Empty => Some(BTreeSet::new()),
            Respond::Receipt { group: Some(group) } => Some(set([group.as_str()])),
            Respond::Receipt { group: None } => Some(set(["id", "partition", "offset", "duplicate"])),
        },
        BackendKind::Subscribe(subscribe) => shaped(&subscribe.shape, subscribe.decode),
        BackendKind::Http(http) => {
            let mut roots = shaped(&http.shape, http.decode)?;
            if let StatusRule::ReturnDetails(alias) = &http.status {
                roots.insert(format!("error_{alias}"));
            }
            Some(roots)
        }
    }
}

fn group(backend: &Backend) -> Option<&String> {
    match &backend.kind {
        BackendKind::Publish(_) => None,
        BackendKind::Subscribe(subscribe) => subscribe.shape.group.as_ref(),
        BackendKind::Http(http) => http.shape.group.as_ref(),
    }
}

fn shaped(shape: &Shape, decode: Decode) -> Roots {
    if decode == Decode::NoOp {
        return Some(BTreeSet::new());
    }
    if let Some(group) = &shape.group {
        return Some(set([group.as_str()]));
    }
    if !shape.flatmap.is_empty() {
        // It may put anything anywhere.
        return None;
    }
    let before = match decode {
        Decode::Text => Some("content"),
        Decode::Json | Decode::Yaml if shape.is_collection => Some("collection"),
        _ => None,
    };
    // A `target` leads away from these.
    let before = before.filter(|_| shape.target.is_empty());
    let renamed = |field: &Field| field.rename.as_ref().unwrap_or(&field.name).clone();
    match (&shape.fields, before) {
        (Fields::All, name) => name.map(|name| set([name])),
        (Fields::Allow(list), Some(name)) => {
            Some(list.iter().filter(|field| field.name == name).map(renamed).collect())
        }
        (Fields::Allow(list), None) => Some(list.iter().map(renamed).collect()),
        (Fields::Deny(list), Some(name)) => Some(match list.iter().find(|field| field.name == name) {
            Some(Field { rule: FieldRule::Drop, .. }) => BTreeSet::new(),
            Some(field) => set([renamed(field).as_str()]),
            None => set([name]),
        }),
        (Fields::Deny(_), None) => None,
    }
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}
