//! A message that was received, and what becomes of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::group::{Committed, Group, Handed};
use crate::{Message, Origin, SettleError, Settlement};

/// A message from a [`Subscriber`](super::Subscriber).
pub struct Delivery {
    handed: Handed,
    group: Arc<Group>,
    settled: AtomicBool,
}

impl Delivery {
    pub(super) fn new(handed: Handed, group: &Arc<Group>) -> Self {
        Self { handed, group: Arc::clone(group), settled: AtomicBool::new(false) }
    }

    fn give_back(&self, delay: Duration) -> bool {
        let Handed { partition, number, record } = &self.handed;
        self.group.give_back(partition, *number, record, delay)
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.handed.record.message
    }

    fn delivery_count(&self) -> Option<u32> {
        None
    }

    fn origin(&self) -> Origin<'_> {
        let Handed { partition, record, .. } = &self.handed;
        Origin {
            topic: Some(&partition.topic),
            partition: Some(&partition.text),
            offset: u64::try_from(record.offset).ok(),
            timestamp: record.timestamp,
        }
    }

    /// Whatever it is, it is decided before this returns. Acknowledgements are committed shortly after: as long as that goes
    /// well the future does not wait for it; from a commit that failed on, it does, until one has succeeded.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        if self.settled.swap(true, Ordering::AcqRel) {
            return Settling::Ended(Some(Err(SettleError::Expired)));
        }
        let Handed { partition, number, record } = &self.handed;
        if let Settlement::Nack { delay } = settlement {
            return Settling::Ended(Some(if self.give_back(delay) { Ok(()) } else { Err(SettleError::Expired) }));
        }
        if let Settlement::DeadLetter { reason } = settlement {
            let group = &*self.group.wanted.group;
            tracing::debug!(group, ?partition, offset = record.offset, reason, "message skipped");
            self.group.dropped();
        }
        match self.group.settle(partition, *number) {
            None => Settling::Ended(Some(Err(SettleError::Expired))),
            Some(None) => Settling::Ended(Some(Ok(()))),
            Some(Some(committed)) => Settling::Committing(committed),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !*self.settled.get_mut() {
            // Nothing to give back where it is another member's by now.
            let _ = self.give_back(Duration::ZERO);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handed { partition, record, .. } = &self.handed;
        f.debug_struct("Delivery").field("partition", partition).field("record", record).finish_non_exhaustive()
    }
}

/// A settlement on its way.
enum Settling {
    Ended(Option<Result<(), SettleError>>),
    Committing(Committed),
}

impl Future for Settling {
    type Output = Result<(), SettleError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ended(result) => Poll::Ready(result.take().unwrap_or(Err(SettleError::Expired))),
            // Without an answer there is no member any more.
            Self::Committing(committed) => {
                Pin::new(committed).poll(context).map(|result| result.unwrap_or(Err(SettleError::Expired)))
            }
        }
    }
}
