//! A message that was received, and is locked until it is settled.

use std::fmt;
use std::sync::Arc;

use super::inbox::Inbox;
use super::received::Received;
use super::settling::Verdict;
use crate::{Message, Origin, SettleError, Settlement};

/// A message received.
pub struct Delivery {
    inbox: Arc<Inbox>,
    /// Its number in the inbox.
    number: u64,
    received: Received,
}

impl Delivery {
    pub(super) fn new(inbox: &Arc<Inbox>, number: u64, received: Received) -> Self {
        Self { inbox: Arc::clone(inbox), number, received }
    }

    /// Gives it back as if it had not been delivered.
    pub(super) fn release(&self) {
        self.give_back(Verdict::Release);
    }

    fn give_back(&self, verdict: Verdict) {
        if let Some(pending) = self.inbox.settle(self.number, verdict) {
            pending.leave();
        }
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.received.message
    }

    fn delivery_count(&self) -> Option<u32> {
        self.received.count
    }

    /// Where it is received from is its topic.
    fn origin(&self) -> Origin<'_> {
        Origin {
            topic: Some(&self.inbox.entity),
            partition: None,
            offset: self.received.sequence,
            timestamp: self.received.enqueued,
        }
    }

    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        let pending = self.inbox.settle(self.number, Verdict::from(settlement));
        Box::pin(async move {
            match pending {
                Some(pending) => pending.end().await,
                None => Err(SettleError::Expired),
            }
        })
    }
}

impl Drop for Delivery {
    /// Gives it back, unless it was settled.
    fn drop(&mut self) {
        self.give_back(Verdict::Abandon);
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.received.message;
        f.debug_struct("Delivery").field("entity", &self.inbox.entity).field("message", message).finish_non_exhaustive()
    }
}
