//! How large the messages of a topic may be, which its broker is asked for at each connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;

use crate::kafka::DRIVER;
use crate::kafka::options::Options;

const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a topic's limit.
pub(super) struct Limit {
    pub(super) topic: Box<str>,
    /// `usize::MAX` as long as it is not known.
    bytes: AtomicUsize,
}

impl Limit {
    pub(super) fn new(topic: &str) -> Arc<Self> {
        Arc::new(Self { topic: topic.into(), bytes: AtomicUsize::new(usize::MAX) })
    }

    pub(super) fn is_known(&self) -> bool {
        self.bytes() != usize::MAX
    }

    /// Bytes, of a record with all that belongs to it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Asks for limits. Where that is not allowed, or a topic is not there, the broker's refusal tells.
pub(super) async fn ask(options: Options, limits: Vec<Arc<Limit>>) {
    // Making a client and ending it both block.
    let made = tokio::task::spawn_blocking(move || {
        let mut config: ClientConfig = options.load().map_err(|error| error.to_string())?.config;
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
                let said = answer.ok().and_then(|config| config.get("max.message.bytes")?.value.clone()?.parse().ok());
                limit.bytes.store(said.unwrap_or(usize::MAX), Ordering::Relaxed);
            }
        }
        Err(error) => tracing::debug!(driver = DRIVER.name, %error, "limits are not known"),
    }
    let _ = tokio::task::spawn_blocking(move || drop(client)).await;
}
