//! The deliveries of a subscription that are held: their leases, and what the service is told of them.
//!
//! A message that was pulled is leased for the subscription's acknowledgement deadline, at least ten seconds. Most are
//! settled sooner, and cost nothing but that. A delivery that is held longer has its lease extended, by [`LEASE`] at a time,
//! for as long as it is held: a gateway that dies gives its messages back within that.
//!
//! What is told is told at once, by up to [`MOST_CALLS`] calls; what comes meanwhile goes together in the next one. It is
//! told again when a call fails, for [`PATIENCE`]: an acknowledgement that comes late is better than a message twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::Code;

use super::live::{ACKNOWLEDGE, Failure, MODIFY_ACK_DEADLINE};
use super::proto::{AcknowledgeRequest, Empty, ModifyAckDeadlineRequest};
use super::service::Service;
use super::troubles::{Trouble, is_refusal, reason, troubles};
use crate::SettleError;
use crate::backoff::Backoff;

/// How long a delivery is held before its lease is extended: well within the shortest deadline that there is.
const FIRST_EXTENSION: Duration = Duration::from_secs(4);

/// The lease of a delivery that is held, in seconds, and how often it is extended.
const LEASE: i32 = 30;
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// When an extension that failed is tried again.
const EXTEND_AGAIN: Duration = Duration::from_secs(1);

/// How many deliveries one call may be about: the service takes 512 KiB.
const MOST_IDS: usize = 1000;

/// How many calls about settlements are on their way at once.
const MOST_CALLS: usize = 4;

/// How many extensions are on their way at once: what is due does not wait for a call that has no answer.
const MOST_EXTENSIONS: usize = 2;

/// How long a settlement is tried, and one call of it: a connection that is lost without a word is replaced meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);
const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// How long closing waits for the service to have taken what it is told.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

pub(super) type Told = Result<(), SettleError>;

/// What is held of one subscription.
pub(super) struct Ledger {
    service: Arc<Service>,
    subscription: Arc<str>,
    state: Mutex<State>,
    wake: Notify,
    done: Notify,
}

/// What the service is told of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ack,
    /// It may deliver the message again after so many seconds.
    Back(i32),
}

#[derive(Default)]
struct State {
    held: HashMap<u64, Held>,
    next: u64,
    /// No lease has to be extended before.
    extend_from: Option<Instant>,
    orders: VecDeque<Order>,
    /// Whether nothing new will be held.
    leaving: bool,
}

struct Held {
    ack_id: Arc<str>,
    extend_at: Instant,
    /// Whether it is being acknowledged.
    is_settled: bool,
}

struct Order {
    number: u64,
    ack_id: Arc<str>,
    verdict: Verdict,
    until: Instant,
    answer: oneshot::Sender<Told>,
}

