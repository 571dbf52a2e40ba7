//! What is asked of a queue, and what becomes of it: the credit of a subscription.
//!
//! A server pushes messages to a consumer, up to its prefetch count, and gives it one more for each that is settled. Nothing
//! is to be taken for a request that does not exist: it would be kept from other gateways, and a quorum queue would count a
//! delivery that was none. So the server may push as many messages as requests wait, and no more:
//!
//! - a settlement is a server's leave to push the next one. Where nobody waits, an acknowledgement is held back for a
//!   moment ([`LINGER`]), until a request comes that it makes room for;
//! - when none came, the consumer is cancelled first, and the acknowledgement follows;
//! - requests that no settlement makes room for get a consumer more, with as many messages as they are.
//!
//! So consumers stand for as long as requests come, and cost nothing but their messages. To ask for each message
//! (`basic.get`) is as cheap on classic queues, but takes a round of consensus each on quorum queues, one after the other: 5
//! times as long and 6 times the CPU, measured with 32 requests at once.

use std::collections::{BinaryHeap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions};
use lapin::types::ShortString;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::consuming::Consuming;
use super::delivery::Delivery;
use super::received::Received;
use crate::{Declaration, ReceiveError};

/// How long an acknowledgement waits for a request that it makes room for, and a consumer for one that wants its messages.
const LINGER: Duration = Duration::from_millis(5);

/// The same of a consumer that is to stand, on a queue with a single active consumer: another gateway's takes its place then.
const STAND: Duration = Duration::from_secs(30);

/// How many messages wait at most for the end of their delay. The server has them; here is only their number.
const MAX_DELAYED: usize = 10_000;

/// A server closes the channel of a message that is not settled within half an hour.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

pub(super) type Answer = Result<Delivery, ReceiveError>;

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

#[derive(Default)]
struct State {
    /// Requests, the longest waiting first, by rising numbers.
    waiting: VecDeque<(u64, oneshot::Sender<Answer>)>,
    next_waiting: u64,
    line: Option<Arc<Line>>,
    consumers: Vec<Consumer>,
    next_consumer: u32,
    /// Messages of the channel that are out, without those that wait for the end of their delay.
    out: usize,
    /// Acknowledgements that are held back, the oldest first.
    parked: VecDeque<(Instant, Slot)>,
    /// What came and nobody waits for.
    ready: VecDeque<(Slot, Received)>,
    /// Since when the server may push more than requests wait.
    surplus_since: Option<Instant>,
    delayed: BinaryHeap<Delayed>,
    /// Why nothing can be received, and until when nobody asks again.
    refused: Option<(Instant, Arc<str>)>,
    /// When the task looks again, at the latest.
    due: Option<Instant>,
    closed: bool,
    /// Whether one consumer is to stand.
    stands: bool,
}

/// The channel of a subscription on one connection.
pub(super) struct Line {
    pub(super) channel: Channel,
}

/// A consumer that the server has.
struct Consumer {
    number: u32,
    tag: ShortString,
    prefetch: usize,
    /// Messages that are out.
    out: usize,
}

/// Where a message has to be settled.
#[derive(Clone)]
pub(super) struct Slot {
    line: Arc<Line>,
    consumer: u32,
    tag: u64,
}

/// What the server is told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ack,
    Requeue,
    Reject,
}

struct Delayed {
    until: Instant,
    slot: Slot,
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

