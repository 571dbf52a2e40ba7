//! The server that all tests share, and servers of a test's own.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};

use crate::support;

/// Where a server listens, and where its files are.
pub(super) struct Server {
    pub(super) plaintext: String,
    pub(super) sasl: String,
    pub(super) ssl: String,
    pub(super) sasl_ssl: String,
    pub(super) folder: PathBuf,
    is_own: bool,
}

impl Server {
    /// The one that all tests share, where `BROKERS` says that there is one.
    pub(super) fn shared() -> Option<Self> {
        support::can_start("kafka").then(|| Self::read(&|name| env::var(name).ok(), false))
    }

    /// One of a test's own, which ends with the value, and keeps its ports when it is started again.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same, with these lines of configuration besides.
    pub(super) fn start_with(extra: &str) -> Option<Self> {
        if !support::can_start("kafka") {
            return None;
        }
        let folder = support::folder("kafka", extra);
        Some(Self::run(&folder))
    }

    fn run(folder: &Path) -> Self {
        let text = support::start("kafka", folder);
        let variables: HashMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
        Self::read(&|name| variables.get(name).map(|value| (*value).to_owned()), true)
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>, is_own: bool) -> Self {
        let get = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
        Self {
            plaintext: get("KAFKA_BROKERS"),
            sasl: get("KAFKA_SASL"),
            ssl: get("KAFKA_SSL"),
            sasl_ssl: get("KAFKA_SASL_SSL"),
            folder: get("KAFKA_DIR").into(),
            is_own,
        }
    }

    /// A file of its certificates.
    pub(super) fn tls(&self, name: &str) -> String {
        self.folder.join("tls").join(name).to_str().expect("text").to_owned()
    }

    pub(super) async fn kill(&self) {
        support::kill(&self.folder, &self.plaintext).await;
    }

    pub(super) async fn restart(&self) {
        let folder = self.folder.clone();
        let run = tokio::task::spawn_blocking(move || std::mem::forget(Self::run(&folder)));
        run.await.expect("it starts again");
    }

    pub(super) fn signal(&self, signal: &str) {
        support::signal(&self.folder, signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_own {
            support::stop("kafka", &self.folder);
        }
    }
}
