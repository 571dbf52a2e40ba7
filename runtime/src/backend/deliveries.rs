//! How often messages came back, for brokers that take a message back and do not count.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sluicegate_drivers::Message;
use tokio::time::Instant;

/// A generation has so many messages at most; there are two.
const MESSAGES: usize = 5_000;
/// A generation is so old at most: a message is forgotten after this, at the latest after twice that.
const AGE: Duration = Duration::from_secs(30 * 60);

/// The messages of one subscription that were given back by this process, and how often.
///
/// A message is told by its id, or by its content where it has none: equal messages without an id count as one. Bounded
/// in number and age, so a message that comes back seldom, or among very many others, is counted from the start.
#[derive(Debug)]
pub(super) struct Deliveries {
    hasher: RandomState,
    /// How many are known: a subscription without trouble asks no more than this.
    known: AtomicUsize,
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    young: HashMap<u64, u32>,
    old: HashMap<u64, u32>,
    since: Instant,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), since: Instant::now() };
        Self { hasher: RandomState::new(), known: AtomicUsize::new(0), generations: Mutex::new(generations) }
    }

    /// How often `message` was delivered, this time included.
    pub(super) fn count(&self, message: &Message) -> u32 {
        if self.known.load(Ordering::Relaxed) == 0 {
            return 1;
        }
        self.with(message, |generations, key| generations.get(key).saturating_add(1))
    }

    /// `message` is given back.
    pub(super) fn given_back(&self, message: &Message) {
        self.with(message, |generations, key| {
            let count = generations.get(key).saturating_add(1);
            generations.old.remove(&key);
            generations.young.insert(key, count);
        });
    }

    /// `message` will not come back.
    pub(super) fn forget(&self, message: &Message) {
        if self.known.load(Ordering::Relaxed) > 0 {
            self.with(message, |generations, key| {
                generations.young.remove(&key);
                generations.old.remove(&key);
            });
        }
    }

    fn with<T>(&self, message: &Message, run: impl FnOnce(&mut Generations, u64) -> T) -> T {
        let key = self.key(message);
        // Nothing panics with the lock held.
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.age();
        let result = run(&mut generations, key);
        self.known.store(generations.young.len() + generations.old.len(), Ordering::Relaxed);
        result
    }

    fn key(&self, message: &Message) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        match &message.id {
            Some(id) => id.hash(&mut hasher),
            None => {
                message.body.hash(&mut hasher);
                message.key.hash(&mut hasher);
                for attribute in &message.attributes {
                    (&attribute.name, &attribute.value).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }
}

impl Generations {
    fn get(&self, key: u64) -> u32 {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied().unwrap_or_default()
    }

    fn age(&mut self) {
        let age = self.since.elapsed();
        if age >= AGE || self.young.len() >= MESSAGES {
            self.old = if age >= 2 * AGE { HashMap::new() } else { mem::take(&mut self.young) };
            self.young.clear();
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: Option<&str>, body: &'static str) -> Message {
        Message { id: id.map(str::to_owned), ..Message::new(body) }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_told_apart_and_forgotten() {
        let deliveries = Deliveries::new();
        let (a, b, plain) = (message(Some("a"), "x"), message(Some("b"), "x"), message(None, "x"));
        assert_eq!(deliveries.count(&a), 1);
        for expected in [2, 3] {
            deliveries.given_back(&a);
            assert_eq!(deliveries.count(&a), expected);
        }
        deliveries.given_back(&plain);
        assert_eq!([deliveries.count(&b), deliveries.count(&plain)], [1, 2]);
        assert_eq!(deliveries.count(&message(None, "y")), 1);
        deliveries.forget(&a);
        assert_eq!(deliveries.count(&a), 1);
        tokio::time::advance(AGE).await;
        assert_eq!(deliveries.count(&plain), 2, "of the generation before");
        tokio::time::advance(AGE).await;
        assert_eq!(deliveries.count(&plain), 1);
        assert_eq!(deliveries.known.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn there_is_an_end_to_what_is_kept() {
        let deliveries = Deliveries::new();
        for id in 0..3 * MESSAGES {
            deliveries.given_back(&message(Some(&id.to_string()), ""));
        }
        assert!(deliveries.known.load(Ordering::Relaxed) <= 2 * MESSAGES);
        assert_eq!(deliveries.count(&message(Some(&(3 * MESSAGES - 1).to_string()), "")), 2);
        assert_eq!(deliveries.count(&message(Some("0"), "")), 1);
    }
}
