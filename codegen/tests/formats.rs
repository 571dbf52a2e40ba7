//! The same config in JSON, YAML and TOML: the same code, and the same mistakes at the same values.

#[path = "formats/emit.rs"]
mod emit;

use std::fs;
use std::path::{Path, PathBuf};

use emit::{Style, TOML, YAML};
use serde_json::Value;
use sluicegate_codegen::{Diagnostic, SourceFile, check, generate};

fn styles() -> impl Iterator<Item = Style> {
    YAML.into_iter().chain(TOML)
}

#[test]
fn the_code_is_the_same() {
    let mut written = 0;
    for folder in folders(&["tests/golden", "../tests/conformance", "tests/check/suites", "tests/model"]) {
        for config in configs(&folder) {
            let text = fs::read_to_string(&config).expect("a readable config");
            let json: Value = serde_json::from_str(&text).expect("JSON");
            let text = format!("{json:#}");
            let wanted =
                check(&SourceFile::new("gateway.json", &folder, text)).gateway.map(|gateway| generate(&gateway));
            for style in styles() {
                let Some((name, text)) = style.write(&json) else { continue };
                let checked = check(&SourceFile::new(name, &folder, text.as_str()));
                let code = checked.gateway.map(|gateway| generate(&gateway));
                let label = format!("{} {style:?}: {:#?}\n{text}", config.display(), checked.diagnostics);
                assert_eq!(code.is_some(), wanted.is_some(), "{label}");
                if let (Some(code), Some(wanted)) = (code, &wanted) {
                    written += 1;
                    assert_eq!(code.contains(&format!("{name}:")), wanted.contains("gateway.json:"), "{label}");
                    for (own, json) in code.lines().zip(wanted.lines()) {
                        assert_eq!(without_places(own), without_places(json), "{label}");
                    }
                    assert_eq!(code.lines().count(), wanted.lines().count(), "{label}");
                }
            }
        }
    }
    assert!(written > 200, "only {written} were written");
}

/// A line of code without what tells the file, its lines and its hash.
fn without_places(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("gateway.") {
        out.push_str(&rest[..at]);
        let place = &rest[at + 8..];
        let end = place.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':').unwrap_or(place.len());
        rest = &place[end..];
    }
    out.push_str(rest);
    let hash = out.trim().trim_matches(['"', ',']);
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) { String::new() } else { out }
}

#[test]
fn the_mistakes_are_the_same_and_at_the_same_values() {
    let mut cases = Vec::new();
    for list in ["tests/check/check.json", "tests/check/variations.json"] {
        let text = fs::read_to_string(list).expect("the list");
        let list: Vec<Value> = serde_json::from_str(&text).expect("the list is JSON");
        // Those that are texts are mistakes in the syntax of JSON.
        cases.extend(
            list.into_iter()
                .filter(|case| case["config"].is_object())
                .map(|case| (case["name"].to_string(), case["config"].clone(), PathBuf::from("tests/check"))),
        );
    }
    for name in ["../tests/conformance", "tests/check/suites", "tests/diagnostics"] {
        for folder in folders(&[name]) {
            for config in configs(&folder) {
                let text = fs::read_to_string(&config).expect("a readable config");
                // What is not JSON, or has a key twice, cannot be written again.
                let Ok(json) = serde_json::from_str::<Value>(&text) else { continue };
                if json.is_object() && !config.display().to_string().contains("duplicate") {
                    cases.push((config.display().to_string(), json, folder.clone()));
                }
            }
        }
    }
    assert!(cases.len() > 500, "only {} cases", cases.len());
    for (name, json, base) in cases {
        let text = format!("{json:#}");
        let wanted = check(&SourceFile::new("gateway.json", &base, text.as_str())).diagnostics;
        let mut wanted = seen(&text, &wanted);
        wanted.sort();
        for style in styles() {
            let Some((file, text)) = style.write(&json) else { continue };
            let found = check(&SourceFile::new(file, &base, text.as_str())).diagnostics;
            let mut found = seen(&text, &found);
            found.sort();
            assert_eq!(found, wanted, "{name} {style:?}\n{text}");
        }
    }
}

