//! A moto of a test's own.

use std::path::{Path, PathBuf};

use crate::aws_admin::Admin;
use crate::support;

/// A moto, that ends with the value.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
    pub(crate) admin: Admin,
}

impl Server {
    /// Starts one, where `BROKERS` says that there can be any.
    pub(crate) fn start() -> Option<Self> {
        if !support::can_start("moto") {
            return None;
        }
        let folder = support::folder("moto", "");
        let url = run(&folder);
        let admin = Admin::at(&url);
        Some(Self { folder, url, admin })
    }

    /// Starts it again.
    pub(crate) fn run(&self) {
        assert_eq!(run(&self.folder), self.url);
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("an address")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        support::stop("moto", &self.folder);
    }
}

/// Its services are at one address.
fn run(folder: &Path) -> String {
    let text = support::start("moto", folder);
    let url = text.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL_SQS="));
    url.expect("an address").to_owned()
}
