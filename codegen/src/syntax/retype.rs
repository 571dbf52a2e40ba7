//! Numbers and booleans that a variable gave: it can only give texts.

use sluicegate_drivers::{ALL, SettingKind};

use super::kind::{Kind, Record, Scope};
use super::namespaces::{NAMESPACES, canonical};
use crate::tree::{Node, Span, Value};

/// The namespace of named brokers.
const BROKERS: &str = "pubsub/brokers";

/// Reads a text that one variable alone has given as what `kind` wants there. What it cannot be stays a text, and is
/// reported as one.
pub(crate) fn retype(node: &mut Node, kind: &Kind, given: &dyn Fn(Span) -> bool) {
    match (kind, &mut node.value) {
        (_, Value::String(text)) if given(node.span) => {
            if let Some(value) = typed(text.value.trim(), kind) {
                node.value = value;
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

/// The number or boolean that `text` is.
fn typed(text: &str, kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Bool => matches!(text, "true" | "false").then(|| Value::Bool(text == "true")),
        Kind::Integer | Kind::Number | Kind::Between(..) | Kind::Inside(..) | Kind::NotNegative | Kind::Share => {
            // As JSON writes numbers: `+5` and `0x5` are none.
            let is_number = serde_json::from_str::<serde_json::Number>(text).is_ok();
            is_number.then(|| Value::Number(text.to_owned()))
        }
        _ => None,
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
        if (scope, name) == (Scope::Service, BROKERS) {
            in_brokers(&mut member.value, given);
        } else if let Some(known) = NAMESPACES.iter().find(|known| known.name == name && known.scopes.contains(&scope))
        {
            retype(&mut member.value, &known.kind, given);
        }
    }
}

/// What the settings of a broker are is known to its driver.
fn in_brokers(node: &mut Node, given: &dyn Fn(Span) -> bool) {
    let Value::Object(brokers) = &mut node.value else { return };
    for broker in brokers {
        let name = broker.value.member("driver").and_then(|member| member.value.text());
        let driver = name.and_then(|name| ALL.iter().find(|driver| driver.name == name.value));
        let own = [("required", Kind::Bool), ("max_in_flight", Kind::Integer)];
        let settings = driver.into_iter().flat_map(|driver| driver.settings).filter_map(|setting| match setting.kind {
            SettingKind::Flag => Some((setting.name, Kind::Bool)),
            SettingKind::Number => Some((setting.name, Kind::Integer)),
            _ => None,
        });
        for (name, kind) in own.into_iter().chain(settings) {
            let found = name.split('.').try_fold(&mut broker.value, |node, key| match &mut node.value {
                Value::Object(members) => members.iter_mut().find(|member| member.key == key).map(|it| &mut it.value),
                _ => None,
            });
            if let Some(found) = found {
                retype(found, &kind, given);
            }
        }
    }
}
