//! Deliveries that are held: nobody else gets them, for as long as SQS is told so in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};

use super::DRIVER;
use super::queue::Queue;
use super::settling::{Deleting, Done, Hidden, Hiding, LIMITS, Refusal, Told};
use crate::aws::batch::Batches;
use crate::outage::Repeats;

/// The longest that SQS keeps a delivery from others, from when it was received.
pub(super) const MOST: Duration = Duration::from_secs(12 * 3600);

/// What a subscription holds.
pub(super) struct Held {
    pub(super) queue: Arc<Queue>,
    hiding: Batches<Hiding>,
    deleting: Batches<Deleting>,
    /// Deliveries may be dropped anywhere.
    pub(super) runtime: Handle,
    state: Mutex<State>,
    /// Called when the keeper has to look earlier.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    leases: BTreeMap<u64, Lease>,
    next: u64,
    /// Whether a task looks after them, and when it looks again.
    keeping: bool,
    looks: Option<Instant>,
    /// What was said of deliveries that could not be prolonged.
    said: Repeats,
}

/// How long a delivery is held.
#[derive(Clone)]
pub(super) struct Lease {
    pub(super) receipt: Arc<str>,
    pub(super) since: Instant,
    /// When somebody else gets it.
    pub(super) until: Instant,
    /// When it is to be prolonged.
    due: Instant,
    length: Duration,
}

impl Held {
    /// Must be called on a tokio runtime.
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            hiding: Batches::new(Hiding(Arc::clone(&queue)), LIMITS),
            deleting: Batches::new(Deleting(Arc::clone(&queue)), LIMITS),
            queue,
            runtime: Handle::current(),
            state: Mutex::default(),
            earlier: Notify::new(),
        }
    }

    /// Holds a delivery from now on, and returns its number.
    pub(super) fn add(self: &Arc<Self>, receipt: Arc<str>, length: Duration) -> u64 {
        let now = Instant::now();
        let lease = Lease { receipt, since: now, until: now + length, due: now + length / 2, length };
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        if state.looks.is_none_or(|looks| lease.due < looks) {
            self.earlier.notify_one();
        }
        state.leases.insert(number, lease);
        if !state.keeping {
            state.keeping = true;
            self.runtime.spawn(Arc::clone(self).keep());
        }
        number
    }

    /// Ends the holding. `None` where it has ended before: somebody else may have the message.
    pub(super) fn take(&self, number: u64) -> Option<Lease> {
        self.state().leases.remove(&number).filter(|lease| lease.until > Instant::now())
    }

    pub(super) fn delete(&self, lease: &Lease) -> Answer {
        let done = Done { receipt: Arc::clone(&lease.receipt), until: lease.until };
        Answer(self.deleting.push(done).ok())
    }

    /// Lets others have it after a while.
    pub(super) fn show(&self, lease: &Lease, after: Duration) -> Answer {
        // A wait is never shorter than was asked for.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        let most = MOST.saturating_sub(lease.since.elapsed()).as_secs().saturating_sub(1);
        self.hide(&lease.receipt, seconds.min(most))
    }

    fn hide(&self, receipt: &Arc<str>, seconds: u64) -> Answer {
        let seconds = seconds.try_into().unwrap_or(i32::MAX);
        Answer(self.hiding.push(Hidden { receipt: Arc::clone(receipt), seconds }).ok())
    }

    /// Gives all back, and waits until SQS has been told, for `patience` at most.
    pub(super) async fn close(&self, patience: Duration) {
        let leases = std::mem::take(&mut self.state().leases);
        for lease in leases.values() {
            let _ = self.show(lease, Duration::ZERO);
        }
        tokio::join!(self.hiding.close(patience), self.deleting.close(patience));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prolongs what is due, until nothing is held.
    async fn keep(self: Arc<Self>) {
        loop {
            let due = self.due();
            for (number, lease) in due {
                let now = Instant::now();
                let most = MOST.saturating_sub(now.duration_since(lease.since));
                let seconds = lease.length.min(most).as_secs();
                let answer = self.hide(&lease.receipt, seconds);
                let held = Arc::clone(&self);
                // They go together, and none waits for another.
                self.runtime.spawn(async move {
                    let told = answer.told().await;
                    held.prolonged(number, now + Duration::from_secs(seconds), told);
                });
            }
            let looks = {
                let mut state = self.state();
                if state.leases.is_empty() {
                    state.keeping = false;
                    state.looks = None;
                    return;
                }
                let looks = state.leases.values().map(|lease| lease.due.min(lease.until)).min();
                state.looks = looks;
                looks
            };
            let Some(looks) = looks else { continue };
            tokio::select! {
                () = sleep_until(looks) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// What is to be prolonged now, which is not due again before there is an answer. What is over is forgotten.
    fn due(&self) -> Vec<(u64, Lease)> {
        let now = Instant::now();
        let mut state = self.state();
        state.leases.retain(|_, lease| {
            if lease.until <= now {
                self.is_over("its time has passed while SQS could not be asked");
            }
            lease.until > now
        });
        let due = state.leases.iter_mut().filter(|(_, lease)| lease.due <= now);
        due.map(|(number, lease)| {
            let found = lease.clone();
            lease.due = lease.until;
            (*number, found)
        })
        .collect()
    }

    fn prolonged(&self, number: u64, until: Instant, told: Told) {
        let mut state = self.state();
        let State { leases, said, .. } = &mut *state;
        // It may have been settled since.
        let Some(lease) = leases.get_mut(&number) else { return };
        match told {
            Ok(()) => {
                lease.until = until;
                lease.due = until - until.saturating_duration_since(Instant::now()) / 2;
            }
            Err(Refusal::Failed(failure)) => {
                lease.due = Instant::now() + lease.length / 10;
                let reason = failure.to_string();
                if said.is_due(&reason) {
                    let (broker, queue) = (self.queue.broker, &*self.queue.url);
                    tracing::warn!(driver = DRIVER.name, broker, queue, reason, "a delivery could not be prolonged");
                }
            }
            Err(Refusal::Stale(reason)) => {
                leases.remove(&number);
                self.is_over(&reason);
            }
        }
        drop(state);
        self.earlier.notify_one();
    }

    fn is_over(&self, reason: &str) {
        let (broker, queue) = (self.queue.broker, &*self.queue.url);
        let what = "a delivery is not held any more, others may get the message";
        tracing::warn!(driver = DRIVER.name, broker, queue, reason, "{what}");
    }
}

/// What SQS will have said; nobody need wait for it.
pub(super) struct Answer(Option<tokio::sync::oneshot::Receiver<Told>>);

impl Answer {
    pub(super) async fn told(self) -> Told {
        let closed = || Err(Refusal::closed());
        match self.0 {
            Some(answer) => answer.await.unwrap_or_else(|_| closed()),
            None => closed(),
        }
    }
}
