//! What tests do with a client of the driver's, and with librdkafka by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use sluicegate_drivers::kafka::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::time::timeout;

pub(super) use crate::support::{far, settings, until};

/// A record as it is stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(super) timestamp: i64,
}

/// A name that no other test has.
pub(super) fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

type Admin = AdminClient<DefaultClientContext>;

fn admin(servers: &str) -> Admin {
    ClientConfig::new().set("bootstrap.servers", servers).create().expect("a client")
}

/// Blocks, so it is not for the runtime.
async fn end(admin: Admin) {
    tokio::task::spawn_blocking(move || drop(admin)).await.expect("it ends");
}

/// Makes a topic.
pub(super) async fn make_topic(servers: &str, name: &str, partitions: i32, config: &[(&str, &str)]) {
    let admin = admin(servers);
    let new = config
        .iter()
        .fold(NewTopic::new(name, partitions, TopicReplication::Fixed(1)), |topic, (key, value)| topic.set(key, value));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let made = admin.create_topics([&new], &options).await.expect("an answer");
    made.into_iter().for_each(|made| drop(made.expect("a topic")));
    end(admin).await;
}

/// Changes the largest message that a topic takes.
pub(super) async fn set_limit(servers: &str, name: &str, bytes: &str) {
    let admin = admin(servers);
    let config = AlterConfig::new(ResourceSpecifier::Topic(name)).set("max.message.bytes", bytes);
    let changed = admin.alter_configs([&config], &AdminOptions::new()).await.expect("an answer");
    changed.into_iter().for_each(|changed| drop(changed.expect("a change")));
    end(admin).await;
}

pub(super) async fn delete_topic(servers: &str, name: &str) {
    let admin = admin(servers);
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let deleted = admin.delete_topics(&[name], &options).await.expect("an answer");
    deleted.into_iter().for_each(|deleted| drop(deleted.expect("a topic")));
    end(admin).await;
}

/// All records of a topic, of which there are at least `count`, by partition and offset. There are no more where none comes
/// for a second.
pub(super) async fn read(servers: &str, topic: &str, count: usize) -> Vec<Record> {
    let (servers, topic) = (servers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", unique())
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a client");
        consumer.subscribe(&[&topic]).expect("a topic");
        let mut records = Vec::new();
        let end = far();
        while Instant::now() < end {
            let Some(message) = consumer.poll(Duration::from_secs(1)) else {
                if records.len() >= count {
                    break;
                }
                continue;
            };
            let message = message.expect("a record");
            let headers = message.headers().map(|headers| {
                let one = |header: rdkafka::message::Header<'_, &[u8]>| {
                    (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
                };
                headers.iter().map(one).collect()
            });
            records.push(Record {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: headers.unwrap_or_default(),
                timestamp: message.timestamp().to_millis().unwrap_or_default(),
            });
        }
        assert!(records.len() >= count, "only {} of {count} records", records.len());
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    })
    .await
    .expect("the records")
}

pub(super) fn open(values: &[(&'static str, &str)]) -> Broker {
    Broker::open(&settings(values)).unwrap_or_else(|error| panic!("{error}"))
}

/// A client with these settings, connected.
pub(super) async fn connected(values: &[(&'static str, &str)]) -> Broker {
    let broker = open(values);
    until_connected(&broker).await;
    broker
}

pub(super) async fn until_connected(broker: &Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
}

pub(super) fn publisher(broker: &Broker, url: &str) -> Publisher {
    broker.publisher(url, &PublisherOptions::default()).expect("a topic")
}

pub(super) async fn try_publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Receipt {
    try_publish(publisher, message).await.expect("confirmed")
}

/// A publisher whose producer is connected.
pub(super) async fn ready(publisher: &Publisher) {
    // An invalid message is refused before the connection is looked at, so a real one it has to be.
    let end = far();
    while let Err(error) = try_publish(publisher, Message::new("first")).await {
        assert!(error.kind == PublishErrorKind::Unreachable && Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(super) fn kind(published: Result<Receipt, PublishError>) -> PublishErrorKind {
    published.expect_err("not confirmed").kind
}
