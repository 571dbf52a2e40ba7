//! A subscription, as its requests, its deliveries and its task see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::Channel;
use lapin::types::ShortString;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::consuming::Consuming;
use super::credit::{Answer, Consumer, Delayed, LINGER, Line, Slot, State, Verdict};
use super::delivery::Delivery;
use super::received::Received;
use crate::{Declaration, ReceiveError};

/// The same of a consumer that is to stand, on a queue with a single active consumer: another gateway's takes its place then.
const STAND: Duration = Duration::from_secs(30);

/// How many messages wait at most for the end of their delay. The server has them; here is only their number.
const MAX_DELAYED: usize = 10_000;

/// A server closes the channel of a message that is not settled within half an hour.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// A subscription, to its requests, its deliveries and its task.
pub(super) struct Shared {
    pub(super) queue: Box<str>,
    pub(super) declare: Option<&'static Declaration>,
    pub(super) priority: Option<i32>,
    /// How many messages may be out at once.
    limit: usize,
    stands: bool,
    pub(super) consuming: Arc<Consuming>,
    state: Mutex<State>,
    /// Something for the task to do.
    pub(super) wake: Notify,
}

/// A consumer to be made.
pub(super) struct Wanted {
    pub(super) number: u32,
    pub(super) tag: ShortString,
    pub(super) prefetch: u16,
}

/// A request's place among those that wait; given up when dropped.
pub(super) struct Turn<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Shared {
    pub(super) fn new(
        consuming: &Arc<Consuming>,
        queue: &str,
        prefetch_count: Option<u16>,
        priority: Option<i32>,
        declare: Option<&'static Declaration>,
    ) -> Self {
        let is_single = |declaration: &Declaration| {
            declaration.argument("x-single-active-consumer") == Some(crate::Argument::Boolean(true))
        };
        let stands = declare.is_some_and(|declaration| declaration.auto_delete || is_single(declaration));
        let limit = prefetch_count.filter(|count| *count > 0).map(usize::from);
        Self {
            queue: queue.into(),
            declare,
            priority,
            limit: limit.unwrap_or(if stands { 1 } else { usize::MAX }),
            stands,
            consuming: Arc::clone(consuming),
            state: Mutex::new(State { stands, ..State::default() }),
            wake: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the next message comes.
    ///
    /// # Errors
    /// None can come.
    pub(super) fn wait(self: &Arc<Self>) -> Result<(oneshot::Receiver<Answer>, Turn<'_>), ReceiveError> {
        let mut state = self.lock();
        if state.closed {
            return Err(ReceiveError::Closed);
        }
        if state.line.is_none() {
            if self.consuming.live().is_none() {
                return Err(ReceiveError::Unreachable(self.consuming.failure().into()));
            }
            if let Some((until, reason)) = &state.refused
                && Instant::now() < *until
            {
                return Err(ReceiveError::Refused(reason.as_ref().into()));
            }
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next_waiting;
        state.next_waiting += 1;
        let turn = Turn { shared: self, number };
        if let Some((slot, received)) = state.ready.pop_front() {
            // The receiver is here, so it is taken.
            let _ = sender.send(Ok(Delivery::new(self, slot, received)));
            state.note(Instant::now());
            return Ok((receiver, turn));
        }
        state.waiting.push_back((number, sender));
        if state.lacks() {
            // An acknowledgement that was held back makes room.
            match state.parked.pop_front() {
                Some((_, slot)) => state.send(&slot, Verdict::Ack),
                None => self.wake.notify_one(),
            }
        }
        state.note_if_surplus();
        Ok((receiver, turn))
    }

    /// Settles a message, or holds that back. False when it came over a connection that is gone.
    pub(super) fn settle(&self, slot: Slot, verdict: Verdict) -> bool {
        let mut state = self.lock();
        if !slot.line.channel.status().connected() {
            return false;
        }
        let counts = state.is_current(&slot);
        // What makes no room for a message that nobody waits for.
        if !counts || self.stands || state.lacks() {
            state.send(&slot, verdict);
            return true;
        }
        if verdict == Verdict::Ack {
            let now = Instant::now();
            state.parked.push_back((now, slot));
            self.look_at(&mut state, now + LINGER);
        } else {
            // It is for others, and would come back at once.
            state.retire();
            state.send(&slot, verdict);
        }
        true
    }

    /// Gives a message back after `delay`. False when it came over a connection that is gone.
    pub(super) fn delay(&self, slot: Slot, delay: Duration) -> bool {
        let mut state = self.lock();
        if delay.is_zero() || state.delayed.len() >= MAX_DELAYED || state.closed {
            drop(state);
            return self.settle(slot, Verdict::Requeue);
        }
        if !slot.line.channel.status().connected() {
            return false;
        }
        let until = Instant::now() + delay.min(MAX_DELAY);
        if state.is_of_line(&slot) {
            state.out = state.out.saturating_sub(1);
        }
        state.delayed.push(Delayed { until, slot });
        self.look_at(&mut state, until);
        true
    }

    /// Sees to it that the task looks at `due`.
    fn look_at(&self, state: &mut State, due: Instant) {
        if state.due.is_none_or(|known| due < known) {
            state.due = Some(due);
            self.wake.notify_one();
        }
    }

    // What the task calls.

    /// Whether there is something to ask the server for.
    pub(super) fn is_wanted(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn begin(&self, channel: Channel) -> Arc<Line> {
        let line = Arc::new(Line { channel });
        let mut state = self.lock();
        state.forget();
        state.line = Some(Arc::clone(&line));
        state.refused = None;
        line
    }

    /// The connection or channel is gone: what came over it comes again. Those who wait go on waiting.
    pub(super) fn end(&self) {
        self.lock().forget();
    }

    /// The connection is replaced by another one: nothing more is taken from it, and what came is settled there.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.retire();
        state.line = None;
        state.out = 0;
    }

    /// Why there is no connection, or was none the last time.
    pub(super) fn lost(&self) -> String {
        self.consuming.failure()
    }

    /// Tells all who wait that there is no connection.
    pub(super) fn unreachable(&self) {
        let mut state = self.lock();
        state.refused = None;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Unreachable(self.consuming.failure().into())));
        }
    }

