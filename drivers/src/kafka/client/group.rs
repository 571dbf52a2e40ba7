//! A member of a consumer group, which subscriptions of one URL share.
//!
//! Two threads of its own, since librdkafka blocks: one polls the queue that all have in common, for rebalances and
//! errors, so that the member stays one however few requests there are; the other commits. The messages of each
//! partition are in a queue of their own, which is read, without waiting, by whoever wants a message: so nothing is handed
//! out for a request that does not exist, nobody has to pause a partition (which would throw away what was fetched), and
//! no message changes its thread. librdkafka fills those queues ahead, to the limits of [`config`].

mod commits;
mod config;
mod context;
mod partition;
mod polling;
mod record;
mod refusals;
mod tracker;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::{Notify, watch};

use self::commits::Commits;
pub(super) use self::commits::Committed;
pub(super) use self::config::Wanted;
use self::context::{GroupContext, Rebalance};
pub(super) use self::partition::Partition;
use self::partition::{Outcome, Taken};
pub(super) use self::record::Record;
use self::refusals::{About, Refusals};
use self::tracker::Limits;
use super::Shared;
use super::context::Observer;
use crate::ReceiveError;
use crate::outage::Repeats;

/// How long a consumer may be without a connection before who waits is told: one takes the place of another now and then.
const AWAY: Duration = Duration::from_secs(1);
/// How long looking up a topic may take.
const LOOK_UP: Duration = Duration::from_secs(2);

pub(super) type Consumer = Arc<BaseConsumer<GroupContext>>;

/// The state of a member.
pub(super) struct Group {
    pub(super) wanted: Wanted,
    shared: Arc<Shared>,
    limits: Limits,
    /// Those that are assigned. A copy is taken for each message, so it is not changed in place.
    partitions: RwLock<Arc<[Arc<Partition>]>>,
    /// The partition that is looked at first.
    turn: AtomicUsize,
    /// Somebody who waits may find something.
    wake: Arc<Notify>,
    consumer: Mutex<Option<Consumer>>,
    sight: Mutex<Sight>,
    decided: Mutex<Vec<Rebalance>>,
    refusals: Mutex<Refusals>,
    lines: Mutex<Repeats>,
    commits: Commits,
    /// Whether there are topics that cannot be read, though they are there.
    has_unreadable: AtomicBool,
    /// To be closed.
    closing: AtomicBool,
    /// To be made anew, since it cannot be read on.
    broken: AtomicBool,
    ended: watch::Sender<bool>,
}

/// What is seen of the consumer's connections.
struct Sight {
    observer: Option<Arc<Observer>>,
    /// Since when there is none, as far as somebody has looked.
    away: Option<Instant>,
}

/// A message that was taken.
pub(super) struct Handed {
    pub(super) partition: Arc<Partition>,
    pub(super) number: u64,
    pub(super) record: Arc<Record>,
}

impl Group {
    /// Begins to join the group. Does not wait for anything.
    ///
    /// It does once `others` have left, which are of the same group and have its `group.instance.id`.
    pub(super) fn join(wanted: Wanted, shared: &Arc<Shared>, others: Vec<Arc<Self>>) -> Arc<Self> {
        let group = Self::new(wanted, shared);
        polling::start(&group, others);
        group
    }

    fn new(wanted: Wanted, shared: &Arc<Shared>) -> Arc<Self> {
        let limits = wanted.limits();
        Arc::new(Self {
            wanted,
            shared: Arc::clone(shared),
            limits,
            partitions: RwLock::new(Arc::new([])),
            turn: AtomicUsize::new(0),
            wake: Arc::default(),
            consumer: Mutex::default(),
            sight: Mutex::new(Sight { observer: None, away: Some(Instant::now()) }),
            decided: Mutex::default(),
            refusals: Mutex::default(),
            lines: Mutex::default(),
            commits: Commits::default(),
            has_unreadable: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        })
    }

    /// One that is closed from the start.
    pub(super) fn closed(wanted: Wanted, shared: &Arc<Shared>) -> Arc<Self> {
        let group = Self::new(wanted, shared);
        group.shut();
        group.commits.stop();
        group.ended.send_replace(true);
        group
    }

