//! What tests do with a client of moto.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use sluicegate_drivers::sqs::{Broker, Delivery, Publisher, Subscriber};
use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions,
    Receipt, SettleError, Settlement, Subscriber as _, SubscriberOptions,
};
use tokio::time::timeout;

use crate::aws_admin::REGION;
pub(super) use crate::moto::Server;
use crate::support::{far, settings, until};

impl Server {
    pub(super) fn port(&self) -> u16 {
        self.address().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
    }

    /// A client of it.
    pub(super) fn broker(&self) -> Broker {
        broker(&self.url)
    }

    /// Makes a standard queue that hides what was received for so many seconds.
    pub(super) async fn queue(&self, name: &str, seconds: u32) -> String {
        let visibility = seconds.to_string();
        self.admin.queue(name, false, &[(QueueAttributeName::VisibilityTimeout, &visibility)]).await
    }
}

/// A client of the service at `url`, with keys that moto takes.
pub(super) fn broker(url: &str) -> Broker {
    let values = [("endpoint", url), ("region", REGION), ("access_key_id", "test"), ("secret_access_key", "s3same")];
    Broker::open(&settings(&values)).unwrap_or_else(|error| panic!("{error}"))
}

/// What stands in a config for a queue's URL.
pub(super) fn in_config(queue: &str) -> String {
    format!("awssqs://{}", queue.split_once("://").expect("a URL").1)
}

/// An open topic, once its broker is connected.
pub(super) async fn publisher(broker: &Broker, queue: &str) -> Publisher {
    let publisher = broker.publisher(&in_config(queue), &PublisherOptions::default()).expect("a topic");
    until_connected(broker).await;
    publisher
}

/// An open subscription, once its broker is connected; `parameters` begin with `?`, or are none.
pub(super) async fn subscriber(broker: &Broker, queue: &str, parameters: &str) -> Subscriber {
    let url = in_config(queue) + parameters;
    let subscriber = broker.subscriber(&url, &SubscriberOptions::default()).expect("a subscription");
    until_connected(broker).await;
    subscriber
}

pub(super) async fn until_connected(broker: &Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

/// How a publish that fails has failed.
pub(super) async fn failure(publisher: &Publisher, message: Message) -> (PublishErrorKind, String) {
    let error = publish(publisher, message).await.expect_err("a failure");
    (error.kind, error.source.to_string())
}

pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    let received = timeout(Duration::from_secs(60), subscriber.receive(far())).await;
    received.expect("a message within a minute").expect("a message")
}

pub(super) async fn settle(delivery: &Delivery, settlement: Settlement) -> Result<(), SettleError> {
    timeout(Duration::from_secs(60), delivery.settle(settlement)).await.expect("an end within a minute")
}

pub(super) async fn ack(delivery: &Delivery) {
    settle(delivery, Settlement::Ack).await.expect("it is acknowledged");
}

pub(super) fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message().body.to_vec()).expect("text")
}

/// Nothing comes for a while.
pub(super) async fn expect_nothing(subscriber: &Subscriber) {
    if let Ok(received) = timeout(Duration::from_secs(1), subscriber.receive(far())).await {
        panic!("received {received:?}");
    }
}
