//! Receiving. To be replaced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::consuming::Consuming;
use crate::rabbitmq::Subscription;
use crate::{Message, ReceiveError, SettleError, Settlement, SubscriberOptions};

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {}

/// An open subscription.
#[derive(Debug)]
pub struct Subscriber {
    consuming: Arc<Consuming>,
}

/// A message received.
#[derive(Debug)]
pub struct Delivery {
    message: Message,
}

impl Subscriptions {
    pub(super) fn open(&self, consuming: &Arc<Consuming>, _: &Subscription<'_>, _: &SubscriberOptions) -> Subscriber {
        Subscriber { consuming: Arc::clone(consuming) }
    }

    /// Gives back what was received and not settled.
    pub(super) async fn close(&self) {}
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: Instant) -> Result<Delivery, ReceiveError> {
        while !self.consuming.is_closed() {
            sleep(Duration::from_millis(50)).await;
        }
        Err(ReceiveError::Closed)
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.message
    }

    fn delivery_count(&self) -> Option<u32> {
        None
    }

    fn settle(&self, _: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        std::future::ready(Err(SettleError::Expired))
    }
}
