//! Whole generated files, one feature a case: `golden/NAME/gateway.json` gives `golden/NAME/gateway.rs`.
//!
//! `EXPECTORATE=overwrite cargo test -p sluicegate-codegen --test golden` accepts what is new. That the files compile and
//! pass clippy is tested where the runtime is, in `runtime/tests/generated.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_codegen::{Severity, SourceFile, check, generate};

const FOLDER: &str = "tests/golden";
/// The config of the root package.
const DEFAULT: &str = "../gateway.json";

#[test]
fn every_config_gives_its_code() {
    for folder in folders() {
        let config = folder.join("gateway.json");
        expectorate::assert_contents(folder.join("gateway.rs"), &generated(&config, &folder));
    }
    expectorate::assert_contents(
        Path::new(FOLDER).join("default/gateway.rs"),
        &generated(Path::new(DEFAULT), Path::new("..")),
    );
}

#[test]
fn the_same_config_gives_the_same_bytes() {
    for folder in folders() {
        let config = folder.join("gateway.json");
        assert_eq!(generated(&config, &folder), generated(&config, &folder), "{}", folder.display());
    }
}

#[test]
fn code_is_readable() {
    for folder in folders() {
        let code = generated(&folder.join("gateway.json"), &folder);
        for line in code.lines() {
            assert!(line.chars().count() <= 120 || line.contains("r#"), "{}: {line}", folder.display());
            assert!(line.trim_end() == line, "{}: {line:?}", folder.display());
        }
    }
}

#[test]
fn code_names_the_runtime_only() {
    for folder in folders() {
        let code = generated(&folder.join("gateway.json"), &folder);
        let crates: Vec<_> = code.lines().filter(|line| line.starts_with("use ")).collect();
        assert_eq!(crates, ["use sluicegate_runtime::generated::*;"], "{}", folder.display());
        // Paths to other crates begin with one of these, or with a name that the prelude of crates has.
        for word in ["extern ", "crate::", "std::", "core::", "tokio", "http::", "axum", "sluicegate_drivers"] {
            let found = code.lines().find(|line| !line.starts_with("//") && line.contains(word));
            assert_eq!(found, None, "{}: {word}", folder.display());
        }
    }
}

fn generated(config: &Path, base: &Path) -> String {
    let text = fs::read_to_string(config).expect("a readable config");
    let checked = check(&SourceFile::new("gateway.json", base, text));
    let errors: Vec<_> = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", config.display());
    generate(&checked.gateway.expect("no errors"))
}

/// Every case but `default`, whose config is the root package's.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = entries.filter(|path| !path.ends_with("default")).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no cases in {FOLDER}");
    folders
}
