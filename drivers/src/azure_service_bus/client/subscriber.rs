//! Receiving: the open subscriptions of a broker.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future;
use tokio::time::timeout;

use super::Shared;
pub use super::delivery::Delivery;
use super::inbox::Inbox;
use super::{lane, locks, sessions};
use crate::ReceiveError;
use crate::azure_service_bus::Subscription;

/// How long closing waits for the service's word on what was given back.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: Mutex<Vec<Weak<Inbox>>>,
}

/// An open subscription.
pub struct Subscriber {
    inbox: Arc<Inbox>,
}

impl Subscriptions {
    pub(super) fn open(&self, shared: &Arc<Shared>, path: &str, subscription: &Subscription<'_>) -> Subscriber {
        let inbox = Arc::new(Inbox::new(shared, path, subscription.max_recv_batch_size));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|inbox| inbox.strong_count() > 0);
        open.push(Arc::downgrade(&inbox));
        if subscription.sessions {
            tokio::spawn(sessions::run(Arc::clone(&inbox), subscription.listener_timeout));
        } else {
            tokio::spawn(lane::run(Arc::clone(&inbox)));
            tokio::spawn(locks::run(Arc::clone(&inbox)));
        }
        Subscriber { inbox }
    }

    /// Ends all waits, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let open: Vec<_> = open.iter().filter_map(Weak::upgrade).collect();
        let given_back = open.iter().flat_map(Inbox::close).map(|pending| pending.end());
        let _ = timeout(CLOSING_PATIENCE, future::join_all(given_back)).await;
        open.iter().for_each(|inbox| inbox.end());
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: std::time::Instant) -> Result<Delivery, ReceiveError> {
        let (receiver, _turn) = self.inbox.wait()?;
        // A message that came and was not taken is dropped with the receiver, and so given back.
        match receiver.await {
            Ok(Ok(unseen)) => unseen.seen().ok_or(ReceiveError::Closed),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ReceiveError::Closed),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.inbox.end();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("entity", &self.inbox.entity).finish_non_exhaustive()
    }
}
