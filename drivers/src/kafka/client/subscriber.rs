//! Receiving. A consumer's context passes everything on to an [`Observer`](super::context::Observer) of its own, so that
//! the broker's state, log and figures know of it.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use crate::kafka::Subscription;
use crate::{Message, OpenError, ReceiveError, SettleError, Settlement};

/// The subscriptions of a broker.
pub(super) struct Subscriptions {
    _shared: Arc<Shared>,
}

/// An open subscription of a [`Broker`](super::Broker).
pub struct Subscriber(());

/// A message from a [`Subscriber`].
#[derive(Debug)]
pub struct Delivery(Infallible);

impl Subscriptions {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { _shared: Arc::clone(shared) }
    }

    pub(super) fn open(&self, url: &str) -> Result<Subscriber, OpenError> {
        Subscription::parse(url).map_err(OpenError::Url)?;
        Ok(Subscriber(()))
    }

    pub(super) async fn close(&self) {}
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: Instant) -> Result<Delivery, ReceiveError> {
        pending().await
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        match self.0 {}
    }

    fn delivery_count(&self) -> Option<u32> {
        match self.0 {}
    }

    fn settle(&self, _: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        match self.0 {}
        #[expect(unreachable_code, reason = "names the type")]
        Box::pin(pending())
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}
