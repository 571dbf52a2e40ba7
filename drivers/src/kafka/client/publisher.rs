//! Publishing to one topic.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::BaseRecord;

use super::Shared;
use super::limits::Limit;
use super::producer::{Kind, NotSent, Producer};
use super::record::parts;
use super::reply::{Failure, Place, Reply, Waiting};
use super::verdict;
use crate::kafka::Topic;
use crate::{Confirm, Message, PublishError, PublishErrorKind, Receipt};

/// How often the broker is asked for a topic that it did not know.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An open topic of a [`Broker`](super::Broker).
pub struct Publisher {
    producer: Arc<Producer>,
    /// For messages that were refused with others, and where that would be so time and again.
    alone: OnceLock<Arc<Producer>>,
    shared: Arc<Shared>,
    limit: Arc<Limit>,
    key_name: Option<Box<str>>,
    has_tombstones: bool,
    /// Whether a limit on the body can be told before it is compressed.
    is_plain: bool,
    /// Whether somebody is asking the broker for the topic.
    is_looking: Arc<AtomicBool>,
}

impl Publisher {
    pub(super) fn new(producer: Arc<Producer>, shared: &Arc<Shared>, topic: &Topic<'_>) -> Self {
        Self {
            is_plain: producer.kind.compression.is_none(),
            limit: producer.limit(&topic.name),
            producer,
            alone: OnceLock::new(),
            shared: Arc::clone(shared),
            key_name: topic.key_name.as_deref().map(Box::from),
            has_tombstones: topic.tombstones,
            is_looking: Arc::default(),
        }
    }

    /// The producer that messages go to.
    fn producer(&self) -> &Arc<Producer> {
        if self.limit.is_below_batch() { self.alone() } else { &self.producer }
    }

    /// The producer that sends each message in a batch of its own.
    #[cold]
    fn alone(&self) -> &Arc<Producer> {
        self.alone.get_or_init(|| self.shared.producer(Kind { alone: true, ..self.producer.kind }))
    }

    /// Hands a message over to librdkafka.
    fn send(&self, producer: &Producer, message: &Message) -> Result<Waiting, PublishError> {
        let parts = parts(message, self.key_name.as_deref(), self.has_tombstones)?;
        let bytes = message.body.len().saturating_add(parts.bytes);
        if self.is_plain && bytes > self.limit.bytes() {
            // It may have been raised.
            self.producer.look_at_limits();
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
        producer.send(record).map_err(|error| self.not_sent(error))?;
        Ok(Waiting(reply))
    }

    /// Hands a message over once there is a connection, where nothing speaks against one.
    #[cold]
    async fn send_soon(&self, message: Message) -> Result<Waiting, PublishError> {
        let producer = self.producer();
        producer.connection().await;
        self.send(producer, &message)
    }

    /// Publishes a message alone, which was refused with others and is not stored.
    #[cold]
    async fn publish_alone(&self, message: Box<OwnedMessage>) -> Result<Place, PublishError> {
        let producer = self.alone();
        producer.connection().await;
        let reply = Arc::new(Reply::default());
        let record = BaseRecord {
            topic: &self.limit.topic,
            partition: None,
            payload: message.payload(),
            key: message.key(),
            timestamp: message.timestamp().to_millis(),
            headers: message.headers().cloned(),
            delivery_opaque: Arc::clone(&reply),
        };
        producer.send(record).map_err(|error| self.not_sent(error))?;
        drop(message);
        Waiting(reply).await.map_err(|failure| self.not_confirmed(&failure))
    }

    /// What became of a message that librdkafka took and could not deliver, where it is not known yet.
    #[cold]
    async fn failed(&self, mut failure: Failure) -> Result<Place, PublishError> {
        let Some(message) = failure.again.take() else { return Err(self.not_confirmed(&failure)) };
        let place = self.publish_alone(message).await?;
        if failure.code != RDKafkaErrorCode::InvalidDifferentRecord {
            self.limit.set_below_batch();
        }
        Ok(place)
    }

    /// Why a message was not handed over.
    #[cold]
    fn not_sent(&self, error: NotSent) -> PublishError {
        match error {
            NotSent::NotTaken(error) => {
                let code = error.rdkafka_error_code();
                if code.is_some_and(verdict::is_unknown_topic) {
                    self.look();
                }
                PublishError::new(verdict::of_unsent(code), error)
            }
            NotSent::Refused(reason) => PublishError::new(PublishErrorKind::Refused, &*reason),
            NotSent::Unreachable => PublishError::new(PublishErrorKind::Unreachable, self.producer.health.failure()),
        }
    }

    /// What became of a message that librdkafka took and could not deliver.
    #[cold]
    fn not_confirmed(&self, failure: &Failure) -> PublishError {
        if verdict::is_unknown_topic(failure.code) {
            self.look();
        }
        let kind = verdict::of_unconfirmed(failure);
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
        let producer = self.producer();
        let waiting = match self.send(producer, &message) {
            Err(error) if error.kind == PublishErrorKind::Unreachable && producer.is_about_to_connect() => {
                Box::pin(self.send_soon(message)).await?
            }
            sent => {
                let waiting = sent?;
                drop(message);
                waiting
            }
        };
        if self.producer.kind.confirm == Confirm::None {
            return Ok(Receipt::default());
        }
        let place = match waiting.await {
            Ok(place) => place,
            Err(failure) => Box::pin(self.failed(failure)).await?,
        };
        Ok(Receipt { id: None, partition: Some(place.partition.to_string()), offset: place.offset, duplicate: false })
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.limit.topic).finish_non_exhaustive()
    }
}
