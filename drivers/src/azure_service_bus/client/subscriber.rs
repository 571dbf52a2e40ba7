//! Receiving from a queue or subscription.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use crate::azure_service_bus::Subscription;
use crate::{Message, ReceiveError, SettleError, Settlement};

/// An open subscription.
#[derive(Debug)]
pub struct Subscriber {}

/// A message received and not yet settled.
#[derive(Debug)]
pub struct Delivery {
    message: Message,
}

/// Every subscription that is open.
#[derive(Default)]
pub(super) struct Subscriptions {}

impl Subscriptions {
    pub(super) fn open(&self, _shared: &Arc<Shared>, _path: &str, _subscription: &Subscription<'_>) -> Subscriber {
        Subscriber {}
    }

    pub(super) async fn close(&self) {
        tokio::time::sleep(Duration::ZERO).await;
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _deadline: Instant) -> Result<Delivery, ReceiveError> {
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

    fn settle(
        &self,
        _settlement: Settlement,
    ) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        std::future::ready(Err(SettleError::Expired))
    }
}
