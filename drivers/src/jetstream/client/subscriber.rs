//! Receiving: a pull for each that waits, and never more.
//!
//! A pull that was sent cannot be taken back. One whose receiver has gone serves the next receiver; a message that comes
//! when nobody waits is given back.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::acknowledge::Place;
use super::api::{self, Consumer, Trouble, Wanted};
use super::delivery::{Delivery, negative};
use super::frame::Frame;
use super::held::HeldDeliveries;
use super::link::Link;
use super::state::{Known, Pull, Received, State, Waiting};
use crate::ReceiveError;

/// How long a pull lasts at most: so long one without a receiver may be in the way of others.
const LONGEST_PULL: Duration = Duration::from_secs(5);

/// How long after its end a pull is taken to be lost.
const PULL_GRACE: Duration = Duration::from_secs(2);

/// A pull that ends sooner than it was to by more than this did not just run out.
const EARLY: Duration = Duration::from_millis(50);

const SHORT_PAUSE: Duration = Duration::from_millis(250);

/// An open subscription of a [`Broker`](super::Broker).
pub struct Subscriber {
    pub(super) shared: Arc<Shared>,
}

/// What a subscriber shares with its deliveries and with the connection.
pub(super) struct Shared {
    /// The number of its subscription.
    pub(super) sid: u64,
    /// What the subjects of its inbox begin with.
    prefix: Box<str>,
    pub(super) link: Arc<Link>,
    wanted: Wanted,
    state: Mutex<State>,
    pub(super) held: HeldDeliveries,
}