    /// Takes a message that is there, which is all that [`receive`](crate::Subscriber::receive) does to the group.
    pub(super) fn take(&self) -> Option<Handed> {
        if self.is_closing() {
            return None;
        }
        let partitions = self.partitions();
        let count = partitions.len();
        let turn = if count > 1 { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 };
        for at in 0..count {
            let partition = &partitions[(turn + at) % count];
            let mut taken = partition.take(self.limits);
            while let Taken::Refused(code) = taken {
                self.refused(partition, code);
                taken = partition.take(self.limits);
            }
            match taken {
                Taken::Nothing | Taken::Refused(_) => {}
                Taken::Record(number, record) => {
                    if self.has_unreadable.load(Ordering::Relaxed) {
                        self.can_be_read(&partition.topic);
                    }
                    // There may be more for others who wait.
                    if partition.is_ready() || count > 1 {
                        self.wake.notify_one();
                    }
                    return Some(Handed { partition: Arc::clone(partition), number, record });
                }
                Taken::Disorder(offset) => self.break_off(partition, offset),
            }
        }
        None
    }

    /// Waits for `notified`, or until something that was given back is due.
    ///
    /// # Errors
    /// Why there is nothing to wait for.
    pub(super) async fn wait(&self, notified: impl Future<Output = ()>) -> Result<(), ReceiveError> {
        let again = self.check()?;
        let due = self.partitions().iter().filter_map(|partition| partition.next_due()).min();
        match due.into_iter().chain(again).min() {
            Some(until) => drop(tokio::time::timeout_at(until.into(), notified).await),
            None => notified.await,
        }
        Ok(())
    }

    /// Whether messages may come, and when to ask again where that is only hoped.
    fn check(&self) -> Result<Option<Instant>, ReceiveError> {
        if self.is_closing() {
            return Err(ReceiveError::Closed);
        }
        if let Some(reason) = self.refusals().reason(self.wanted.topics.len()) {
            return Err(ReceiveError::Refused(reason.into()));
        }
        let mut sight = self.sight();
        if sight.observer.as_ref().is_some_and(|observer| observer.is_connected()) {
            sight.away = None;
            return Ok(None);
        }
        let now = Instant::now();
        let until = *sight.away.get_or_insert(now) + AWAY;
        if now < until {
            return Ok(Some(until));
        }
        Err(ReceiveError::Unreachable(self.shared.health.failure().into()))
    }

    /// Wakes another one that waits, where something was given back that is not due yet.
    pub(super) fn pass_on(&self) {
        if self.partitions().iter().any(|partition| partition.has_returned()) {
            self.wake.notify_one();
        }
    }

