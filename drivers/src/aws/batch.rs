//! Requests that carry several things at once, without making a lone one wait.
//!
//! What comes while nothing is under way goes at once. What comes while requests are under way is gathered, and goes
//! when it fills a request, when one of those ends, or when it has waited for a moment.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// How long something waits for others at most, while there may be a further request.
const LINGER: Duration = Duration::from_millis(10);

/// What carries things to the service.
pub(crate) trait Courier: Send + Sync + 'static {
    /// One of the things.
    type Item: Send + 'static;
    /// What became of one.
    type Answer: Send + 'static;

    /// Whether those are left out, before they are sent, whose answer nobody awaits any more.
    const LEAVES_OUT: bool;

    /// The bytes that an item counts.
    fn size(item: &Self::Item) -> usize;

    /// The most bytes of one request.
    fn max_bytes(&self) -> usize;

    /// Sends one request. Its answers are as many as the items, and in their order.
    fn carry(&self, items: Vec<Self::Item>) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// How much there may be at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Items in a request.
    pub(crate) items: usize,
    /// Requests under way.
    pub(crate) requests: usize,
    /// Items that wait or are under way.
    pub(crate) pending: usize,
    /// Their bytes.
    pub(crate) pending_bytes: usize,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// There is too much already.
    Full,
    /// It is closed.
    Closed,
}

/// Gathers things into requests.
pub(crate) struct Batches<C: Courier>(Arc<Shared<C>>);

struct Shared<C: Courier> {
    courier: C,
    limits: Limits,
    /// Requests are made on it, wherever the call for one comes from.
    runtime: Handle,
    state: Mutex<State<C>>,
    idle: Notify,
}

struct State<C: Courier> {
    waiting: VecDeque<Waiting<C>>,
    waiting_bytes: usize,
    requests: usize,
    pending: usize,
    pending_bytes: usize,
    has_timer: bool,
    closed: bool,
}

struct Waiting<C: Courier> {
    item: C::Item,
    bytes: usize,
    since: Instant,
    answer: oneshot::Sender<C::Answer>,
}

/// What made somebody look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Came,
    RequestEnded,
    Timer,
}

impl<C: Courier> Batches<C> {
    /// Must be called on a tokio runtime.
    pub(crate) fn new(courier: C, limits: Limits) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            requests: 0,
            pending: 0,
            pending_bytes: 0,
            has_timer: false,
            closed: false,
        };
        let (runtime, state, idle) = (Handle::current(), Mutex::new(state), Notify::new());
        Self(Arc::new(Shared { courier, limits, runtime, state, idle }))
    }

    #[cfg_attr(not(feature = "sns"), allow(dead_code, reason = "SQS' publishers know their queue"))]
    pub(crate) fn courier(&self) -> &C {
        &self.0.courier
    }

    /// Takes an item; the answer to it comes over the channel, which closes without one where the runtime ends first.
    ///
    /// # Errors
    /// It was not taken.
    pub(crate) fn push(&self, item: C::Item) -> Result<oneshot::Receiver<C::Answer>, Rejected> {
        let bytes = C::size(&item);
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.0.state();
            if state.closed {
                return Err(Rejected::Closed);
            }
            let Limits { pending, pending_bytes, .. } = self.0.limits;
            // The first one always has room.
            if state.pending >= pending || state.pending > 0 && state.pending_bytes + bytes > pending_bytes {
                return Err(Rejected::Full);
            }
            state.pending += 1;
            state.pending_bytes += bytes;
            state.waiting_bytes += bytes;
            state.waiting.push_back(Waiting { item, bytes, since: Instant::now(), answer });
        }
        self.0.look(Cause::Came);
        Ok(answered)
    }

    /// Takes nothing more, and waits until all that was taken has its answer, for `patience` at most.
    pub(crate) async fn close(&self, patience: Duration) {
        self.0.state().closed = true;
        let ended = async {
            loop {
                let idle = self.0.idle.notified();
                tokio::pin!(idle);
                // Before it is asked, or the call could come in between.
                idle.as_mut().enable();
                if self.0.state().pending == 0 {
                    return;
                }
                idle.await;
            }
        };
        let _ = timeout(patience, ended).await;
    }
}

impl<C: Courier> Clone for Batches<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Courier> Shared<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the requests that are due.
    fn look(self: &Arc<Self>, cause: Cause) {
        let mut cause = cause;
        let mut state = self.state();
        while let Some(first) = state.waiting.front() {
            let is_full = state.waiting.len() >= self.limits.items || state.waiting_bytes >= self.courier.max_bytes();
            let has_waited = cause == Cause::Timer && first.since.elapsed() >= LINGER;
            let is_due = state.requests == 0 || is_full || has_waited || cause == Cause::RequestEnded;
            if !is_due || state.requests >= self.limits.requests {
                break;
            }
            let batch = state.take(self.limits.items, self.courier.max_bytes());
            if batch.is_empty() {
                continue;
            }
            if cause == Cause::RequestEnded {
                // One request takes the place of the one that ended.
                cause = Cause::Came;
            }
            state.requests += 1;
            self.runtime.spawn(Arc::clone(self).send(batch));
        }
        if state.pending == 0 {
            self.idle.notify_waiters();
        }
        if let Some(since) = state.waiting.front().map(|first| first.since)
            && !state.has_timer
            && state.requests < self.limits.requests
        {
            state.has_timer = true;
            let (shared, due) = (Arc::clone(self), since + LINGER);
            self.runtime.spawn(async move {
                sleep_until(due).await;
                shared.state().has_timer = false;
                shared.look(Cause::Timer);
            });
        }
    }

    async fn send(self: Arc<Self>, batch: Vec<Waiting<C>>) {
        let (count, bytes) = (batch.len(), batch.iter().map(|waiting| waiting.bytes).sum());
        // However it ends, its place is free then.
        let ended = Ended { shared: &self, count, bytes };
        let (items, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.item, one.answer)).unzip();
        for (answered, answer) in self.courier.carry(items).await.into_iter().zip(answers) {
            let _ = answer.send(answered);
        }
        drop(ended);
    }
}

impl<C: Courier> State<C> {
    /// The next request, without those that are left out: where there are no others, it is empty.
    fn take(&mut self, items: usize, bytes: usize) -> Vec<Waiting<C>> {
        let (mut batch, mut sum) = (Vec::new(), 0);
        while batch.len() < items
            && let Some(next) = self.waiting.front()
        {
            // Looked at once: whoever waits may leave at any time.
            let is_left_out = C::LEAVES_OUT && next.answer.is_closed();
            // One that is too large alone is the service's to refuse.
            if !is_left_out && !batch.is_empty() && sum + next.bytes > bytes {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= next.bytes;
            if is_left_out {
                self.pending -= 1;
                self.pending_bytes -= next.bytes;
            } else {
                sum += next.bytes;
                batch.push(next);
            }
        }
        batch
    }
}

struct Ended<'a, C: Courier> {
    shared: &'a Arc<Shared<C>>,
    count: usize,
    bytes: usize,
}

impl<C: Courier> Drop for Ended<'_, C> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.requests -= 1;
            state.pending -= self.count;
            state.pending_bytes -= self.bytes;
        }
        self.shared.look(Cause::RequestEnded);
    }
}

#[cfg(test)]
mod tests;
