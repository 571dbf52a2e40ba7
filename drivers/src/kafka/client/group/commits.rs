//! Watermarks, committed one batch after the other by a thread of their own.
//!
//! A commit that tells how it ended blocks, and costs a round trip and several wakeups of librdkafka's threads: so all
//! that is settled within [`INTERVAL`] shares one. The first after a pause does not wait.
//!
//! Nor does a settlement wait for its commit as long as commits go well, which would cost it a task and two wakeups. From
//! one that failed until one that did not, each waits for its own, and is told.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::partition::Partition;
use super::{Consumer, Group};
use crate::SettleError;

/// The least time between two commits.
const INTERVAL: Duration = Duration::from_millis(50);
/// The wait before one that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How long a settlement is worth trying.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often topics that cannot be read are looked up.
const PROBE: Duration = Duration::from_secs(2);

pub(in crate::kafka::client) type Committed = oneshot::Receiver<Result<(), SettleError>>;

#[derive(Default)]
pub(super) struct Commits {
    state: Mutex<State>,
    /// There is something to do.
    wake: Condvar,
    /// A batch has ended.
    ended: Condvar,
    /// The last one has failed.
    failing: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Partitions whose watermark has moved, each once.
    dirty: Vec<Arc<Partition>>,
    waiting: Vec<Waiting>,
    /// Somebody waits for all to be committed: no pause.
    urgent: bool,
    busy: bool,
    stopped: bool,
}

/// Nothing is committed before it has ended, but for a flush that follows no failure.
#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    failed: bool,
}

struct Waiting {
    partition: Arc<Partition>,
    since: Instant,
    sender: oneshot::Sender<Result<(), SettleError>>,
    /// Where it waits.
    runtime: Option<Handle>,
}

type Answer = (oneshot::Sender<Result<(), SettleError>>, Result<(), SettleError>);

/// Tells each how it has ended. Those of one runtime are told by a task there: waking a runtime from another thread costs
/// a system call each time.
#[derive(Default)]
struct Answers(Vec<(Option<Handle>, Vec<Answer>)>);

impl Answers {
    fn add(&mut self, waiting: Waiting, answer: Result<(), SettleError>) {
        let Waiting { sender, runtime, .. } = waiting;
        let id = runtime.as_ref().map(Handle::id);
        match self.0.iter_mut().find(|(known, _)| known.as_ref().map(Handle::id) == id) {
            Some((_, answers)) => answers.push((sender, answer)),
            None => self.0.push((runtime, vec![(sender, answer)])),
        }
    }

    fn give(self) {
        let give = |answers: Vec<Answer>| {
            for (sender, answer) in answers {
                // Who does not wait any more need not know.
                let _ = sender.send(answer);
            }
        };
        for (runtime, answers) in self.0 {
            match runtime {
                Some(runtime) if answers.len() > 1 => drop(runtime.spawn(async move { give(answers) })),
                _ => give(answers),
            }
        }
    }
}

