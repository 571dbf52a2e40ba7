//! Receiving: the open subscriptions of a broker.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future;
use tokio::time::timeout;

use super::consuming::Consuming;
pub use super::delivery::Delivery;
use super::subscription::Shared;
use super::task::Task;
use crate::rabbitmq::Subscription;
use crate::{ReceiveError, SubscriberOptions};

/// How long closing waits for the server to have taken what was settled.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: Mutex<Vec<Weak<Shared>>>,
}

/// An open subscription.
pub struct Subscriber {
    shared: Arc<Shared>,
}

impl Subscriptions {
    pub(super) fn open(
        &self,
        consuming: &Arc<Consuming>,
        subscription: &Subscription<'_>,
        options: &SubscriberOptions,
    ) -> Subscriber {
        let Subscription { queue, prefetch_count, priority } = subscription;
        let shared = Arc::new(Shared::new(consuming, queue, *prefetch_count, *priority, options.declare));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|shared| shared.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        tokio::spawn(Task::new(Arc::clone(&shared)).run());
        Subscriber { shared }
    }

    /// Ends all waits, settles what was held back, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let lines: Vec<_> = open.iter().filter_map(Weak::upgrade).flat_map(|shared| shared.close()).collect();
        // A server that has closed a channel has done all that it was told on it, and gives back the rest.
        let closing = lines.iter().map(|line| line.channel.close(200, "OK".into()));
        let _ = timeout(CLOSING_PATIENCE, future::join_all(closing)).await;
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: std::time::Instant) -> Result<Delivery, ReceiveError> {
        let (receiver, _turn) = self.shared.wait()?;
        // A message that came and was not taken is dropped with the receiver, and so given back.
        receiver.await.unwrap_or(Err(ReceiveError::Closed))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("queue", &self.shared.queue).finish_non_exhaustive()
    }
}
