//! What tests of consumer groups do with the driver, and what Kafka says of a group to a client of another making.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluicegate_drivers::kafka::{Broker, Delivery, Subscriber};
use sluicegate_drivers::{Broker as _, Delivery as _, Message, Settlement, Subscriber as _, SubscriberOptions};
use tokio::time::timeout;

use super::common::{self, far, publisher, unique};
use super::server::Server;

/// Nothing comes within it.
pub(super) const QUIET: Duration = Duration::from_millis(700);

/// A topic with so many partitions, and the name of a group that is to be.
pub(super) async fn make_topic(server: &Server, partitions: i32) -> (String, String) {
    let (topic, group) = (unique(), unique());
    common::make_topic(&server.plaintext, &topic, partitions, &[]).await;
    (topic, group)
}

/// A client of `server`, connected.
pub(super) async fn client(server: &Server) -> Broker {
    common::connected(&[("servers", &server.plaintext)]).await
}

/// What the group has committed of each partition, from nought on; -1 where there is nothing.
pub(super) async fn committed(server: &Server, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &server.plaintext).set("group.id", group);
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    let ask = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let committed = consumer.committed_offsets(list, Duration::from_secs(30)).expect("an answer");
        let offset = |offset| if let Offset::Offset(offset) = offset { offset } else { -1 };
        committed.elements().iter().map(|element| offset(element.offset())).collect()
    };
    tokio::task::spawn_blocking(ask).await.expect("no panic")
}

/// Commits an offset of the topic's first partition for a group that has no members.
pub(super) async fn commit(server: &Server, group: &str, topic: &str, offset: i64) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &server.plaintext).set("group.id", group);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("an offset");
    let commit = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let end = far();
        while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
            assert!(Instant::now() < end, "{error}");
        }
    };
    tokio::task::spawn_blocking(commit).await.expect("no panic");
}

/// How many members the group has.
pub(super) async fn members(server: &Server, group: &str) -> usize {
    let (mut config, group) = (ClientConfig::new(), group.to_owned());
    config.set("bootstrap.servers", &server.plaintext);
    let ask = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let groups = consumer.fetch_group_list(Some(&group), Duration::from_secs(30)).expect("an answer");
        groups.groups().iter().map(|group| group.members().len()).sum()
    };
    tokio::task::spawn_blocking(ask).await.expect("no panic")
}

/// Waits until the group has committed as much.
pub(super) async fn until_committed(server: &Server, group: &str, topic: &str, expected: &[i64]) {
    let end = far();
    loop {
        let found = committed(server, group, topic, i32::try_from(expected.len()).expect("few")).await;
        if found == expected {
            return;
        }
        assert!(Instant::now() < end, "committed {found:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the group has committed so many messages in all.
pub(super) async fn until_committed_in_all(server: &Server, group: &str, topic: &str, partitions: i32, total: i64) {
    let end = far();
    loop {
        let found = committed(server, group, topic, partitions).await;
        if found.iter().map(|offset| (*offset).max(0)).sum::<i64>() == total {
            return;
        }
        assert!(Instant::now() < end, "committed {found:?}, not {total} in all");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Publishes messages of these bodies, one after the other.
pub(super) async fn publish(broker: &Broker, topic: &str, bodies: impl IntoIterator<Item = impl Into<String>>) {
    let publisher = publisher(broker, &format!("kafka://{topic}"));
    for body in bodies {
        let message = Message::new(body.into());
        let end = far();
        while let Err(error) = common::try_publish(&publisher, message.clone()).await {
            assert!(Instant::now() < end && kind_is_unreachable(&error), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn kind_is_unreachable(error: &sluicegate_drivers::PublishError) -> bool {
    error.kind == sluicegate_drivers::PublishErrorKind::Unreachable
}

/// A subscription of a group that begins at the oldest message.
pub(super) fn subscribe(broker: &Broker, group: &str, topic: &str) -> Subscriber {
    subscriber(broker, &format!("kafka://{group}?topic={topic}&offset=oldest"))
}

pub(super) fn subscriber(broker: &Broker, url: &str) -> Subscriber {
    broker.subscriber(url, &SubscriberOptions::default()).expect("a subscription")
}

pub(super) async fn receive(subscriber: &Subscriber) -> Delivery {
    timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("a message").expect("a message")
}

/// Receives, if a message comes soon.
pub(super) async fn receive_soon(subscriber: &Subscriber) -> Option<Delivery> {
    Some(timeout(QUIET, subscriber.receive(far())).await.ok()?.expect("a message"))
}

pub(super) fn body(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message().body).into_owned()
}

pub(super) async fn ack(delivery: &Delivery) {
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
}

/// Receives one message, acknowledges it, and returns its body.
pub(super) async fn consume(subscriber: &Subscriber) -> String {
    let delivery = receive(subscriber).await;
    ack(&delivery).await;
    body(&delivery)
}

pub(super) async fn expect_nothing(subscriber: &Subscriber) {
    if let Some(delivery) = receive_soon(subscriber).await {
        panic!("nothing was to come: {delivery:?}");
    }
}
