//! A topic with one subscription, on a fake of a test's own.

use std::time::Duration;

use sluicegate_drivers::gcp_pubsub::{Broker, Delivery, Publisher, Subscriber};
use sluicegate_drivers::{
    Broker as _, Delivery as _, Message, Publisher as _, ReceiveError, Settlement, Subscriber as _, SubscriberOptions,
};
use tokio::time::timeout;

use super::server::{Server, far, publisher};
use crate::gcp_pubsub_admin::{Admin, Subscription, unique, url};

/// Back at once.
pub(super) const NACK: Settlement = Settlement::Nack { delay: Duration::ZERO };

pub(super) struct Place {
    pub(super) admin: Admin,
    pub(super) broker: Broker,
    pub(super) publisher: Publisher,
    /// Its full name.
    pub(super) topic: String,
    /// Its full name.
    pub(super) subscription: String,
    pub(super) server: Server,
}

impl Place {
    /// With a subscription as `wanted`, where there can be a fake.
    pub(super) async fn start(wanted: Subscription) -> Option<Self> {
        let server = Server::start()?;
        let admin = server.admin().await;
        let topic = admin.make_topic(&unique("topic")).await;
        let subscription = admin.make_subscription(&unique("subscription"), &topic, wanted).await;
        let broker = server.broker();
        let publisher = publisher(&broker, &url(&topic)).await;
        Some(Self { admin, broker, publisher, topic, subscription, server })
    }

    pub(super) fn subscriber(&self) -> Subscriber {
        subscriber(&self.broker, &url(&self.subscription))
    }

    pub(super) async fn publish(&self, bodies: impl IntoIterator<Item = &str>) {
        for body in bodies {
            self.publish_message(Message::new(body.to_owned())).await;
        }
    }

    pub(super) async fn publish_message(&self, message: Message) {
        self.publisher.publish(message).await.expect("confirmed");
    }

    /// What others than the driver can have of the subscription now.
    pub(super) async fn rest(&self) -> Vec<String> {
        let taken = self.admin.take_some(&self.subscription).await;
        let mut bodies: Vec<_> = taken.into_iter().map(|one| String::from_utf8(one.data).expect("text")).collect();
        bodies.sort();
        bodies
    }
}

pub(super) fn subscriber(broker: &Broker, url: &str) -> Subscriber {
    broker.subscriber(url, &SubscriberOptions::default()).expect("a subscription")
}

/// The next message, which must come within a minute.
pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    try_receive(subscriber).await.expect("a message")
}

pub(super) async fn try_receive(subscriber: &Subscriber) -> Result<Delivery, ReceiveError> {
    timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an end within a minute")
}

/// Receives nothing for `quiet`.
pub(super) async fn nothing(subscriber: &Subscriber, quiet: Duration) {
    if let Ok(received) = timeout(quiet, subscriber.receive(far())).await {
        panic!("something: {:?}", received.map(|delivery| body(&delivery)));
    }
}

/// Receives again until that works.
pub(super) async fn receive_at_last(subscriber: &Subscriber) -> Delivery {
    let end = far();
    loop {
        match try_receive(subscriber).await {
            Ok(delivery) => return delivery,
            Err(error) => assert!(std::time::Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How receiving fails, once it does.
pub(super) async fn failure(subscriber: &Subscriber) -> ReceiveError {
    let end = far();
    loop {
        match timeout(Duration::from_secs(1), subscriber.receive(far())).await {
            Ok(Err(error)) => return error,
            Ok(Ok(delivery)) => panic!("a message: {}", body(&delivery)),
            Err(_) => assert!(std::time::Instant::now() < end, "it does not fail"),
        }
    }
}

pub(super) fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message().body.to_vec()).expect("text")
}

pub(super) async fn ack(delivery: &Delivery) {
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
}