    /// Where the next message comes, or an answer that there is none.
    pub(super) fn wait(self: &Arc<Self>) -> Result<(oneshot::Receiver<Answer>, Turn<'_>), Answer> {
        let mut state = self.lock();
        if state.closed {
            return Err(Err(ReceiveError::Closed));
        }
        if let Some((slot, received)) = state.ready.pop_front() {
            state.note(Instant::now());
            return Err(Ok(Delivery::new(self, slot, received)));
        }
        if state.line.is_none() {
            if self.consuming.live().is_none() {
                return Err(Err(ReceiveError::Unreachable(self.consuming.failure().into())));
            }
            if let Some((until, reason)) = &state.refused
                && Instant::now() < *until
            {
                return Err(Err(ReceiveError::Refused(reason.as_ref().into())));
            }
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next_waiting;
        state.next_waiting += 1;
        state.waiting.push_back((number, sender));
        if state.lacks() {
            // An acknowledgement that was held back makes room.
            match state.parked.pop_front() {
                Some((_, slot)) => state.send(&slot, Verdict::Ack),
                None => self.wake.notify_one(),
            }
        }
        state.note_if_surplus();
        drop(state);
        Ok((receiver, Turn { shared: self, number }))
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

impl State {
    /// How many more messages the server may push.
    fn room(&self) -> usize {
        self.consumers.iter().map(|consumer| consumer.prefetch.saturating_sub(consumer.out)).sum()
    }

    /// Whether more requests wait than the server may push messages.
    fn lacks(&self) -> bool {
        self.waiting.len() > self.room()
    }

    /// How many messages are out, or may be without more being asked.
    fn given(&self) -> usize {
        let held = self.consumers.iter().map(|consumer| consumer.out).sum();
        self.consumers.iter().map(|consumer| consumer.prefetch).sum::<usize>() + self.out.saturating_sub(held)
    }

    fn is_of_line(&self, slot: &Slot) -> bool {
        self.line.as_ref().is_some_and(|line| Arc::ptr_eq(line, &slot.line))
    }

    /// Whether settling a message lets the server push another one.
    fn is_current(&self, slot: &Slot) -> bool {
        self.is_of_line(slot) && self.consumers.iter().any(|consumer| consumer.number == slot.consumer)
    }

    fn note(&mut self, now: Instant) {
        if self.room() > self.waiting.len() || !self.ready.is_empty() {
            self.surplus_since.get_or_insert(now);
        } else {
            self.surplus_since = None;
        }
    }

    /// The same, without the time where it is known.
    fn note_if_surplus(&mut self) {
        let now = self.surplus_since.unwrap_or_else(Instant::now);
        self.note(now);
    }

    /// Writes a settlement, which lapin queues with the first poll.
    fn send(&mut self, slot: &Slot, verdict: Verdict) {
        if self.is_of_line(slot) {
            self.out = self.out.saturating_sub(1);
            if let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.number == slot.consumer) {
                consumer.out = consumer.out.saturating_sub(1);
            }
        }
        let channel = &slot.line.channel;
        match verdict {
            Verdict::Ack => start(channel.basic_ack(slot.tag, BasicAckOptions::default())),
            Verdict::Requeue => start(channel.basic_reject(slot.tag, BasicRejectOptions { requeue: true })),
            Verdict::Reject => start(channel.basic_reject(slot.tag, BasicRejectOptions { requeue: false })),
        }
    }

    /// Ends a consumer that stands, with its channel: the server takes all back before another consumer has its turn, so
    /// that messages stay in order.
    fn step_down(&mut self) {
        if let Some(line) = self.line.take() {
            start(line.channel.close(200, "OK".into()));
        }
        self.forget();
    }

    /// Cancels all consumers, then settles what was held back and gives back what nobody waits for. Messages that are on
    /// their way meanwhile still come, and are given back as they do.
    fn retire(&mut self) {
        if self.stands {
            return self.step_down();
        }
        let consumers = std::mem::take(&mut self.consumers);
        if let Some(line) = &self.line {
            for consumer in consumers {
                start(line.channel.basic_cancel(consumer.tag, BasicCancelOptions::default()));
            }
        }
        for (_, slot) in std::mem::take(&mut self.parked) {
            self.send(&slot, Verdict::Ack);
        }
        for (slot, _) in std::mem::take(&mut self.ready) {
            self.send(&slot, Verdict::Requeue);
        }
        self.surplus_since = None;
    }

    /// Forgets a channel that is gone.
    fn forget(&mut self) {
        self.line = None;
        self.consumers.clear();
        self.parked.clear();
        self.ready.clear();
        self.out = 0;
        self.surplus_since = None;
        self.delayed.retain(|delayed| delayed.slot.line.channel.status().connected());
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

/// Begins what lapin does with the first poll: it queues what is to be written.
fn start<T>(sending: impl Future<Output = T>) {
    let _ = pin!(sending).poll(&mut Context::from_waker(Waker::noop()));
}

// === impl Delayed ===

/// The next one is the greatest.
impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.until.cmp(&self.until)
    }
}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.until == other.until
    }
}

impl Eq for Delayed {}
