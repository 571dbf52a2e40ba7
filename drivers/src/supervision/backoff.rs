//! The waits between attempts to connect.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Together with an attempt that is refused at once, a broker is found again within five seconds of its start.
const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(3);

/// Doubled each time, up to a limit, and never given up. A random part of up to a half is left out, so that not all
/// gateways come back at the same moment.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(MOST);
        // Only to spread, so the standard library's random keys will do.
        let random = RandomState::new().hash_one(0) >> 32;
        wait.mul_f64(1.0 - random as f64 / f64::from(u32::MAX) / 2.0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}
