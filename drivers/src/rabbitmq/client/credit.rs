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
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, MutexGuard, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions};
use lapin::types::ShortString;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::received::Received;
use crate::ReceiveError;

/// How long an acknowledgement waits for a request that it makes room for, and a consumer for one that wants its messages.
pub(super) const LINGER: Duration = Duration::from_millis(5);

/// The same of a consumer that stands: how long nobody asks until what it has is for others.
pub(super) const STAND: Duration = Duration::from_secs(30);

pub(super) type Answer = Result<Delivery, ReceiveError>;

/// What a subscription has asked for, and what is out.
pub(super) struct State {
    /// How many messages may be out at once.
    pub(super) limit: usize,
    pub(super) standing: Standing,
    /// Requests, the longest waiting first, by rising numbers.
    pub(super) waiting: VecDeque<(u64, oneshot::Sender<Answer>)>,
    pub(super) next_waiting: u64,
    pub(super) line: Option<Arc<Line>>,
    /// Channels before that one, for as long as messages of theirs are out.
    pub(super) earlier: Vec<Weak<Line>>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) next_consumer: u32,
    /// The consumer that the server has not answered for. It is cancelled once it has: RabbitMQ ends the whole connection when
    /// a classic queue's consumer is cancelled before.
    pub(super) asking: Option<u32>,
    /// Whether a consumer is to be made that nobody waits for.
    pub(super) must_stand: bool,
    /// Messages of the channel that are out, without those that wait for the end of their delay.
    pub(super) out: usize,
    /// Acknowledgements that are held back, the oldest first.
    pub(super) parked: VecDeque<(Instant, Slot)>,
    /// What came and nobody waits for.
    pub(super) ready: VecDeque<(Slot, Received)>,
    /// Since when the server may push more than requests wait. Of a consumer that stands: since when nobody asks.
    pub(super) surplus_since: Option<Instant>,
    pub(super) delayed: BinaryHeap<Delayed>,
    /// Why nothing can be received, and until when nobody asks again.
    pub(super) refused: Option<(Instant, Arc<str>)>,
    /// When the task looks again, at the latest.
    pub(super) due: Option<Instant>,
    pub(super) closed: bool,
}

/// Whether a subscription keeps a consumer that nobody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    No,
    /// On a queue with a single active consumer: until nobody has asked for [`STAND`], and then another gateway's has its turn.
    WhileAsked,
    /// On a queue that is deleted with its last consumer.
    Always,
}

/// The state, to change it. When that is done, what follows from it is done too, and the task is woken where it is its turn:
/// nobody who changes anything has to think of who waits.
pub(super) struct Change<'a> {
    pub(super) state: MutexGuard<'a, State>,
    pub(super) wake: &'a Notify,
}

/// The channel of a subscription on one connection.
pub(super) struct Line {
    pub(super) channel: Channel,
}

/// A consumer that the server has.
pub(super) struct Consumer {
    pub(super) number: u32,
    pub(super) tag: ShortString,
    pub(super) prefetch: usize,
    /// Messages that are not settled.
    pub(super) out: usize,
    /// Those among them that wait for the end of their delay.
    pub(super) delayed: usize,
}

/// Where a message has to be settled.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) line: Arc<Line>,
    pub(super) consumer: u32,
    pub(super) tag: u64,
}

/// What the server is told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ack,
    Requeue,
    Reject,
}

/// A message that is given back later.
pub(super) struct Delayed {
    pub(super) until: Instant,
    pub(super) slot: Slot,
}

impl State {
    pub(super) fn new(limit: usize, standing: Standing) -> Self {
        Self {
            limit,
            standing,
            waiting: VecDeque::new(),
            next_waiting: 0,
            line: None,
            earlier: Vec::new(),
            consumers: Vec::new(),
            next_consumer: 0,
            asking: None,
            must_stand: false,
            out: 0,
            parked: VecDeque::new(),
            ready: VecDeque::new(),
            surplus_since: None,
            delayed: BinaryHeap::new(),
            refused: None,
            due: None,
            closed: false,
        }
    }

    pub(super) fn stands(&self) -> bool {
        self.standing != Standing::No
    }

    /// How many more messages the server may push.
    fn room(&self) -> usize {
        self.consumers.iter().map(|consumer| consumer.prefetch.saturating_sub(consumer.out)).sum()
    }

    /// Whether more requests wait than the server may push messages.
    pub(super) fn lacks(&self) -> bool {
        self.waiting.len() > self.room()
    }

    /// How many messages are out, or may be without more being asked.
    fn given(&self) -> usize {
        let held: usize = self.consumers.iter().map(|consumer| consumer.out.saturating_sub(consumer.delayed)).sum();
        self.consumers.iter().map(|consumer| consumer.prefetch).sum::<usize>() + self.out.saturating_sub(held)
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.given() > self.limit
    }

    pub(super) fn is_of_line(&self, slot: &Slot) -> bool {
        self.line.as_ref().is_some_and(|line| Arc::ptr_eq(line, &slot.line))
    }

    /// The consumer that may have another message once this one is settled.
    pub(super) fn consumer(&mut self, slot: &Slot) -> Option<&mut Consumer> {
        let is_of_line = self.is_of_line(slot);
        self.consumers.iter_mut().find(|consumer| is_of_line && consumer.number == slot.consumer)
    }

