//! Watermarks that are committed at the same time.

use std::sync::Arc;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::group::Consumer;
use crate::kafka::client::group::partition::Partition;

/// What became of a batch.
#[derive(Default)]
pub(super) struct Batch {
    /// The topics whose partitions were not committed.
    pub(super) failed: Vec<Failure>,
    /// Whether some were.
    pub(super) has_committed: bool,
}

pub(super) struct Failure {
    topic: Arc<str>,
    pub(super) reason: String,
    pub(super) is_passing: bool,
}

impl Failure {
    fn new(topic: &Arc<str>, error: &KafkaError) -> Self {
        let is_passing = error.rdkafka_error_code().is_some_and(is_passing);
        Self { topic: Arc::clone(topic), reason: error.to_string(), is_passing }
    }
}

impl Batch {
    /// There was no consumer to commit it.
    pub(super) fn lost(dirty: &[Arc<Partition>]) -> Self {
        let one = |partition: &Arc<Partition>| Failure {
            topic: Arc::clone(&partition.topic),
            reason: "the consumer is being made anew".to_owned(),
            is_passing: false,
        };
        Self { failed: dirty.iter().map(one).collect(), has_committed: false }
    }

    pub(super) fn failure(&self, partition: &Partition) -> Option<&Failure> {
        self.failed.iter().find(|failure| failure.topic == partition.topic)
    }
}

/// Commits the watermarks of those that are still this member's: topic by topic, since librdkafka says nothing of a topic
/// that is refused when it commits another at the same time.
pub(super) fn commit(consumer: &Consumer, dirty: &[Arc<Partition>]) -> Batch {
    let mut batch = Batch::default();
    let mut topics: Vec<(&Arc<str>, TopicPartitionList)> = Vec::new();
    for partition in dirty {
        let Some(watermark) = partition.begin_commit() else { continue };
        let topic = &partition.topic;
        let at = topics.iter().position(|(known, _)| *known == topic).unwrap_or_else(|| {
            topics.push((topic, TopicPartitionList::new()));
            topics.len() - 1
        });
        let offsets = &mut topics[at].1;
        if offsets.find_partition(topic, partition.number).is_none() {
            offsets.add_partition(topic, partition.number);
        }
        if let Err(error) = offsets.set_partition_offset(topic, partition.number, Offset::Offset(watermark)) {
            batch.failed.push(Failure::new(topic, &error));
        }
    }
    for (topic, offsets) in topics {
        match consumer.commit(&offsets, CommitMode::Sync) {
            Ok(()) => batch.has_committed = true,
            Err(error) => batch.failed.push(Failure::new(topic, &error)),
        }
    }
    batch
}

/// Whether it may go better in a moment, while the partitions are still this member's.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::RebalanceInProgress
            | Code::IllegalGeneration
            | Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::WaitingForCoordinator
            | Code::BrokerTransportFailure
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::AllBrokersDown
    )
}
