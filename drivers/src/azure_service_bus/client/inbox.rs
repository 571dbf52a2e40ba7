//! A subscription, as its requests, its deliveries and its tasks see it.

mod guards;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

pub(super) use self::guards::{Ask, Busy, Slot, Turn, Unseen};
use super::Shared;
use super::amqp::{Incoming, Settler};
use super::delivery::Delivery;
use super::received::Received;
use super::settling::{Lock, Pending, Verdict};
use crate::ReceiveError;
use crate::azure_service_bus::DRIVER;
use crate::supervision::Repeats;

/// A lock is renewed after half of what is left of it, but not more often, and not less often, as clocks differ.
const LEAST_RENEWAL: Duration = Duration::from_millis(500);
const MOST_RENEWAL: Duration = Duration::from_secs(10);

/// What whoever waits hears.
pub(super) type Answer = Result<Unseen, ReceiveError>;

/// A subscription.
pub(super) struct Inbox {
    pub(super) shared: Arc<Shared>,
    /// Its path at the service: `QUEUE`, `TOPIC/Subscriptions/NAME`.
    pub(super) entity: Box<str>,
    /// How many messages may be asked for at once.
    pub(super) limit: u32,
    state: Mutex<State>,
    /// Told of each change that tasks have to look at.
    changes: watch::Sender<()>,
    /// There is a delivery, where there was none.
    holding: Notify,
    /// Locks that are not renewed, and sessions that are not given.
    complaints: Mutex<Repeats>,
}

struct State {
    waiting: VecDeque<(u64, oneshot::Sender<Answer>)>,
    next_waiting: u64,
    /// How many messages sessions are asked for.
    asked: usize,
    held: HashMap<u64, Held>,
    next_held: u64,
    /// Why nothing can be received, and until when that is taken as known.
    refused: Option<(Instant, Box<str>)>,
    /// Nobody may wait any more.
    is_closing: bool,
    /// The tasks end.
    is_closed: bool,
}

/// A delivery that is not settled.
struct Held {
    settler: Settler,
    id: u32,
    lock: Lock,
    /// When its lock is renewed; a session's messages are held by the session's lock.
    renew_at: Option<Instant>,
    /// What it keeps from others.
    busy: Option<Busy>,
}

impl Inbox {
    pub(super) fn new(shared: &Arc<Shared>, entity: &str, limit: Option<u32>) -> Self {
        Self {
            shared: Arc::clone(shared),
            entity: entity.into(),
            limit: limit.unwrap_or(u32::MAX),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                next_waiting: 0,
                asked: 0,
                held: HashMap::new(),
                next_held: 0,
                refused: None,
                is_closing: false,
                is_closed: false,
            }),
            changes: watch::Sender::new(()),
            holding: Notify::new(),
            complaints: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_replace(());
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    // What requests call.

