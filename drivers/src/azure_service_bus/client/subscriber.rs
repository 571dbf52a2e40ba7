//! Receiving: the open subscriptions of a broker.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Shared;
pub use super::delivery::Delivery;
use super::inbox::Inbox;
use super::{lane, locks, sessions};
use crate::ReceiveError;
use crate::azure_service_bus::Subscription;

/// How long closing waits for the service's word on what was given back, and then for the last messages on their way.
pub(super) const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: Mutex<Vec<Open>>,
}

/// An open subscription, and the task that receives for it.
struct Open {
    inbox: Weak<Inbox>,
    task: JoinHandle<()>,
}

/// An open subscription.
pub struct Subscriber {
    inbox: Arc<Inbox>,
}

impl Subscriptions {
    pub(super) fn open(&self, shared: &Arc<Shared>, path: &str, subscription: &Subscription<'_>) -> Subscriber {
        let inbox = Arc::new(Inbox::new(shared, path, subscription.max_recv_batch_size));
        let task = if subscription.sessions {
            tokio::spawn(sessions::run(Arc::clone(&inbox), subscription.listener_timeout))
        } else {
            tokio::spawn(locks::run(Arc::clone(&inbox)));
            tokio::spawn(lane::run(Arc::clone(&inbox)))
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|open| !open.task.is_finished());
        open.push(Open { inbox: Arc::downgrade(&inbox), task });
        Subscriber { inbox }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|open| !open.task.is_finished()).count()
    }

    /// Ends all waits, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let inboxes: Vec<_> = open.iter().filter_map(|open| open.inbox.upgrade()).collect();
        let given_back = inboxes.iter().flat_map(Inbox::close).map(|pending| pending.end());
        let _ = timeout(CLOSING_PATIENCE, future::join_all(given_back)).await;
        inboxes.iter().for_each(|inbox| inbox.end());
        // What comes while the links end goes back as well.
        let _ = timeout(CLOSING_PATIENCE, future::join_all(open.into_iter().map(|open| open.task))).await;
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
