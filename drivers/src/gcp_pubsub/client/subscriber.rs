//! Receiving: the open subscriptions of a broker.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::JoinSet;

pub use super::delivery::Delivery;
use super::pulling::Task;
use super::service::Service;
use super::subscription::{MOST_PULLS, Shared};
use crate::gcp_pubsub::Subscription;
use crate::{OpenError, ReceiveError, UrlError};

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
    ///
    /// # Errors
    /// There are as many as the connection has room for.
    pub(super) fn open(&self, url: &str, subscription: &Subscription<'_>) -> Result<Subscriber, OpenError> {
        if self.shares.load(Ordering::Relaxed) >= MOST_PULLS {
            let message = format!("a Pub/Sub broker has at most {MOST_PULLS} subscriptions");
            let error = UrlError::new(0..url.len(), message)
                .with_help("the others are for a second broker, by a name of its own");
            return Err(OpenError::Url(error));
        }
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
        Ok(Subscriber { shared })
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