#[test]
fn mutants_are_told_alike() {
    let styles: Vec<_> = styles().collect();
    for name in ["everything", "options"] {
        let text = fs::read_to_string(format!("tests/model/{name}.json")).expect("the config");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let count = pointers(&json).len();
        assert!(count > 100, "{name}");
        // Each member once, renamed or with a value of another type, in the next style.
        for (index, pointer) in pointers(&json).into_iter().enumerate().step_by(if name == "options" { 7 } else { 1 }) {
            let mut mutant = json.clone();
            change(&mut mutant, &pointer, index % 3);
            let text = format!("{mutant:#}");
            let mut wanted =
                seen(&text, &check(&SourceFile::new("gateway.json", "tests/model", text.as_str())).diagnostics);
            wanted.sort();
            let style = styles[index % styles.len()];
            let Some((file, text)) = style.write(&mutant) else { continue };
            let mut found = seen(&text, &check(&SourceFile::new(file, "tests/model", text.as_str())).diagnostics);
            found.sort();
            assert_eq!(found, wanted, "{name} {pointer} {style:?}\n{text}");
        }
    }
}

/// Every member of every object.
fn pointers(value: &Value) -> Vec<String> {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let below = |name: String, value: &Value| {
        let inside = pointers(value).into_iter().map(|rest| format!("/{name}{rest}"));
        inside.collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => {
            let all = members.iter().flat_map(|(name, value)| {
                let name = escaped(name);
                std::iter::once(format!("/{name}")).chain(below(name, value))
            });
            all.collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| below(index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    }
}

fn change(value: &mut Value, pointer: &str, how: usize) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = value.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match how {
        0 => {
            let members = std::mem::take(parent).into_iter();
            parent.extend(members.map(|(key, value)| (if key == name { format!("{key}_zz") } else { key }, value)));
        }
        1 => drop(parent.insert(name, serde_json::json!({"zz": {"zz": 1}}))),
        _ => drop(parent.insert(name, serde_json::json!(["a b", -7.5]))),
    }
}

/// Of each diagnostic the code, the pointer, and what is underlined where that is a text, a number or a part of one.
fn seen(text: &str, diagnostics: &[Diagnostic]) -> Vec<(&'static str, String, String)> {
    // What is not supported yet is not told of a key whose value is wrong anyway, and a key may stand for its value.
    let found = diagnostics.iter().filter(|found| found.code != "not-supported-yet").map(|found| {
        let bytes = &text[found.span.start..found.span.end];
        let pointer = found.pointer.clone();
        let key = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let bytes = unquoted(bytes);
        // What stands for a whole object or list: its bracket, dash, key or header.
        let whole = matches!(bytes.as_str(), "{" | "[" | "-")
            || bytes == key
            || bytes.starts_with('[')
            || found.span.end == found.span.start;
        (found.code, pointer, if whole { String::new() } else { bytes })
    });
    found.collect()
}

/// A text without its quotes, escapes and line breaks.
fn unquoted(bytes: &str) -> String {
    let bytes = bytes.trim_start_matches(['"', '\'']).trim_end_matches(['"', '\'']);
    let folded = bytes
        .replace("\\\n   ", "")
        .replace("\\n", "\n")
        .replace("\\\"", "\"")
        .replace("''", "'")
        .replace("\\\\", "\\");
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The folders below `parents`, and these.
fn folders(parents: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for parent in parents {
        found.push(PathBuf::from(parent));
        let entries = fs::read_dir(parent).expect("a folder").map(|entry| entry.expect("an entry").path());
        found.extend(entries.filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

fn configs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_config = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let in_own_folder = folder.ends_with("diagnostics") || folder.ends_with("model");
        path.extension().is_some_and(|it| it == "json") && (name == "gateway.json" || in_own_folder)
    };
    let mut found: Vec<_> = entries.filter(is_config).collect();
    found.sort();
    found
}
