//! Queues and topics of the stand-in for Service Bus, which makes those whose lines are in a file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A name that nothing else has.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The file with a line for each of them.
#[derive(Clone)]
pub(crate) struct Entities(PathBuf);

impl Entities {
    pub(crate) fn new(file: impl AsRef<Path>) -> Self {
        Self(file.as_ref().to_owned())
    }

    /// Appends a line: `queue NAME`, `topic NAME SUBSCRIPTION...`, each with options, or a command.
    pub(crate) fn add(&self, line: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&self.0).expect("the file");
        // In one piece: others append as well.
        file.write_all(format!("{line}\n").as_bytes()).expect("the file can be written");
    }

    /// A queue with these options. Returns its name.
    pub(crate) fn queue(&self, what: &str, options: &str) -> String {
        let name = unique(what);
        self.add(&format!("queue {name} {options}"));
        name
    }
}
