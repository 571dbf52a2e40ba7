//! What cannot be: SNS pushes, and nothing can be received from it.

use std::time::Instant;

use crate::{Message, ReceiveError, SettleError, Settlement};

/// A subscription, of which there is none.
#[derive(Debug)]
pub enum Subscriber {}

/// A delivery, of which there is none.
#[derive(Debug)]
pub enum Delivery {}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: Instant) -> Result<Delivery, ReceiveError> {
        match *self {}
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        match *self {}
    }

    fn delivery_count(&self) -> Option<u32> {
        match *self {}
    }

    fn settle(&self, _: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        // There is nobody to call it; the future has to have a type all the same.
        std::future::ready(Err(SettleError::Expired))
    }
}
