//! Valid configs, changed in one place: each change is told, at that place, or gives another gateway.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use crate::diagnostic::NOT_YET;
use crate::tree::{Member, Node, Value};
use crate::{Checked, Severity, SourceFile, check, generate, json};

/// Folders of folders with a `gateway.json` each.
const FOLDERS: [&str; 4] = ["tests/golden", "tests/check/suites", "../tests/conformance", "../tests/suites"];

/// Keys of objects whose members the author of the config names, and below which anything goes.
const FREE: [&str; 18] = [
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
    "headers",
    "ssl_proxy_headers",
    "global_tags",
    "default_labels",
    "md5",
    "metadata",
    "@comment",
];

/// Objects whose members have names of the author, and values that are described.
const NAMED: [&str; 1] = ["pubsub/brokers"];

/// A valid config and the folder that its files are looked up in.
pub(crate) struct Base {
    pub(crate) folder: PathBuf,
    pub(crate) text: String,
}

impl Base {
    fn check(&self, text: &str) -> Checked {
        check(&SourceFile::new("gateway.json", &self.folder, text))
    }
}

/// Valid configs of an endpoint, a namespace or an agent each: as a whole they take long to check so many times. Of
/// those with the same keys there is one.
fn bases() -> Vec<Base> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (folder, text) in wholes() {
        let Ok(whole) = serde_json::from_str::<Json>(&text) else { continue };
        for part in parts(&whole) {
            let mut keys = BTreeSet::new();
            describe(&part, "", &mut keys);
            let base = Base { folder: folder.clone(), text: format!("{part:#}") };
            let valid = |checked: Checked| {
                checked.diagnostics.iter().all(|it| it.code == NOT_YET || it.severity == Severity::Warning)
            };
            if seen.insert(keys) && valid(base.check(&base.text)) {
                found.push(base);
            }
        }
    }
    assert!(found.len() > 150, "only {} valid configs", found.len());
    found
}

pub(crate) fn wholes() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = FOLDERS
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path().join("gateway.json"))
        .filter(|path| path.exists())
        .collect();
    paths.extend(["tests/model/everything.json", "tests/model/options.json", "../gateway.json"].map(PathBuf::from));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a readable config");
        (path.parent().unwrap_or(Path::new("")).to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// A config of one endpoint, namespace or agent for each of a whole, and one of its own keys.
fn parts(whole: &Json) -> Vec<Json> {
    let list = |key: &str| whole[key].as_array().cloned().unwrap_or_default();
    let namespaces = whole["extra_config"].as_object().cloned().unwrap_or_default();
    let part = |key: &str, value: Json| {
        let mut part =
            Map::from_iter([("version".to_owned(), json!(3)), ("host".to_owned(), json!(["http://a:8000"]))]);
        part.insert("endpoints".to_owned(), json!([]));
        // What endpoints and backends look up.
        if let Some(brokers) = namespaces.get("pubsub/brokers") {
            part.insert("extra_config".to_owned(), json!({"pubsub/brokers": brokers}));
        }
        if let Some(flag) = whole.get("disable_rest") {
            part.insert("disable_rest".to_owned(), flag.clone());
        }
        part.insert(key.to_owned(), value);
        Json::Object(part)
    };
    let mut own = whole.clone();
    if let Some(own) = own.as_object_mut() {
        own.insert("endpoints".to_owned(), json!([]));
        own.retain(|key, _| key != "extra_config" && key != "async_agent");
    }
    let endpoints = list("endpoints").into_iter().map(|endpoint| part("endpoints", json!([endpoint])));
    let agents = list("async_agent").into_iter().map(|agent| part("async_agent", json!([agent])));
    let namespaces = namespaces.iter().map(|(name, value)| part("extra_config", json!({name.as_str(): value})));
    endpoints.chain(agents).chain(namespaces).chain([own]).collect()
}

/// The paths of all keys, and what their values are.
fn describe(value: &Json, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| describe(value, &format!("{path}/{key}"), keys))
        }
        Json::Array(items) => items.iter().for_each(|item| describe(item, path, keys)),
        _ => drop(keys.insert(path.to_owned())),
    }
}

/// A member that the tables describe.
struct Described {
    member: Member,
    /// Whether its name is the author's.
    named: bool,
}

