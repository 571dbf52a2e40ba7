//! How large the messages of a topic may be, which its broker is asked for at each connection, every few minutes,
//! and soon after a limit has refused a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;

use super::producer::BATCH;
use crate::kafka::DRIVER;
use crate::kafka::options::{Access, Options};

const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a topic's limit.
pub(super) struct Limit {
    pub(super) topic: Box<str>,
    /// `usize::MAX` as long as it is not known.
    bytes: AtomicUsize,
    /// Whether the topic takes less than a batch has.
    is_below_batch: AtomicBool,
}

impl Limit {
    pub(super) fn new(topic: &str) -> Arc<Self> {
        Arc::new(Self {
            topic: topic.into(),
            bytes: AtomicUsize::new(usize::MAX),
            is_below_batch: AtomicBool::new(false),
        })
    }

    /// Bytes, of a record with all that belongs to it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether messages are sent alone: a batch has been refused for its size, and one of its messages was not.
    pub(super) fn is_below_batch(&self) -> bool {
        self.is_below_batch.load(Ordering::Relaxed)
    }

    #[cold]
    pub(super) fn set_below_batch(&self) {
        self.is_below_batch.store(true, Ordering::Relaxed);
    }

    fn set(&self, bytes: Option<usize>) {
        self.bytes.store(bytes.unwrap_or(usize::MAX), Ordering::Relaxed);
        // What surrounds the messages of a batch takes less than that.
        if bytes.is_some_and(|bytes| bytes > BATCH + 1_000) {
            self.is_below_batch.store(false, Ordering::Relaxed);
        }
    }
}

/// Asks for limits, each of a topic of its own: librdkafka takes no answer in which one comes twice. Where that is not allowed, or a topic is not there, the broker's refusal tells.
pub(super) async fn ask(options: Options, limits: Vec<Arc<Limit>>) {
    // Making a client and ending it both block.
    let made = tokio::task::spawn_blocking(move || {
        let Access { mut config, secrets } = options.load().map_err(|error| error.to_string())?;
        if secrets.token.is_some() {
            return Err("rdkafka does not hear when this kind of client asks for a token".to_owned());
        }
        // Nobody reads what it says of itself.
        config.set("statistics.interval.ms", "0").remove("debug").set_log_level(RDKafkaLogLevel::Emerg);
        config.create::<AdminClient<DefaultClientContext>>().map_err(|_| "it cannot be made".to_owned())
    });
    let Ok(Ok(client)) = made.await else { return };
    let names: Vec<_> = limits.iter().map(|limit| ResourceSpecifier::Topic(&limit.topic)).collect();
    let patience = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    match client.describe_configs(&names, &patience).await {
        Ok(answers) => {
            for (answer, limit) in answers.into_iter().zip(&limits) {
                limit.set(answer.ok().and_then(|config| config.get("max.message.bytes")?.value.clone()?.parse().ok()));
            }
        }
        Err(error) => tracing::debug!(driver = DRIVER.name, %error, "limits are not known"),
    }
    let _ = tokio::task::spawn_blocking(move || drop(client)).await;
}
