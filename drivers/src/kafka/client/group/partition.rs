//! A partition that the group has given to this member.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::consumer::BaseConsumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;

use super::context::GroupContext;
use super::record::Record;
use super::refusals::is_refusal;
use super::tracker::{Limits, Settled, Tracker};

/// From its assignment to its revocation. Assigned again, it is another one.
pub(in crate::kafka::client) struct Partition {
    pub(in crate::kafka::client) topic: Arc<str>,
    pub(in crate::kafka::client) number: i32,
    /// The number as text.
    pub(in crate::kafka::client) text: Box<str>,
    /// `orders-3`.
    place: Box<str>,
    /// Whether there may be something in its queue.
    ready: Arc<AtomicBool>,
    /// Whether something was given back.
    returned: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// What librdkafka has fetched. `None` before it is assigned, and from the revocation on: it keeps the consumer alive.
    queue: Option<PartitionQueue<GroupContext>>,
    tracker: Tracker<Arc<Record>>,
    life: Life,
    /// Whether its watermark is about to be committed.
    dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Assigned,
    /// Nothing is handed out any more; what is held may be settled.
    Leaving,
    /// Nor is anything settled any more: what was is about to be committed for the last time.
    Sealed,
    Revoked,
}

impl Life {
    fn may_settle(self) -> bool {
        matches!(self, Self::Assigned | Self::Leaving)
    }
}

/// What there was to take from a partition.
pub(super) enum Taken {
    Record(u64, Arc<Record>),
    /// A record that came before one that was handed out: the partition cannot be read on.
    Disorder(i64),
    /// It cannot be read, for this.
    Refused(RDKafkaErrorCode),
    Nothing,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The watermark has moved, and who is told first that it is to be committed.
    Commit { first: bool },
    /// Taken, with nothing to commit.
    Taken,
    /// It was not held any more.
    Expired,
}

impl Partition {
    pub(super) fn new(topic: Arc<str>, number: i32) -> Self {
        let place = format!("{topic}-{number}").into();
        let (text, ready) = (number.to_string().into(), Arc::default());
        let state = State { queue: None, tracker: Tracker::default(), life: Life::Assigned, dirty: false };
        Self { topic, number, text, place, ready, returned: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Takes the partition's messages out of the queue that all have in common. Must come before it is fetched from.
    pub(super) fn split(&self, consumer: &Arc<BaseConsumer<GroupContext>>, wake: &Arc<Notify>) -> bool {
        let Some(mut queue) = consumer.split_partition_queue(&self.topic, self.number) else { return false };
        let (ready, wake) = (Arc::clone(&self.ready), Arc::clone(wake));
        queue.set_nonempty_callback(move || {
            ready.store(true, Ordering::Release);
            wake.notify_one();
        });
        self.lock().queue = Some(queue);
        self.ready.store(true, Ordering::Release);
        true
    }

    /// Takes what was given back and is due, or the next one.
    pub(super) fn take(&self, limits: Limits) -> Taken {
        let returned = self.returned.load(Ordering::Acquire);
        if !returned && !self.ready.load(Ordering::Acquire) {
            return Taken::Nothing;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.life != Life::Assigned {
            return Taken::Nothing;
        }
        if returned {
            if let Some((number, record)) = state.tracker.take_due(Instant::now()) {
                return Taken::Record(number, record);
            }
            self.returned.store(state.tracker.next_due().is_some(), Ordering::Release);
        }
        let Some(queue) = &state.queue else { return Taken::Nothing };
        // Before the look: what comes after it sets it again.
        while !state.tracker.is_full(limits) && self.ready.swap(false, Ordering::AcqRel) {
            match queue.poll(std::time::Duration::ZERO) {
                None => {}
                Some(polled) => {
                    self.ready.store(true, Ordering::Release);
                    match polled {
                        Err(KafkaError::MessageConsumption(code)) if is_refusal(code) => return Taken::Refused(code),
                        // The context has heard of it.
                        Err(_) => {}
                        Ok(message) => {
                            let record = Record::read(&message, &self.place);
                            let offset = record.offset;
                            return match state.tracker.hand_out(offset, record.bytes()) {
                                Some(number) => Taken::Record(number, Arc::new(record)),
                                None => Taken::Disorder(offset),
                            };
                        }
                    }
                }
            }
        }
        Taken::Nothing
    }

    /// Whether there may be more to take.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Whether something was given back that nobody has taken since.
    pub(super) fn has_returned(&self) -> bool {
        self.returned.load(Ordering::Acquire)
    }

    /// When the first of what was given back is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if !self.returned.load(Ordering::Acquire) {
            return None;
        }
        let state = self.lock();
        if state.life == Life::Assigned { state.tracker.next_due() } else { None }
    }

    /// A message is done with.
    pub(super) fn settle(&self, number: u64) -> Outcome {
        let mut state = self.lock();
        if !state.life.may_settle() {
            return Outcome::Expired;
        }
        match state.tracker.settle(number) {
            None => Outcome::Expired,
            Some(Settled::Behind) => Outcome::Taken,
            Some(Settled::Watermark) => Outcome::Commit { first: !std::mem::replace(&mut state.dirty, true) },
        }
    }

    /// A message is to come again, not before `due`.
    pub(super) fn give_back(&self, number: u64, due: Instant, record: Arc<Record>) -> Outcome {
        let mut state = self.lock();
        if !state.life.may_settle() || !state.tracker.give_back(number, due, record) {
            return Outcome::Expired;
        }
        self.returned.store(true, Ordering::Release);
        Outcome::Taken
    }

    /// The watermark to commit, and that it is being committed; `None` where the partition is no longer this member's.
    pub(super) fn begin_commit(&self) -> Option<i64> {
        let mut state = self.lock();
        state.dirty = false;
        if state.life == Life::Revoked { None } else { state.tracker.watermark() }
    }

    /// It could not be committed and has to be, unless somebody has said so already.
    pub(super) fn commit_again(&self) -> bool {
        let mut state = self.lock();
        state.life != Life::Revoked && !std::mem::replace(&mut state.dirty, true)
    }

    /// Nothing is handed out any more.
    pub(super) fn leave(&self) {
        self.lock().life = Life::Leaving;
    }

    /// Nothing is settled any more. Whether its watermark is still to be committed.
    pub(super) fn seal(&self) -> bool {
        let mut state = self.lock();
        state.life = Life::Sealed;
        state.dirty
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.lock().life == Life::Revoked
    }

    /// How many messages are handed out and not settled.
    pub(super) fn held(&self) -> usize {
        self.lock().tracker.held()
    }

    /// It is another member's. Returns how many messages were neither settled nor given up.
    pub(super) fn revoke(&self) -> usize {
        let mut state = self.lock();
        state.life = Life::Revoked;
        let queue = state.queue.take();
        let unsettled = std::mem::take(&mut state.tracker).unsettled();
        drop(state);
        // Dropping it asks librdkafka for a lock that its callback is called with.
        drop(queue);
        unsettled
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}
