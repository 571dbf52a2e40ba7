//! What has happened to a broker's connection, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since a broker was opened, for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    connects: AtomicU64,
    connect_failures: AtomicU64,
    disconnects: AtomicU64,
    dropped: AtomicU64,
    unsent: AtomicU64,
}

impl Counters {
    /// How often a connection was made.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// How often making one failed.
    pub fn connect_failures(&self) -> u64 {
        self.connect_failures.load(Ordering::Relaxed)
    }

    /// How often one was lost.
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Relaxed)
    }

    /// How many received messages were lost: they found no room, were given up without a place for them, or nobody had
    /// consumed them at the end, where the broker does not keep them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many messages were lost that nobody waited for a confirmation of: the broker refused them, or the connection was
    /// lost before they were written.
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }
}

#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
impl Counters {
    pub(crate) fn connected(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.connect_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.disconnects.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "not every broker loses messages"))]
    pub(crate) fn add_dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    #[cfg_attr(
        not(any(feature = "kafka", feature = "nats", feature = "rabbitmq")),
        allow(dead_code, reason = "not every broker is told without a wait")
    )]
    pub(crate) fn add_unsent(&self, messages: u64) {
        self.unsent.fetch_add(messages, Ordering::Relaxed);
    }
}
