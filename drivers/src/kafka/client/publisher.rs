//! Publishing to one topic.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::BaseRecord;

use super::limits::Limit;
use super::producer::{NotSent, Producer};
use super::record::parts;
use super::reply::{Failure, Reply, Waiting};
use crate::kafka::Topic;
use crate::{Confirm, Message, PublishError, PublishErrorKind, Receipt};

/// How often the broker is asked for a topic that it did not know.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An open topic of a [`Broker`](super::Broker).
pub struct Publisher {
    producer: Arc<Producer>,
    limit: Arc<Limit>,
    key_name: Option<Box<str>>,
    has_tombstones: bool,
    /// Whether a limit on the body can be told before it is compressed.
    is_plain: bool,
    /// Whether somebody is asking the broker for the topic.
    is_looking: Arc<AtomicBool>,
}

impl Publisher {
    pub(super) fn new(producer: Arc<Producer>, topic: &Topic<'_>) -> Self {
        let limit = Limit::new(&topic.name);
        producer.watch_limit(&limit);
        Self {
            is_plain: producer.kind.compression.is_none(),
            producer,
            limit,
            key_name: topic.key_name.as_deref().map(Box::from),
            has_tombstones: topic.tombstones,
            is_looking: Arc::default(),
        }
    }

    /// Hands a message over to librdkafka. Answers with its size as well.
    fn send(&self, message: &Message) -> Result<(Waiting, usize), PublishError> {
        let parts = parts(message, self.key_name.as_deref(), self.has_tombstones)?;
        let bytes = message.body.len().saturating_add(parts.bytes);
        if self.is_plain && bytes > self.limit.bytes() {
            let what = format!("messages of the topic have at most {} bytes", self.limit.bytes());
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        let reply = Arc::new(Reply::default());
        let record = BaseRecord {
            topic: &self.limit.topic,
            partition: None,
            payload: (!parts.is_tombstone).then_some(&*message.body),
            key: parts.key.map(str::as_bytes),
            timestamp: parts.timestamp,
            headers: parts.headers,
            delivery_opaque: Arc::clone(&reply),
        };
        match self.producer.send(record) {
            Ok(()) => Ok((Waiting(reply), bytes)),
            Err(NotSent::NotTaken(error)) => Err(self.not_taken(error)),
            Err(NotSent::Refused(reason)) => Err(PublishError::new(PublishErrorKind::Refused, &*reason)),
            Err(NotSent::Unreachable) => {
                Err(PublishError::new(PublishErrorKind::Unreachable, self.producer.health.failure()))
            }
        }
    }

    /// Why librdkafka did not take a message, which has not been sent.
    #[cold]
    fn not_taken(&self, error: KafkaError) -> PublishError {
        let kind = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => PublishErrorKind::Full,
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => PublishErrorKind::TooLarge,
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition) => {
                self.look();
                PublishErrorKind::Refused
            }
            Some(
                RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition,
            ) => PublishErrorKind::Refused,
            // Another client takes this one's place.
            _ => PublishErrorKind::Unreachable,
        };
        PublishError::new(kind, error)
    }

    /// What became of a message that librdkafka took and could not deliver.
    #[cold]
    fn not_confirmed(&self, failure: Failure, bytes: usize) -> PublishError {
        use RDKafkaErrorCode as Code;
        // What surrounds a message takes less than that.
        let is_small = self.limit.is_known() && bytes.saturating_add(200) < self.limit.bytes();
        let kind = match failure.code {
            // Together with others it was too large for the topic, whose limit is below that of a batch.
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge if is_small => PublishErrorKind::Full,
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => PublishErrorKind::TooLarge,
            Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
                self.look();
                PublishErrorKind::Refused
            }
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::InvalidTopic
            | Code::InvalidRequiredAcks
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::UnsupportedForMessageFormat
            | Code::UnsupportedCompressionType
            | Code::PolicyViolation => PublishErrorKind::Refused,
            Code::ThrottlingQuotaExceeded => PublishErrorKind::Full,
            Code::NotEnoughReplicas => PublishErrorKind::Unreachable,
            _ if !failure.has_partition => PublishErrorKind::Unreachable,
            _ => PublishErrorKind::Unknown,
        };
        let source: Box<dyn std::error::Error + Send + Sync> = match kind {
            PublishErrorKind::Unreachable => format!("{} ({})", self.producer.health.failure(), failure.code).into(),
            _ => KafkaError::MessageProduction(failure.code).into(),
        };
        PublishError { kind, source }
    }

    /// Has the broker asked for the topic again, which may have been made since. Without that, librdkafka would only know
    /// after some minutes.
    fn look(&self) {
        if self.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (producer, limit) = (Arc::clone(&self.producer), Arc::clone(&self.limit));
        let is_looking = Arc::clone(&self.is_looking);
        self.producer.runtime().spawn(async move {
            let _ = tokio::task::spawn_blocking(move || producer.look_for(&limit.topic)).await;
            tokio::time::sleep(LOOK_EVERY).await;
            is_looking.store(false, Ordering::Release);
        });
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let (waiting, bytes) = self.send(&message)?;
        drop(message);
        if self.producer.kind.confirm == Confirm::None {
            return Ok(Receipt::default());
        }
        match waiting.await {
            Ok(place) => Ok(Receipt {
                id: None,
                partition: Some(place.partition.to_string()),
                offset: place.offset,
                duplicate: false,
            }),
            Err(failure) => Err(self.not_confirmed(failure, bytes)),
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.limit.topic).finish_non_exhaustive()
    }
}