    /// Tells all who wait that the server refused, and all who come until then.
    pub(super) fn refuse(&self, reason: &str, until: Instant) {
        let mut state = self.lock();
        state.refused = Some((until, reason.into()));
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Refused(reason.into())));
        }
    }

    /// A message came. Nobody may wait for it any more.
    pub(super) fn dispatch(self: &Arc<Self>, line: &Arc<Line>, consumer: u32, mut received: Received, tag: u64) {
        let mut state = self.lock();
        let slot = Slot { line: Arc::clone(line), consumer, tag };
        let current = state.is_current(&slot);
        state.out += usize::from(state.is_of_line(&slot));
        if current && let Some(found) = state.consumers.iter_mut().find(|known| known.number == consumer) {
            found.out += 1;
        }
        while let Some((_, sender)) = state.waiting.pop_front() {
            match sender.send(Ok(Delivery::new(self, slot.clone(), received))) {
                Ok(()) => return,
                // Whoever waited has gone.
                Err(Ok(back)) => received = back.into_received(),
                Err(Err(_)) => return,
            }
        }
        if current {
            state.ready.push_back((slot, received));
            state.note_if_surplus();
            if let Some(since) = state.surplus_since {
                self.look_at(&mut state, since + self.patience());
            }
        } else {
            state.send(&slot, Verdict::Requeue);
        }
    }

    fn patience(&self) -> Duration {
        if self.stands { STAND } else { LINGER }
    }

    /// Does what is due. Says when to look again, and whether there is to be a consumer more.
    pub(super) fn look(&self) -> (Option<Instant>, Option<Wanted>) {
        let mut state = self.lock();
        let now = Instant::now();
        while state.delayed.peek().is_some_and(|delayed| delayed.until <= now) {
            let Some(Delayed { slot, .. }) = state.delayed.pop() else { break };
            if state.is_current(&slot) && !self.stands && !state.lacks() {
                state.retire();
            }
            state.out += usize::from(state.is_of_line(&slot));
            state.send(&slot, Verdict::Requeue);
        }
        state.note(now);
        let patience = self.patience();
        let parked = state.parked.front().map(|(since, _)| *since + LINGER);
        let surplus = state.surplus_since.map(|since| since + patience);
        if parked.into_iter().chain(surplus).any(|due| due <= now) {
            state.retire();
        }
        let wanted = self.more(&mut state);
        let parked = state.parked.front().map(|(since, _)| *since + LINGER);
        let surplus = state.surplus_since.map(|since| since + patience);
        let delayed = state.delayed.peek().map(|delayed| delayed.until);
        state.due = [parked, surplus, delayed].into_iter().flatten().min();
        (state.due, wanted)
    }

    /// The consumer for those that none has room for. It counts from now on.
    fn more(&self, state: &mut State) -> Option<Wanted> {
        let lack = state.waiting.len().saturating_sub(state.room());
        if lack == 0 || state.closed || self.stands && !state.consumers.is_empty() {
            return None;
        }
        let mut left = self.limit.saturating_sub(state.given());
        if left == 0 && !self.stands && !state.delayed.is_empty() {
            // Messages that wait for the end of their delay are not to keep others away.
            state.retire();
            left = self.limit.saturating_sub(state.given());
        }
        let prefetch = if self.stands { self.limit } else { lack.min(left) };
        let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX);
        if prefetch == 0 {
            return None;
        }
        let number = state.next_consumer;
        state.next_consumer = number.wrapping_add(1);
        let tag = ShortString::from(format!("sluicegate-{number}"));
        state.consumers.push(Consumer { number, tag: tag.clone(), prefetch: prefetch.into(), out: 0 });
        Some(Wanted { number, tag, prefetch })
    }

    /// Whether this is the channel that is used.
    pub(super) fn uses(&self, line: &Arc<Line>) -> bool {
        self.lock().line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line))
    }

    /// Whether a consumer has been cancelled by us.
    pub(super) fn is_cancelled(&self, line: &Arc<Line>, number: u32) -> bool {
        let state = self.lock();
        let is_line = state.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line));
        !is_line || state.consumers.iter().all(|consumer| consumer.number != number)
    }

    /// Ends every wait, and gives back what is here. The channel, whose end gives back the rest.
    pub(super) fn close(&self) -> Option<Arc<Line>> {
        let mut state = self.lock();
        state.closed = true;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Closed));
        }
        state.retire();
        for Delayed { slot, .. } in std::mem::take(&mut state.delayed) {
            state.send(&slot, Verdict::Requeue);
        }
        self.wake.notify_one();
        state.line.take()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        // Whoever got an answer is not there any more.
        if let Ok(index) = state.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            state.waiting.remove(index);
            state.note_if_surplus();
            if let Some(since) = state.surplus_since {
                self.shared.look_at(&mut state, since + self.shared.patience());
            }
        }
    }
}
