//! A subscription, as its requests, its deliveries and its task see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lapin::Channel;
use lapin::types::ShortString;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::consuming::Consuming;
use super::credit::{Answer, Change, Consumer, Delayed, Line, Slot, Standing, State, Verdict, cancel};
use super::delivery::Delivery;
use super::received::Received;
use crate::{Declaration, ReceiveError};

/// How many messages wait at most for the end of their delay. The server has them; here is only their number.
const MAX_DELAYED: usize = 10_000;

/// A server closes the channel of a message that is not settled within half an hour.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// A subscription, to its requests, its deliveries and its task.
pub(super) struct Shared {
    pub(super) queue: Box<str>,
    pub(super) declare: Option<&'static Declaration>,
    pub(super) priority: Option<i32>,
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
        let standing = match declare {
            Some(declaration) if declaration.auto_delete => Standing::Always,
            Some(declaration) if is_single(declaration) => Standing::WhileAsked,
            _ => Standing::No,
        };
        let limit = prefetch_count.filter(|count| *count > 0).map(usize::from);
        let limit = limit.unwrap_or(if standing == Standing::No { usize::MAX } else { 1 });
        Self {
            queue: queue.into(),
            declare,
            priority,
            consuming: Arc::clone(consuming),
            state: Mutex::new(State::new(limit, standing)),
            wake: Notify::new(),
        }
    }

    /// To look at it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> Change<'_> {
        Change { state: self.lock(), wake: &self.wake }
    }

    /// Where the next message comes.
    ///
    /// # Errors
    /// None can come.
    pub(super) fn wait(self: &Arc<Self>) -> Result<(oneshot::Receiver<Answer>, Turn<'_>), ReceiveError> {
        let mut state = self.change();
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
            // Without a channel there is something to do for the task that only it knows of.
            self.wake.notify_one();
        }
        if state.stands() {
            state.surplus_since = None;
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next_waiting;
        state.next_waiting += 1;
        match state.ready.pop_front() {
            // The receiver is here, so it is taken.
            Some((slot, received)) => _ = sender.send(Ok(Delivery::new(self, slot, received))),
            None => state.waiting.push_back((number, sender)),
        }
        Ok((receiver, Turn { shared: self, number }))
    }

    /// Settles a message, or holds that back. False when it came over a connection that is gone.
    pub(super) fn settle(&self, slot: Slot, verdict: Verdict) -> bool {
        let mut state = self.change();
        if !slot.line.channel.status().connected() {
            return false;
        }
        // What lets the server push another one, for which there may be no request.
        if !state.stands() && state.consumer(&slot).is_some() {
            if verdict == Verdict::Ack {
                state.parked.push_back((Instant::now(), slot));
                return true;
            }
            if !state.lacks() {
                // It is for others, and would come back at once.
                state.retire();
            }
        }
        state.send(&slot, verdict);
        true
    }

    /// Gives a message back after `delay`. False when it came over a connection that is gone.
    pub(super) fn delay(&self, slot: Slot, delay: Duration) -> bool {
        let mut state = self.change();
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
        if let Some(consumer) = state.consumer(&slot) {
            consumer.delayed += 1;
        }
        state.delayed.push(Delayed { until, slot });
        true
    }

    // What the task calls.

    /// Whether there is something to ask the server for.
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.lock();
        state.must_stand || !state.waiting.is_empty()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether the consumer is what keeps the queue.
    pub(super) fn always_stands(&self) -> bool {
        self.lock().standing == Standing::Always
    }

    pub(super) fn begin(&self, channel: Channel) -> Arc<Line> {
        let line = Arc::new(Line { channel });
        let mut state = self.change();
        state.forget();
        state.line = Some(Arc::clone(&line));
        state.refused = None;
        line
    }

    /// The connection or channel is gone: what came over it comes again. Those who wait go on waiting.
    pub(super) fn end(&self) {
        self.change().forget();
    }

    /// Takes nothing more from the channel. What came over it is settled there. Where the queue lives as long as its
    /// consumers, and these are to be followed by others, whoever calls has to cancel them: their tags.
    pub(super) fn leave(&self, is_followed: bool) -> Vec<ShortString> {
        let mut state = self.change();
        let mut tags = Vec::new();
        if state.standing == Standing::WhileAsked && state.can_step_down() {
            state.step_down();
            return tags;
        }
        if is_followed && state.standing == Standing::Always && !state.consumers.is_empty() {
            state.must_stand = true;
            let consumers = std::mem::take(&mut state.consumers).into_iter();
            let made = consumers.filter(|consumer| state.asking != Some(consumer.number));
            tags.extend(made.map(|consumer| consumer.tag));
        }
        state.retire();
        state.asking = None;
        state.out = 0;
        state.earlier.retain(|line| line.strong_count() > 0);
        if let Some(line) = state.line.take() {
            state.earlier.push(Arc::downgrade(&line));
        }
        tags
    }

    /// Nobody asks any more.
    pub(super) fn abandon(&self) {
        self.leave(false);
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Why there is no connection, or was none the last time.
    pub(super) fn lost(&self) -> String {
        self.consuming.failure()
    }

    /// Tells all who wait that there is no connection.
    pub(super) fn unreachable(&self) {
        let mut state = self.change();
        state.refused = None;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Unreachable(self.consuming.failure().into())));
        }
    }

    /// Tells all who wait that the server refused, and all who come until then.
    pub(super) fn refuse(&self, reason: &str, until: Instant) {
        let mut state = self.change();
        state.refused = Some((until, reason.into()));
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Refused(reason.into())));
        }
    }

    /// A message came. Nobody may wait for it any more.
    pub(super) fn dispatch(self: &Arc<Self>, line: &Arc<Line>, consumer: u32, mut received: Received, tag: u64) {
        let mut state = self.change();
        let slot = Slot { line: Arc::clone(line), consumer, tag };
        if !state.is_of_line(&slot) {
            return state.send(&slot, Verdict::Requeue);
        }
        state.out += 1;
        let found = state.consumer(&slot);
        let is_current = found.is_some();
        if let Some(consumer) = found {
            consumer.out += 1;
        }
        // What comes after its consumer was cancelled may be one more than there may be.
        while (is_current || !state.is_over_limit())
            && let Some((_, sender)) = state.waiting.pop_front()
        {
            match sender.send(Ok(Delivery::new(self, slot.clone(), received))) {
                Ok(()) => return,
                // Whoever waited has gone.
                Err(Ok(back)) => received = back.into_received(),
                Err(Err(_)) => return,
            }
        }
        match is_current {
            true => state.ready.push_back((slot, received)),
            false => state.send(&slot, Verdict::Requeue),
        }
    }

    /// Does what is due. Says when to look again, and whether there is to be a consumer more.
    pub(super) fn look(&self) -> (Option<Instant>, Option<Wanted>) {
        let mut state = self.change();
        let now = Instant::now();
        while state.delayed.peek().is_some_and(|delayed| delayed.until <= now) {
            let Some(Delayed { slot, .. }) = state.delayed.pop() else { break };
            if let Some(consumer) = state.consumer(&slot) {
                consumer.delayed = consumer.delayed.saturating_sub(1);
                if !state.stands() && !state.lacks() {
                    state.retire();
                }
            }
            state.out += usize::from(state.is_of_line(&slot));
            state.send(&slot, Verdict::Requeue);
        }
        if state.next_due().is_some_and(|due| due <= now) {
            match state.standing {
                Standing::No => state.retire(),
                Standing::WhileAsked => state.step_down(),
                // The server hands it to others, if there are any.
                Standing::Always => state.give_back(),
            }
        }
        let wanted = self.more(&mut state);
        state.due = state.next_due();
        (state.due, wanted)
    }

    /// The consumer for those that none has room for. It counts from now on.
    fn more(&self, state: &mut State) -> Option<Wanted> {
        let mut prefetch = state.to_ask()?;
        if prefetch == 0 {
            state.retire();
            prefetch = state.to_ask()?;
        }
        let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX);
        let number = state.next_consumer;
        state.next_consumer = number.wrapping_add(1);
        let tag = ShortString::from(format!("sluicegate-{number}"));
        state.consumers.push(Consumer { number, tag: tag.clone(), prefetch: prefetch.into(), out: 0, delayed: 0 });
        state.asking = Some(number);
        Some(Wanted { number, tag, prefetch })
    }

    /// The server has made the consumer that was asked for.
    pub(super) fn made(&self, line: &Arc<Line>, wanted: &Wanted) {
        let mut state = self.change();
        if state.line.as_ref().is_none_or(|current| !Arc::ptr_eq(current, line)) {
            return;
        }
        state.asking = None;
        state.must_stand = false;
        if state.consumers.iter().all(|consumer| consumer.number != wanted.number) {
            // It was retired meanwhile.
            cancel(&line.channel, wanted.tag.clone());
        }
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

    /// Ends every wait, and gives back what is here. The channels, whose end gives back the rest.
    pub(super) fn close(&self) -> Vec<Arc<Line>> {
        let mut state = self.change();
        state.closed = true;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Closed));
        }
        // A single active consumer's channel ends first, and then another one has its turn.
        if !state.stands() {
            state.retire();
        }
        for Delayed { slot, .. } in std::mem::take(&mut state.delayed) {
            state.send(&slot, Verdict::Requeue);
        }
        self.wake.notify_one();
        let earlier = std::mem::take(&mut state.earlier);
        let lines = earlier.iter().filter_map(Weak::upgrade).chain(state.line.take()).collect();
        state.forget();
        lines
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.change();
        // Whoever got an answer is not there any more.
        if let Ok(index) = state.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            state.waiting.remove(index);
        }
    }
}
