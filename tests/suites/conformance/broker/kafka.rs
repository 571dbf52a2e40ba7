use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::{Message, sources};
use crate::conformance::suite::{Suite, array, text};
use crate::conformance::text::body_of;
use crate::support;

const PATIENCE: Duration = Duration::from_secs(30);

/// A consumer of all topics that messages are expected from, each of one partition.
pub(super) struct Kafka {
    client: support::Kafka,
    consumer: Arc<BaseConsumer>,
    /// What came and nobody asked for yet, by topic.
    waiting: BTreeMap<String, VecDeque<OwnedMessage>>,
    /// Where a case begins to look, by topic.
    begins: BTreeMap<String, i64>,
}

impl Kafka {
    pub(super) async fn connect(servers: &str, suite: &Suite) -> Self {
        let client = support::Kafka::connect(servers);
        let topics: Vec<_> = array(&suite.broker_setup["topics"]).iter().map(text).collect();
        client.create(&topics, 1).await;
        let mut places = TopicPartitionList::new();
        for topic in suite.cases.iter().flat_map(sources) {
            if places.find_partition(topic, 0).is_none() {
                places.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
            }
        }
        let consumer = client.consumer();
        consumer.assign(&places).expect("assigned");
        Self { client, consumer: Arc::new(consumer), waiting: BTreeMap::new(), begins: BTreeMap::new() }
    }

    /// The gateway's groups begin at what is published after they have settled.
    pub(super) async fn ready(&self, suite: &Suite) {
        let endpoints = suite.endpoints().iter().filter(|endpoint| suite.refused(endpoint).is_none());
        let urls = endpoints.flat_map(|endpoint| array(&endpoint["backend"])).filter_map(|backend| {
            backend.pointer("/extra_config/backend~1pubsub~1subscriber/subscription_url")?.as_str()
        });
        let groups: Vec<_> = urls.filter_map(|url| url.split('?').next()).collect();
        self.client.settled(&groups, 1).await;
        // And have asked where that is.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    pub(super) async fn publish(&self, step: &Value) {
        let metadata = step["metadata"].as_object().into_iter().flatten();
        let headers: Vec<_> = metadata.map(|(name, value)| (name.as_str(), text(value).as_bytes())).collect();
        let body = body_of(step).unwrap_or_default();
        self.client.publish(text(&step["to"]), None, &headers, Some(&body)).await;
    }

    /// May be dropped at any time.
    pub(super) async fn receive(&mut self, topic: &str) -> Message {
        let begin = self.begins.get(topic).copied().unwrap_or_default();
        loop {
            let waiting = self.waiting.get_mut(topic).and_then(VecDeque::pop_front);
            if let Some(message) = waiting.filter(|message| message.offset() >= begin) {
                return seen(&message);
            }
            // Polling never waits, so that nothing is lost when this is dropped.
            match self.consumer.poll(Duration::ZERO) {
                Some(message) => {
                    let message = message.expect("a message").detach();
                    self.waiting.entry(message.topic().to_owned()).or_default().push_back(message);
                }
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    pub(super) async fn drain(&mut self, topics: &[&str]) {
        for topic in topics {
            let (consumer, name) = (Arc::clone(&self.consumer), (*topic).to_owned());
            let high = tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&name, 0, PATIENCE));
            let (_, high) = high.await.expect("no panic").expect("watermarks");
            self.begins.insert((*topic).to_owned(), high);
        }
    }
}

fn seen(message: &OwnedMessage) -> Message {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let metadata = headers.map(|it| (it.key.to_owned(), it.value.map(shown).unwrap_or_default())).collect();
    let body = message.payload().unwrap_or_default().to_vec();
    Message { wire: "kafka", metadata, body, more: vec![("key", json!(message.key().map(shown)))] }
}