impl Commits {
    /// The watermark of a partition has moved. `first` where it was not known to have. `None` where there is nothing to
    /// wait for.
    pub(super) fn add(&self, partition: &Arc<Partition>, first: bool) -> Option<Committed> {
        if !self.failing.load(Ordering::Acquire) {
            if first {
                self.add_dirty(self.lock(), partition);
            }
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.stopped {
            let _ = sender.send(Err(SettleError::Expired));
            return Some(receiver);
        }
        let runtime = Handle::try_current().ok();
        state.waiting.push(Waiting { partition: Arc::clone(partition), since: Instant::now(), sender, runtime });
        if first {
            self.add_dirty(state, partition);
        }
        Some(receiver)
    }

    fn add_dirty(&self, mut state: MutexGuard<'_, State>, partition: &Arc<Partition>) {
        state.dirty.push(Arc::clone(partition));
        let is_idle = state.dirty.len() == 1 && !state.busy;
        drop(state);
        if is_idle {
            self.wake.notify_one();
        }
    }

    /// Waits until all that was settled before is committed, or until `deadline`. Blocks.
    pub(super) fn flush(&self, deadline: Instant) {
        let mut state = self.lock();
        state.urgent = true;
        self.wake.notify_one();
        while state.busy || !state.dirty.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (state, _) = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        state.urgent = false;
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        self.wake.notify_one();
        for waiting in waiting {
            let _ = waiting.sender.send(Err(SettleError::Expired));
        }
    }

    /// There are topics to be looked up.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// What the thread does, until it is stopped.
    pub(super) fn run(&self, group: &Group) {
        let mut pause = Pause { until: Instant::now(), failed: false };
        let mut probe_at = Instant::now() + PROBE;
        loop {
            let Some((dirty, waiting)) = self.next(group, pause, probe_at) else { return };
            if dirty.is_empty() && waiting.is_empty() {
                group.look_up();
                probe_at = Instant::now() + PROBE;
                continue;
            }
            let committed = group.with_consumer(|consumer| commit(consumer, &dirty)).unwrap_or(Err(None));
            let failed = committed.is_err();
            pause = Pause { until: Instant::now() + if failed { RETRY } else { INTERVAL }, failed };
            self.ended(group, dirty, waiting, committed);
        }
    }

    /// The next batch, or an empty one where topics are to be looked up; `None` at the end.
    fn next(&self, group: &Group, pause: Pause, probe_at: Instant) -> Option<(Vec<Arc<Partition>>, Vec<Waiting>)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let now = Instant::now();
            let wait = if state.dirty.is_empty() && state.waiting.is_empty() {
                match group.has_refused_topics().then(|| probe_at.saturating_duration_since(now)) {
                    Some(Duration::ZERO) => return Some(Default::default()),
                    wait => wait,
                }
            } else {
                let wait = pause.until.saturating_duration_since(now);
                if wait.is_zero() || (state.urgent && !pause.failed) {
                    state.busy = true;
                    return Some((mem::take(&mut state.dirty), mem::take(&mut state.waiting)));
                }
                Some(wait)
            };
            state = match wait {
                Some(wait) => self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A batch has ended, in one way or the other; `Err(None)` where there is no consumer any more.
    fn ended(
        &self,
        group: &Group,
        dirty: Vec<Arc<Partition>>,
        waiting: Vec<Waiting>,
        committed: Result<(), Option<KafkaError>>,
    ) {
        self.failing.store(committed.is_err(), Ordering::Release);
        let mut answers = Answers::default();
        let failure = match committed {
            Ok(()) => {
                for waiting in waiting {
                    let is_lost = waiting.partition.is_revoked();
                    answers.add(waiting, if is_lost { Err(SettleError::Expired) } else { Ok(()) });
                }
                None
            }
            Err(error) => {
                let code = error.as_ref().and_then(KafkaError::rdkafka_error_code);
                let reason =
                    error.map_or_else(|| "the consumer is being made anew".to_owned(), |error| error.to_string());
                group.not_committed(&reason);
                let again = code.is_some_and(is_passing);
                Some((waiting, reason, again))
            }
        };
        let mut state = self.lock();
        state.busy = false;
        if let Some((waiting, reason, again)) = failure {
            // Whatever it was: the watermark is committed as soon as that is possible.
            state.dirty.extend(dirty.into_iter().filter(|partition| partition.commit_again()));
            for waiting in waiting {
                let is_lost = waiting.partition.is_revoked();
                if again && !is_lost && !state.stopped && waiting.since.elapsed() < PATIENCE {
                    state.waiting.push(waiting);
                } else {
                    let why = reason.clone().into();
                    let error = if is_lost { SettleError::Expired } else { SettleError::Unreachable(why) };
                    answers.add(waiting, Err(error));
                }
            }
        }
        drop(state);
        answers.give();
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commits the watermarks of those that are still this member's.
fn commit(consumer: &Consumer, dirty: &[Arc<Partition>]) -> Result<(), Option<KafkaError>> {
    let mut offsets = TopicPartitionList::with_capacity(dirty.len());
    for partition in dirty {
        if let Some(watermark) = partition.begin_commit() {
            offsets
                .add_partition_offset(&partition.topic, partition.number, Offset::Offset(watermark))
                .map_err(Some)?;
        }
    }
    if offsets.count() == 0 {
        return Ok(());
    }
    consumer.commit(&offsets, CommitMode::Sync).map_err(Some)
}

/// Whether it may go better in a moment, while the partitions are still this member's.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::RebalanceInProgress
            | Code::IllegalGeneration
            | Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::WaitingForCoordinator
            | Code::BrokerTransportFailure
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::AllBrokersDown
    )
}
