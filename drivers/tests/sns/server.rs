//! A moto of a test's own, and what tests do with a client.

use std::path::PathBuf;
use std::time::Duration;

use sluicegate_drivers::sns::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::time::timeout;

use crate::aws_admin::{Admin, REGION};
use crate::support::{self, settings, until};

/// A moto, that ends with the value.
pub(super) struct Server {
    pub(super) folder: PathBuf,
    pub(super) url: String,
    pub(super) admin: Admin,
}

impl Server {
    /// Starts one, where `BROKERS` says that there can be any.
    pub(super) fn start() -> Option<Self> {
        if !support::can_start("moto") {
            return None;
        }
        let folder = support::folder("moto", "");
        let url = run(&folder);
        let admin = Admin::at(&url);
        Some(Self { folder, url, admin })
    }

    /// Starts it again.
    pub(super) fn run(&self) {
        assert_eq!(run(&self.folder), self.url);
    }

    pub(super) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("an address")
    }

    /// A client of it.
    pub(super) fn broker(&self) -> Broker {
        broker(&self.url)
    }
}

fn run(folder: &std::path::Path) -> String {
    let text = support::start("moto", folder);
    let url = text.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL_SNS="));
    url.expect("an address").to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        support::stop("moto", &self.folder);
    }
}

/// A client of the service at `url`, with keys that moto takes.
pub(super) fn broker(url: &str) -> Broker {
    open(&[("endpoint", url), ("region", REGION), ("access_key_id", "test"), ("secret_access_key", "s3same")])
}

pub(super) fn open(values: &[(&'static str, &str)]) -> Broker {
    Broker::open(&settings(values)).unwrap_or_else(|error| panic!("{error}"))
}

/// An open topic.
pub(super) fn topic(broker: &Broker, arn: &str) -> Publisher {
    broker.publisher(&format!("awssns:///{arn}"), &PublisherOptions::default()).expect("a topic")
}

/// An open topic, once its broker is connected.
pub(super) async fn publisher(broker: &Broker, arn: &str) -> Publisher {
    let publisher = topic(broker, arn);
    until("it is connected", || broker.state() == BrokerState::Connected).await;
    publisher
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

/// How a publish that fails has failed.
pub(super) async fn failure(publisher: &Publisher, message: Message) -> (PublishErrorKind, String) {
    let error = publish(publisher, message).await.expect_err("a failure");
    (error.kind, error.source.to_string())
}
