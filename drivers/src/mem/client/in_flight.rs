//! What was delivered and not settled yet.

use tokio::time::Instant;

use super::queue::Entry;

/// Deliveries in the order of their deadlines: a list threaded through a table, so that adding, settling
/// and finding the next deadline take constant time, and a settled delivery leaves nothing behind.
#[derive(Default)]
pub(super) struct InFlight {
    slots: Vec<Slot>,
    vacant: Vec<usize>,
    first: Option<usize>,
    last: Option<usize>,
    len: usize,
    serial: u64,
}

/// Names one delivery. It stays unique after the delivery is gone and its slot is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: usize,
    serial: u64,
}

struct Slot {
    serial: u64,
    due: Instant,
    previous: Option<usize>,
    next: Option<usize>,
    entry: Option<Entry>,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a delivery. `due` is never before that of an earlier one but for the time between two
    /// threads' readings of the clock, and is moved up by that.
    pub(super) fn add(&mut self, entry: Entry, due: Instant) -> Ticket {
        let previous = self.last;
        let due = previous.map_or(due, |last| due.max(self.slots[last].due));
        self.serial += 1;
        let slot = Slot { serial: self.serial, due, previous, next: None, entry: Some(entry) };
        let index = match self.vacant.pop() {
            Some(index) => {
                self.slots[index] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        match previous {
            Some(previous) => self.slots[previous].next = Some(index),
            None => self.first = Some(index),
        }
        self.last = Some(index);
        self.len += 1;
        Ticket { slot: index, serial: self.serial }
    }

    /// Takes out the delivery of `ticket`, unless it has gone already.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Entry> {
        let slot = self.slots.get_mut(ticket.slot).filter(|slot| slot.serial == ticket.serial)?;
        let entry = slot.entry.take()?;
        let (previous, next) = (slot.previous, slot.next);
        match previous {
            Some(previous) => self.slots[previous].next = next,
            None => self.first = next,
        }
        match next {
            Some(next) => self.slots[next].previous = previous,
            None => self.last = previous,
        }
        self.vacant.push(ticket.slot);
        self.len -= 1;
        Some(entry)
    }

    /// Takes out a delivery whose deadline is `now` or earlier.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Entry> {
        let slot = self.first.filter(|&first| self.slots[first].due <= now)?;
        self.take(Ticket { slot, serial: self.slots[slot].serial })
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.first.map(|first| self.slots[first].due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Message;

    fn entry(sequence: u64) -> Entry {
        Entry { message: Message::default().into(), sequence, count: 1 }
    }

    #[test]
    fn any_order_of_settling_leaves_the_rest_in_order() {
        let start = Instant::now();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut in_flight = InFlight::default();
            let due = |number: u64| start + Duration::from_secs(number);
            let tickets: Vec<_> = (0..3).map(|number| in_flight.add(entry(number), due(number))).collect();
            let mut left = vec![0, 1, 2];
            for number in order {
                assert_eq!(in_flight.take(tickets[number as usize]).map(|entry| entry.sequence), Some(number));
                assert!(in_flight.take(tickets[number as usize]).is_none(), "taken twice");
                left.retain(|&other| other != number);
                assert_eq!(in_flight.next_due(), left.first().map(|&first| due(first)));
                assert_eq!(in_flight.len(), left.len());
            }
        }
    }

    #[test]
    fn a_slot_used_again_does_not_answer_to_its_old_ticket() {
        let mut in_flight = InFlight::default();
        let now = Instant::now();
        let old = in_flight.add(entry(0), now);
        assert!(in_flight.take(old).is_some());
        let new = in_flight.add(entry(1), now);
        assert_eq!(old.slot, new.slot);
        assert!(in_flight.take(old).is_none());
        assert!(in_flight.take(new).is_some());
        assert_eq!(in_flight.slots.len(), 1);
    }

    #[test]
    fn only_what_is_due_is_taken() {
        let mut in_flight = InFlight::default();
        let now = Instant::now();
        let second = Duration::from_secs(1);
        in_flight.add(entry(0), now + second);
        in_flight.add(entry(1), now + 2 * second);
        assert!(in_flight.take_due(now).is_none());
        assert_eq!(in_flight.take_due(now + second).map(|entry| entry.sequence), Some(0));
        assert!(in_flight.take_due(now + second).is_none());
        assert_eq!(in_flight.take_due(now + 2 * second).map(|entry| entry.sequence), Some(1));
        assert_eq!(in_flight.next_due(), None);
    }
}
