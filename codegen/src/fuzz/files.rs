//! Configs of several files, in every format, of which one was changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{PIECES, change, run};
use crate::{Checked, Config, Environment, Location, generate, render_human, render_json};

/// A case of `tests/environments`: its files, and the variables that it is read with.
struct Case {
    config: String,
    files: Vec<(PathBuf, String)>,
    variables: BTreeMap<String, String>,
}

fn cases() -> Vec<Case> {
    // What runs into a limit takes its time to do so.
    let is_quick = |path: &PathBuf| path.is_dir() && !path.ends_with("include_without_end");
    entries(Path::new("tests/environments")).iter().filter(|path| is_quick(path)).map(|folder| case(folder)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

fn case(folder: &Path) -> Case {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(inner) = folders.pop() {
        for path in entries(&inner) {
            let name = path.strip_prefix(folder).expect("inside").to_path_buf();
            if path.is_dir() {
                folders.push(path);
            } else if !matches!(name.to_str(), Some("stderr" | "resolved.json" | "variables"))
                && let Ok(text) = fs::read_to_string(&path)
            {
                files.push((name, text));
            }
        }
    }
    let variables = fs::read_to_string(folder.join("variables")).unwrap_or_default();
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let config = files.iter().find(|(name, _)| name.file_stem().is_some_and(|stem| stem == "gateway"));
    Case {
        config: config.expect("a config").0.display().to_string(),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        files,
    }
}

/// The folder that one case after the other is written to.
struct Folder(PathBuf);

impl Folder {
    fn write(&self, files: &[(PathBuf, String)]) {
        drop(fs::remove_dir_all(&self.0));
        for (name, text) in files {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
    }

    fn check(&self, case: &Case) -> Option<(Config, Checked)> {
        let environment = Environment::new(|name| case.variables.get(name).map(OsString::from));
        let location = Location::new(Path::new(&case.config), &self.0, None).expect("the folder is there");
        let config = Config::read(&location, &environment).ok()?;
        let checked = config.check();
        Some((config, checked))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What holds of every config, whatever it consists of.
fn whole(folder: &Folder, case: &Case) -> Result<(), TestCaseError> {
    let Some((config, checked)) = folder.check(case) else { return Ok(()) };
    for told in &checked.diagnostics {
        for span in std::iter::once(&told.span).chain(told.related.iter().map(|(span, _)| span)) {
            let file = usize::try_from(span.file).ok().and_then(|file| config.as_ref().get(file));
            let inside = file.is_some_and(|file| file.text().get(span.start..span.end).is_some());
            prop_assert!(inside, "{told:?}");
        }
    }
    let report = render_json(&config, &checked.diagnostics);
    prop_assert!(serde_json::from_str::<serde_json::Value>(&report).is_ok(), "{report}");
    prop_assert_eq!(render_human(&config, &checked.diagnostics, false).is_empty(), checked.diagnostics.is_empty());
    let code = |checked: &Checked| checked.gateway.as_ref().map(generate);
    if let Some(code) = code(&checked) {
        prop_assert!(syn::parse_file(&code).is_ok(), "{code}");
    }
    let (_, again) = folder.check(case).expect("it could be read");
    prop_assert_eq!(&again.diagnostics, &checked.diagnostics);
    prop_assert_eq!(code(&again), code(&checked));
    Ok(())
}

#[test]
fn configs_of_several_files() {
    let cases = cases();
    let folder = Folder(std::env::temp_dir().join(format!("sluicegate-fuzz-{}", std::process::id())));
    let changes = vec((0.0..1.0_f64, 0..24_usize, 0..PIECES.len() * 2), 1..4);
    run(&(0..cases.len(), any::<prop::sample::Index>(), changes), |(index, file, changes)| {
        let from = &cases[index];
        let mut files = from.files.clone();
        let other = from.files[0].1.clone();
        let file = file.index(files.len());
        changes.into_iter().for_each(|one| change(&mut files[file].1, one, &other));
        folder.write(&files);
        whole(&folder, from)
    });
}
