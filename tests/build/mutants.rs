//! Configs changed in one place that are still valid: their gateways, as modules of the test binary, so that what the
//! build accepts is known to compile.
//!
//! Of all changes those are taken whose code is like no other's, a few of each config: which ones depends on nothing but
//! the configs.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};
use sluicegate_codegen::{SourceFile, check, generate};

/// How many of one part of a config.
const OF_ONE: usize = 6;
/// How many in all; more take the compiler longer than they are worth.
const IN_ALL: usize = 400;

/// Writes `OUT_DIR/mutants/mutants.rs`, a module for each mutant and a list of them.
pub(crate) fn generate_all(package: &Path, out: &Path) -> io::Result<()> {
    let out = out.join("mutants");
    fs::create_dir_all(&out)?;
    let (mut seen, mut shapes) = (HashSet::new(), HashSet::new());
    let mut code = Vec::new();
    for (folder, whole) in wholes(package)? {
        for part in parts(&whole) {
            let mut shape = BTreeSet::new();
            keys(&part, "", &mut shape);
            if !shapes.insert(shape) {
                continue;
            }
            let mut mutants = Vec::new();
            changes(&part, &mut Vec::new(), &mut mutants);
            // Those of one list stand side by side; these are from everywhere.
            mutants.sort_by_cached_key(|mutant| hash(&mutant.to_string()));
            let new =
                mutants.iter().filter_map(|mutant| accepted(&folder, mutant)).filter(|text| seen.insert(body(text)));
            code.extend(new.take(OF_ONE));
        }
    }
    code.sort_by_cached_key(|text| body(text));
    code.truncate(IN_ALL);
    let mut modules = String::new();
    for (index, text) in code.iter().enumerate() {
        fs::write(out.join(format!("{index}.rs")), text)?;
        modules
            .push_str(&format!("mod m{index} {{ include!(concat!(env!(\"OUT_DIR\"), \"/mutants/{index}.rs\")); }}\n"));
    }
    let names: Vec<_> = (0..code.len()).map(|index| format!("&m{index}::GATEWAY")).collect();
    modules.push_str(&format!("const MUTANTS: &[&Description] = &[{}];\n", names.join(", ")));
    fs::write(out.join("mutants.rs"), modules)
}

/// Whole configs, each with the folder of its files.
fn wholes(package: &Path) -> io::Result<Vec<(PathBuf, Value)>> {
    let codegen = package.join("../codegen/tests");
    let mut paths = vec![codegen.join("model/everything.json")];
    for folder in [codegen.join("golden"), package.join("suites"), package.join("conformance")] {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path().join("gateway.json"));
        }
    }
    paths.sort();
    let mut wholes = Vec::new();
    for path in paths.into_iter().filter(|path| path.exists()) {
        if let (Ok(whole), Some(folder)) = (serde_json::from_str(&fs::read_to_string(&path)?), path.parent()) {
            wholes.push((folder.to_owned(), whole));
        }
    }
    Ok(wholes)
}

/// A config of each endpoint of a whole, with the service's own keys, and one of those alone.
fn parts(whole: &Value) -> Vec<Value> {
    let with = |endpoints: Value| {
        let mut part = whole.clone();
        if let Some(members) = part.as_object_mut() {
            members.insert("endpoints".to_owned(), endpoints);
        }
        part
    };
    let endpoints = whole["endpoints"].as_array().into_iter().flatten();
    // The keys of the service are changed in the last part only.
    let mut small = json!({"version": 3, "host": ["http://a:8000"]});
    if let Some(brokers) = whole["extra_config"].get("pubsub/brokers") {
        small["extra_config"] = json!({"pubsub/brokers": brokers});
    }
    let endpoints = endpoints.map(|endpoint| {
        let mut part = small.clone();
        part["endpoints"] = json!([endpoint]);
        part
    });
    endpoints.chain([with(json!([]))]).collect()
}

/// The paths of all keys: of configs with the same ones, one is enough.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| keys(inner, &format!("{path}/{key}"), found)),
        Value::Array(items) => items.iter().for_each(|item| keys(item, path, found)),
        _ => drop(found.insert(path.to_owned())),
    }
}

/// Every config that differs from `node` in one place, which is put into `found`.
fn changes(node: &Value, path: &mut Vec<String>, found: &mut Vec<Value>) {
    fn at<'a>(root: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
        path.iter().try_fold(root, |node, step| match node {
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            Value::Object(members) => members.get_mut(step),
            _ => None,
        })
    }
    fn visit(root: &Value, node: &Value, path: &mut Vec<String>, found: &mut Vec<Value>) {
        let mut put = |path: &[String], other: Value| {
            let mut mutant = root.clone();
            if let Some(place) = at(&mut mutant, path) {
                *place = other;
                found.push(mutant);
            }
        };
        match node {
            Value::Object(members) => {
                for key in members.keys() {
                    let mut less = members.clone();
                    less.remove(key);
                    put(path, Value::Object(less));
                }
            }
            Value::Array(items) => {
                put(path, json!([]));
                put(path, json!(items.iter().chain(items.last()).collect::<Vec<_>>()));
                put(path, json!(items.iter().rev().collect::<Vec<_>>()));
                put(path, json!(items.iter().skip(1).collect::<Vec<_>>()));
            }
            Value::Bool(flag) => put(path, json!(!flag)),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                for other in [0.0, 1.0, number + 0.5, number * 1000.0, 1e300] {
                    put(path, json!(other));
                }
                for other in [0, 1, 65_536, i64::MAX] {
                    put(path, json!(other));
                }
            }
            Value::String(text) => {
                for other in ["", "x", "1ms", "2562047h", "no-op", "string", "r#\"{}\\\u{7f}\u{202e}é"] {
                    put(path, json!(other));
                }
                put(path, json!(format!("{text}/x{{}}\"\\")));
                put(path, json!(text.to_uppercase()));
            }
            Value::Null => {}
        }
        match node {
            Value::Object(members) => members.iter().for_each(|(key, inner)| {
                path.push(key.clone());
                visit(root, inner, path, found);
                path.pop();
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| {
                path.push(index.to_string());
                visit(root, inner, path, found);
                path.pop();
            }),
            _ => {}
        }
    }
    visit(node, node, path, found);
}

/// The code of a config that the build accepts.
fn accepted(folder: &Path, config: &Value) -> Option<String> {
    let file = SourceFile::new("gateway.json", folder, format!("{config:#}"));
    check(&file).gateway.map(|gateway| generate(&gateway))
}

/// What of the code is its own: no places, and no sum of the config.
fn body(text: &str) -> u64 {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("///"));
    let own: String = lines
        .filter(|line| {
            !line.trim().trim_end_matches(',').trim_matches('"').bytes().all(|byte| byte.is_ascii_hexdigit())
        })
        .collect();
    let mut body = String::with_capacity(own.len());
    let mut rest = own.as_str();
    while let Some((before, after)) = rest.split_once("gateway.json:") {
        body.push_str(before);
        rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ':');
    }
    body.push_str(rest);
    hash(&body)
}

/// The same in each build of one toolchain.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