impl Ledger {
    /// Must be called on a tokio runtime.
    pub(super) fn open(service: &Arc<Service>, subscription: &Arc<str>) -> Arc<Self> {
        let ledger = Arc::new(Self {
            service: Arc::clone(service),
            subscription: Arc::clone(subscription),
            state: Mutex::default(),
            wake: Notify::new(),
            done: Notify::new(),
        });
        tokio::spawn(Arc::clone(&ledger).run());
        ledger
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a delivery, from now on. Its number.
    pub(super) fn hold(&self, ack_id: String) -> u64 {
        let extend_at = Instant::now() + FIRST_EXTENSION;
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.held.insert(number, Held { ack_id: ack_id.into(), extend_at, is_settled: false });
        if state.extend_from.is_none() {
            state.extend_from = Some(extend_at);
            self.wake.notify_one();
        }
        number
    }

    /// Decides on a delivery; the answer is the service's. `None` where it is not held any more.
    pub(super) fn settle(&self, number: u64, verdict: Verdict) -> Option<oneshot::Receiver<Told>> {
        let until = Instant::now() + PATIENCE;
        let (answer, told) = oneshot::channel();
        let mut state = self.state();
        let ack_id = match verdict {
            // Its lease is kept until the service has answered.
            Verdict::Ack => {
                let held = state.held.get_mut(&number)?;
                held.is_settled = true;
                Arc::clone(&held.ack_id)
            }
            Verdict::Back(_) => state.held.remove(&number)?.ack_id,
        };
        state.orders.push_back(Order { number, ack_id, verdict, until, answer });
        self.wake.notify_one();
        Some(told)
    }

    /// Leaves a delivery to its lease. False where it is not held any more.
    pub(super) fn forget(&self, number: u64) -> bool {
        let is_held = self.state().held.remove(&number).is_some();
        self.wake.notify_one();
        is_held
    }

    /// Nothing new will be held. What is held is kept until it is settled.
    pub(super) fn leave(&self) {
        self.state().leaving = true;
        self.wake.notify_one();
    }

    /// Gives back what is held, and waits, within bounds, until the service has taken that and all settlements.
    pub(super) async fn close(&self) {
        let until = Instant::now() + CLOSING_PATIENCE;
        {
            let state = &mut *self.state();
            state.leaving = true;
            for (number, held) in state.held.extract_if(|_, held| !held.is_settled) {
                let (answer, _) = oneshot::channel();
                let (ack_id, verdict) = (held.ack_id, Verdict::Back(0));
                state.orders.push_back(Order { number, ack_id, verdict, until, answer });
            }
        }
        self.wake.notify_one();
        let _ = timeout(CLOSING_PATIENCE, self.done.notified()).await;
    }

    async fn run(self: Arc<Self>) {
        let (mut calls, mut extending) = (JoinSet::new(), JoinSet::new());
        loop {
            while calls.len() < MOST_CALLS
                && let Some(orders) = self.state().batch()
            {
                calls.spawn(Arc::clone(&self).tell(orders));
            }
            if extending.len() < MOST_EXTENSIONS
                && let Some(due) = self.state().due()
            {
                extending.spawn(Arc::clone(&self).extend(due));
            }
            if calls.is_empty() && self.state().is_over() {
                break;
            }
            let extend_from = self.state().extend_from.filter(|_| extending.len() < MOST_EXTENSIONS);
            tokio::select! {
                () = self.wake.notified() => {}
                Some(_) = calls.join_next() => {}
                Some(_) = extending.join_next() => {}
                () = sleep_until(extend_from.unwrap_or_else(Instant::now)), if extend_from.is_some() => {}
            }
        }
        self.done.notify_one();
    }

    async fn call(&self, verdict: Verdict, ack_ids: Vec<String>) -> Result<Empty, Failure> {
        let (service, about, subscription) = (&self.service, &*self.subscription, self.subscription.to_string());
        // Never closed.
        let _place = service.settlements.acquire().await;
        match verdict {
            Verdict::Ack => {
                let asked = Arc::new(AcknowledgeRequest { subscription, ack_ids });
                service.unary(&ACKNOWLEDGE, about, &asked, CALL_PATIENCE).await
            }
            Verdict::Back(ack_deadline_seconds) => {
                let asked = Arc::new(ModifyAckDeadlineRequest { subscription, ack_deadline_seconds, ack_ids });
                service.unary(&MODIFY_ACK_DEADLINE, about, &asked, CALL_PATIENCE).await
            }
        }
    }

    /// Tells the service what was decided, the same of all, until it has taken each or nobody waits for it any more.
    async fn tell(self: Arc<Self>, orders: Vec<Order>) {
        let mut parts = vec![orders];
        while let Some(part) = parts.pop() {
            let mut bad = self.tell_together(part).await;
            if !bad.is_empty() {
                let second = bad.split_off(bad.len() / 2);
                parts.extend([second, bad]);
            }
        }
    }

    /// Returns those that the service does not take together, since something is wrong with one of them.
    async fn tell_together(&self, mut orders: Vec<Order>) -> Vec<Order> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        while let Some(Order { verdict, .. }) = orders.first() {
            let ids = orders.iter().map(|order| order.ack_id.to_string()).collect();
            let Err(failed) = self.call(*verdict, ids).await else {
                orders.into_iter().for_each(|order| self.settled(order, Ok(())));
                return Vec::new();
            };
            let troubles = troubles(&failed);
            let is_invalid = matches!(&failed, Failure::Status(status) if status.code() == Code::InvalidArgument);
            if is_invalid && troubles.is_empty() && orders.len() > 1 {
                return orders;
            }
            let wait = backoff.next_wait();
            let again = Instant::now() + wait;
            let (keep, over): (Vec<_>, Vec<_>) = orders.into_iter().partition(|order| {
                let passes = match troubles.get(&*order.ack_id) {
                    Some(trouble) => *trouble == Trouble::Passing,
                    None => troubles.is_empty() && !is_refusal(&failed),
                };
                passes && again < order.until
            });
            for order in over {
                let told = match (troubles.get(&*order.ack_id), order.verdict) {
                    (None, _) if !troubles.is_empty() => Ok(()),
                    // It was given back before.
                    (Some(Trouble::Lasting), Verdict::Back(_)) => Ok(()),
                    (Some(Trouble::Lasting), Verdict::Ack) => Err(SettleError::Expired),
                    _ => Err(SettleError::Unreachable(reason(&failed).into())),
                };
                self.settled(order, told);
            }
            orders = keep;
            if !orders.is_empty() {
                sleep(wait).await;
            }
        }
        orders
    }

