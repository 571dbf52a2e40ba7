//! What tests do with a client of moto.

use std::time::Duration;

use sluicegate_drivers::sns::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::time::timeout;

use crate::aws_admin::REGION;
pub(super) use crate::moto::Server;
use crate::support::{settings, until};

impl Server {
    /// A client of it.
    pub(super) fn broker(&self) -> Broker {
        broker(&self.url)
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
