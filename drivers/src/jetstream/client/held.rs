//! Deliveries that are not settled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct HeldDeliveries(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    held: HashMap<u64, Held>,
}

/// A delivery that is not settled.
pub(super) struct Held {
    /// Where it is settled.
    pub(super) reply: Arc<str>,
    pub(super) ack_wait: Duration,
    /// Whether the server does not deliver it again.
    pub(super) is_last: bool,
    /// When the server is told that it is still worked on.
    renew: Instant,
}

impl HeldDeliveries {
    /// Holds one, and returns its number.
    pub(super) fn hold(&self, reply: &str, ack_wait: Duration, is_last: bool) -> u64 {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let renew = Instant::now() + ack_wait / 3;
        state.held.insert(number, Held { reply: reply.into(), ack_wait, is_last, renew });
        number
    }

    /// Takes one out: whoever gets it settles it.
    pub(super) fn release(&self, number: u64) -> Option<Held> {
        self.lock().held.remove(&number)
    }

    /// Takes all of them out.
    pub(super) fn release_all(&self) -> Vec<Held> {
        self.lock().held.drain().map(|(_, held)| held).collect()
    }

    /// Those for which it is time to tell the server that they are still worked on.
    pub(super) fn renew(&self, now: Instant) -> Vec<Arc<str>> {
        let mut due = Vec::new();
        for held in self.lock().held.values_mut().filter(|held| held.renew <= now) {
            held.renew = now + held.ack_wait / 3;
            due.push(Arc::clone(&held.reply));
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_until_released() {
        let held = HeldDeliveries::default();
        let wait = Duration::from_secs(3);
        let (one, other) = (held.hold("one", wait, false), held.hold("other", wait, true));
        let now = Instant::now();
        assert!(held.renew(now).is_empty());
        let later = now + Duration::from_secs(2);
        assert_eq!(held.renew(later).len(), 2);
        assert!(held.renew(later).is_empty(), "it was just told");
        assert_eq!(held.release(one).map(|held| held.reply.to_string()).as_deref(), Some("one"));
        assert!(held.release(one).is_none());
        let all: Vec<_> = held.release_all().into_iter().map(|held| (held.reply, held.is_last)).collect();
        assert_eq!(all, [("other".into(), true)]);
        assert!(held.release(other).is_none());
    }
}
