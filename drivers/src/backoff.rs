//! The waits between attempts.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Doubled each time, up to a limit, and never given up. A random part of up to a half is left out, so that not all
/// gateways come back at the same moment.
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// Begins with the first wait again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        // Only to spread, so the standard library's random keys will do.
        let random = RandomState::new().hash_one(0) >> 32;
        wait.mul_f64(1.0 - random as f64 / f64::from(u32::MAX) / 2.0)
    }
}
