//! Messages that wait for a request to take them along.
//!
//! One that comes alone is sent at once. While as many requests are on their way as there may be, those that come are
//! gathered, and the next request takes them all, up to the service's limits. So nothing waits for a timer, and the more
//! there is to do, the larger requests are.
//!
//! Messages of one key are never in two requests at a time, so they are stored in the order they came in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a request may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) bytes: usize,
    /// How many requests without a key there may be at a time.
    pub(super) requests: usize,
}

/// The messages of one topic.
pub(super) struct Gathering<T> {
    limits: Limits,
    lanes: Mutex<Lanes<T>>,
}

struct Lanes<T> {
    keyless: Lane<T>,
    /// Those of which something waits or is on its way.
    keys: HashMap<Box<str>, Lane<T>>,
}

struct Lane<T> {
    waiting: VecDeque<(T, usize)>,
    requests: usize,
}

impl<T> Gathering<T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, lanes: Mutex::new(Lanes { keyless: Lane::default(), keys: HashMap::new() }) }
    }

    /// Adds what is of `bytes`. True where whoever calls has to see to it that [`take`](Self::take) is called until there is
    /// nothing left.
    #[must_use]
    pub(super) fn add(&self, key: &str, one: T, bytes: usize) -> bool {
        let mut lanes = self.lanes();
        let (lane, requests) = match key {
            "" => (&mut lanes.keyless, self.limits.requests),
            key if lanes.keys.contains_key(key) => (lanes.keys.entry(key.into()).or_default(), 1),
            key => (lanes.keys.entry(key.into()).or_default(), 1),
        };
        lane.waiting.push_back((one, bytes));
        let is_first = lane.requests < requests;
        lane.requests += usize::from(is_first);
        is_first
    }

    /// What the next request takes along; empty where nothing is left, and then nobody sends for the key any more.
    pub(super) fn take(&self, key: &str) -> Vec<T> {
        let mut lanes = self.lanes();
        let lanes = &mut *lanes;
        let Some(lane) = (if key.is_empty() { Some(&mut lanes.keyless) } else { lanes.keys.get_mut(key) }) else {
            return Vec::new();
        };
        let (mut count, mut sum) = (0, 0_usize);
        for (_, bytes) in &lane.waiting {
            sum = sum.saturating_add(*bytes);
            if count > 0 && (count == self.limits.messages || sum > self.limits.bytes) {
                break;
            }
            count += 1;
        }
        let taken: Vec<T> = lane.waiting.drain(..count).map(|(one, _)| one).collect();
        if taken.is_empty() {
            lane.requests -= 1;
            if !key.is_empty() {
                lanes.keys.remove(key);
            }
        }
        taken
    }

    /// All that waits, of whatever size.
    pub(super) fn take_all(&self, key: &str) -> Vec<T> {
        let mut lanes = self.lanes();
        let lane = lanes.keys.get_mut(key);
        lane.map_or_else(Vec::new, |lane| lane.waiting.drain(..).map(|(one, _)| one).collect())
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), requests: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { messages: 3, bytes: 100, requests: 2 };

    #[test]
    fn alone_at_once_and_then_together() {
        let gathering = Gathering::new(LIMITS);
        assert!(gathering.add("", 1, 10) && gathering.add("", 2, 10));
        assert_eq!((gathering.take(""), gathering.take("")), (vec![1, 2], vec![]));
        // One of the two requests is still on its way.
        assert!(gathering.add("", 3, 10));
        for number in 4..=8 {
            assert!(!gathering.add("", number, 10), "{number}");
        }
        assert_eq!([gathering.take(""), gathering.take("")], [vec![3, 4, 5], vec![6, 7, 8]]);
        assert!(gathering.take("").is_empty() && gathering.take("").is_empty());
    }

    #[test]
    fn bytes() {
        let gathering = Gathering::new(LIMITS);
        for (number, bytes) in [(1, 60), (2, 41), (3, 59), (4, 1000), (5, 1)] {
            let _ = gathering.add("", number, bytes);
        }
        let taken: Vec<_> =
            std::iter::repeat_with(|| gathering.take("")).take_while(|taken| !taken.is_empty()).collect();
        assert_eq!(taken, [vec![1], vec![2, 3], vec![4], vec![5]]);
    }

    #[test]
    fn a_key_has_one_request_at_a_time() {
        let gathering = Gathering::new(LIMITS);
        assert!(gathering.add("a", 1, 1));
        assert!(gathering.add("b", 2, 1));
        assert_eq!(gathering.take("a"), [1]);
        assert!(!gathering.add("a", 3, 1) && !gathering.add("a", 4, 1));
        assert_eq!(gathering.take_all("a"), [3, 4]);
        assert!(!gathering.add("a", 5, 1));
        assert_eq!((gathering.take("a"), gathering.take("a")), (vec![5], vec![]));
        assert!(gathering.add("a", 6, 1));
        assert_eq!((gathering.take("b"), gathering.take("b")), (vec![2], vec![]));
        assert_eq!(gathering.lanes().keys.len(), 1);
    }
}
