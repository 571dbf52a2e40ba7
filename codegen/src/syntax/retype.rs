//! Numbers and booleans that a variable gave: it can only give texts.

use super::kind::{Kind, Record, Scope};
use super::namespaces::{NAMESPACES, canonical};
use crate::tree::{Node, Span, Value};

/// Reads a text that one variable alone has given as what `kind` wants there. What it cannot be stays a text, and is
/// reported as one.
pub(crate) fn retype(node: &mut Node, kind: &Kind, given: &dyn Fn(Span) -> bool) {
    match (kind, &mut node.value) {
        (Kind::Bool, Value::String(text)) if given(node.span) => match text.value.trim() {
            "true" => node.value = Value::Bool(true),
            "false" => node.value = Value::Bool(false),
            _ => {}
        },
        (
            Kind::Integer | Kind::Number | Kind::Between(..) | Kind::Inside(..) | Kind::NotNegative | Kind::Share,
            Value::String(text),
        ) if given(node.span) => {
            // As JSON writes numbers: `+5` and `0x5` are none.
            if serde_json::from_str::<serde_json::Number>(text.value.trim()).is_ok() {
                node.value = Value::Number(text.value.trim().to_owned());
            }
        }
        (Kind::List(kind) | Kind::Map(kind), value) => match value {
            Value::Array(items) => items.iter_mut().for_each(|item| retype(item, kind, given)),
            Value::Object(members) => members.iter_mut().for_each(|member| retype(&mut member.value, kind, given)),
            _ => {}
        },
        (Kind::Tuple(kinds), Value::Array(items)) => {
            items.iter_mut().zip(*kinds).for_each(|(item, kind)| retype(item, kind, given));
        }
        (Kind::Record(record) | Kind::OneOf(record), Value::Object(_)) => in_record(node, record, given),
        (Kind::Namespaces(scope), Value::Object(_)) => in_namespaces(node, *scope, given),
        _ => {}
    }
}

fn in_record(node: &mut Node, record: &Record, given: &dyn Fn(Span) -> bool) {
    let Value::Object(members) = &mut node.value else { return };
    for member in members {
        if let Some(key) = record.keys.iter().find(|key| key.name == member.key) {
            retype(&mut member.value, &key.kind, given);
        }
    }
}

fn in_namespaces(node: &mut Node, scope: Scope, given: &dyn Fn(Span) -> bool) {
    let Value::Object(members) = &mut node.value else { return };
    for member in members {
        let name = canonical(&member.key);
        if let Some(known) = NAMESPACES.iter().find(|known| known.name == name && known.scopes.contains(&scope)) {
            retype(&mut member.value, &known.kind, given);
        }
    }
}
