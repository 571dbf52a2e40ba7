//! The schema beside the checks, on every config there is and on changed ones.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use super::{document, overlay, overlay_schema, schema};
use crate::diagnostic::Sink;
use crate::syntax::kind::Kind;
use crate::syntax::{SERVICE, walk};
use crate::tree::Node;
use crate::{Config, Environment, Location, Severity, SourceFile, check, json};

/// Mistakes of the tables that no JSON Schema can know: keys that a parser has dropped, two names of one namespace, and
/// regular expressions of Rust.
const UNKNOWN: [&str; 3] = ["duplicate-key", "both-names", "bad-regex"];

fn validator() -> Validator {
    jsonschema::draft7::new(&document()).expect("the schema compiles")
}

fn overlay_validator() -> Validator {
    jsonschema::draft7::new(&overlay()).expect("the schema compiles")
}

/// The codes that the tables alone give.
fn of_tables(root: &Node) -> Vec<&'static str> {
    let sink = Sink::default();
    walk(root, &Kind::Record(&SERVICE), "the config", &sink);
    let found = sink.finish(None).into_iter().filter(|found| found.severity == Severity::Error);
    found.map(|found| found.code).filter(|code| !UNKNOWN.contains(code)).collect()
}

/// Holds a config against the schema and the checks. Says whether the schema takes it.
fn agree(validator: &Validator, folder: &Path, text: &str) -> bool {
    let sink = Sink::default();
    let json::Read { root: Some(root), whole: true } = json::read(text, 0, &sink) else { return false };
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    let taken = validator.is_valid(&value);
    let errors = || validator.iter_errors(&value).map(|error| format!("{error:.300}")).collect::<Vec<_>>();
    let tables = of_tables(&root);
    assert!(!taken || tables.is_empty(), "the schema takes what the tables refuse: {tables:?}\n{text}");
    if !taken && tables.is_empty() {
        let found = check(&SourceFile::new("gateway.json", folder, text)).diagnostics;
        let refused = found.iter().any(|found| found.severity == Severity::Error);
        assert!(refused, "the schema refuses what is right: {:#?}\n{found:#?}\n{text}", errors());
    }
    taken
}

