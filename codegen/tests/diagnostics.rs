//! Every diagnostic by its whole text: `diagnostics/NAME.json`, `.yaml` or `.toml` gives `diagnostics/NAME.stderr`.
//!
//! `EXPECTORATE=overwrite cargo test -p sluicegate-codegen --test diagnostics` accepts what is new.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sluicegate_codegen::{SourceFile, check, render_human, render_json};

const FOLDER: &str = "tests/diagnostics";
const FORMATS: [&str; 3] = ["json", "yaml", "toml"];

#[test]
fn every_config_gives_its_text() {
    for name in configs() {
        let (file, checked) = read(&name);
        assert!(!checked.diagnostics.is_empty(), "{name} gives no diagnostic");
        let text = render_human(&file, &checked.diagnostics, false);
        expectorate::assert_contents(Path::new(FOLDER).join(format!("{name}.stderr")), &text);
    }
}

#[test]
fn every_text_has_its_config() {
    let orphans: Vec<_> = names("stderr").difference(&configs()).cloned().collect();
    assert!(orphans.is_empty(), "without a config: {orphans:?}");
}

#[test]
fn one_mistake_a_file() {
    // A name that counts says so, and a syntax error may take others with it.
    for name in configs().into_iter().filter(|name| !name.contains("at_once")) {
        let (_, checked) = read(&name);
        // The options of what is not supported yet are checked too.
        let mistakes = checked.diagnostics.iter().filter(|found| found.code != "not-supported-yet").count();
        assert_eq!(mistakes.max(checked.diagnostics.len() - mistakes), 1, "{name}: {:#?}", checked.diagnostics);
    }
}

#[test]
fn pointers_lead_to_the_mistake() {
    let (file, checked) = read("three_errors_at_once");
    let json: serde_json::Value =
        serde_json::from_str(&render_json(&file, &checked.diagnostics)).expect("the report is JSON");
    let pointers: Vec<_> = json.as_array().expect("an array").iter().map(|report| report["pointer"].as_str()).collect();
    let expected = [
        "/time_out",
        "/endpoints/0/backend/0/url_pattern",
        "/endpoints/1/extra_config/qos~1ratelimit~1router/max_rate",
    ];
    assert_eq!(pointers, expected.map(Some));
}

#[test]
fn no_name_has_two_formats() {
    assert_eq!(FORMATS.iter().map(|format| names(format).len()).sum::<usize>(), configs().len());
}

fn read(name: &str) -> (SourceFile, sluicegate_codegen::Checked) {
    let path = |format: &&&str| Path::new(FOLDER).join(format!("{name}.{format}"));
    let format = FORMATS.iter().find(|format| path(format).exists()).expect("a config");
    let text = fs::read_to_string(path(&format)).expect("a readable config");
    let file = SourceFile::new(format!("gateway.{format}"), FOLDER, text);
    let checked = check(&file);
    (file, checked)
}

fn configs() -> BTreeSet<String> {
    FORMATS.iter().flat_map(|format| names(format)).collect()
}

fn names(extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(FOLDER).expect("the folder").map(|entry| entry.expect("an entry").path());
    let named = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
    named.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}
