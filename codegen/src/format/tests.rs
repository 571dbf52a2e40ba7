//! Generated trees, written in every style and read again.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::yaml::in_bounds;

#[path = "../../tests/formats/emit.rs"]
mod emit;

use emit::{TOML, YAML};

/// What texts are made of: everything that means something in some format, and letters of two, three and four bytes.
const TEXT: &str = "[a-c 0-9\u{e9}\u{20ac}\u{1f980}'\"\\\\\\[\\]\\{\\}:,#&*!|>%@`~=.+\\-_/$\t\n]{0,12}";

fn tree() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        TEXT.prop_map(Value::from),
        "(yes|true|null|~|0x1|1e3|2024-01-01|\\.inf|<<|---|\\? a|- a)".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((TEXT, inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(members in proptest::collection::vec((TEXT, tree()), 1..5)) {
        let value = Value::from(members.into_iter().collect::<Map<_, _>>());
        for style in YAML.into_iter().chain(TOML) {
            let Some((name, text)) = style.write(&value) else { continue };
            let sink = Sink::default();
            let Read { root, whole } = Format::of(name).read(&text, 0, &sink);
            let found = sink.finish(None);
            prop_assert!(whole && found.is_empty(), "{style:?}\n{text}\n{found:#?}");
            let root = root.expect("a tree");
            in_bounds(&root, &text);
            let read: Value = serde_json::from_str(&root.to_json()).expect("JSON");
            // Headers come behind the keys of their table.
            prop_assert_eq!(sorted(read), sorted(value.clone()), "{:?}\n{}", style, text);
        }
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::from(members.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::from(items.into_iter().map(sorted).collect::<Vec<_>>()),
        value => value,
    }
}

#[test]
fn formats_by_name() {
    for (name, format) in [
        ("gateway.json", Format::Json),
        ("conf/gateway.prod.yaml", Format::Yaml),
        ("gateway.yml", Format::Yaml),
        ("gateway.toml", Format::Toml),
        ("gateway.tmpl", Format::Json),
        ("gateway.yaml/config", Format::Json),
        ("gateway", Format::Json),
    ] {
        assert_eq!(Format::of(name), format, "{name}");
    }
}
