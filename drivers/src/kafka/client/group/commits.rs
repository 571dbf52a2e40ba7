//! Watermarks, committed one batch after the other by a thread of their own.
//!
//! A commit that tells how it ended blocks, and costs a round trip and several wakeups of librdkafka's threads: so all
//! that is settled within [`INTERVAL`] shares one. The first after a pause does not wait.
//!
//! Nor does a settlement wait for its commit as long as commits go well, which would cost it a task and two wakeups. From
//! one that failed, or has no answer for a while, until one that did not, each waits for its own, and is told.

mod batch;

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::batch::{Batch, commit};
use super::Group;
use super::partition::Partition;
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
    /// Those that wait for the batch on its way.
    committing: Vec<Waiting>,
    /// Somebody waits for all to be committed: no pause.
    urgent: bool,
    /// Since when a batch is on its way.
    busy: Option<Instant>,
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

impl Waiting {
    fn is_late(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

/// What the thread does next.
enum Next {
    Commit(Vec<Arc<Partition>>),
    LookUp,
    End,
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
        let is_idle = state.dirty.len() == 1 && state.busy.is_none();
        drop(state);
        if is_idle {
            self.wake.notify_one();
        }
    }

    /// Waits until all that was settled before is committed, or until `deadline`. Blocks.
    ///
    /// `dirty` are those whose watermark has moved: whoever moved it may not have come to saying so.
    pub(super) fn flush(&self, dirty: Vec<Arc<Partition>>, deadline: Instant) {
        let mut state = self.lock();
        for partition in dirty {
            if !state.dirty.iter().any(|known| Arc::ptr_eq(known, &partition)) {
                state.dirty.push(partition);
            }
        }
        state.urgent = true;
        self.wake.notify_one();
        while state.busy.is_some() || !state.dirty.is_empty() {
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
        let committing = mem::take(&mut state.committing);
        drop(state);
        self.wake.notify_one();
        for waiting in waiting.into_iter().chain(committing) {
            let _ = waiting.sender.send(Err(SettleError::Expired));
        }
    }

    /// There are topics to be looked up.
    pub(super) fn wake(&self) {
        // Whoever has just looked for them waits by now.
        drop(self.lock());
        self.wake.notify_one();
    }

    /// What the thread does, until it is stopped.
    pub(super) fn run(&self, group: &Group) {
        let mut pause = Pause { until: Instant::now(), failed: false };
        let mut probe_at = Instant::now() + PROBE;
        loop {
            let dirty = match self.next(group, pause, probe_at) {
                Next::Commit(dirty) => dirty,
                Next::LookUp => {
                    group.look_up();
                    probe_at = Instant::now() + PROBE;
                    continue;
                }
                Next::End => return,
            };
            let batch = group.with_consumer(|consumer| commit(consumer, &dirty)).unwrap_or_else(|| Batch::lost(&dirty));
            let failed = !batch.failed.is_empty();
            pause = Pause { until: Instant::now() + if failed { RETRY } else { INTERVAL }, failed };
            self.ended(group, dirty, &batch);
        }
    }

    fn next(&self, group: &Group, pause: Pause, probe_at: Instant) -> Next {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::End;
            }
            let now = Instant::now();
            let wait = if state.dirty.is_empty() && state.waiting.is_empty() {
                match group.has_missing_topics().then(|| probe_at.saturating_duration_since(now)) {
                    Some(Duration::ZERO) => return Next::LookUp,
                    wait => wait,
                }
            } else {
                let wait = pause.until.saturating_duration_since(now);
                if wait.is_zero() || (state.urgent && !pause.failed) {
                    state.busy = Some(now);
                    state.committing = mem::take(&mut state.waiting);
                    return Next::Commit(mem::take(&mut state.dirty));
                }
                Some(wait)
            };
            state = match wait {
                Some(wait) => self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A batch has ended, in one way or the other.
    fn ended(&self, group: &Group, dirty: Vec<Arc<Partition>>, batch: &Batch) {
        if !batch.failed.is_empty() || batch.has_committed {
            self.failing.store(!batch.failed.is_empty(), Ordering::Release);
        }
        for failure in &batch.failed {
            group.not_committed(&failure.reason);
        }
        // Whatever it was: the watermark is committed as soon as that is possible. Asked without the lock, which is taken
        // where a partition's is held.
        let again: Vec<_> = dirty
            .into_iter()
            .filter(|partition| batch.failure(partition).is_some() && partition.commit_again())
            .collect();
        let mut answers = Answers::default();
        let mut state = self.lock();
        let waiting = mem::take(&mut state.committing);
        let stopped = state.stopped;
        drop(state);
        let mut later = Vec::new();
        for waiting in waiting {
            let answer = match batch.failure(&waiting.partition) {
                _ if waiting.partition.is_revoked() => Err(SettleError::Expired),
                None => Ok(()),
                Some(failure) if failure.is_passing && !stopped && !waiting.is_late() => {
                    later.push(waiting);
                    continue;
                }
                Some(failure) => Err(SettleError::Unreachable(failure.reason.clone().into())),
            };
            answers.add(waiting, answer);
        }
        let mut state = self.lock();
        state.busy = None;
        state.dirty.extend(again);
        state.waiting.extend(later);
        let too_late = if state.stopped { mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        for waiting in too_late {
            answers.add(waiting, Err(SettleError::Expired));
        }
        answers.give();
        self.ended.notify_all();
    }

    /// Looks after a commit that has no answer, which librdkafka waits for as long as the session lasts: it counts as one
    /// that fails, and who has waited for long is told.
    pub(super) fn watch(&self, group: &Group) {
        let mut state = self.lock();
        if state.busy.is_none_or(|since| since.elapsed() < RETRY) {
            return;
        }
        let waiting = mem::take(&mut state.waiting);
        let committing = mem::take(&mut state.committing);
        let (late, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(Waiting::is_late);
        let (later, committing): (Vec<_>, Vec<_>) = committing.into_iter().partition(Waiting::is_late);
        state.waiting = waiting;
        state.committing = committing;
        let was_failing = self.failing.swap(true, Ordering::AcqRel);
        drop(state);
        if !was_failing {
            group.not_committed("the group's coordinator does not answer");
        }
        let mut answers = Answers::default();
        for waiting in late.into_iter().chain(later) {
            answers.add(waiting, Err(SettleError::Unreachable("the group's coordinator does not answer".into())));
        }
        answers.give();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
