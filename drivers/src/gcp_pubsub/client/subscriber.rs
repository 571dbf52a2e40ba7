//! Receiving: the open subscriptions of a broker.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::JoinSet;

pub use super::delivery::Delivery;
use super::pulling::Task;
use super::service::Service;
use super::subscription::Shared;
use crate::ReceiveError;
use crate::gcp_pubsub::Subscription;

/// The open subscriptions of a broker.
pub(super) struct Subscriptions {
    service: Arc<Service>,
    broker: Option<&'static str>,
    shares: Arc<AtomicUsize>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    subscriptions: Vec<Weak<Shared>>,
    is_closed: bool,
}

/// An open subscription.
pub struct Subscriber {
    shared: Arc<Shared>,
}

impl Subscriptions {
    pub(super) fn new(service: &Arc<Service>, broker: Option<&'static str>) -> Self {
        Self { service: Arc::clone(service), broker, shares: Arc::default(), open: Mutex::default() }
    }

    /// Must be called on a tokio runtime.
    pub(super) fn open(&self, subscription: &Subscription<'_>) -> Subscriber {
        let name = subscription.path().into();
        let shared = Shared::new(self.broker, name, subscription.nack_lazy, &self.service, &self.shares);
        let shared = Arc::new(shared);
        tokio::spawn(Task::new(Arc::clone(&shared)).run());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_closed {
            shared.abandon();
        }
        open.subscriptions.retain(|shared| shared.strong_count() > 0);
        open.subscriptions.push(Arc::downgrade(&shared));
        Subscriber { shared }
    }

    /// Ends all waits, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.is_closed = true;
            std::mem::take(&mut open.subscriptions)
        };
        let mut closing = JoinSet::new();
        for shared in open.iter().filter_map(Weak::upgrade) {
            closing.spawn(async move { shared.close().await });
        }
        while closing.join_next().await.is_some() {}
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: std::time::Instant) -> Result<Delivery, ReceiveError> {
        let mut wait = self.shared.wait()?;
        (&mut wait.receiver).await.unwrap_or(Err(ReceiveError::Closed))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("subscription", &self.shared.name).finish_non_exhaustive()
    }
}
