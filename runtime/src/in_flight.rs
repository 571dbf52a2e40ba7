//! How much a broker has to do at a time.

use std::sync::atomic::{AtomicU32, Ordering};

/// The publishes that wait for a confirmation and the requests that wait for a message, of one broker.
///
/// They are counted apart: ten thousand consumers without a message leave publishers their room.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The broker's name.
    broker: &'static str,
    limit: u32,
    publishing: Counter,
    receiving: Counter,
}

/// On a cache line of its own, as publishers and consumers run on different cores.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU32);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a>(&'a AtomicU32);

impl InFlight {
    pub(crate) fn new(broker: &'static str, limit: u32) -> Self {
        Self { broker, limit, publishing: Counter::default(), receiving: Counter::default() }
    }

    /// A publish that begins, unless there are too many. The error is one line.
    pub(crate) fn publish(&self) -> Result<Slot<'_>, String> {
        self.enter(&self.publishing).ok_or_else(|| self.full("publishes wait for their confirmation"))
    }

    /// A wait for a message that begins, unless there are too many. The error is one line.
    pub(crate) fn receive(&self) -> Result<Slot<'_>, String> {
        self.enter(&self.receiving).ok_or_else(|| self.full("requests wait for a message"))
    }

    /// One atomic addition, and one when the slot is dropped.
    fn enter<'a>(&self, Counter(counter): &'a Counter) -> Option<Slot<'a>> {
        let slot = Slot(counter);
        (counter.fetch_add(1, Ordering::Relaxed) < self.limit).then_some(slot)
    }

    #[cold]
    fn full(&self, what: &str) -> String {
        format!("{} {what} at the broker {}, and no more may (max_in_flight)", self.limit, self.broker)
    }
}

// Also of one that was over the limit and never handed out: it was counted as well.
impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_and_consumers_have_their_own_room() {
        let in_flight = InFlight::new("billing", 2);
        let waiting = [in_flight.receive().unwrap(), in_flight.receive().unwrap()];
        let expected = "2 requests wait for a message at the broker billing, and no more may (max_in_flight)";
        assert_eq!(in_flight.receive().unwrap_err(), expected);
        let first = in_flight.publish().unwrap();
        let second = in_flight.publish().unwrap();
        assert!(in_flight.publish().is_err());
        drop(first);
        let third = in_flight.publish().unwrap();
        assert!(in_flight.publish().is_err());
        drop((second, third, waiting));
        for counter in [&in_flight.publishing, &in_flight.receiving] {
            assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        }
    }
}
