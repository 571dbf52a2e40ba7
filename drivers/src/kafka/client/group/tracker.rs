//! What was handed out of one partition, and up to where it is settled. No I/O, no clock of its own.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

/// How far ahead of the first unsettled message a partition hands out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Messages from the first unsettled one on, settled ones among them.
    pub(super) messages: usize,
    /// Bytes of the unsettled ones.
    pub(super) bytes: usize,
}

/// The messages of a partition between its watermark and the last one that was handed out.
///
/// The watermark is the offset to commit: all messages before it are settled. Offsets may have holes (compaction,
/// transactions), so messages are told by their numbers in the order they were handed out.
#[derive(Debug)]
pub(super) struct Tracker<R> {
    /// The number of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    watermark: Option<i64>,
    unsettled_bytes: usize,
    held: usize,
    returned: BinaryHeap<Returned<R>>,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    Returned,
    Settled,
}

#[derive(Debug)]
struct Returned<R> {
    due: Instant,
    number: u64,
    record: R,
}

/// What settling a message has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The watermark, which is to be committed.
    Watermark,
    /// Nothing yet: a message before it is not settled.
    Behind,
}

impl<R> Default for Tracker<R> {
    fn default() -> Self {
        Self {
            first: 0,
            slots: VecDeque::new(),
            watermark: None,
            unsettled_bytes: 0,
            held: 0,
            returned: BinaryHeap::new(),
        }
    }
}

impl<R> Tracker<R> {
    /// The offset to commit; `None` until something was settled.
    pub(super) fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// How many are handed out and not settled.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether no new message may be handed out.
    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.slots.len() >= limits.messages || self.unsettled_bytes >= limits.bytes
    }

    /// The next message is handed out; returns its number. `None` where it is not after those before, which a partition
    /// never has.
    pub(super) fn hand_out(&mut self, offset: i64, bytes: usize) -> Option<u64> {
        let last = self.slots.back().map(|slot| slot.offset).or(self.watermark.map(|next| next - 1));
        if last.is_some_and(|last| offset <= last) {
            return None;
        }
        let number = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { offset, bytes, state: State::Held });
        self.unsettled_bytes += bytes;
        self.held += 1;
        Some(number)
    }

    /// A message that is held is settled for good; `None` where it is not held.
    pub(super) fn settle(&mut self, number: u64) -> Option<Settled> {
        let slot = self.held_slot(number)?;
        slot.state = State::Settled;
        let bytes = slot.bytes;
        self.held -= 1;
        self.unsettled_bytes -= bytes;
        let mut moved = Settled::Behind;
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.state == State::Settled) {
            self.first += 1;
            self.watermark = Some(slot.offset + 1);
            moved = Settled::Watermark;
        }
        Some(moved)
    }

    /// A message that is held is to be handed out again, not before `due`. False where it is not held.
    pub(super) fn give_back(&mut self, number: u64, due: Instant, record: R) -> bool {
        let Some(slot) = self.held_slot(number) else { return false };
        slot.state = State::Returned;
        self.held -= 1;
        self.returned.push(Returned { due, number, record });
        true
    }

    /// Hands out again what was given back and is due, the longest due first.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(u64, R)> {
        if self.returned.peek()?.due > now {
            return None;
        }
        let Returned { number, record, .. } = self.returned.pop()?;
        let at = usize::try_from(number - self.first).ok()?;
        self.slots.get_mut(at)?.state = State::Held;
        self.held += 1;
        Some((number, record))
    }

    /// When the first of what was given back is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.returned.peek().map(|returned| returned.due)
    }

    /// How many are neither settled nor given up.
    pub(super) fn unsettled(&self) -> usize {
        self.held + self.returned.len()
    }

    fn held_slot(&mut self, number: u64) -> Option<&mut Slot> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at).filter(|slot| slot.state == State::Held)
    }
}

// The largest is taken first.
impl<R> Ord for Returned<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<R> PartialOrd for Returned<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> PartialEq for Returned<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R> Eq for Returned<R> {}
