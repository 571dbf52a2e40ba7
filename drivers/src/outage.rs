//! Lines about an outage: the first time, when the reason changes, and then once a minute.

use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// How many different texts are told apart. More of them than that in a minute are not let through.
const KNOWN: usize = 8;

/// Lets a text through that it did not let through in the last minute.
#[derive(Default)]
pub(crate) struct Repeats {
    known: Vec<(Box<str>, Instant)>,
}

/// What a supervision writes.
pub(crate) struct OutageLog {
    driver: &'static str,
    broker: Option<&'static str>,
    connection: Option<&'static str>,
    lines: Repeats,
    /// When the connection was lost or first tried, and the attempts since then.
    since: Instant,
    attempts: u64,
    /// Whether a line said that there is no connection.
    said: bool,
    connected_before: bool,
}

impl Repeats {
    pub(crate) fn is_due(&mut self, text: &str) -> bool {
        let now = Instant::now();
        self.known.retain(|(_, at)| now.duration_since(*at) < MINUTE);
        if self.known.len() == KNOWN || self.known.iter().any(|(known, _)| **known == *text) {
            return false;
        }
        self.known.push((text.into(), now));
        true
    }
}

impl OutageLog {
    pub(crate) fn new(driver: &'static str, broker: Option<&'static str>, connection: Option<&'static str>) -> Self {
        Self {
            driver,
            broker,
            connection,
            lines: Repeats::default(),
            since: Instant::now(),
            attempts: 0,
            said: false,
            connected_before: false,
        }
    }

    pub(crate) fn connected(&mut self) {
        let Self { driver, broker, connection, attempts, .. } = *self;
        if !self.connected_before {
            tracing::info!(driver, broker, connection, "connected");
        } else if self.said {
            let seconds = self.since.elapsed().as_secs();
            tracing::info!(driver, broker, connection, seconds, attempts, "connected again");
        }
        self.connected_before = true;
        self.said = false;
        self.attempts = 0;
    }

    pub(crate) fn lost(&mut self, reason: &str) {
        let Self { driver, broker, connection, .. } = *self;
        self.since = Instant::now();
        if self.lines.is_due(reason) {
            self.said = true;
            tracing::warn!(driver, broker, connection, reason, "connection lost");
        }
    }

    pub(crate) fn failed(&mut self, reason: &str) {
        self.attempts += 1;
        let Self { driver, broker, connection, attempts, .. } = *self;
        if self.lines.is_due(reason) {
            self.said = true;
            tracing::warn!(driver, broker, connection, reason, attempts, "cannot connect, will try again");
        }
    }
}
