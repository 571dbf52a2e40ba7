//! Servers to test with: the one that the environment names, and a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use sluicegate_drivers::rabbitmq::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
    Settings, Source,
};
use tokio::time::timeout;

use crate::rabbitmq_admin::Admin;

/// A server, with the virtual hosts `/` and `other`.
pub(super) struct Server {
    /// Where its files are: its certificates in `tls`.
    pub(super) folder: PathBuf,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    /// The same with TLS, for those who have a certificate.
    pub(super) tls_address: String,
    /// Whether it ends with the value.
    is_own: bool,
}

impl Server {
    /// The one that all tests use, where there is one.
    pub(super) fn shared() -> Option<Self> {
        let variable = |name| env::var(name).ok();
        let found = (variable("RABBIT_SERVER_URL"), variable("RABBIT_TLS_URL"), variable("RABBIT_DIR"));
        let (Some(url), Some(tls_url), Some(folder)) = found else {
            assert!(env::var_os("CI").is_none(), "RABBIT_SERVER_URL, RABBIT_TLS_URL and RABBIT_DIR are not set");
            println!("skipped: RABBIT_SERVER_URL, RABBIT_TLS_URL and RABBIT_DIR are not set");
            return None;
        };
        Some(Self { folder: folder.into(), address: address(&url), tls_address: address(&tls_url), is_own: false })
    }

    /// Starts one whose configuration has `extra`, where `BROKERS` says that there can be any.
    pub(super) fn start(extra: &str) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if !env::var("BROKERS").is_ok_and(|brokers| brokers.split(' ').any(|broker| broker == "rabbitmq")) {
            assert!(env::var_os("CI").is_none(), "`rabbitmq` is not in BROKERS");
            println!("skipped: `rabbitmq` is not in BROKERS");
            return None;
        }
        let name = format!("sluicegate-rabbitmq-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("extra.conf"), extra).expect("the file can be written");
        let mut server = Self { folder, address: String::new(), tls_address: String::new(), is_own: true };
        server.run();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(super) fn run(&mut self) {
        let output = Command::new(script("start-rabbitmq.sh")).arg(&self.folder).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(address);
        self.address = value("RABBIT_SERVER_URL=").expect("an address");
        self.tls_address = value("RABBIT_TLS_URL=").expect("an address");
    }

    pub(super) async fn kill(&self) {
        self.signal("KILL");
        while std::net::TcpStream::connect(&self.address).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.folder.join("pid")).expect("it was started");
        let pid = pid.split(' ').next().unwrap_or_default();
        let status = Command::new("kill").args(["-s", signal, pid]).status().expect("kill");
        assert!(status.success(), "{signal} {pid}");
    }

    /// Runs rabbitmqctl.
    pub(super) fn control(&self, arguments: &[&str]) -> String {
        let output =
            Command::new(script("rabbitmqctl.sh")).arg(&self.folder).args(arguments).output().expect("a shell");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    pub(super) async fn admin(&self) -> Admin {
        Admin::connect(&format!("amqp://guest:guest@{}/%2f", self.address)).await
    }

    /// A client, with these settings besides its address.
    pub(super) fn broker(&self, values: &[(&'static str, &str)]) -> Broker {
        open(&[&[("servers", &*self.address)], values].concat())
    }

    /// A file beside its configuration.
    pub(super) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("text").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_own {
            let _ = Command::new(script("stop-rabbitmq.sh")).arg(&self.folder).status();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// What stands between `@` and `/`.
fn address(url: &str) -> String {
    let address = url.rsplit_once('@').expect("a login").1;
    address.trim_end_matches('/').to_owned()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers").join(name)
}

/// A named broker with these values; `file:` stands for a file that holds the value.
pub(super) fn settings(values: &[(&'static str, &str)]) -> Settings {
    let one = |(name, value): &(&'static str, &str)| {
        let source: &'static str = (*value).to_owned().leak();
        let source = match source.strip_prefix("file:") {
            Some(path) => Source::File(path),
            None => Source::Literal(source),
        };
        let sources: &'static [Source] = vec![source].leak();
        (*name, sources)
    };
    let values: Vec<_> = values.iter().map(one).collect();
    Settings { name: Some("test"), values: values.leak(), base: PathBuf::new() }
}

/// A client with these settings.
pub(super) fn open(values: &[(&'static str, &str)]) -> Broker {
    Broker::open(&settings(values)).unwrap_or_else(|error| panic!("{error}"))
}

/// An open topic, once its broker is connected.
pub(super) async fn publisher(broker: &Broker, url: &str) -> Publisher {
    let publisher = broker.publisher(url, &PublisherOptions::default()).expect("a topic");
    until_connected(broker).await;
    publisher
}

pub(super) async fn until_connected(broker: &Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
    // The state is told before the connection is in use.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

/// A message of `body` with the routing key `key`.
pub(super) fn keyed(key: &str, body: &str) -> Message {
    Message { key: Some(key.to_owned()), ..Message::new(body.to_owned()) }
}

/// How a publish that fails has failed.
pub(super) async fn failure(publisher: &Publisher, message: Message) -> (PublishErrorKind, String) {
    let error = publish(publisher, message).await.expect_err("a failure");
    (error.kind, error.source.to_string())
}

/// When a test stops to wait, at the latest.
pub(super) fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(super) async fn until(what: &str, mut it_is: impl FnMut() -> bool) {
    let end = far();
    while !it_is() {
        assert!(Instant::now() < end, "not seen in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
