//! A message that was received, and is settled by its receipt.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::burying::bury;
use super::held::Held;
use super::received::{Original, Received};
use crate::{Message, Origin, SettleError, Settlement};

/// A message received.
pub struct Delivery {
    held: Arc<Held>,
    number: u64,
    received: Received,
    /// Whether giving back is left to the time that passes.
    nack_lazy: bool,
}

impl Delivery {
    /// Holds it from now on.
    pub(super) fn new(held: &Arc<Held>, received: Received, lease: Duration, nack_lazy: bool) -> Self {
        let number = held.add(Arc::clone(&received.receipt), lease);
        Self { held: Arc::clone(held), number, received, nack_lazy }
    }

    /// What is sent elsewhere.
    fn original(&self) -> Original {
        self.received.original.with_body(&self.received.message)
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.received.message
    }

    fn delivery_count(&self) -> Option<u32> {
        self.received.count
    }

    fn origin(&self) -> Origin<'_> {
        Origin { timestamp: self.received.sent, ..Origin::default() }
    }

    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        type Settling = Pin<Box<dyn Future<Output = Result<(), SettleError>> + Send>>;
        let Some(lease) = self.held.take(self.number) else {
            let late: Settling = Box::pin(async { Err(SettleError::Expired) });
            return late;
        };
        let answer = match settlement {
            Settlement::Ack => self.held.delete(&lease),
            Settlement::Nack { .. } if self.nack_lazy => return Box::pin(async { Ok(()) }),
            Settlement::Nack { delay } => self.held.show(&lease, delay),
            Settlement::DeadLetter { reason } => {
                let (held, count, original) = (Arc::clone(&self.held), self.received.count, self.original());
                let burying = self.held.runtime.spawn(async move { bury(&held, lease, count, original, reason).await });
                return Box::pin(async move {
                    burying.await.unwrap_or_else(|ended| Err(SettleError::Unreachable(ended.into())))
                });
            }
        };
        Box::pin(async move { answer.told().await.map_err(super::settling::Refusal::settle) })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(lease) = self.held.take(self.number) {
            let _ = self.held.show(&lease, Duration::ZERO);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = &self.held.queue.url;
        f.debug_struct("Delivery")
            .field("queue", queue)
            .field("message", &self.received.message)
            .finish_non_exhaustive()
    }
}
