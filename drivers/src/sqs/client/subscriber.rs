//! Receiving from a queue.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use super::delivery::Delivery;
use super::held::Held;
use super::polling::Polls;
use super::queue::Queue;
use super::received::Reading;
use crate::ReceiveError;
use crate::sqs::Subscription;

/// An open subscription.
pub struct Subscriber {
    queue: Arc<Queue>,
    polls: Arc<Polls>,
}

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {
    /// Deliveries may outlive their subscriber.
    open: Mutex<Vec<(Weak<Polls>, Weak<Held>)>>,
}

impl Subscriptions {
    pub(super) fn open(&self, queue: Arc<Queue>, subscription: &Subscription<'_>) -> Subscriber {
        let Subscription { raw, nack_lazy, wait_time, sns_topic_arn, .. } = subscription;
        let reading = Reading { raw: *raw, topic: sns_topic_arn.as_deref().map(str::to_owned) };
        let polls = Arc::new(Polls::new(Arc::clone(&queue), reading, *wait_time, *nack_lazy));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, held)| held.strong_count() > 0);
        open.push((Arc::downgrade(&polls), Arc::downgrade(&polls.held)));
        Subscriber { queue, polls }
    }

    /// Ends all waits, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let mut closing = tokio::task::JoinSet::new();
        for (polls, held) in open {
            match (polls.upgrade(), held.upgrade()) {
                (Some(polls), _) => closing.spawn(async move { polls.close().await }),
                (None, Some(held)) => closing.spawn(async move { held.close(super::CLOSING_PATIENCE).await }),
                (None, None) => continue,
            };
        }
        while closing.join_next().await.is_some() {}
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, deadline: Instant) -> Result<Delivery, ReceiveError> {
        self.polls.wait(deadline.into())?.received().await
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("queue", &self.queue.url).finish_non_exhaustive()
    }
}
