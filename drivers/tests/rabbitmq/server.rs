//! Servers to test with: the one that the environment names, and a test's own.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sluicegate_drivers::rabbitmq::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::time::timeout;

use crate::rabbitmq_admin::Admin;
use crate::support::{self, script};
pub(super) use crate::support::{far, settings, until};

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
        if !support::can_start("rabbitmq") {
            return None;
        }
        let folder = support::folder("rabbitmq", extra);
        let mut server = Self { folder, address: String::new(), tls_address: String::new(), is_own: true };
        server.run();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(super) fn run(&mut self) {
        let text = support::start("rabbitmq", &self.folder);
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(address);
        self.address = value("RABBIT_SERVER_URL=").expect("an address");
        self.tls_address = value("RABBIT_TLS_URL=").expect("an address");
    }

    pub(super) async fn kill(&self) {
        support::kill(&self.folder, &self.address).await;
    }

    pub(super) fn signal(&self, signal: &str) {
        support::signal(&self.folder, signal);
    }

    /// Runs rabbitmqctl.
    pub(super) fn control(&self, arguments: &[&str]) -> String {
        let output =
            Command::new(script("rabbitmqctl.sh")).arg(&self.folder).args(arguments).output().expect("a shell");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Has it write down what was declared, which it does by itself some seconds later.
    pub(super) fn write_down(&self) {
        self.control(&["eval", "ok = mnesia:sync_log()."]);
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
            support::stop("rabbitmq", &self.folder);
        }
    }
}

/// What stands between `@` and `/`.
fn address(url: &str) -> String {
    let address = url.rsplit_once('@').expect("a login").1;
    address.trim_end_matches('/').to_owned()
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
