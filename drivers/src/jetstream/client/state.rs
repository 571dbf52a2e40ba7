//! What a subscriber knows of its consumer, who waits, and which pulls are on their way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::api::Consumer;
use super::delivery::Delivery;
use crate::ReceiveError;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What a subscriber knows, and who waits.
pub(super) struct State {
    pub(super) consumer: Known,
    /// Who waits, the longest first.
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) pulls: BTreeMap<u64, Pull>,
    pub(super) next: u64,
    /// Nothing is asked before.
    pub(super) pause: Option<Instant>,
    /// Lookups in a row after which nothing could be received.
    pub(super) failures: u32,
    pub(super) closed: bool,
}

/// What is known of the consumer.
pub(super) enum Known {
    Nothing,
    Looking,
    Ready(Consumer),
    /// Looked up again, by the first who wants it then.
    Refused {
        reason: Arc<str>,
        until: Instant,
    },
}

pub(super) type Received = Result<Delivery, ReceiveError>;

pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) deadline: Instant,
    pub(super) sender: oneshot::Sender<Received>,
}

pub(super) struct Pull {
    pub(super) ends: Instant,
}

impl State {
    pub(super) fn new(closed: bool) -> Self {
        Self {
            consumer: Known::Nothing,
            waiting: VecDeque::new(),
            pulls: BTreeMap::new(),
            next: 0,
            pause: None,
            failures: 0,
            closed,
        }
    }

    pub(super) fn pause(&mut self, wait: Duration) {
        self.pause = Some(Instant::now() + wait);
    }

    pub(super) fn retry_wait(&mut self) -> Duration {
        let wait = FIRST_RETRY * (1 << self.failures.min(6));
        self.failures += 1;
        wait.min(LONGEST_RETRY)
    }
}