    fn settled(&self, order: Order, told: Told) {
        self.state().held.remove(&order.number);
        // Whoever has settled may have gone.
        let _ = order.answer.send(told);
    }

    async fn extend(self: Arc<Self>, due: Vec<(u64, Arc<str>)>) {
        for due in due.chunks(MOST_IDS) {
            let since = Instant::now();
            let ids = due.iter().map(|(_, ack_id)| ack_id.to_string()).collect();
            let extended = self.call(Verdict::Back(LEASE), ids).await;
            let troubles = extended.as_ref().map_or_else(troubles, |_| Default::default());
            let again = match &extended {
                Err(_) if troubles.is_empty() => Instant::now() + EXTEND_AGAIN,
                _ => since + EXTEND_EVERY,
            };
            let state = &mut *self.state();
            for (number, ack_id) in due {
                match troubles.get(&**ack_id) {
                    // Another gateway may have it already. It cannot be acknowledged any more.
                    Some(Trouble::Lasting) => _ = state.held.remove(number),
                    Some(Trouble::Passing) => state.extend_at(*number, Instant::now() + EXTEND_AGAIN),
                    None => state.extend_at(*number, again),
                }
            }
        }
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.leaving && self.held.is_empty() && self.orders.is_empty()
    }

    /// The next orders that can be told together.
    fn batch(&mut self) -> Option<Vec<Order>> {
        let verdict = self.orders.front()?.verdict;
        let mut batch = Vec::new();
        for order in std::mem::take(&mut self.orders) {
            match order.verdict == verdict && batch.len() < MOST_IDS {
                true => batch.push(order),
                false => self.orders.push_back(order),
            }
        }
        Some(batch)
    }

    /// The deliveries whose lease has to be extended now. Looks at all that are held, as often as one may be due.
    fn due(&mut self) -> Option<Vec<(u64, Arc<str>)>> {
        let now = Instant::now();
        self.extend_from.filter(|from| *from <= now)?;
        let mut due = Vec::new();
        self.extend_from = None;
        for (number, held) in &mut self.held {
            if held.extend_at <= now {
                due.push((*number, Arc::clone(&held.ack_id)));
                // Until it is known what became of this one.
                held.extend_at = now + EXTEND_EVERY;
            }
            self.extend_from = self.extend_from.into_iter().chain([held.extend_at]).min();
        }
        (!due.is_empty()).then_some(due)
    }

    fn extend_at(&mut self, number: u64, at: Instant) {
        if let Some(held) = self.held.get_mut(&number) {
            held.extend_at = at;
            self.extend_from = self.extend_from.into_iter().chain([at]).min();
        }
    }
}
