//! Receivers that wait for a message.

use std::collections::VecDeque;
use std::task::Waker;

/// Receivers in the order in which they came. A message that becomes ready takes the first one out
/// and wakes it; from then on that receiver owes the next one a wake-up if it is dropped instead of
/// polled.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: VecDeque<(u64, Waker)>,
    next_place: u64,
}

/// Wakers to be woken once the lock is free again. Holding one allocates nothing.
#[derive(Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Waiters {
    /// Waits at `place`, which a receiver keeps while it comes back: one that finds the message gone that
    /// it was woken for does not queue up again behind later ones.
    pub(super) fn wait(&mut self, place: &mut Option<u64>, waker: Waker) {
        let place = *place.get_or_insert_with(|| {
            self.next_place += 1;
            self.next_place
        });
        let index = self.waiting.partition_point(|(other, _)| *other < place);
        self.waiting.insert(index, (place, waker));
    }

    /// Takes the receiver at `place` out; `None` when it has been woken since it began to wait.
    /// The waker is returned so that it is dropped outside the lock: that may run foreign code.
    pub(super) fn leave(&mut self, place: u64) -> Option<Waker> {
        let index = self.waiting.binary_search_by_key(&place, |(other, _)| *other).ok()?;
        self.waiting.remove(index).map(|(_, waker)| waker)
    }

    /// Takes out the receiver that has waited longest.
    pub(super) fn first(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|(_, waker)| waker)
    }
}

impl Wakers {
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.others.push(waker),
            None => {}
        }
    }

    pub(super) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
        }
        for other in self.others {
            other.wake();
        }
    }
}