/// Every member of a config that the tables describe.
fn members(text: &str) -> Vec<Described> {
    fn gather(node: &Node, named: bool, found: &mut Vec<Described>) {
        if let Value::Array(items) = &node.value {
            items.iter().for_each(|item| gather(item, false, found));
        }
        for member in node.members() {
            let key = member.key.as_str();
            if key.starts_with(['$', '@', '_', '#']) {
                continue;
            }
            found.push(Described { member: member.clone(), named });
            if !FREE.contains(&key) {
                gather(&member.value, NAMED.contains(&key), found);
            }
        }
    }
    let mut found = Vec::new();
    gather(&json::parse(text, 0, &crate::diagnostic::Sink::default()).expect("JSON"), false, &mut found);
    found
}

/// What always holds: every place is one of the file, and there is a gateway that can be generated, or an error.
pub(crate) fn holds(text: &str, checked: &Checked) -> Result<(), String> {
    for found in &checked.diagnostics {
        let span = found.span;
        if span.start > span.end || text.get(span.start..span.end).is_none() || found.message.is_empty() {
            return Err(format!("{found:?} in {text}"));
        }
    }
    let errors = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
    if checked.gateway.is_none() != errors {
        return Err(format!("a gateway beside errors, or neither, of {text}"));
    }
    match checked.gateway.as_ref().map(generate) {
        Some(code) if syn::parse_file(&code).is_err() => Err(format!("{text} gives {code}")),
        _ => Ok(()),
    }
}

fn each(mut visit: impl FnMut(&Base, &Described)) {
    for base in bases() {
        members(&base.text).iter().for_each(|described| visit(&base, described));
    }
}

#[test]
fn a_renamed_key_is_told_at_the_key() {
    each(|base, Described { member, named }| {
        let mut mutant = base.text.clone();
        mutant.insert_str(member.key_span.end - 1, "_zz");
        let checked = base.check(&mutant);
        holds(&mutant, &checked).expect("what always holds");
        let found = checked.diagnostics;
        let told = found.iter().any(|found| {
            found.span.start == member.key_span.start && matches!(found.code, "unknown-key" | "unknown-namespace")
        });
        let passes = *named || member.key.starts_with("documentation/");
        assert!(told || passes, "{} in {}: {found:?}", member.key, base.text);
    });
}

#[test]
fn a_value_of_another_type_is_told_at_the_value() {
    each(|base, Described { member, .. }| {
        let value = member.value.span;
        for other in ["[[[]]]", "{\"zz\": {\"zz\": 1}}", "null", "-7.5"] {
            let mut mutant = base.text.clone();
            mutant.replace_range(value.start..value.end, other);
            let inside = value.start..value.start + other.len();
            let checked = base.check(&mutant);
            holds(&mutant, &checked).expect("what always holds");
            let found = checked.diagnostics;
            let told = found.iter().any(|found| inside.contains(&found.span.start));
            // Of these every value is one.
            let free = member.key.starts_with("documentation/")
                || matches!(member.key.as_str(), "set_body" | "telemetry/influx2")
                || FREE.contains(&member.key.as_str()) && other.starts_with('{');
            assert!(told || free, "{} = {other} in {}: {found:?}", member.key, base.text);
        }
    });
}

#[test]
fn a_key_given_twice_is_told_at_the_second() {
    each(|base, Described { member, .. }| {
        let both = format!(", {}", &base.text[member.key_span.start..member.value.span.end]);
        let mut mutant = base.text.clone();
        mutant.insert_str(member.value.span.end, &both);
        let second = member.value.span.end + 2;
        let found = base.check(&mutant).diagnostics;
        let told = found.iter().any(|found| found.code == "duplicate-key" && found.span.start == second);
        assert!(told, "{} in {}: {found:?}", member.key, base.text);
    });
}

#[test]
fn a_key_left_out_is_told_or_makes_another_gateway() {
    each(|base, Described { member, .. }| {
        let mut mutant = base.text.clone();
        // A comment in its place keeps the commas right.
        mutant.replace_range(member.key_span.start..member.value.span.end, "\"@left out\": 0");
        holds(&mutant, &base.check(&mutant)).expect("what always holds");
    });
}
