//! Runs a behaviour, and what behaviours are written with.

use std::time::{Duration, Instant};

use sluicegate_drivers::{
    Broker, Capabilities, Delivery as _, Message, Publisher as _, PublisherOptions, Settlement, Subscriber as _,
    SubscriberOptions,
};
use tokio::time::timeout;

use crate::harness::{Harness, Place, Wanted};

/// How a behaviour that did not fail has ended.
pub(crate) type Shown = Result<(), Excluded>;

/// The broker cannot do what the behaviour is about; with the reason.
#[derive(Debug)]
pub(crate) struct Excluded(pub(crate) &'static str);

pub(crate) type Publisher<H> = <<H as Harness>::Broker as Broker>::Publisher;
pub(crate) type Subscriber<H> = <<H as Harness>::Broker as Broker>::Subscriber;
pub(crate) type Delivery<H> = <Subscriber<H> as sluicegate_drivers::Subscriber>::Delivery;

/// Runs `behaviour`, and fails where it hangs, or where it is excluded and the harness does not say so.
pub(crate) fn run<H: Harness>(name: &str, behaviour: impl AsyncFnOnce(&H) -> Shown) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let harness = match H::start().await {
            Ok(harness) => harness,
            Err(skipped) => return println!("skipped: {}", skipped.0),
        };
        let shown = timeout(H::PATIENCE, behaviour(&harness)).await.expect("it hangs");
        let excluded = H::EXCLUDED.contains(&name);
        match shown {
            Ok(()) => assert!(!excluded, "shown, though the harness excludes it"),
            Err(Excluded(reason)) => assert!(excluded, "not shown, and not excluded by the harness: {reason}"),
        }
        harness.broker().close().await;
    });
}

pub(crate) fn capabilities<H: Harness>() -> Capabilities {
    H::Broker::DRIVER.capabilities
}

/// Ends a behaviour that needs what the broker has not.
pub(crate) fn need(it: bool, reason: &'static str) -> Shown {
    if it { Ok(()) } else { Err(Excluded(reason)) }
}

/// When a behaviour stops to wait, at the latest.
pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A topic and one subscription of it, open.
pub(crate) struct Open<H: Harness> {
    pub(crate) publisher: Publisher<H>,
    pub(crate) subscriber: Subscriber<H>,
    pub(crate) place: Place,
}

/// Makes and opens a topic and its first subscription.
pub(crate) async fn open<H: Harness>(harness: &H, wanted: Wanted) -> Open<H> {
    let place = harness.place(wanted).await;
    let subscriber = subscriber(harness, &place.subscriptions[0]);
    let publisher = harness.broker().publisher(&place.topic, &PublisherOptions::default()).expect("the topic's URL");
    Open { publisher, subscriber, place }
}

pub(crate) fn subscriber<H: Harness>(harness: &H, url: &str) -> Subscriber<H> {
    harness.broker().subscriber(url, &SubscriberOptions::default()).expect("the subscription's URL")
}

impl<H: Harness> Open<H> {
    /// Publishes `body` alone.
    pub(crate) async fn publish(&self, body: impl Into<Vec<u8>>) {
        self.publish_message(Message::new(body.into())).await;
    }

    pub(crate) async fn publish_message(&self, message: Message) {
        self.publisher.publish(message).await.expect("the message is confirmed");
    }

    pub(crate) async fn receive(&self) -> Delivery<H> {
        receive::<H>(&self.subscriber).await
    }

    /// Receives a message with `body`, and acknowledges it.
    pub(crate) async fn receive_and_ack(&self, body: &[u8]) {
        let delivery = self.receive().await;
        assert_eq!(delivery.message().body, body);
        ack(&delivery).await;
    }

    /// Nothing arrives.
    pub(crate) async fn expect_nothing(&self) {
        expect_nothing::<H>(&self.subscriber).await;
    }
}

pub(crate) async fn receive<H: Harness>(subscriber: &Subscriber<H>) -> Delivery<H> {
    subscriber.receive(far()).await.expect("a message")
}

pub(crate) async fn ack(delivery: &impl sluicegate_drivers::Delivery) {
    delivery.settle(Settlement::Ack).await.expect("the message is acknowledged");
}

pub(crate) async fn expect_nothing<H: Harness>(subscriber: &Subscriber<H>) {
    match timeout(H::QUIET, subscriber.receive(far())).await {
        Err(_) => {}
        Ok(Ok(delivery)) => panic!("received {:?}", delivery.message()),
        Ok(Err(error)) => panic!("nothing was to be received, and receiving failed: {error}"),
    }
}
