//! What a consumer is told.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::tracker::Limits;
use crate::kafka::{Assignor, Isolation, Offset, Subscription};

/// Bytes of unsettled messages of a partition, from which on it hands out no new one.
const UNSETTLED_BYTES: usize = 32 * 1024 * 1024;

/// What a subscription wants, which is what tells one member from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::kafka::client) struct Wanted {
    pub(in crate::kafka::client) group: Box<str>,
    /// Sorted.
    pub(in crate::kafka::client) topics: Box<[Box<str>]>,
    offset: Offset,
    assignor: Assignor,
    isolation: Isolation,
    session_timeout: Duration,
    max_unsettled: u32,
}

impl Wanted {
    pub(in crate::kafka::client) fn new(subscription: &Subscription<'_>) -> Self {
        let Subscription { group, topics, offset, assignor, isolation, session_timeout, max_unsettled } = subscription;
        let mut topics: Vec<Box<str>> = topics.iter().map(|topic| (&**topic).into()).collect();
        topics.sort_unstable();
        Self {
            group: (&**group).into(),
            topics: topics.into(),
            offset: *offset,
            assignor: *assignor,
            isolation: *isolation,
            session_timeout: *session_timeout,
            max_unsettled: *max_unsettled,
        }
    }

    /// The topics, to subscribe to.
    pub(super) fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|topic| &**topic).collect()
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { messages: self.max_unsettled as usize, bytes: UNSETTLED_BYTES }
    }

    /// Whether a group without an offset begins at its next message.
    pub(super) fn is_newest(&self) -> bool {
        self.offset == Offset::Newest
    }

    /// Adds to what every client is told.
    pub(super) fn configure(&self, config: &mut ClientConfig) {
        config.set("group.id", &*self.group);
        let (assignor, isolation) = (self.assignor.name(), self.isolation.name());
        let session = self.session_timeout.as_millis();
        for (property, value) in [
            // Where the committed offset is of a message that is gone; a group without one begins where it wants by itself,
            // see `beginnings`. The newest would leave out what is stored.
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", assignor),
            ("isolation.level", isolation),
            ("session.timeout.ms", &*session.to_string()),
            // Two may be lost.
            ("heartbeat.interval.ms", &*(session / 4).min(3_000).to_string()),
            // The thread that polls does nothing else; but no less than the session.
            ("max.poll.interval.ms", &*session.max(300_000).to_string()),
            // What is committed is up to us.
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("allow.auto.create.topics", "false"),
            // How much is fetched ahead of requests, of each partition: so many messages, until they have so many bytes.
            ("queued.min.messages", "1000"),
            ("queued.max.messages.kbytes", "1024"),
            ("fetch.message.max.bytes", "1048576"),
            ("fetch.max.bytes", "8388608"),
            // When there is room again, it is filled before it is empty.
            ("fetch.queue.backoff.ms", "20"),
            ("fetch.error.backoff.ms", "200"),
            // Topics and partitions that are new are found within it.
            ("topic.metadata.refresh.interval.ms", "30000"),
        ] {
            config.set(property, value);
        }
    }
}
