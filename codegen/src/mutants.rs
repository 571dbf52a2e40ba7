//! Valid configs with every supported key and with the options of what is not supported yet, changed in one place: each change is told, at that place.

use crate::tree::{Member, Node, Value};
use crate::{Checked, SourceFile, check, json};

const BASE: &str = "tests/model";

/// Keys below which anything goes.
const FREE: [&str; 17] = [
    "error_body",
    "data",
    "validation/json-schema",
    "mapping",
    "attributes",
    "arguments",
    "set_headers",
    "set_body",
    "variables",
    "documentation/openapi",
    "endpoint_params",
    "ssl_proxy_headers",
    "global_tags",
    "default_labels",
    "@comment",
    // Names that the author of the config chooses.
    "billing",
    "metadata",
];

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{BASE}/{name}.json")).expect("a readable config")
}

fn everything() -> String {
    read("everything")
}

/// The members of both configs, each with its config.
fn all() -> impl Iterator<Item = (String, Member)> {
    let of = |text: String| members(&text).into_iter().map(move |member| (text.clone(), member)).collect::<Vec<_>>();
    std::iter::once(everything()).chain(options()).flat_map(of)
}

/// The second config in parts, an endpoint or a namespace each: as a whole it takes long to check so many times.
fn options() -> Vec<String> {
    let whole: serde_json::Value = serde_json::from_str(&read("options")).expect("JSON");
    let part = |endpoints: serde_json::Value, key: &str, value: serde_json::Value| {
        let host = ["http://localhost:8000"];
        format!("{:#}", serde_json::json!({"version": 3, "host": host, "endpoints": endpoints, key: value}))
    };
    let endpoints = whole["endpoints"].as_array().expect("endpoints");
    let endpoints = endpoints.iter().map(|endpoint| part([endpoint].into_iter().cloned().collect(), "@", 0.into()));
    let namespaces = whole["extra_config"].as_object().expect("namespaces");
    let namespaces = namespaces
        .iter()
        .map(|(name, value)| part(serde_json::json!([]), "extra_config", serde_json::json!({name.as_str(): value})));
    let agents = part(serde_json::json!([]), "async_agent", whole["async_agent"].clone());
    endpoints.chain(namespaces).chain([agents]).collect()
}

fn checked(text: &str) -> Checked {
    check(&SourceFile::new("gateway.json", BASE, text))
}

/// Every member of a config that the tables describe.
fn members(text: &str) -> Vec<Member> {
    fn gather(node: &Node, found: &mut Vec<Member>) {
        match &node.value {
            Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            Value::Object(members) => {
                for member in members
                    .iter()
                    .filter(|member| !FREE.contains(&member.key.as_str()) && !member.key.starts_with(['$', '@']))
                {
                    found.push(member.clone());
                    gather(&member.value, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&json::parse(text, 0, &crate::diagnostic::Sink::default()).expect("JSON"), &mut found);
    found
}

#[test]
fn a_renamed_key_is_told_at_the_key() {
    for (text, member) in all() {
        let mut mutant = text.clone();
        mutant.insert_str(member.key_span.end - 1, "_zz");
        let found = checked(&mutant).diagnostics;
        let told = found.iter().any(|found| {
            found.span.start == member.key_span.start && matches!(found.code, "unknown-key" | "unknown-namespace")
        });
        assert!(told, "{}: {found:?}", member.key);
    }
}

#[test]
fn a_value_of_another_type_is_told_at_the_value() {
    for (text, member) in all() {
        let value = member.value.span;
        for other in ["[[[]]]", "{\"zz\": {\"zz\": 1}}", "null", "-7.5"] {
            let mut mutant = text.clone();
            mutant.replace_range(value.start..value.end, other);
            let inside = value.start..value.start + other.len();
            let found = checked(&mutant).diagnostics;
            let told = found.iter().any(|found| inside.contains(&found.span.start));
            assert!(told, "{} = {other}: {found:?}", member.key);
        }
    }
}

#[test]
fn a_key_given_twice_is_told_at_the_second() {
    let text = everything();
    for member in members(&text) {
        let both = format!(", {}", &text[member.key_span.start..member.value.span.end]);
        let mut mutant = text.clone();
        mutant.insert_str(member.value.span.end, &both);
        let second = member.value.span.end + 2;
        let found = checked(&mutant).diagnostics;
        let told = found.iter().any(|found| found.code == "duplicate-key" && found.span.start == second);
        assert!(told, "{}: {found:?}", member.key);
    }
}

#[test]
fn a_key_left_out_is_told_or_makes_another_gateway() {
    let text = everything();
    for member in members(&text) {
        let mut mutant = text.clone();
        // A comment in its place keeps the commas right.
        mutant.replace_range(member.key_span.start..member.value.span.end, "\"@left out\": 0");
        let checked = checked(&mutant);
        assert_eq!(
            checked.gateway.is_none(),
            checked.diagnostics.iter().any(|found| found.severity == crate::Severity::Error)
        );
    }
}
