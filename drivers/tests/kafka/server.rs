//! The server that all tests share, and servers of a test's own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs};

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
        is_there().then(|| Self::read(&|name| env::var(name).ok(), false))
    }

    /// One of a test's own, which ends with the value, and keeps its ports when it is started again.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same, with these lines of configuration besides.
    pub(super) fn start_with(extra: &str) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if !is_there() {
            return None;
        }
        let name = format!("sluicegate-kafka-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("extra.conf"), extra).expect("the file can be written");
        Some(Self::run(&folder))
    }

    fn run(folder: &Path) -> Self {
        let output = Command::new(script("start-kafka.sh")).arg(folder).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
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
        self.signal("KILL");
        while std::net::TcpStream::connect(&self.plaintext).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn restart(&self) {
        let folder = self.folder.clone();
        let run = tokio::task::spawn_blocking(move || std::mem::forget(Self::run(&folder)));
        run.await.expect("it starts again");
    }

    pub(super) fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.folder.join("pid")).expect("it was started");
        let pid = pid.split(' ').next().unwrap_or_default();
        let status = Command::new("kill").args(["-s", signal, pid]).status().expect("kill");
        assert!(status.success(), "{signal} {pid}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_own {
            let _ = Command::new(script("stop-kafka.sh")).arg(&self.folder).status();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn is_there() -> bool {
    if env::var("BROKERS").is_ok_and(|brokers| brokers.split(' ').any(|broker| broker == "kafka")) {
        return true;
    }
    assert!(env::var_os("CI").is_none(), "`kafka` is not in BROKERS");
    println!("skipped: `kafka` is not in BROKERS");
    false
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers").join(name)
}
