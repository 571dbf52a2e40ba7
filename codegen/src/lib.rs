//! gateway.json to diagnostics, or to Rust source.
//!
//! Text becomes a syntax-neutral tree whose every value knows its bytes (`json`, `tree`). The tree
//! is held against tables of everything that a config may hold (`syntax`). What passes becomes a [`model`] that holds
//! only what can be generated (`check`, and of each [`middleware`] and [`template`] its own part). Only these can reject.
//! [`generate`] writes the model as Rust (`emit`).

mod build_script;
mod check;
mod codes;
mod diagnostic;
mod emit;
mod json;
mod location;
pub mod middleware;
pub mod model;
#[cfg(test)]
mod mutants;
mod names;
mod render;
mod secrets;
mod source;
mod suggest;
mod syntax;
pub mod template;
mod tree;

use std::fmt::Write as _;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

pub use build_script::build;
pub use codes::{CODES, closest_code, explain};
pub use diagnostic::{Diagnostic, Severity};
pub use location::Location;
pub use render::{render_human, render_json};
pub use source::{Position, SourceFile};
pub use tree::Span;

use diagnostic::Sink;
use syntax::kind::Kind;
use syntax::{Object, SERVICE, walk};

/// The verdict on a config.
#[derive(Debug)]
pub struct Checked {
    /// The gateway; `None` when there is any error.
    pub gateway: Option<model::Gateway>,
    /// Everything there is to say, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that the config names, found or not, as it was looked for: a build depends on them too.
    pub files: Vec<PathBuf>,
}

/// Checks a config: every mistake at once. Reads no file but those that the config names.
#[must_use]
pub fn check(file: &SourceFile) -> Checked {
    let sink = Sink::default();
    let json::Read { root, whole } = json::read(file.text(), 0, &sink);
    let mut gateway = None;
    let mut files = Vec::new();
    if let (Some(root), false) = (&root, whole) {
        // What may stand behind is not missing, and what it says of the rest is not known.
        let read = Sink::default();
        walk(root, &Kind::Record(&SERVICE), "the config", &read);
        read.finish(None).into_iter().filter(|found| IN_PARTS.contains(&found.code)).for_each(|found| sink.push(found));
    } else if let Some(root) = &root {
        walk(root, &Kind::Record(&SERVICE), "the config", &sink);
        if matches!(root.value, tree::Value::Object(_)) {
            let checked = check::gateway(Object::new(root), file, hash(file.text()), &sink);
            (gateway, files) = (Some(checked.0), checked.1);
        }
    }
    if !whole {
        file.conceal(secrets::by_key(file.text()));
    }
    let gateway = gateway.filter(|_| !sink.has_errors());
    Checked { gateway, diagnostics: sink.finish(root.as_ref()), files }
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