/// A place among those that wait, left when it is dropped.
struct Turn<'a> {
    shared: &'a Shared,
    number: u64,
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, deadline: Instant) -> Result<Delivery, ReceiveError> {
        // A delivery that came and was not taken is dropped with the receiver, and so given back.
        let (receiver, _turn) = self.shared.wait(deadline)?;
        receiver.await.unwrap_or(Err(ReceiveError::Closed))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.link.remove(self.shared.sid);
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { subject, durable, .. } = &self.shared.wanted;
        f.debug_struct("Subscriber").field("subject", subject).field("durable", durable).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(link: Arc<Link>, wanted: Wanted) -> Self {
        let state = Mutex::new(State::new(link.is_closed()));
        let sid = link.next_sid();
        let prefix = format!("{}{sid}.", link.inbox.prefix()).into();
        Self { sid, prefix, link, wanted, state, held: HeldDeliveries::default() }
    }

    /// The operation that subscribes to its inbox.
    pub(super) fn subscription(&self) -> String {
        format!("SUB {}* {}\r\n", self.prefix, self.sid)
    }

    /// Takes a place among those that wait, and sees that there is a pull for it.
    fn wait(self: &Arc<Self>, deadline: Instant) -> Result<(oneshot::Receiver<Received>, Turn<'_>), ReceiveError> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closed {
            return Err(ReceiveError::Closed);
        }
        if !self.link.outbox.is_connected() {
            drop(state);
            return Err(ReceiveError::Unreachable(self.link.supervision.failure().into()));
        }
        if let Known::Refused { reason, until } = &state.consumer
            && Instant::now() < *until
        {
            return Err(ReceiveError::Refused(reason.to_string().into()));
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(Waiting { number, deadline, sender });
        drop(state);
        let turn = Turn { shared: self, number };
        self.balance();
        Ok((receiver, turn))
    }

    /// Sends as many pulls as are missing.
    fn balance(self: &Arc<Self>) {
        loop {
            let now = Instant::now();
            let mut guard = self.lock();
            let state = &mut *guard;
            if state.closed || state.pulls.len() >= state.waiting.len() || state.pause.is_some_and(|end| now < end) {
                return;
            }
            let Some(left) = state.waiting.iter().map(|waiting| waiting.deadline).max() else { return };
            let left = left.saturating_duration_since(now);
            let consumer = match &state.consumer {
                Known::Ready(consumer) => consumer,
                Known::Looking => return,
                Known::Nothing | Known::Refused { .. } => return self.look(guard),
            };
            // Who waits beyond the deadline is just about to leave.
            if left.is_zero() {
                return;
            }
            state.pause = None;
            let longest = consumer.max_expires.unwrap_or(LONGEST_PULL).min(LONGEST_PULL);
            let lasts = left.clamp(Duration::from_millis(1).min(longest), longest);
            let next = Arc::clone(&consumer.next);
            let token = state.next;
            state.next += 1;
            state.pulls.insert(token, Pull { ends: now + lasts });
            drop(guard);
            let body = format!("{{\"batch\":1,\"expires\":{}}}", lasts.as_nanos());
            if self.link.pull(&next, &self.prefix, token, body.as_bytes()).is_err() {
                // Without a connection the next one makes up for it.
                let mut state = self.lock();
                state.pulls.remove(&token);
                state.pause(SHORT_PAUSE);
                return;
            }
        }
    }

    /// Begins to look for the consumer.
    fn look(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.consumer = Known::Looking;
        state.pause = None;
        drop(state);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let found = api::consumer(&shared.link, &shared.wanted).await;
            shared.looked(found);
        });
    }

    fn looked(self: &Arc<Self>, found: Result<Consumer, Trouble>) {
        match found {
            Ok(consumer) => {
                let mut state = self.lock();
                state.consumer = Known::Ready(consumer);
                drop(state);
                self.balance();
            }
            Err(Trouble::Refused(reason)) => self.refuse(&reason.into()),
            Err(Trouble::Unanswered(unanswered)) => {
                tracing::debug!(subject = self.wanted.subject, %unanswered, "the consumer was not found out about");
                let mut state = self.lock();
                state.consumer = Known::Nothing;
                let wait = state.retry_wait();
                state.pause(wait);
            }
        }
    }

    /// There is no consumer to receive from, until somebody does something about it.
    fn refuse(&self, reason: &Arc<str>) {
        let mut state = self.lock();
        let until = Instant::now() + state.retry_wait();
        let known = mem::replace(&mut state.consumer, Known::Refused { reason: Arc::clone(reason), until });
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        if !matches!(known, Known::Refused { reason: before, .. } if before == *reason) && self.link.is_news(reason) {
            let Wanted { subject, durable, .. } = &self.wanted;
            tracing::error!(subject, durable, reason = &**reason, "the JetStream subscription cannot be used");
        }
        for waiting in waiting {
            let _ = waiting.sender.send(Err(ReceiveError::Refused(reason.to_string().into())));
        }
    }

    /// There is a connection: what was asked over the one before is asked again.
    pub(super) fn connected(self: &Arc<Self>) {
        let mut state = self.lock();
        state.pause = None;
        if !state.closed && matches!(state.consumer, Known::Nothing | Known::Refused { .. }) {
            self.look(state);
        } else {
            drop(state);
            self.balance();
        }
    }

    /// The connection is gone, and the pulls with it. Who waits, waits on.
    pub(super) fn disconnected(&self) {
        self.lock().pulls.clear();
    }

    /// The server does not let this user hear answers.
    pub(super) fn deafened(&self, reason: &Arc<str>) {
        self.refuse(reason);
    }

    /// The server does not allow to publish to `subject`.
    pub(super) fn denied(&self, subject: &str, reason: &Arc<str>) {
        let mut state = self.lock();
        let is_next = matches!(&state.consumer, Known::Ready(consumer) if *consumer.next == *subject);
        if is_next {
            state.pulls.clear();
            drop(state);
            self.refuse(reason);
        }
    }

    /// A pull was answered. Only where that is a status, its subject names the pull; a message is for the first one, as
    /// the server serves them in their order.
    pub(super) fn arrived(self: &Arc<Self>, frame: &Frame<'_>) {
        let mut state = self.lock();
        let token = frame.subject.strip_prefix(&*self.prefix).and_then(|token| u64::from_str_radix(token, 16).ok());
        let known = token.filter(|token| state.pulls.contains_key(token));
        let pull = match known.or_else(|| state.pulls.keys().next().copied()) {
            Some(token) => state.pulls.remove(&token),
            None => None,
        };
        match frame.status {
            None => {
                state.failures = 0;
                drop(state);
                self.hand_over(frame);
            }
            Some((code, text)) => {
                let is_early = pull.is_some_and(|pull| Instant::now() + EARLY < pull.ends);
                self.ended(&mut state, code, text, is_early);
                let refused = match &state.consumer {
                    Known::Refused { reason, .. } => Some(Arc::clone(reason)),
                    _ => None,
                };
                drop(state);
                if let Some(reason) = refused {
                    self.refuse(&reason);
                }
            }
        }
        self.balance();
    }

    /// A pull has ended without a message.
    fn ended(&self, state: &mut State, code: u16, text: &str, is_early: bool) {
        let text_lower = text.to_ascii_lowercase();
        match code {
            // It has run out.
            404 | 408 if !is_early => state.failures = 0,
            404 | 408 => state.pause(SHORT_PAUSE),
            409 if text_lower.contains("consumer is push based") => {
                let reason = format!("the consumer `{}` is a push consumer", self.wanted.durable);
                state.consumer = Known::Refused { reason: reason.into(), until: Instant::now() };
            }
            // Its server leaves it to another, or it has as many pulls as it may have.
            409 if ["leadership change", "server shutdown", "maxwaiting"]
                .iter()
                .any(|why| text_lower.contains(why)) =>
            {
                state.pause(SHORT_PAUSE);
            }
            // It was deleted, or changed: it is looked up again, and made where there is none.
            _ => {
                if matches!(state.consumer, Known::Ready(_)) {
                    let Wanted { subject, durable, .. } = &self.wanted;
                    if self.link.is_news(&format!("{durable}: {code} {text}")) {
                        tracing::warn!(
                            subject,
                            durable,
                            status = code,
                            text,
                            "the JetStream consumer is looked up again"
                        );
                    }
                    state.consumer = Known::Nothing;
                }
                let wait = state.retry_wait();
                state.pause(wait);
            }
        }
    }

    /// Gives a message to the first who waits, or back.
    fn hand_over(self: &Arc<Self>, frame: &Frame<'_>) {
        let Some(place) = Place::parse(frame.reply) else {
            let Wanted { subject, durable, .. } = &self.wanted;
            return tracing::error!(subject, durable, reply = frame.reply, "a message that JetStream did not send");
        };
        let state = self.lock();
        let Known::Ready(consumer) = &state.consumer else {
            drop(state);
            return self.link.tell(frame.reply, b"-NAK");
        };
        if state.waiting.is_empty() || state.closed {
            // Not to another of the pulls that nobody waits for: each time would count as a delivery.
            let now = Instant::now();
            let last = state.pulls.values().map(|pull| pull.ends.saturating_duration_since(now)).max();
            drop(state);
            return self.link.tell(frame.reply, &negative(last.unwrap_or_default()));
        }
        let (stream, ack_wait) = (Arc::clone(&consumer.stream), consumer.ack_wait);
        let is_last = consumer.max_deliver.is_some_and(|most| u64::from(place.deliveries) >= most);
        drop(state);
        let number = self.held.hold(frame.reply, ack_wait, is_last);
        let (subject, message) = (frame.subject.into(), frame.message());
        let mut delivery = Delivery { message, subject, stream, place, shared: Arc::clone(self), number };
        while let Some(waiting) = self.next_waiting() {
            match waiting.sender.send(Ok(delivery)) {
                Ok(()) => return,
                Err(Ok(unwanted)) => delivery = unwanted,
                Err(Err(_)) => return,
            }
        }
        // Dropped, it goes back.
    }

    fn next_waiting(&self) -> Option<Waiting> {
        self.lock().waiting.pop_front()
    }

    /// Keeps held deliveries alive, gives up lost pulls, and ends pauses.
    pub(super) fn tick(self: &Arc<Self>, now: Instant) {
        for reply in self.held.renew(now) {
            self.link.tell(&reply, b"+WPI");
        }
        let mut state = self.lock();
        state.pulls.retain(|_, pull| now < pull.ends + PULL_GRACE);
        drop(state);
        self.balance();
    }

    /// What is given back now does not come again: its consumer has `max_deliver`.
    pub(super) fn gave_up(&self, messages: u64, sequence: Option<u64>) {
        let Wanted { subject, durable, .. } = &self.wanted;
        self.link.supervision.counters().add_dropped(messages);
        let what = "given back after the last delivery that the consumer's `max_deliver` allows: not delivered again";
        tracing::error!(subject, durable, messages, sequence, "{what}");
    }

    /// Ends all waits, and returns where each delivery that is held is settled.
    pub(super) fn close(&self) -> Vec<Arc<str>> {
        let mut state = self.lock();
        state.closed = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for waiting in waiting {
            let _ = waiting.sender.send(Err(ReceiveError::Closed));
        }
        let held = self.held.release_all();
        let last = held.iter().filter(|held| held.is_last).count();
        if last > 0 {
            self.gave_up(last as u64, None);
        }
        held.into_iter().map(|held| held.reply).collect()
    }

    /// Whether a pull is on its way.
    pub(super) fn is_pulling(&self) -> bool {
        !self.lock().pulls.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(at) = state.waiting.iter().position(|waiting| waiting.number == self.number) {
            state.waiting.remove(at);
        }
    }
}
