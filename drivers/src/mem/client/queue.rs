//! One subscription's messages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::{InFlight, Ticket};
use super::waiters::{Waiters, Wakers};
use crate::Message;
use crate::mem::Settings;

/// How long a message waits that should be moved to a dead-letter topic without room.
const DEAD_LETTER_RETRY: Duration = Duration::from_secs(1);

/// The messages of a subscription, each in one of three places: ready, in flight, or given back with a
/// wait. Nothing here locks, waits or wakes: that is the topic's part.
pub(super) struct Queue {
    index: usize,
    pub(super) name: Arc<str>,
    pub(super) settings: Settings,
    pub(super) waiters: Waiters,
    /// Ascending by sequence, so that what comes back finds its place again.
    ready: VecDeque<Entry>,
    in_flight: InFlight,
    delayed: BTreeMap<(Instant, u64), Entry>,
    next_sequence: u64,
}

/// A message in one subscription.
pub(super) struct Entry {
    pub(super) message: Arc<Message>,
    /// Its place in the subscription's order.
    pub(super) sequence: u64,
    /// How often it was delivered.
    pub(super) count: u32,
}

/// A message handed out.
pub(super) struct Taken {
    pub(super) message: Arc<Message>,
    pub(super) ticket: Ticket,
    pub(super) count: u32,
    pub(super) due: Instant,
}

/// What has to be done once the lock is free again.
#[derive(Default)]
pub(super) struct Afterwards {
    pub(super) wakers: Wakers,
    /// Messages delivered for the last time, each with the number of its subscription.
    pub(super) dead: Vec<(usize, Entry)>,
}

impl Queue {
    pub(super) fn new(index: usize, name: Arc<str>, settings: Settings) -> Self {
        Self {
            index,
            name,
            settings,
            waiters: Waiters::default(),
            ready: VecDeque::new(),
            in_flight: InFlight::default(),
            delayed: BTreeMap::new(),
            next_sequence: 0,
        }
    }

    /// How many messages it holds, wherever they are.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.in_flight.len() + self.delayed.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.settings.capacity
    }

    /// Adds a new message, and returns whom to wake for it.
    pub(super) fn push(&mut self, message: Arc<Message>) -> Option<Waker> {
        self.ready.push_back(Entry { message, sequence: self.next_sequence, count: 0 });
        self.next_sequence += 1;
        self.waiters.first()
    }

    /// Hands out the first ready message.
    pub(super) fn take(&mut self, now: Instant) -> Option<Taken> {
        let mut entry = self.ready.pop_front()?;
        entry.count = entry.count.saturating_add(1);
        let (message, count) = (Arc::clone(&entry.message), entry.count);
        let due = later(now, self.settings.ack_deadline);
        Some(Taken { message, count, due, ticket: self.in_flight.add(entry, due) })
    }

    /// Takes a delivery back from its receiver; `None` where its deadline has passed.
    pub(super) fn settle(&mut self, ticket: Ticket) -> Option<Entry> {
        self.in_flight.take(ticket)
    }

    /// Puts a delivery back to where it came from, or among the dead when that was its last.
    pub(super) fn give_back(&mut self, entry: Entry, afterwards: &mut Afterwards) {
        if self.settings.max_deliveries.is_some_and(|max| entry.count >= max) {
            return afterwards.dead.push((self.index, entry));
        }
        let place = self.ready.partition_point(|other| other.sequence < entry.sequence);
        self.ready.insert(place, entry);
        afterwards.wakers.push(self.waiters.first());
    }

    /// As [`Queue::give_back`], after a wait. Returns when the wait ends.
    pub(super) fn give_back_later(
        &mut self,
        entry: Entry,
        now: Instant,
        delay: Duration,
        afterwards: &mut Afterwards,
    ) -> Option<Instant> {
        if delay.is_zero() || self.settings.max_deliveries.is_some_and(|max| entry.count >= max) {
            self.give_back(entry, afterwards);
            return None;
        }
        Some(self.delay(entry, later(now, delay)))
    }

    /// Keeps a message for which the dead-letter topic has no room. Returns when to try again.
    pub(super) fn keep_dead(&mut self, entry: Entry, now: Instant) -> Instant {
        self.delay(entry, now + DEAD_LETTER_RETRY)
    }

    /// Makes ready whatever has come due: deliveries past their deadline, and waits that are over.
    pub(super) fn reclaim(&mut self, now: Instant, afterwards: &mut Afterwards) {
        while let Some(entry) = self.in_flight.take_due(now) {
            self.give_back(entry, afterwards);
        }
        while let Some(first) = self.delayed.first_entry().filter(|first| first.key().0 <= now) {
            let entry = first.remove();
            // Over its limit and still here: it waited for room in the dead-letter topic.
            self.give_back(entry, afterwards);
        }
    }

    /// When [`Queue::reclaim`] has something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let delayed = self.delayed.first_key_value().map(|((due, _), _)| *due);
        self.in_flight.next_due().into_iter().chain(delayed).min()
    }

    /// Passes on the wake-up of a receiver that was woken and went away, where it is still needed.
    pub(super) fn pass_on(&mut self) -> Option<Waker> {
        if self.ready.is_empty() { None } else { self.waiters.first() }
    }

    /// Ends every delivery: their settlements will find nothing.
    pub(super) fn end_deliveries(&mut self) {
        self.in_flight = InFlight::default();
    }

    fn delay(&mut self, entry: Entry, due: Instant) -> Instant {
        self.delayed.insert((due, entry.sequence), entry);
        due
    }
}

/// `now + wait`, or thirty years on where that cannot be represented.
fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now + wait.min(FAR)
}

#[cfg(test)]
mod tests;
