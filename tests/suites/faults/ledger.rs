//! What became of every message, as both sides saw it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a publisher was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// 200: the broker has it.
    Confirmed,
    /// 502 or 503: the broker has it not.
    Refused,
    /// 504, or no answer at all: nobody knows.
    Unknown,
}

/// Every message by its id. Each is published once; a publisher that wants to try again takes a new id.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    told: Option<Told>,
    /// How often a client that stayed read all of it.
    delivered: u32,
    /// How often the broker said that it was not the first time.
    redelivered: u32,
}

/// The sums of a [`Ledger`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) confirmed: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    /// Different messages that a client read completely.
    pub(crate) delivered: u64,
    /// Deliveries that the broker counted as second or later ones.
    pub(crate) redelivered: u64,
    /// Complete deliveries of a message that had been delivered completely before.
    pub(crate) duplicates: u64,
    /// Confirmed, and never read by anybody.
    pub(crate) lost: u64,
    /// Told to be refused, and delivered all the same.
    pub(crate) refused_and_delivered: u64,
    /// Delivered, and never published: somebody else's, or mangled.
    pub(crate) foreign: u64,
}

impl Ledger {
    pub(crate) fn told(&self, id: &str, told: Told) {
        self.with(id, |entry| entry.told = Some(told));
    }

    /// `count` is the broker's, where it counts.
    pub(crate) fn delivered(&self, id: &str, count: Option<u32>) {
        self.with(id, |entry| {
            entry.delivered += 1;
            entry.redelivered += u32::from(count.is_some_and(|count| count > 1));
        });
    }

    fn with(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        change(self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_default());
    }

    /// To be asked when all publishers have ended.
    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for entry in self.entries.lock().unwrap_or_else(PoisonError::into_inner).values() {
            match entry.told {
                Some(Told::Confirmed) => sums.confirmed += 1,
                Some(Told::Refused) => sums.refused += 1,
                Some(Told::Unknown) => sums.unknown += 1,
                None => sums.foreign += 1,
            }
            sums.delivered += u64::from(entry.delivered > 0);
            sums.redelivered += u64::from(entry.redelivered);
            sums.duplicates += u64::from(entry.delivered.saturating_sub(1));
            sums.lost += u64::from(entry.told == Some(Told::Confirmed) && entry.delivered == 0);
            sums.refused_and_delivered += u64::from(entry.told == Some(Told::Refused) && entry.delivered > 0);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let ledger = Ledger::default();
        for (id, told) in [("a", Told::Confirmed), ("b", Told::Confirmed), ("c", Told::Refused), ("d", Told::Unknown)] {
            ledger.told(id, told);
        }
        for (id, count) in [("a", Some(1)), ("a", Some(2)), ("c", None), ("e", Some(1))] {
            ledger.delivered(id, count);
        }
        let expected = Sums {
            confirmed: 2,
            refused: 1,
            unknown: 1,
            delivered: 3,
            redelivered: 1,
            duplicates: 1,
            lost: 1,
            refused_and_delivered: 1,
            foreign: 1,
        };
        assert_eq!(ledger.sums(), expected);
    }
}
