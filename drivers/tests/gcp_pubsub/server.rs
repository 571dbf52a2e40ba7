//! A fake of a test's own.

use std::path::PathBuf;
use std::time::Duration;

use sluicegate_drivers::gcp_pubsub::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::time::timeout;

use crate::gcp_pubsub_admin::Admin;
use crate::support;
pub(super) use crate::support::{far, settings, until};

/// Google's fake, which forgets everything when it ends.
pub(super) struct Server {
    folder: PathBuf,
    /// `127.0.0.1:PORT`, the same after each start.
    pub(super) address: String,
}

impl Server {
    /// Starts one, where `BROKERS` says that there can be any.
    pub(super) fn start() -> Option<Self> {
        if !support::can_start("pubsub") {
            return None;
        }
        let mut server = Self { folder: support::folder("pubsub", ""), address: String::new() };
        server.run();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(super) fn run(&mut self) {
        let text = support::start("pubsub", &self.folder);
        let address = text.lines().find_map(|line| line.strip_prefix("PUBSUB_EMULATOR_HOST="));
        self.address = address.expect("an address").to_owned();
    }

    pub(super) async fn kill(&self) {
        support::kill(&self.folder, &self.address).await;
    }

    pub(super) fn signal(&self, signal: &str) {
        support::signal(&self.folder, signal);
    }

    pub(super) async fn admin(&self) -> Admin {
        Admin::connect(&self.address).await
    }

    /// A client.
    pub(super) fn broker(&self) -> Broker {
        open(&[("emulator", &self.address)])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        support::stop("pubsub", &self.folder);
    }
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
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

/// A message of `body` with the ordering key `key`.
pub(super) fn keyed(key: &str, body: &str) -> Message {
    Message { key: Some(key.to_owned()), ..Message::new(body.to_owned()) }
}

/// How a publish that fails has failed.
pub(super) async fn failure(publisher: &Publisher, message: Message) -> (PublishErrorKind, String) {
    let error = publish(publisher, message).await.expect_err("a failure");
    (error.kind, error.source.to_string())
}