    /// Where the next message comes.
    ///
    /// # Errors
    /// None can come.
    pub(super) fn wait(&self) -> Result<(oneshot::Receiver<Answer>, Turn<'_>), ReceiveError> {
        let mut state = self.lock();
        if state.is_closing || self.shared.is_closed() {
            return Err(ReceiveError::Closed);
        }
        if self.shared.live().is_none() {
            return Err(ReceiveError::Unreachable(self.shared.supervision().failure().into()));
        }
        if let Some((until, reason)) = &state.refused
            && Instant::now() < *until
        {
            return Err(ReceiveError::Refused(reason.as_ref().into()));
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next_waiting;
        state.next_waiting += 1;
        state.waiting.push_back((number, sender));
        drop(state);
        self.changed();
        Ok((receiver, Turn { inbox: self, number }))
    }

    // What tasks call.

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// How many wait, as far as they may be asked for at once.
    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.lock().waiting.len()).unwrap_or(u32::MAX).min(self.limit)
    }

    /// A message came. Nobody may wait for it any more; then it goes back as if it had not come.
    pub(super) fn dispatch(
        self: &Arc<Self>,
        incoming: Incoming,
        settler: &Settler,
        ask: Option<Ask>,
        busy: Option<Busy>,
    ) {
        let Incoming { id, tag, payload, .. } = incoming;
        let received = match Received::read(payload) {
            Ok(received) => received,
            Err(what) => {
                let (broker, entity) = (self.shared.broker(), &*self.entity);
                tracing::error!(
                    driver = DRIVER.name,
                    broker,
                    entity,
                    what,
                    "a message that AMQP has no word for is dead-lettered"
                );
                let verdict = Verdict::DeadLetter { reason: format!("it is no message of AMQP: {what}") };
                drop(settler.settle(id, verdict.state()));
                return;
            }
        };
        let lock = Lock::new(&tag, received.locked_until, busy.is_some());
        let renew_at = busy.is_none().then(|| Instant::now() + half(received.locked_until));
        let held = Held { settler: settler.clone(), id, lock, renew_at, busy };
        let mut state = self.lock();
        if let Some(ask) = ask {
            ask.end_answered(&mut state);
        }
        let number = state.next_held;
        state.next_held += 1;
        if state.held.is_empty() {
            self.holding.notify_one();
        }
        state.held.insert(number, held);
        let mut delivery = Unseen(Some(Delivery::new(self, number, received)));
        while let Some((_, sender)) = state.waiting.pop_front() {
            match sender.send(Ok(delivery)) {
                Ok(()) => return,
                // Whoever waited has gone.
                Err(Ok(back)) => delivery = back,
                Err(Err(_)) => return,
            }
        }
        drop(state);
        drop(delivery);
    }

    /// Tells all who wait that there is no connection.
    pub(super) fn unreachable(&self) {
        self.unanswered(&self.shared.supervision().failure());
    }

    /// Tells all who wait that the service does not answer.
    pub(super) fn unanswered(&self, reason: &str) {
        let mut state = self.lock();
        state.refused = None;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Unreachable(reason.into())));
        }
    }

    /// Tells all who wait that the service refused, and all who come until then.
    pub(super) fn refuse(&self, reason: &str, until: Instant) {
        let mut state = self.lock();
        state.refused = Some((until, reason.into()));
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Refused(reason.into())));
        }
    }

    pub(super) fn accepted(&self) {
        self.lock().refused = None;
    }

    /// Says what does not work for now and is tried again, not each time.
    pub(super) fn complain(&self, what: &str, reason: &str) {
        if self.complaints.lock().unwrap_or_else(PoisonError::into_inner).is_due(reason) {
            let (broker, entity) = (self.shared.broker(), &*self.entity);
            tracing::warn!(driver = DRIVER.name, broker, entity, reason, "{what}, will try again");
        }
    }

    /// Whether somebody waits whom nobody is asked for yet.
    pub(super) fn is_asking(&self) -> bool {
        let state = self.lock();
        state.asked < state.waiting.len().min(self.limit as usize)
    }

    /// On behalf of somebody who waits and whom nobody is asked for yet.
    pub(super) fn ask(self: &Arc<Self>) -> Option<Ask> {
        let mut state = self.lock();
        let wanted = state.waiting.len().min(self.limit as usize);
        if state.asked >= wanted {
            return None;
        }
        state.asked += 1;
        Some(Ask(Some(Arc::clone(self))))
    }

    // What has to do with settling.

    /// Waits until there is a delivery, or the subscription is closed.
    pub(super) async fn holding(&self) {
        let is_over = || {
            let state = self.lock();
            state.is_closed || !state.held.is_empty()
        };
        while !is_over() {
            self.holding.notified().await;
        }
    }

    /// The deliveries whose locks are to be renewed now.
    pub(super) fn due(&self, most: usize) -> Vec<(u64, [u8; 16])> {
        let (state, now) = (self.lock(), Instant::now());
        let due = state.held.iter().filter(|(_, held)| held.renew_at.is_some_and(|at| at <= now));
        due.take(most).map(|(number, held)| (*number, held.lock.token)).collect()
    }

    /// A lock was renewed.
    pub(super) fn renewed(&self, number: u64, until: SystemTime) {
        if let Some(held) = self.lock().held.get_mut(&number) {
            held.lock.until = Some(until);
            held.renew_at = Some(Instant::now() + half(Some(until)));
        }
    }

    /// A lock could not be renewed, and perhaps can be later.
    pub(super) fn renew_later(&self, number: u64) {
        if let Some(held) = self.lock().held.get_mut(&number) {
            held.renew_at = Some(Instant::now() + LEAST_RENEWAL);
        }
    }

    /// A lock is gone: the message comes again, and this delivery of it cannot be settled any more.
    pub(super) fn lose(&self, number: u64) {
        let lost = self.lock().held.remove(&number);
        if lost.is_some() {
            let (broker, entity) = (self.shared.broker(), &*self.entity);
            tracing::warn!(driver = DRIVER.name, broker, entity, "the lock of a message was lost while it was held");
        }
    }

    /// The lock of a session is gone, and with it those of its messages.
    pub(super) fn lose_session(&self, slot: &Arc<Slot>) {
        let mut state = self.lock();
        let is_of = |held: &Held| held.busy.as_ref().is_some_and(|busy| Arc::ptr_eq(&busy.0, slot));
        let numbers: Vec<_> = state.held.iter().filter(|(_, held)| is_of(held)).map(|(number, _)| *number).collect();
        let lost: Vec<_> = numbers.iter().filter_map(|number| state.held.remove(number)).collect();
        drop(state);
        drop(lost);
    }

    /// Says what becomes of a delivery. None where that was said before, or it is not ours any more.
    pub(super) fn settle(self: &Arc<Self>, number: u64, verdict: Verdict) -> Option<Pending> {
        let held = self.lock().held.remove(&number)?;
        let Held { settler, id, lock, busy, .. } = held;
        let answer = settler.settle(id, verdict.state());
        Some(Pending { inbox: Arc::clone(self), answer, verdict, lock, _busy: busy })
    }

    /// Ends all waits and says that every delivery goes back; whoever calls waits for the service's word on that.
    pub(super) fn close(self: &Arc<Self>) -> Vec<Pending> {
        let mut state = self.lock();
        state.is_closing = true;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Closed));
        }
        let numbers: Vec<_> = state.held.keys().copied().collect();
        drop(state);
        self.changed();
        numbers.into_iter().filter_map(|number| self.settle(number, Verdict::Abandon)).collect()
    }

    /// Ends the tasks.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        state.is_closed = true;
        for (_, sender) in state.waiting.drain(..) {
            let _ = sender.send(Err(ReceiveError::Closed));
        }
        drop(state);
        self.changed();
        self.holding.notify_one();
    }
}

/// How long a lock is left alone, by what is known of its end.
fn half(until: Option<SystemTime>) -> Duration {
    let left = until.and_then(|until| until.duration_since(SystemTime::now()).ok()).unwrap_or_default();
    (left / 2).clamp(LEAST_RENEWAL, MOST_RENEWAL)
}
