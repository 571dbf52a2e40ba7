//! A stream of a test's own, and clients of it.

use std::time::Duration;

use serde_json::{Value, json};
use sluicegate_drivers::jetstream::{Broker, Delivery, Publisher, Subscriber};
use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, Message, PublishError, Publisher as _, PublisherOptions, Receipt,
    ReceiveError, Settlement, Subscriber as _, SubscriberOptions,
};
use tokio::time::timeout;

use crate::nats_admin::{Admin, unique};
use crate::server::{Server, far, settings, until};

/// A server with a stream on disk.
pub(super) struct Place {
    pub(super) server: Server,
    pub(super) stream: String,
}

impl Place {
    /// `None` where there can be no server.
    pub(super) fn start(extra: &str) -> Option<Self> {
        let server = Server::start(extra)?;
        Some(Self { server, stream: unique() })
    }

    pub(super) fn with_stream(config: &Value) -> Option<Self> {
        let place = Self::start("")?;
        place.make_stream(config);
        Some(place)
    }

    pub(super) fn make_stream(&self, config: &Value) {
        let mut stream = json!({ "storage": "file" });
        stream.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
        self.admin().make_stream(&self.stream, &format!("{}.>", self.stream), &stream);
    }

    pub(super) fn admin(&self) -> Admin {
        Admin::connect(&self.server.address)
    }

    pub(super) async fn broker(&self) -> Broker {
        self.broker_with(&[]).await
    }

    /// A client with these settings besides.
    pub(super) async fn broker_with(&self, values: &[(&'static str, &str)]) -> Broker {
        let values = [&[("servers", &*self.server.address)], values].concat();
        let broker = Broker::open(&settings(&values)).expect("an address");
        until_connected(&broker).await;
        broker
    }

    pub(super) fn topic(&self, name: &str) -> String {
        format!("jetstream://{}.{name}", self.stream)
    }

    pub(super) fn publisher(&self, broker: &Broker, name: &str) -> Publisher {
        broker.publisher(&self.topic(name), &PublisherOptions::default()).expect("a topic")
    }

    /// A subscription of `name` with the consumer `d`.
    pub(super) fn subscriber(&self, broker: &Broker, name: &str) -> Subscriber {
        broker
            .subscriber(&format!("{}?durable=d", self.topic(name)), &SubscriberOptions::default())
            .expect("a subscription")
    }

    pub(super) fn stored(&self) -> u64 {
        let info = self.admin().api(&format!("STREAM.INFO.{}", self.stream), &json!({}));
        info["state"]["messages"].as_u64().expect("a number")
    }
}

pub(super) async fn until_connected(broker: &Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
    // The state is told before the connection is in use.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(super) async fn publish(publisher: &Publisher, body: &str) -> Result<Receipt, PublishError> {
    let published = publisher.publish(Message::new(body.to_owned()));
    timeout(Duration::from_secs(60), published).await.expect("an end within a minute")
}

pub(super) async fn try_receive(subscriber: &Subscriber) -> Result<Delivery, ReceiveError> {
    timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an end within a minute")
}

pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    try_receive(subscriber).await.expect("a message")
}

pub(super) async fn ack(delivery: &Delivery) {
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
}

pub(super) async fn expect_nothing(subscriber: &Subscriber) {
    if let Ok(received) = timeout(Duration::from_millis(500), subscriber.receive(far())).await {
        panic!("received {received:?}");
    }
}

pub(super) fn refusal(error: &ReceiveError) -> String {
    match error {
        ReceiveError::Refused(reason) => reason.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}
