//! Configs of several files: each folder of `environments` holds one, the variables that it is read with (`variables`, a
//! `NAME=VALUE` a line), and what becomes of it: the text of its diagnostics (`stderr`), and where it is right the whole
//! document (`resolved.json`).
//!
//! `EXPECTORATE=overwrite cargo test -p sluicegate-codegen --test environments` accepts what is new.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_codegen::{Config, Environment, Location, render_human};

const FOLDER: &str = "tests/environments";

#[test]
fn every_folder_gives_what_it_says() {
    let mut folders: Vec<_> =
        fs::read_dir(FOLDER).expect("the folder").map(|entry| entry.expect("one").path()).collect();
    folders.sort();
    for folder in folders {
        let (config, checked, _) = read(&folder);
        let stderr = render_human(&config, &checked.diagnostics, false);
        let place = fs::canonicalize(&folder).expect("the folder").display().to_string();
        let stderr = stderr.replace(&place, "FOLDER");
        expected(&folder.join("stderr"), &stderr);
        let document = checked.gateway.as_ref().and_then(|_| config.document());
        expected(&folder.join("resolved.json"), &document.unwrap_or_default());
    }
}

/// Holds `text` against the file; one that would be empty is not there.
fn expected(path: &Path, text: &str) {
    if text.is_empty() {
        if std::env::var_os("EXPECTORATE").is_some() {
            drop(fs::remove_file(path));
        }
        assert!(!path.exists(), "{} is not expected", path.display());
    } else {
        expectorate::assert_contents(path, text);
    }
}

#[test]
fn what_a_build_depends_on() {
    let (_, checked, asked) = read(&Path::new(FOLDER).join("everything"));
    let own = fs::canonicalize(FOLDER).expect("the folder").join("everything");
    let files: Vec<_> =
        checked.files.iter().map(|path| path.strip_prefix(&own).expect("inside").to_path_buf()).collect();
    let expected = ["gateway.json", "endpoints/all.json", "endpoints/read.json", "gateway.prod.json", "settings.json"];
    assert_eq!(files, expected.map(PathBuf::from));
    let names = ["GATEWAY_ENV", "GATEWAY_SETTINGS", "HOST", "MISSING", "PORT", "TIMEOUT"];
    assert_eq!(
        asked.iter().filter(|name| !name.starts_with("FC_")).collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );
}

fn read(folder: &Path) -> (Config, sluicegate_codegen::Checked, Vec<String>) {
    let lines = fs::read_to_string(folder.join("variables")).unwrap_or_default();
    let variables: BTreeMap<_, _> = lines.lines().filter_map(|line| line.split_once('=')).collect();
    let environment = Environment::new(|name| variables.get(name).map(OsString::from));
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    // The config is the one that is called `gateway` and nothing more.
    let mut named = entries.filter(|path| path.file_stem().is_some_and(|stem| stem == "gateway"));
    let config = named.next().expect("a config");
    let name = config.file_name().expect("a name");
    let location = Location::new(Path::new(name), folder, None).expect("the folder is there");
    let config = Config::read(&location, &environment).expect("a config");
    let checked = config.check();
    let asked = environment.asked();
    (config, checked, asked)
}
