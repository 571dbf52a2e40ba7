//! What cli/README.md tells to write and to call, done.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::folder::{Folder, GOOD, without_variables};

/// What is not called here: it builds the program that these tests have. The package and its folder are there.
const INSTALL: [&str; 2] = ["cargo install --locked --path cli", "cargo install --locked --git "];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root")
}

fn readme() -> String {
    fs::read_to_string(root().join("cli/README.md")).expect("the page")
}

/// The blocks of a language, without the page's own indentation.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut lines = page.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_start().strip_prefix("```") == Some(language) {
            found.push(lines.by_ref().take_while(|line| line.trim() != "```").collect());
        }
    }
    found
}

#[test]
fn every_command_works() {
    let page = readme();
    let mut commands: Vec<_> = blocks(&page, "sh").concat();
    for line in blocks(&page, "yaml").concat() {
        let line = line.trim().trim_start_matches("- ");
        let line = line.strip_prefix("run: ").unwrap_or(line);
        if line.starts_with("sluicegate ") || line.starts_with("cargo ") {
            commands.push(line);
        }
    }
    assert!(commands.len() >= 10, "{commands:?}");
    let folder = Folder::new("docs/project");
    folder.write("gateway.json", GOOD);
    let beside = folder.path().with_file_name("sluicegate");
    drop(fs::remove_file(&beside));
    symlink(root(), &beside).expect("a link can be made");
    let built = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().expect("a folder");
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        without_variables(&mut command).env_remove("CARGO_MANIFEST_DIR");
        command.current_dir(folder.path()).env("PATH", &path).arg("-ec").arg(line);
        let output = command.output().expect("a shell starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    shell("git init --quiet && mkdir -p .git/hooks");
    for command in commands {
        if INSTALL.iter().any(|install| command.starts_with(install)) {
            assert!(root().join("cli/Cargo.toml").is_file());
            assert!(command.contains("--path cli") || command.ends_with(" sluicegate-cli"), "{command}");
        } else {
            shell(command);
        }
    }
    shell(".git/hooks/pre-commit");
    let sarif: Value = serde_json::from_str(&folder.read("gateway.sarif")).expect("a log");
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn what_editors_are_told_is_right() {
    let folder = Folder::new("docs/editor");
    let schema = folder.sluicegate("", &["schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).expect("a schema");
    let page = readme();
    // As the page says.
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let settings = blocks(&page, "json").concat().concat();
    let settings: Value = serde_json::from_str(&settings).expect("settings of an editor");
    assert_eq!(settings["json.schemas"][0]["url"], "./gateway-schema.json");
    let line = "\"$schema\": \"./gateway-schema.json\"";
    assert!(page.contains(&format!("`{line}`")));
    folder.write("gateway.json", &GOOD.replacen('{', &format!("{{{line},"), 1));
    let checked = folder.sluicegate("", &["check", "gateway.json"]);
    assert_eq!((checked.code, &*checked.stderr), (0, "gateway.json: 2 endpoints, no mistakes\n"));
}

/// Hooks that the page names are there.
#[test]
fn what_pre_commit_is_asked_for_is_there() {
    let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("the hooks");
    for id in ["sluicegate", "sluicegate-from-source"] {
        assert!(hooks.lines().any(|line| line == format!("- id: {id}")), "{id}");
        assert!(readme().contains(id), "{id}");
    }
}
