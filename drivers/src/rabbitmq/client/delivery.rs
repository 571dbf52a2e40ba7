//! A message that was received, and is settled on the channel that it came over.

use std::fmt;
use std::future::ready;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::credit::{Slot, Verdict};
use super::received::Received;
use super::subscription::Shared;
use crate::rabbitmq::DRIVER;
use crate::{Message, Origin, SettleError, Settlement};

/// A message received.
pub struct Delivery {
    shared: Arc<Shared>,
    slot: Slot,
    received: Received,
    settled: AtomicBool,
}

impl Delivery {
    pub(super) fn new(shared: &Arc<Shared>, slot: Slot, received: Received) -> Self {
        Self { shared: Arc::clone(shared), slot, received, settled: AtomicBool::new(false) }
    }

    /// The message, which is not given back.
    pub(super) fn into_received(mut self) -> Received {
        self.settled = AtomicBool::new(true);
        let nothing = Received { message: Message::default(), topic: "".into(), timestamp: None, count: None };
        mem::replace(&mut self.received, nothing)
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.received.message
    }

    /// Of a quorum queue, as soon as a message has come back once.
    fn delivery_count(&self) -> Option<u32> {
        self.received.count
    }

    fn origin(&self) -> Origin<'_> {
        Origin { topic: Some(&self.received.topic), timestamp: self.received.timestamp, ..Origin::default() }
    }

    /// A server does not answer: that it was told is certain once the future has ended with `Ok`, unless the connection is
    /// lost in the same moment. The message then comes again.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        if self.settled.swap(true, Ordering::AcqRel) {
            return ready(Err(SettleError::Expired));
        }
        let slot = self.slot.clone();
        let told = match settlement {
            Settlement::Ack => self.shared.settle(slot, Verdict::Ack),
            Settlement::Nack { delay } => self.shared.delay(slot, delay),
            Settlement::DeadLetter { reason } => {
                let queue = &*self.shared.queue;
                let what = "a message is rejected: the server moves it to the queue's dead-letter exchange, and drops it where there is none";
                let broker = self.shared.consuming.broker;
                tracing::error!(driver = DRIVER.name, broker, queue, reason, "{what}");
                self.shared.settle(slot, Verdict::Reject)
            }
        };
        ready(match told {
            true => Ok(()),
            false => Err(SettleError::Unreachable(self.shared.lost().into())),
        })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !mem::replace(self.settled.get_mut(), true) {
            self.shared.settle(self.slot.clone(), Verdict::Requeue);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.received.message;
        f.debug_struct("Delivery").field("queue", &self.shared.queue).field("message", message).finish_non_exhaustive()
    }
}