/// Every file of this name below a folder.
fn files(folder: &str, wanted: fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect(folder) {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(files(&path.to_string_lossy(), wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_schema_is_one_and_is_as_it_was() {
    assert!(jsonschema::draft7::meta::is_valid(&document()));
    assert!(jsonschema::draft7::meta::is_valid(&overlay()));
    assert_eq!((schema(), overlay_schema()), (schema(), overlay_schema()));
    expectorate::assert_contents("tests/schema/config.json", &schema());
}

#[test]
fn every_config_of_the_project_is_judged_as_by_the_checks() {
    let validator = validator();
    let mut configs: Vec<(PathBuf, String)> = Vec::new();
    for folder in ["..", "tests", "../tests", "../cli", "../benches", "../examples"] {
        let is_config: fn(&Path) -> bool = |path| path.extension().is_some_and(|extension| extension == "json");
        let found = if folder == ".." { vec![PathBuf::from("../gateway.json")] } else { files(folder, is_config) };
        configs.extend(found.into_iter().map(|path| {
            let text = fs::read_to_string(&path).expect("a readable file");
            (path, text)
        }));
    }
    // Only whole configs: of a gateway, and not of what it is tested with.
    configs.retain(|(path, text)| {
        // A test of its own has those with variables and other files in them.
        !text.contains("${")
            && !text.contains("\"$include\"")
            && !path.starts_with("tests/schema")
            && text.trim_start().starts_with('{')
            && text.contains("\"endpoints\"")
    });
    for page in files("../docs", |path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).expect("a readable page");
        let blocks = text.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
        configs
            .extend(blocks.filter(|block| block.contains("\"version\"")).map(|block| (page.clone(), block.to_owned())));
    }
    let (mut taken, mut refused) = (0, 0);
    for (path, text) in &configs {
        let folder = path.parent().unwrap_or(Path::new(""));
        if agree(&validator, folder, text) { taken += 1 } else { refused += 1 }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 60 && refused > 60, "{taken} taken, {refused} refused");
}

#[test]
fn every_recorded_config_is_judged_as_by_the_checks() {
    let validator = validator();
    for list in ["check", "variations"] {
        let text = fs::read_to_string(format!("tests/check/{list}.json")).expect("the list");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("the list is JSON");
        for case in cases {
            let text = case["config"].as_str().map_or_else(|| case["config"].to_string(), str::to_owned);
            agree(&validator, Path::new("tests/check"), &text);
        }
    }
}

/// Configs of several files: the one that a person names, with `${NAME}` and `$include` in it.
#[test]
fn what_is_right_in_an_environment_is_right_as_it_is_written() {
    let (validator, overlays) = (validator(), overlay_validator());
    let mut right = 0;
    let recorded = fs::read_dir("tests/environments").expect("a folder").map(|entry| entry.expect("an entry").path());
    for folder in recorded.chain([PathBuf::from("../examples/environments")]) {
        let Ok(text) = fs::read_to_string(folder.join("gateway.json")) else { continue };
        let lines = fs::read_to_string(folder.join("variables")).unwrap_or_default();
        let variables: HashMap<_, _> = lines.lines().filter_map(|line| line.split_once('=')).collect();
        // A template is no JSON.
        if variables.contains_key("FC_ENABLE") {
            continue;
        }
        let environment = Environment::new(|name| variables.get(name).map(OsString::from));
        let location = Location::new(Path::new("gateway.json"), &folder, None).expect("the folder is there");
        let checked = Config::read(&location, &environment).expect("a config").check();
        if checked.gateway.is_some() {
            right += 1;
            assert_taken(&validator, &text, &folder);
            let is_overlay: fn(&Path) -> bool = |path| {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                name.starts_with("gateway.") && name.ends_with(".json") && name != "gateway.json"
            };
            for path in files(&folder.to_string_lossy(), is_overlay) {
                assert_taken(&overlays, &fs::read_to_string(&path).expect("a readable file"), &path);
            }
        }
    }
    assert!(right > 0, "no folder holds what is right");
}

fn assert_taken(validator: &Validator, text: &str, path: &Path) {
    let value: Value = serde_json::from_str(text).expect("what is checked is JSON");
    let errors: Vec<_> = validator.iter_errors(&value).map(|error| format!("{error:.300}")).collect();
    assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
}

#[test]
fn an_overlay_has_any_part_of_a_config_and_removes_any() {
    let (whole, overlays) = (validator(), overlay_validator());
    let text = fs::read_to_string("tests/model/everything.json").expect("a readable config");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    assert!(whole.is_valid(&config) && overlays.is_valid(&config));
    let mut places = Vec::new();
    pointers(&config, "", &mut places);
    for place in places {
        let mut changed = config.clone();
        *changed.pointer_mut(&place).expect("it is there") = Value::Null;
        assert!(overlays.is_valid(&changed), "{place} = null");
        let (parent, key) = place.rsplit_once('/').expect("a parent");
        let key = key.replace("~1", "/").replace("~0", "~");
        let mut changed = config.clone();
        if let Some(Value::Object(members)) = changed.pointer_mut(parent) {
            members.shift_remove(&key);
            assert!(overlays.is_valid(&changed), "without {place}");
        }
    }
    for (text, taken) in [
        ("{}", true),
        (r#"{"async_agent": null, "endpoints": [{"querystring_params": null, "backend": [{}, null]}]}"#, true),
        (r#"{"prot": 8080}"#, false),
        (r#"{"endpoints": [{"timeout": 3}]}"#, false),
        (r#"{"endpoints": [{"querystring_params": []}]}"#, false),
        (r#"{"extra_config": {"auth/revoker": {}}}"#, false),
        (r#"{"extra_config": {"auth/revoker": null}}"#, true),
        (r#"{"extra_config": {"pubsub/brokers": {"billing": {"servers": "env:SERVERS"}}}}"#, true),
        (r#"{"extra_config": {"pubsub/brokers": {"billing": {"driver": "kafak"}}}}"#, false),
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(overlays.is_valid(&value), taken, "{text}");
    }
}

#[test]
fn variables_and_includes_may_stand_anywhere() {
    let validator = validator();
    let text = fs::read_to_string("tests/model/everything.json").expect("a readable config");
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let mut places = Vec::new();
    pointers(&whole, "", &mut places);
    for place in places {
        let value = whole.pointer(&place).expect("it is there");
        let in_list = whole.pointer(place.rsplit_once('/').expect("a parent").0).is_some_and(Value::is_array);
        let mut others = Vec::new();
        match value {
            Value::Object(_) | Value::Array(_) => others.push(serde_json::json!({"$include": "other.json"})),
            _ if place.contains("/@") || place.contains("/$") => {}
            _ => others.extend([Value::from("${NAME}"), Value::from("${NAME:-1}")]),
        }
        if in_list {
            others.push(serde_json::json!({"$include": "other.json"}));
        }
        for other in others {
            let mut changed = whole.clone();
            *changed.pointer_mut(&place).expect("it is there") = other.clone();
            let errors: Vec<_> = validator.iter_errors(&changed).map(|error| format!("{error:.300}")).collect();
            assert_eq!(errors, Vec::<String>::new(), "{place} = {other}");
        }
    }
}

/// Each member of the config that has every key: left out, renamed, and of another type.
#[test]
fn changed_configs_are_judged_as_by_the_checks() {
    let validator = validator();
    let folder = Path::new("tests/model");
    let others =
        ["null", "true", "-7.5", "0", "1", "70000", "\"\"", "\"0\"", "\"x y\"", "\"5s\"", "[]", "[\"a\"]", "{}"];
    let others = others.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    for name in ["everything", "options"] {
        let text = fs::read_to_string(folder.join(name).with_extension("json")).expect("a readable config");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        for part in parts(&whole) {
            let mut places = Vec::new();
            pointers(&part, "", &mut places);
            for (index, place) in places.into_iter().enumerate() {
                let (parent, key) = place.rsplit_once('/').expect("a place has a parent");
                let key = key.replace("~1", "/").replace("~0", "~");
                // Every fourth one, so that neighbours get the others.
                for other in others.iter().skip(index % 4).step_by(4) {
                    let mut mutant = part.clone();
                    *mutant.pointer_mut(&place).expect("it is there") = other.clone();
                    agree(&validator, folder, &mutant.to_string());
                }
                let mut mutant = part.clone();
                if let Some(Value::Object(members)) = mutant.pointer_mut(parent) {
                    let value = members.shift_remove(&key).expect("it is there");
                    agree(&validator, folder, &mutant.to_string());
                    let Some(Value::Object(members)) = mutant.pointer_mut(parent) else { continue };
                    members.insert(format!("{key}_zz"), value);
                    agree(&validator, folder, &mutant.to_string());
                }
            }
        }
    }
}

/// The places of everything in a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            found.push(at.clone());
            pointers(value, &at, found);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            let at = format!("{at}/{index}");
            found.push(at.clone());
            pointers(item, &at, found);
        }),
        _ => {}
    }
}

/// An endpoint or a namespace each, so that the rest is not looked at again for each change.
fn parts(whole: &Value) -> Vec<Value> {
    let mut rest = whole.clone();
    let endpoints = rest["endpoints"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let namespaces = rest["extra_config"].as_object_mut().map(std::mem::take).unwrap_or_default();
    let small = |key: &str, value: Value| serde_json::json!({"version": 3, "host": ["http://localhost"], key: value});
    let endpoints = endpoints.into_iter().map(|endpoint| small("endpoints", serde_json::json!([endpoint])));
    let namespaces = namespaces.into_iter().map(|(name, value)| {
        small("extra_config", [(name, value)].into_iter().collect::<serde_json::Map<_, _>>().into())
    });
    endpoints.chain(namespaces).chain([rest]).collect()
}
