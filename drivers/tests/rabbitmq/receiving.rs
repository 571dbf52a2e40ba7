//! What tests of subscriptions have in common.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::AMQPValue;
use sluicegate_drivers::rabbitmq::{Broker, Delivery, Subscriber};
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, Settlement, Subscriber as _, SubscriberOptions};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::server::{far, until_connected};
use crate::rabbitmq_admin::{Admin, unique};

pub(super) const NOW: Settlement = Settlement::Nack { delay: Duration::ZERO };

pub(super) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

pub(super) async fn subscriber(broker: &Broker, url: &str) -> Subscriber {
    let subscriber = broker.subscriber(url, &SubscriberOptions::default()).expect("a subscription");
    until_connected(broker).await;
    subscriber
}

pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    try_receive(subscriber).await.unwrap_or_else(|error| panic!("{error}"))
}

pub(super) async fn try_receive(subscriber: &Subscriber) -> Result<Delivery, ReceiveError> {
    timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an answer within a minute")
}

/// What is received within a moment.
pub(super) async fn in_a_moment(subscriber: &Subscriber) -> Option<Delivery> {
    let received = timeout(Duration::from_millis(300), subscriber.receive(far())).await;
    received.ok().map(|received| received.unwrap_or_else(|error| panic!("{error}")))
}

pub(super) fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message().body.to_vec()).expect("text")
}

pub(super) async fn ack(delivery: &Delivery) {
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
}

/// Persistent messages, without a word of the server.
pub(super) async fn fill(admin: &Admin, queue: &str, messages: usize) {
    for number in 0..messages {
        let properties = BasicProperties::default().with_delivery_mode(2);
        admin.publish("", queue, number.to_string().as_bytes(), properties).await;
    }
    for _ in 0..500 {
        if admin.count(queue).await as usize >= messages {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the messages are not in the queue");
}

pub(super) async fn count_is(admin: &Admin, queue: &str, expected: u32) {
    let mut count = admin.count(queue).await;
    for _ in 0..300 {
        if count == expected {
            return;
        }
        sleep(Duration::from_millis(10)).await;
        count = admin.count(queue).await;
    }
    panic!("{queue} has {count} messages, not {expected}");
}

/// A queue of each type.
pub(super) async fn queues(admin: &Admin, arguments: &[(&str, AMQPValue)]) -> [String; 2] {
    let queues = [unique("classic"), unique("quorum")];
    admin.make_queue(&queues[0], arguments).await;
    admin.make_queue(&queues[1], &[arguments, &[("x-queue-type", text("quorum"))]].concat()).await;
    queues
}

/// Waits for all workers, of which none is to fail, or to wait for good.
pub(super) async fn all(mut tasks: JoinSet<()>) {
    let end = Duration::from_secs(120);
    while let Some(ended) = timeout(end, tasks.join_next()).await.expect("nobody starves") {
        ended.expect("no panic");
    }
}
