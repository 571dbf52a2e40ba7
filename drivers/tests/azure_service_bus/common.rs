//! What is done with messages that are received.

use std::time::Duration;

use sluicegate_drivers::azure_service_bus::{Broker, Delivery, Publisher, Subscriber};
use sluicegate_drivers::{
    Broker as _, Delivery as _, Message, PublisherOptions, Settlement, Subscriber as _, SubscriberOptions,
};
use tokio::time::timeout;

use super::server::{self, Server, until_connected};
pub(super) use crate::support::{far, until};

/// Long enough that whatever comes at once has come.
pub(super) const MOMENT: Duration = Duration::from_millis(300);

pub(super) const NACK: Settlement = Settlement::Nack { delay: Duration::ZERO };

/// A stand-in of a test's own with these queues and topics, where `BROKERS` says that there can be any.
pub(super) fn start(entities: &[&str]) -> Option<Server> {
    let server = Server::start()?;
    entities.iter().for_each(|line| server.entities.add(line));
    Some(server)
}

/// An open topic or queue, once its broker is connected.
pub(super) async fn publisher(broker: &Broker, url: &str) -> Publisher {
    let publisher = broker.publisher(url, &PublisherOptions::default()).expect("a topic");
    until_connected(broker).await;
    publisher
}

/// An open subscription, once its broker is connected.
pub(super) async fn subscriber(broker: &Broker, url: &str) -> Subscriber {
    let subscriber = broker.subscriber(url, &SubscriberOptions::default()).expect("a subscription");
    until_connected(broker).await;
    subscriber
}

pub(super) async fn publish(publisher: &Publisher, message: Message) {
    server::publish(publisher, message).await.expect("the message is confirmed");
}

/// A message of `body` with the session `key`.
pub(super) fn keyed(key: &str, body: &str) -> Message {
    Message { key: Some(key.to_owned()), ..Message::new(body.to_owned()) }
}

pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    let received = timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an end within a minute");
    received.expect("a message")
}

/// Whatever comes until the moment is over.
pub(super) async fn nothing(subscriber: &Subscriber, moment: Duration) {
    if let Ok(received) = timeout(moment, subscriber.receive(far())).await {
        panic!("nothing was to come, and there is {received:?}");
    }
}

pub(super) fn body(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.message().body).expect("text")
}

pub(super) async fn settle(delivery: &Delivery, settlement: Settlement) {
    let settled = timeout(Duration::from_secs(60), delivery.settle(settlement)).await.expect("an end within a minute");
    settled.expect("settled");
}

pub(super) async fn ack(delivery: &Delivery) {
    settle(delivery, Settlement::Ack).await;
}
