//! A plain client of Kafka, which is none of the gateway's. It blocks, so it has a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{eventually, soon};

const PATIENCE: Duration = Duration::from_secs(30);

/// Connections to the servers that `KAFKA_BROKERS` names, or others.
#[derive(Clone)]
pub(crate) struct Kafka {
    servers: String,
    producer: FutureProducer,
    admin: Arc<AdminClient<DefaultClientContext>>,
}

impl Kafka {
    pub(crate) fn connect(servers: &str) -> Self {
        let config = config(servers);
        Self {
            servers: servers.to_owned(),
            producer: config.clone().set("acks", "all").create().expect("a producer"),
            admin: Arc::new(config.create().expect("a client")),
        }
    }

    /// Topics with that many partitions each, where they are not there yet.
    pub(crate) async fn create(&self, topics: &[&str], partitions: i32) {
        let new: Vec<_> =
            topics.iter().map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1))).collect();
        for created in soon(self.admin.create_topics(&new, &AdminOptions::new())).await.expect("an answer") {
            let exists = |(_, error): &(String, RDKafkaErrorCode)| *error == RDKafkaErrorCode::TopicAlreadyExists;
            assert!(created.as_ref().err().is_none_or(exists), "{created:?}");
        }
        // The broker knows them a little later than its controller.
        let consumer = Arc::new(self.consumer());
        for topic in topics {
            while !is_known(Arc::clone(&consumer), (*topic).to_owned()).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Stored when this returns: its partition and offset.
    pub(crate) async fn publish(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, &[u8])],
        body: Option<&[u8]>,
    ) -> (i32, i64) {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
        let mut record = FutureRecord::<[u8], [u8]>::to(topic).headers(headers);
        (record.key, record.payload) = (key, body);
        let stored = soon(self.producer.send(record, PATIENCE)).await;
        let stored = stored.unwrap_or_else(|(error, _)| panic!("{topic}: {error}"));
        (stored.partition, stored.offset)
    }

    /// All messages that a topic holds.
    pub(crate) async fn read(&self, topic: &str) -> Vec<OwnedMessage> {
        let (consumer, topic) = (self.consumer(), topic.to_owned());
        blocking(move || {
            let mut left = 0;
            let mut places = TopicPartitionList::new();
            for partition in partitions(&consumer, &topic) {
                let (low, high) = consumer.fetch_watermarks(&topic, partition, PATIENCE).expect("watermarks");
                left += high - low;
                places.add_partition_offset(&topic, partition, Offset::Beginning).expect("an offset");
            }
            consumer.assign(&places).expect("assigned");
            let mut messages = Vec::new();
            while left > 0 {
                let message = consumer.poll(PATIENCE).expect("a message").expect("a message");
                messages.push(message.detach());
                left -= 1;
            }
            messages
        })
        .await
    }

    /// How many messages a topic has taken.
    pub(crate) async fn stored(&self, topic: &str) -> u64 {
        let (consumer, topic) = (self.consumer(), topic.to_owned());
        blocking(move || {
            let high = |partition| consumer.fetch_watermarks(&topic, partition, PATIENCE).expect("watermarks").1;
            partitions(&consumer, &topic).into_iter().map(high).sum::<i64>().try_into().expect("not negative")
        })
        .await
    }

    /// What a group has committed of a topic, by partition.
    pub(crate) async fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let consumer: BaseConsumer = config(&self.servers).set("group.id", group).create().expect("a consumer");
        let topic = topic.to_owned();
        blocking(move || {
            let mut places = TopicPartitionList::new();
            for partition in partitions(&consumer, &topic) {
                places.add_partition(&topic, partition);
            }
            let committed = consumer.committed_offsets(places, PATIENCE).expect("offsets");
            let committed = committed.elements().into_iter();
            committed
                .filter_map(|it| Some((it.partition(), it.offset().to_raw().filter(|offset| *offset >= 0)?)))
                .collect()
        })
        .await
    }

    /// Waits until each of the groups has so many members, which have shared its partitions out.
    pub(crate) async fn settled(&self, groups: &[&str], members: usize) {
        let consumer = Arc::new(self.consumer());
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        eventually(async || {
            let (consumer, groups) = (Arc::clone(&consumer), groups.clone());
            blocking(move || {
                let Ok(list) = consumer.fetch_group_list(None, PATIENCE) else { return false };
                groups.iter().all(|group| {
                    let found = list.groups().iter().find(|it| it.name() == group);
                    found.is_some_and(|it| it.state() == "Stable" && it.members().len() == members)
                })
            })
            .await
        })
        .await;
    }

    /// A consumer that takes part in no group until it is told to.
    pub(crate) fn consumer(&self) -> BaseConsumer {
        config(&self.servers).set("group.id", "suites").create().expect("a consumer")
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("enable.auto.commit", "false");
    config
}

async fn is_known(consumer: Arc<BaseConsumer>, topic: String) -> bool {
    blocking(move || {
        let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE);
        let known = |topic: &MetadataTopic| topic.error().is_none() && !topic.partitions().is_empty();
        metadata.is_ok_and(|metadata| metadata.topics().iter().all(known))
    })
    .await
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect()
}

/// A header's value, where the message has it.
pub(crate) fn header<'a>(message: &'a OwnedMessage, name: &str) -> Option<&'a [u8]> {
    message.headers()?.iter().find(|header| header.key == name)?.value
}

async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    soon(tokio::task::spawn_blocking(ask)).await.expect("no panic")
}