    /// What follows from a change, whatever it was. True where the task has to look: it can serve a request, or there is
    /// something to do sooner than it knows.
    pub(super) fn follow(&mut self) -> bool {
        // An acknowledgement that was held back makes room.
        while self.lacks()
            && let Some((_, slot)) = self.parked.pop_front()
        {
            self.send(&slot, Verdict::Ack);
        }
        let is_surplus = match self.standing {
            Standing::No => self.room() > self.waiting.len() || !self.ready.is_empty(),
            Standing::WhileAsked => self.waiting.is_empty() && !self.consumers.is_empty(),
            Standing::Always => !self.ready.is_empty(),
        };
        match is_surplus {
            true => _ = self.surplus_since.get_or_insert_with(Instant::now),
            false => self.surplus_since = None,
        }
        let due = self.next_due();
        let is_sooner = due.is_some_and(|due| self.due.is_none_or(|known| due < known));
        if is_sooner {
            self.due = due;
        }
        is_sooner || self.to_ask().is_some()
    }

    /// When there is something to do, if nothing changes.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let parked = self.parked.front().map(|(since, _)| *since + LINGER);
        let patience = if self.stands() { STAND } else { LINGER };
        let is_time = self.standing != Standing::WhileAsked || self.can_step_down();
        let surplus = self.surplus_since.filter(|_| is_time).map(|since| since + patience);
        let delayed = self.delayed.peek().map(|delayed| delayed.until);
        [parked, surplus, delayed].into_iter().flatten().min()
    }

    /// Whether nothing is out but what nobody has seen.
    pub(super) fn can_step_down(&self) -> bool {
        self.out == self.ready.len() && self.consumers.iter().all(|consumer| consumer.delayed == 0)
    }

    /// How many messages the next consumer is to ask for. With none, the others have to be retired first: messages that wait
    /// for the end of their delay are not to keep others away.
    pub(super) fn to_ask(&self) -> Option<usize> {
        if self.line.is_none() || self.closed || self.asking.is_some() {
            return None;
        }
        if self.stands() {
            let is_wanted = self.must_stand || !self.waiting.is_empty();
            return (is_wanted && self.consumers.is_empty()).then_some(self.limit);
        }
        let lack = self.waiting.len().saturating_sub(self.room());
        let left = self.limit.saturating_sub(self.given());
        match lack.min(left) {
            0 if lack > 0 && self.consumers.iter().any(|consumer| consumer.delayed > 0) => Some(0),
            0 => None,
            messages => Some(messages),
        }
    }

    /// Writes a settlement, which lapin queues with the first poll.
    pub(super) fn send(&mut self, slot: &Slot, verdict: Verdict) {
        if self.is_of_line(slot) {
            self.out = self.out.saturating_sub(1);
            if let Some(consumer) = self.consumer(slot) {
                consumer.out = consumer.out.saturating_sub(1);
            }
        }
        let channel = &slot.line.channel;
        match verdict {
            Verdict::Ack => start(channel.basic_ack(slot.tag, BasicAckOptions::default())),
            Verdict::Requeue => give_back(channel, slot.tag),
            Verdict::Reject => start(channel.basic_reject(slot.tag, BasicRejectOptions { requeue: false })),
        }
    }

    /// Ends a consumer that stands, with its channel: the server takes all back before another consumer has its turn, so
    /// that messages stay in order.
    pub(super) fn step_down(&mut self) {
        if let Some(line) = self.line.take() {
            start(line.channel.close(200, "OK".into()));
        }
        self.forget();
    }

    /// Cancels all consumers, then settles what was held back and gives back what nobody waits for. Messages that are on
    /// their way meanwhile still come, and are given back as they do.
    pub(super) fn retire(&mut self) {
        let consumers = std::mem::take(&mut self.consumers);
        if let Some(line) = &self.line {
            for consumer in consumers.into_iter().filter(|consumer| self.asking != Some(consumer.number)) {
                cancel(&line.channel, consumer.tag);
            }
        }
        for (_, slot) in std::mem::take(&mut self.parked) {
            self.send(&slot, Verdict::Ack);
        }
        self.give_back();
    }

    /// Gives back what nobody waits for.
    pub(super) fn give_back(&mut self) {
        for (slot, _) in std::mem::take(&mut self.ready) {
            self.send(&slot, Verdict::Requeue);
        }
        self.surplus_since = None;
    }

    /// Forgets a channel that is gone.
    pub(super) fn forget(&mut self) {
        self.line = None;
        self.consumers.clear();
        self.asking = None;
        self.parked.clear();
        self.ready.clear();
        self.out = 0;
        self.surplus_since = None;
        self.delayed.retain(|delayed| delayed.slot.line.channel.status().connected());
    }
}

impl Deref for Change<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.state.follow() {
            self.wake.notify_one();
        }
    }
}

pub(super) fn cancel(channel: &Channel, tag: ShortString) {
    start(channel.basic_cancel(tag, BasicCancelOptions::default()));
}

pub(super) fn give_back(channel: &Channel, tag: u64) {
    start(channel.basic_reject(tag, BasicRejectOptions { requeue: true }));
}

/// Begins what lapin does with the first poll: it queues what is to be written.
pub(super) fn start<T>(sending: impl Future<Output = T>) {
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