    /// Resolves once something has changed since it was made.
    pub(super) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        self.wake.notified()
    }

    /// A message is done with. `None` where it was not this member's any more; otherwise the commit to wait for, where
    /// there is one.
    pub(super) fn settle(&self, partition: &Arc<Partition>, number: u64) -> Option<Option<Committed>> {
        let outcome = partition.settle(number);
        // There may be room again below the limits.
        if outcome != Outcome::Expired && partition.is_ready() {
            self.wake.notify_one();
        }
        match outcome {
            Outcome::Expired => None,
            Outcome::Taken => Some(None),
            Outcome::Commit { first } => Some(self.commits.add(partition, first)),
        }
    }

    /// A message is to come again. False where it was not this member's any more.
    pub(super) fn give_back(&self, partition: &Partition, number: u64, record: &Arc<Record>, delay: Duration) -> bool {
        let now = Instant::now();
        // Beyond what can be reckoned with is never.
        let due = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 60 * 60));
        let taken = partition.give_back(number, due, Arc::clone(record)) == Outcome::Taken;
        if taken {
            self.wake.notify_one();
        }
        taken
    }

    /// Begins to leave the group, and ends all waits.
    pub(super) fn shut(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_waiters();
    }

    /// Leaves the group in order: commits what was settled, gives back the rest. What is not done by `deadline` goes on
    /// in the background.
    pub(super) async fn close(&self, deadline: Instant) {
        self.shut();
        let mut ended = self.ended.subscribe();
        if tokio::time::timeout_at(deadline.into(), ended.wait_for(|ended| *ended)).await.is_err() {
            let group = &*self.wanted.group;
            tracing::warn!(group, "the group was not left in time: the broker takes the member for lost a while later");
        }
    }

    /// Whether it was left, and all is done.
    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// A message was given up.
    pub(super) fn dropped(&self) {
        self.shared.health.counters().add_dropped(1);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn partitions(&self) -> Arc<[Arc<Partition>]> {
        Arc::clone(&self.partitions.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_partitions(&self, partitions: impl Into<Arc<[Arc<Partition>]>>) {
        *self.partitions.write().unwrap_or_else(PoisonError::into_inner) = partitions.into();
    }

    /// Does something with the consumer, if there is one. Must not be called on a thread of the runtime.
    fn with_consumer<T>(&self, then: impl FnOnce(&Consumer) -> T) -> Option<T> {
        let consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(then(&consumer))
    }

    fn set_consumer(&self, consumer: Option<Consumer>) -> Option<Consumer> {
        std::mem::replace(&mut *self.consumer.lock().unwrap_or_else(PoisonError::into_inner), consumer)
    }

    fn decided(&self, rebalance: Rebalance) {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).push(rebalance);
    }

    fn take_decided(&self) -> Vec<Rebalance> {
        std::mem::take(&mut *self.decided.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A partition cannot be read on: all is read again from what is committed.
    fn break_off(&self, partition: &Partition, offset: i64) {
        if !self.broken.swap(true, Ordering::AcqRel) {
            let group = &*self.wanted.group;
            tracing::error!(group, ?partition, offset, "a message came after a later one: the group is joined anew");
        }
    }

    /// Whether an error of librdkafka's says that something is refused, which is said here.
    fn is_refusal(&self, error: &KafkaError, reason: &str) -> bool {
        let Some(code) = error.rdkafka_error_code() else { return false };
        if refusals::is_refusal(code) && reason.starts_with("Fetch ") {
            // Whoever reads the partition says of which topic.
            return true;
        }
        let about = About::of(code, reason, &self.wanted.topics);
        if about == About::Other {
            return false;
        }
        if self.refusals().add(&about, reason) {
            let group = &*self.wanted.group;
            tracing::error!(group, topics = ?self.wanted.topics, reason, "the Kafka subscription cannot be used");
        }
        self.wake.notify_waiters();
        self.commits.wake();
        true
    }

    /// A partition cannot be read.
    #[cold]
    fn refused(&self, partition: &Partition, code: RDKafkaErrorCode) {
        let (group, topic, reason) = (&*self.wanted.group, &*partition.topic, code.to_string());
        self.has_unreadable.store(true, Ordering::Relaxed);
        if self.refusals().unreadable(topic, &reason) {
            tracing::error!(group, topic, reason, "the topic cannot be read");
        }
        self.wake.notify_waiters();
    }

    /// A topic that could not be read was.
    #[cold]
    fn can_be_read(&self, topic: &str) {
        let mut refusals = self.refusals();
        let is_news = refusals.clear_topic(topic);
        self.has_unreadable.store(refusals.unreadable_since().is_some(), Ordering::Relaxed);
        drop(refusals);
        if is_news {
            tracing::info!(group = &*self.wanted.group, topic, "the topic can be read now");
        }
    }

    fn has_missing_topics(&self) -> bool {
        !self.refusals().missing().is_empty()
    }

    /// Looks whether topics can be read by now that could not be. Blocks.
    fn look_up(&self) {
        let is_there = |topic: &str| {
            let metadata = self.with_consumer(|consumer| consumer.fetch_metadata(Some(topic), LOOK_UP));
            metadata.is_some_and(|metadata| metadata.is_ok_and(|it| it.topics().iter().all(|it| it.error().is_none())))
        };
        let found: Vec<_> = self.refusals().missing().into_iter().filter(|topic| is_there(topic)).collect();
        for topic in &found {
            if self.refusals().clear_topic(topic) {
                tracing::info!(group = &*self.wanted.group, topic = &**topic, "the topic can be read now");
            }
        }
        if !found.is_empty() {
            // Otherwise it is noticed only half a minute later.
            let subscribed = self.with_consumer(|consumer| consumer.subscribe(&self.wanted.topics()));
            self.expect(subscribed.unwrap_or(Ok(())), "a subscription");
        }
    }

    /// What is settled is not committed.
    fn not_committed(&self, reason: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_due(reason) {
            let group = &*self.wanted.group;
            tracing::warn!(group, reason, "not committed, will try again: what was settled may come once more");
        }
    }

    fn set_observer(&self, observer: Arc<Observer>) {
        *self.sight() = Sight { observer: Some(observer), away: Some(Instant::now()) };
    }

    fn is_connected(&self) -> bool {
        self.sight().observer.as_ref().is_some_and(|observer| observer.is_connected())
    }

    /// Whether the client waits to ask again for a token that is there by now.
    fn waits_in_vain(&self) -> bool {
        self.sight().observer.as_ref().is_some_and(|observer| observer.waits_in_vain())
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        // Nothing panics with the lock held.
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        // Nothing panics with the lock held.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
