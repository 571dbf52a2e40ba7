//! Who waits for messages of a subscription.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::ledger::Ledger;
use super::service::Service;
use crate::ReceiveError;

/// How many pulls wait at once, of all subscriptions of a broker. Google's servers take 100 calls on a connection, and those
/// that do not wait need room, too.
pub(super) const MOST_PULLS: usize = 64;

pub(super) type Answer = Result<Delivery, ReceiveError>;

/// An open subscription.
pub(super) struct Shared {
    pub(super) broker: Option<&'static str>,
    /// `projects/PROJECT/subscriptions/SUBSCRIPTION`.
    pub(super) name: Arc<str>,
    /// Whether what is given back waits for its deadline.
    pub(super) nack_lazy: bool,
    pub(super) service: Arc<Service>,
    pub(super) ledger: Arc<Ledger>,
    /// Among how many subscriptions the connection is shared.
    shares: Arc<AtomicUsize>,
    state: Mutex<State>,
    pub(super) wake: Notify,
    /// The task has ended.
    pub(super) ended: Notify,
}

#[derive(Default)]
struct State {
    /// Requests, the longest waiting first, by rising numbers.
    waiting: VecDeque<(u64, oneshot::Sender<Answer>)>,
    next: u64,
    /// Why nothing can be received, and until when nobody asks again.
    trouble: Option<(Instant, Trouble)>,
    is_closed: bool,
}

/// Why nothing can be received.
#[derive(Clone)]
pub(super) struct Trouble {
    pub(super) is_refusal: bool,
    pub(super) reason: Arc<str>,
}

/// A request that waits.
pub(super) struct Wait {
    shared: Arc<Shared>,
    number: u64,
    pub(super) receiver: oneshot::Receiver<Answer>,
}

impl Shared {
    pub(super) fn new(
        broker: Option<&'static str>,
        name: Arc<str>,
        nack_lazy: bool,
        service: &Arc<Service>,
        shares: &Arc<AtomicUsize>,
    ) -> Self {
        shares.fetch_add(1, Ordering::Relaxed);
        Self {
            broker,
            ledger: Ledger::open(service, &name),
            name,
            nack_lazy,
            service: Arc::clone(service),
            shares: Arc::clone(shares),
            state: Mutex::default(),
            wake: Notify::new(),
            ended: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place in the line.
    pub(super) fn wait(self: &Arc<Self>) -> Result<Wait, ReceiveError> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.is_closed {
            return Err(ReceiveError::Closed);
        }
        if let Some((until, trouble)) = &state.trouble
            && Instant::now() < *until
        {
            return Err(trouble.error());
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back((number, sender));
        drop(state);
        self.wake.notify_one();
        Ok(Wait { shared: Arc::clone(self), number, receiver })
    }

    /// How many wait; `None` once it is closed.
    pub(super) fn waiting(&self) -> Option<usize> {
        let state = self.state();
        (!state.is_closed).then_some(state.waiting.len())
    }

    /// How many pulls may wait at once.
    pub(super) fn most_pulls(&self) -> usize {
        (MOST_PULLS / self.shares.load(Ordering::Relaxed).max(1)).max(1)
    }

    /// Gives a delivery to the one who waits longest. Back to the service with it where nobody does.
    pub(super) fn hand_over(&self, mut delivery: Delivery) {
        loop {
            // Nothing is sent, and nothing given back, under the lock.
            let next = self.state().waiting.pop_front();
            let Some((_, sender)) = next else { return delivery.give_back() };
            match sender.send(Ok(delivery)) {
                Ok(()) => return,
                Err(Ok(returned)) => delivery = returned,
                Err(Err(_)) => return,
            }
        }
    }

    /// Ends all waits, and those that begin before `until`.
    pub(super) fn fail(&self, trouble: &Trouble, until: Instant) {
        let waiting = {
            let mut state = self.state();
            state.trouble = Some((until, trouble.clone()));
            std::mem::take(&mut state.waiting)
        };
        for (_, sender) in waiting {
            let _ = sender.send(Err(trouble.error()));
        }
    }

    pub(super) fn recovered(&self) {
        self.state().trouble = None;
    }

    /// Ends all waits. What is held stays so.
    pub(super) fn abandon(&self) {
        let waiting = {
            let mut state = self.state();
            if !std::mem::replace(&mut state.is_closed, true) {
                self.shares.fetch_sub(1, Ordering::Relaxed);
            }
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
        self.wake.notify_one();
    }

    /// Ends all waits, and gives back what is held.
    pub(super) async fn close(&self) {
        self.abandon();
        // Pulls end first, so that nothing comes any more.
        self.ended.notified().await;
        self.ledger.close().await;
    }
}

impl Trouble {
    fn error(&self) -> ReceiveError {
        let reason = self.reason.to_string().into();
        match self.is_refusal {
            true => ReceiveError::Refused(reason),
            false => ReceiveError::Unreachable(reason),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Ok(at) = state.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            state.waiting.remove(at);
            drop(state);
            self.shared.wake.notify_one();
            return;
        }
        drop(state);
        // What came and was not taken is for the next one.
        self.receiver.close();
        if let Ok(Ok(delivery)) = self.receiver.try_recv() {
            self.shared.hand_over(delivery);
        }
    }
}
