//! A message that was received, and is settled by its subscription's ledger.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::ledger::{Told, Verdict};
use super::proto::{PubsubMessage, ReceivedMessage, Timestamp};
use super::subscription::Shared;
use crate::gcp_pubsub::DRIVER;
use crate::{Attribute, Message, Origin, SettleError, Settlement};

/// The longest that the service lets a message wait.
const MOST_DELAY: Duration = Duration::from_secs(600);

/// A message received.
pub struct Delivery {
    shared: Arc<Shared>,
    number: u64,
    message: Message,
    timestamp: Option<SystemTime>,
    count: Option<u32>,
    settled: AtomicBool,
}

impl Delivery {
    pub(super) fn new(shared: &Arc<Shared>, received: ReceivedMessage) -> Self {
        let ReceivedMessage { ack_id, message, delivery_attempt } = received;
        let number = shared.ledger.hold(ack_id);
        let PubsubMessage { data, attributes, message_id, publish_time, ordering_key } = message.unwrap_or_default();
        let attributes = attributes.into_iter().map(|(name, value)| Attribute { name: name.into(), value });
        let message = Message {
            body: data,
            attributes: attributes.collect(),
            key: Some(ordering_key).filter(|key| !key.is_empty()),
            id: Some(message_id).filter(|id| !id.is_empty()),
        };
        Self {
            shared: Arc::clone(shared),
            number,
            message,
            timestamp: publish_time.and_then(time),
            count: u32::try_from(delivery_attempt).ok().filter(|count| *count > 0),
            settled: AtomicBool::new(false),
        }
    }

    /// Back to the service, as nobody has seen it.
    pub(super) fn give_back(mut self) {
        if !std::mem::replace(self.settled.get_mut(), true) {
            self.shared.ledger.settle(self.number, Verdict::Back(0));
        }
    }

    /// Gives it back after `delay`. `None` where there is nothing to tell.
    fn back(&self, delay: Duration) -> Result<Option<oneshot::Receiver<Told>>, SettleError> {
        let ledger = &self.shared.ledger;
        if self.shared.nack_lazy && delay.is_zero() {
            return ledger.forget(self.number).then_some(None).ok_or(SettleError::Expired);
        }
        // Whole seconds, none of them too early.
        let delay = delay.min(MOST_DELAY);
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let verdict = Verdict::Back(i32::try_from(seconds).unwrap_or(i32::MAX));
        ledger.settle(self.number, verdict).map(Some).ok_or(SettleError::Expired)
    }

    fn told(&self, settlement: Settlement) -> Result<Option<oneshot::Receiver<Told>>, SettleError> {
        let ack = || self.shared.ledger.settle(self.number, Verdict::Ack).map(Some).ok_or(SettleError::Expired);
        let reason = match settlement {
            Settlement::Ack => return ack(),
            Settlement::Nack { delay } => return self.back(delay),
            Settlement::DeadLetter { reason } => reason,
        };
        let Shared { broker, name, .. } = &*self.shared;
        let (subscription, id, delivery_count) = (&**name, self.message.id.as_deref(), self.count);
        // Counts are only of subscriptions that have a dead-letter policy.
        let (what, told) = match delivery_count {
            Some(_) => {
                let what = "a message is given back: the service moves it to the subscription's dead-letter topic after as many deliveries as its policy says";
                (what, self.back(Duration::ZERO))
            }
            None => ("a message is dropped: the subscription has no dead-letter policy", ack()),
        };
        tracing::error!(driver = DRIVER.name, broker, subscription, id, delivery_count, reason, "{what}");
        told
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.message
    }

    /// Where the subscription has a dead-letter policy.
    fn delivery_count(&self) -> Option<u32> {
        self.count
    }

    fn origin(&self) -> Origin<'_> {
        Origin { timestamp: self.timestamp, ..Origin::default() }
    }

    /// `Ok` is the service's answer. With exactly-once delivery, an acknowledged message does not come again; without it,
    /// the service may still deliver it again, as it says itself.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        if self.settled.swap(true, Ordering::AcqRel) {
            return Settling(Err(Some(SettleError::Expired)));
        }
        match self.told(settlement) {
            Ok(Some(told)) => Settling(Ok(Some(told))),
            Ok(None) => Settling(Ok(None)),
            Err(error) => Settling(Err(Some(error))),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !std::mem::replace(self.settled.get_mut(), true) {
            // Nobody waits for that; a message that cannot be given back comes when its lease ends.
            let _ = self.back(Duration::ZERO);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscription = &self.shared.name;
        f.debug_struct("Delivery")
            .field("subscription", subscription)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// The answer to a settlement, where there is one.
struct Settling(Result<Option<oneshot::Receiver<Told>>, Option<SettleError>>);

impl Future for Settling {
    type Output = Told;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Told> {
        match &mut self.0 {
            Ok(None) => Poll::Ready(Ok(())),
            Ok(Some(told)) => {
                let closed = || Err(SettleError::Unreachable("it was closed meanwhile".into()));
                Pin::new(told).poll(cx).map(|told| told.unwrap_or_else(|_| closed()))
            }
            Err(error) => Poll::Ready(Err(error.take().unwrap_or(SettleError::Expired))),
        }
    }
}

fn time(Timestamp { seconds, nanos }: Timestamp) -> Option<SystemTime> {
    let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}
