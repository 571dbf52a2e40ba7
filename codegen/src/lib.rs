//! gateway.json to diagnostics, or to Rust source.
//!
//! Text becomes a syntax-neutral tree whose every value knows its file and bytes (`json`, `tree`), out of all the files
//! that a config consists of (`load`). The tree is held against tables of everything that a config may hold (`syntax`). What passes becomes a [`model`] that holds
//! only what can be generated (`check`, and of each [`middleware`] and [`template`] its own part). Only these can reject.
//! [`generate`] writes the model as Rust (`emit`).

mod build_script;
mod check;
mod codes;
mod diagnostic;
mod emit;
mod environment;
mod flexible;
mod format;
#[cfg(test)]
mod fuzz;
mod json;
mod load;
mod location;
pub mod middleware;
pub mod model;
#[cfg(test)]
mod mutants;
mod names;
mod render;
mod schema;
mod secrets;
mod source;
mod sources;
mod suggest;
mod syntax;
pub mod template;
mod toml;
mod tree;
mod yaml;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

pub use build_script::build;
pub use codes::{CODES, closest_code, explain};
pub use diagnostic::{Diagnostic, Severity};
pub use environment::{Environment, PATH_VARIABLES};
pub use location::{Location, default_config};
pub use render::{render_human, render_json};
pub use schema::{overlay_schema, schema};
pub use source::{Position, SourceFile};
pub use tree::Span;

use diagnostic::Sink;
use format::Format;
use load::Loaded;
use syntax::kind::Kind;
use syntax::{Object, SERVICE, walk};
use tree::Node;

/// A config that was read, with everything that it asks for: templates, fragments, an overlay and variables.
#[derive(Debug)]
pub struct Config {
    loaded: Loaded,
    told: Vec<Diagnostic>,
}

/// The verdict on a config.
#[derive(Debug)]
pub struct Checked {
    /// The gateway; `None` when there is any error.
    pub gateway: Option<model::Gateway>,
    /// Everything there is to say, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that the config consists of or names, found or not, as it was looked for: a build depends on them.
    pub files: Vec<PathBuf>,
}

// === impl Config ===

impl Config {
    /// Reads the config at `location`, as `environment` asks for it. What is wrong in it is told by [`check`](Self::check).
    ///
    /// # Errors
    /// The config itself cannot be read, or is not UTF-8.
    pub fn read(location: &Location, environment: &Environment<'_>) -> io::Result<Self> {
        let sink = Sink::default();
        let loaded = load::load(location, environment, &sink)?;
        Ok(Self { loaded, told: sink.take() })
    }

    /// Every mistake at once.
    #[must_use]
    pub fn check(&self) -> Checked {
        let Loaded { files, root, whole, name, paths, given } = &self.loaded;
        let sink = Sink::default();
        sink.extend(self.told.clone());
        let is_one = files.len() == 1 && given.is_empty();
        let hashed = || match (is_one, root) {
            (false, Some(root)) => hash(&root.to_json()),
            _ => hash(files[0].text()),
        };
        let mut checked = verdict(files, root.as_ref(), *whole, name, hashed, sink);
        sources::once(files, &mut checked.diagnostics);
        // What is a secret in one place is one in every other.
        let secrets: HashSet<_> =
            given.iter().filter(|given| given.is_secret(files)).map(|given| &*given.name).collect();
        // An alias of YAML has given it several times.
        let mut given: Vec<_> = given.iter().collect();
        given.sort_by_key(|given| given.span);
        given.dedup_by_key(|given| given.span);
        for diagnostic in &mut checked.diagnostics {
            let Span { file, start, end } = diagnostic.span;
            let first = given.partition_point(|given| (given.span.file, given.span.end) <= (file, start));
            let inside = given[first..].iter().take_while(|given| (given.span.file, given.span.start) < (file, end));
            diagnostic.notes.extend(inside.map(|given| given.note(secrets.contains(&*given.name))));
        }
        checked.files.splice(0..0, paths.iter().cloned());
        checked
    }

    /// The name that messages show: the file's, and the overlay's behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.loaded.name
    }

    /// The whole config as one JSON document: what is checked, with every file and variable in its place. `None` where
    /// it could not be read to its end.
    #[must_use]
    pub fn document(&self) -> Option<String> {
        self.loaded.root.as_ref().filter(|_| self.loaded.whole).map(Node::to_document)
    }
}

impl AsRef<[SourceFile]> for Config {
    fn as_ref(&self) -> &[SourceFile] {
        &self.loaded.files
    }
}

/// Checks the text of a config by itself: every mistake at once. Reads no file but those that the config names, and no
/// variable; [`Config`] does.
#[must_use]
pub fn check(file: &SourceFile) -> Checked {
    let sink = Sink::default();
    let json::Read { root, whole } = Format::of(file.name()).read(file.text(), 0, &sink);
    verdict(file.as_ref(), root.as_ref(), whole, file.name(), || hash(file.text()), sink)
}

fn verdict(
    files: &[SourceFile],
    root: Option<&Node>,
    whole: bool,
    name: &str,
    hash: impl FnOnce() -> String,
    sink: Sink,
) -> Checked {
    let mut gateway = None;
    let mut named = Vec::new();
    if let (Some(root), false) = (root, whole) {
        // What may stand behind is not missing, and what it says of the rest is not known.
        let read = Sink::default();
        walk(root, &Kind::Record(&SERVICE), "the config", &read);
        read.finish(None).into_iter().filter(|found| IN_PARTS.contains(&found.code)).for_each(|found| sink.push(found));
    } else if let Some(root) = root {
        walk(root, &Kind::Record(&SERVICE), "the config", &sink);
        if matches!(root.value, tree::Value::Object(_)) {
            let checked = check::gateway(Object::new(root), files, name.to_owned(), hash(), &sink);
            (gateway, named) = (Some(checked.0), checked.1);
        }
    }
    if !whole {
        sources::conceal(files, secrets::of_files(files));
    }
    let gateway = gateway.filter(|_| !sink.has_errors());
    let mut diagnostics = sink.finish(root);
    for diagnostic in &mut diagnostics {
        let file = sources::file_of(files, diagnostic.span);
        Format::of(file.name()).adapt(diagnostic);
        secrets::scrub(diagnostic, file);
    }
    Checked { gateway, diagnostics, files: named }
}

/// Mistakes that are told of what was read of a config that could not be read to its end.
const IN_PARTS: &[&str] = &[
    "bad-address",
    "bad-base64",
    "bad-duration",
    "bad-header-name",
    "bad-mime-type",
    "bad-regex",
    "bad-time",
    "bad-url",
    "duplicate-key",
    "empty-value",
    "enterprise",
    "misplaced-namespace",
    "out-of-range",
    "unknown-key",
    "unknown-namespace",
    "unknown-value",
    "unsupported",
    "wrong-type",
];

/// The SHA-256 of a config's bytes, in lower-case hex.
fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The generated Rust of a gateway. The same gateway gives the same bytes.
#[must_use]
pub fn generate(gateway: &model::Gateway) -> String {
    emit::file(gateway)
}
