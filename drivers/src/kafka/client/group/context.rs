//! What librdkafka calls back.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::Group;
use crate::kafka::client::context::Observer;

/// Of a consumer of a [`Group`].
pub(in crate::kafka::client) struct GroupContext {
    group: Arc<Group>,
    observer: Arc<Observer>,
    /// The consumer is being dropped: nobody does what the coordinator decides any more.
    is_leaving: AtomicBool,
}

/// What the group's coordinator has decided, to be done by the thread that polls.
pub(super) enum Rebalance {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

impl GroupContext {
    pub(super) fn new(group: &Arc<Group>, observer: &Arc<Observer>) -> Self {
        Self { group: Arc::clone(group), observer: Arc::clone(observer), is_leaving: AtomicBool::new(false) }
    }

    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }
}

impl ClientContext for GroupContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Observer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.observer.log(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.observer.stats_raw(statistics);
    }

    /// May be called while a partition's messages are read.
    fn error(&self, error: KafkaError, reason: &str) {
        if !self.group.is_refusal(&error, reason) {
            self.observer.error(error, reason);
        }
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.observer.generate_oauth_token(config)
    }
}

/// Of a member of no group.
impl ConsumerContext for Observer {}

impl ConsumerContext for GroupContext {
    /// Called while the main queue is polled: by the group's thread, or while the consumer is dropped.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let assigns = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_leaving.load(Ordering::Acquire) {
            // What there was to do was done before.
            let none = TopicPartitionList::new();
            let done = if assigns { assign(consumer, &none) } else { unassign(consumer, partitions) };
            return self.group.expect(done, "the end of an assignment");
        }
        let partitions = partitions.clone();
        self.group.decided(if assigns { Rebalance::Assign(partitions) } else { Rebalance::Revoke(partitions) });
    }
}

/// Takes partitions over.
pub(super) fn assign(consumer: &BaseConsumer<GroupContext>, partitions: &TopicPartitionList) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(partitions),
    }
}

/// Gives partitions up: those, or all where the protocol knows no less.
pub(super) fn unassign(
    consumer: &BaseConsumer<GroupContext>,
    partitions: &TopicPartitionList,
) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}
