//! The trie of `target`, `allow`, `deny`, `mapping` and `group`.

use super::code::{Code, Static};
use super::literal::text;
use crate::model::{Field, FieldRule, Fields, Shape};

pub(super) fn item(name: String, place: &str, shape: &Shape) -> Static {
    let docs = vec![format!("{} of the backend, {place}", keys(shape))];
    Static { docs, visibility: "", name, kind: "Shape".to_owned(), value: value(shape) }
}

/// The config's keys that make the shape: `` `allow` and `group` ``.
fn keys(shape: &Shape) -> String {
    let list = match &shape.fields {
        Fields::All => &[],
        Fields::Allow(list) | Fields::Deny(list) => list.as_slice(),
    };
    let denies = |field: &Field| field.rule != FieldRule::Keep;
    let keys = [
        ("is_collection", shape.is_collection),
        ("target", !shape.target.is_empty()),
        ("allow", matches!(shape.fields, Fields::Allow(_))),
        ("deny", matches!(shape.fields, Fields::Deny(_)) && list.iter().any(denies)),
        ("mapping", list.iter().any(|field| field.rename.is_some())),
        ("group", shape.group.is_some()),
    ];
    let keys: Vec<_> = keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| format!("`{key}`")).collect();
    match keys.as_slice() {
        [several @ .., last] if !several.is_empty() => format!("{} and {last}", several.join(", ")),
        keys => keys.concat(),
    }
}

fn value(shape: &Shape) -> Code {
    let base = if shape.is_collection { "Shape::COLLECTION" } else { "Shape::OBJECT" };
    let target = (!shape.target.is_empty()).then(|| Code::call("target", [Code::texts(&shape.target)]));
    let fields = (shape.fields != Fields::All).then(|| Code::call("fields", [fields(&shape.fields)]));
    let group = shape.group.as_ref().map(|group| Code::call("group", [text(group)]));
    Code::word(base).with([target, fields, group].into_iter().flatten())
}

fn fields(fields: &Fields) -> Code {
    let (name, list) = match fields {
        Fields::All => ("Fields::AllExcept", &[][..]),
        Fields::Allow(list) => ("Fields::Allow", list.as_slice()),
        Fields::Deny(list) => ("Fields::AllExcept", list.as_slice()),
    };
    Code::call(name, [Code::List(list.iter().map(field).collect())])
}

fn field(field: &Field) -> Code {
    let name = text(&field.name);
    match (&field.rule, &field.rename) {
        (FieldRule::Keep, None) => Code::call("Field::keep", [name]),
        (FieldRule::Keep, Some(new)) => Code::call("Field::renamed", [name, text(new)]),
        (FieldRule::Drop, _) => Code::call("Field::drop", [name]),
        (FieldRule::Inside(inner), rename) => {
            let rename = rename.as_ref().map(|new| Code::call("rename", [text(new)]));
            Code::call("Field::inside", [name, fields(inner)]).with(rename)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_configs() {
        let field = |rename: Option<&str>, rule| Field { name: "a".into(), rename: rename.map(Into::into), rule };
        let shape = |fields| Shape { fields, ..Shape::default() };
        for (shape, expected) in [
            (Shape { is_collection: true, ..Shape::default() }, "`is_collection`"),
            (shape(Fields::Allow(vec![field(None, FieldRule::Keep)])), "`allow`"),
            (shape(Fields::Allow(vec![field(Some("b"), FieldRule::Keep)])), "`allow` and `mapping`"),
            (shape(Fields::Deny(vec![field(None, FieldRule::Drop)])), "`deny`"),
            (shape(Fields::Deny(vec![field(Some("b"), FieldRule::Keep)])), "`mapping`"),
            (
                Shape { target: vec!["x".into()], group: Some("y".into()), ..shape(Fields::Allow(Vec::new())) },
                "`target`, `allow` and `group`",
            ),
        ] {
            assert_eq!(keys(&shape), expected);
        }
    }
}
