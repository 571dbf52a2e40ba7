//! One client of librdkafka that publishes, and what it says of messages.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};

use super::{Kind, NotSent};
use crate::Confirm;
use crate::kafka::client::context::Observer;
use crate::kafka::client::health::Health;
use crate::kafka::client::reply::{Failure, Outcome, Place, Reply};
use crate::kafka::options::{Access, Options};

/// Bytes of a batch, which only one that is a message of its own has more of. Below what topics take: a batch over that is
/// refused, with all messages in it.
pub(in super::super) const BATCH: usize = 65_536;

/// How long what is on its way may take when a producer ends.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// One client of librdkafka.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) client: Arc<BaseProducer<Context>>,
    pub(super) observer: Arc<Observer>,
}

pub(super) struct Context {
    observer: Arc<Observer>,
    health: Arc<Health>,
    kind: Kind,
    has_delivered: AtomicBool,
    /// How many messages were handed over and not answered.
    unanswered: AtomicUsize,
    /// Whether the broker did not let it begin.
    pub(super) is_refused: AtomicBool,
}

impl Live {
    /// A client with the settings as they are now.
    pub(super) fn new(kind: Kind, options: &Options, health: &Arc<Health>) -> Result<Self, String> {
        let Access { mut config, secrets } = options.load().map_err(|error| error.to_string())?;
        let Kind { confirm, partitioner, compression, alone } = kind;
        let acks = match confirm {
            Confirm::All => "all",
            Confirm::Leader => "1",
            Confirm::None => "0",
        };
        for (property, value) in [
            ("acks", acks),
            ("enable.idempotence", if confirm == Confirm::All { "true" } else { "false" }),
            ("partitioner", partitioner.name()),
            ("compression.type", compression.name()),
            ("linger.ms", "0"),
            ("batch.size", &*BATCH.to_string()),
            ("batch.num.messages", if alone { "1" } else { "10000" }),
            // The broker's limit counts; this is what it reads at all unless it was told otherwise.
            ("message.max.bytes", "100000000"),
            ("message.timeout.ms", "10000"),
            ("request.timeout.ms", "10000"),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "262144"),
            // As long as a broker that makes topics by itself may take for that.
            ("topic.metadata.propagation.max.ms", "1000"),
        ] {
            config.set(property, value);
        }
        let observer = Arc::new(Observer::new(health, options.name(), secrets));
        let context = Context {
            observer: Arc::clone(&observer),
            health: Arc::clone(health),
            kind,
            has_delivered: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            is_refused: AtomicBool::new(false),
        };
        // The error would show the value.
        let client = config.create_with_context(context).map_err(|error| match error {
            KafkaError::ClientConfig(_, what, ..) => what,
            other => other.to_string(),
        })?;
        Ok(Self { client: Arc::new(client), observer })
    }

    /// Hands a message over.
    pub(super) fn send(&self, record: BaseRecord<'_, [u8], [u8], Arc<Reply>>) -> Result<(), NotSent> {
        let unanswered = &self.client.context().unanswered;
        unanswered.fetch_add(1, Ordering::Relaxed);
        self.client.send(record).map_err(|(error, _)| {
            unanswered.fetch_sub(1, Ordering::Relaxed);
            self.not_sent(error)
        })
    }

    pub(super) fn has_unanswered(&self) -> bool {
        self.client.context().unanswered.load(Ordering::Relaxed) > 0
    }

    /// Why the broker does not let this user begin, where it does not.
    pub(super) fn refusal(&self) -> Option<Arc<str>> {
        let (code, reason) = self.client.client().fatal_error()?;
        let is_refused = matches!(
            code,
            RDKafkaErrorCode::ClusterAuthorizationFailed | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
        );
        is_refused.then(|| format!("{reason} ({code})").into())
    }

    #[cold]
    fn not_sent(&self, error: KafkaError) -> NotSent {
        // It may be some moments until the thread has seen it.
        match self.refusal() {
            Some(reason) => NotSent::Refused(reason),
            None => NotSent::NotTaken(error),
        }
    }

    /// Has everybody told that waits, and ends the client. Blocks.
    pub(super) fn purge(self) {
        self.client.purge(PurgeConfig::default().queue().inflight());
        // Without waiting for what somebody else still does with the client.
        let _ = self.client.flush(Duration::from_millis(500));
    }

    /// Waits for what is on its way, and ends the client. Blocks.
    pub(super) fn retire(self) {
        if self.observer.is_connected() {
            // What is left is told so when the client is dropped.
            let _ = self.client.flush(LAST_PATIENCE);
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Observer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.observer.generate_oauth_token(config)
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.observer.log(level, facility, line);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.observer.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.observer.error(error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Reply>;

    fn delivery(&self, result: &DeliveryResult<'_>, reply: Arc<Reply>) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        let outcome: Outcome = match result {
            Ok(message) => {
                self.has_delivered.store(true, Ordering::Relaxed);
                Ok(Place { partition: message.partition(), offset: u64::try_from(message.offset()).ok() })
            }
            Err((error, message)) => Err(self.failure(error, message)),
        };
        if let (Confirm::None, Err(failure)) = (self.kind.confirm, &outcome) {
            self.health.counters().add_unsent(1);
            self.observer.lost_message(message_topic(result), failure.code);
        }
        reply.give(outcome);
    }
}

impl Context {
    #[cold]
    fn failure(&self, error: &KafkaError, message: &BorrowedMessage<'_>) -> Failure {
        let code = match error.rdkafka_error_code() {
            // Before it has a number of its own, a producer sends nothing.
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::Fatal)
                if self.is_refused.load(Ordering::Acquire) && !self.has_delivered.load(Ordering::Relaxed) =>
            {
                RDKafkaErrorCode::ClusterAuthorizationFailed
            }
            code => code.unwrap_or(RDKafkaErrorCode::Unknown),
        };
        // Those are said of a batch, no message of which is stored.
        let is_batch = matches!(
            code,
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::MessageBatchTooLarge
                | RDKafkaErrorCode::InvalidDifferentRecord
        );
        let may_have_others = !self.kind.alone && message.payload_len() + message.key_len() <= BATCH;
        let again = (is_batch && may_have_others).then(|| Box::new(message.detach()));
        Failure { code, has_partition: message.partition() >= 0, again }
    }
}

fn message_topic<'a>(result: &'a DeliveryResult<'_>) -> &'a str {
    match result {
        Ok(message) | Err((_, message)) => message.topic(),
    }
}
