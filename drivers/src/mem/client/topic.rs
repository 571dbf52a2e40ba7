//! One topic: its subscriptions under one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::Ticket;
use super::queue::{Afterwards, Entry, Queue, Taken};
use super::waiters::Wakers;
use crate::Message;
use crate::mem::Settings;

/// A topic. Every operation takes its lock once, and wakes, frees and logs after it let go.
pub(super) struct Topic {
    pub(super) name: Box<str>,
    /// Sets it apart in the timer.
    pub(super) number: usize,
    state: Mutex<State>,
}

struct State {
    /// Never empty: the first one keeps what is published before anybody subscribes.
    queues: Vec<Queue>,
    subscribed: bool,
    closed: bool,
    /// When the timer looks at this topic next.
    armed: Option<Instant>,
}

/// Why a topic did not take a message. None of its subscriptions has it.
pub(super) enum NotTaken {
    Closed,
    Full { subscription: Arc<str>, capacity: usize },
}

/// The result of asking for a message.
pub(super) enum Asked {
    /// A message, and when the timer has to look if it has no earlier reason.
    Taken(Taken, Option<Instant>),
    Waiting,
    Closed,
}

impl Topic {
    pub(super) fn new(name: &str, number: usize) -> Self {
        let unclaimed = Queue::new(0, "".into(), Settings::default());
        let state = State { queues: vec![unclaimed], subscribed: false, closed: false, armed: None };
        Self { name: name.into(), number, state: Mutex::new(state) }
    }

    /// The number of the subscription called `name`, which is made if it does not exist; `None` where it
    /// exists with other settings.
    pub(super) fn subscribe(&self, name: &str, settings: Settings) -> Option<usize> {
        let mut state = self.lock();
        if !state.subscribed {
            state.subscribed = true;
            state.queues[0].name = name.into();
            state.queues[0].settings = settings;
            return Some(0);
        }
        match state.queues.iter().position(|queue| &*queue.name == name) {
            Some(index) => (state.queues[index].settings == settings).then_some(index),
            None => {
                let index = state.queues.len();
                state.queues.push(Queue::new(index, name.into(), settings));
                Some(index)
            }
        }
    }

    /// Gives `message` to every subscription, or to none.
    pub(super) fn publish(&self, message: Message) -> Result<(), NotTaken> {
        let message = Arc::new(message);
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        if state.closed {
            return Err(NotTaken::Closed);
        }
        if let Some(full) = state.queues.iter().find(|queue| queue.is_full()) {
            return Err(NotTaken::Full { subscription: Arc::clone(&full.name), capacity: full.settings.capacity });
        }
        if let Some((last, others)) = state.queues.split_last_mut() {
            for queue in others {
                wakers.push(queue.push(Arc::clone(&message)));
            }
            wakers.push(last.push(message));
        }
        drop(state);
        wakers.wake();
        Ok(())
    }

    /// Takes the next message of subscription `index`, or waits for it at `place`.
    pub(super) fn ask(
        &self,
        index: usize,
        place: &mut Option<u64>,
        waker: &Waker,
        afterwards: &mut Afterwards,
    ) -> Asked {
        let now = Instant::now();
        let mut state = self.lock();
        if state.closed {
            return Asked::Closed;
        }
        let queue = &mut state.queues[index];
        let left = place.and_then(|place| queue.waiters.leave(place));
        queue.reclaim(now, afterwards);
        let Some(taken) = queue.take(now) else {
            queue.waiters.wait(place, waker.clone());
            drop(state);
            drop(left);
            return Asked::Waiting;
        };
        let arm = state.arm(taken.due);
        drop(state);
        *place = None;
        drop(left);
        Asked::Taken(taken, arm)
    }

    /// Ends the wait of a receiver that goes away without a message.
    pub(super) fn stop_waiting(&self, index: usize, place: u64) {
        let mut state = self.lock();
        let queue = &mut state.queues[index];
        let left = queue.waiters.leave(place);
        let next = if left.is_none() { queue.pass_on() } else { None };
        drop(state);
        drop(left);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// Settles a delivery for good and returns it; `None` where it is no longer one.
    pub(super) fn finish(&self, index: usize, ticket: Ticket) -> Option<Entry> {
        self.lock().queues[index].settle(ticket)
    }

    /// Gives a delivery back. Returns `None` where it is no longer one, otherwise when the timer has to
    /// look.
    pub(super) fn give_back(
        &self,
        index: usize,
        ticket: Ticket,
        delay: Duration,
        afterwards: &mut Afterwards,
    ) -> Option<Option<Instant>> {
        let now = if delay.is_zero() { None } else { Some(Instant::now()) };
        let mut state = self.lock();
        let queue = &mut state.queues[index];
        let entry = queue.settle(ticket)?;
        match now {
            None => {
                queue.give_back(entry, afterwards);
                Some(None)
            }
            Some(now) => {
                let due = queue.give_back_later(entry, now, delay, afterwards);
                Some(due.and_then(|due| state.arm(due)))
            }
        }
    }

    /// Keeps a message for which the dead-letter topic has no room. Returns when the timer has to look.
    pub(super) fn keep_dead(&self, index: usize, entry: Entry) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let due = state.queues[index].keep_dead(entry, now);
        state.arm(due)
    }

    /// Makes ready what has come due, at the timer's word; `due` is what the timer was armed with.
    /// Returns when it has to look again.
    pub(super) fn reclaim(&self, due: Instant, now: Instant, afterwards: &mut Afterwards) -> Option<Instant> {
        let mut state = self.lock();
        if state.armed != Some(due) || state.closed {
            return None;
        }
        for queue in &mut state.queues {
            queue.reclaim(now, afterwards);
        }
        state.armed = state.queues.iter().filter_map(Queue::next_due).min();
        state.armed
    }

    /// Ends every wait and every delivery. Returns how many messages are left behind.
    pub(super) fn close(&self) -> usize {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        state.closed = true;
        let mut left = 0;
        for queue in &mut state.queues {
            left += queue.len();
            queue.end_deliveries();
            while let Some(waker) = queue.waiters.first() {
                wakers.push(Some(waker));
            }
        }
        drop(state);
        wakers.wake();
        left
    }

    pub(super) fn settings(&self, index: usize) -> (Arc<str>, Settings) {
        let state = self.lock();
        (Arc::clone(&state.queues[index].name), state.queues[index].settings.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held; were it to, the state is still whole between statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes that something is due at `due`, and returns it where the timer does not look by then.
    fn arm(&mut self, due: Instant) -> Option<Instant> {
        if self.armed.is_some_and(|armed| armed <= due) {
            return None;
        }
        self.armed = Some(due);
        Some(due)
    }
}
