//! The one timer of a broker: deadlines and waits of all its topics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::topic::Topic;

/// When to look at which topic. A topic is looked at when the deadline comes that was its earliest when it
/// was armed, and then again at what is its earliest by then: settling a delivery in time never touches
/// the timer.
#[derive(Default)]
pub(super) struct Timer {
    alarms: Mutex<BTreeMap<(Instant, usize), Arc<Topic>>>,
    sooner: Notify,
}

impl Timer {
    pub(super) fn arm(&self, due: Instant, topic: &Arc<Topic>) {
        let mut alarms = self.lock();
        let is_first = alarms.first_key_value().is_none_or(|((first, _), _)| due < *first);
        alarms.insert((due, topic.number), Arc::clone(topic));
        drop(alarms);
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// Runs until the broker is dropped.
    pub(super) async fn run(self: Arc<Self>, broker: Weak<Shared>) {
        loop {
            let first = self.lock().first_key_value().map(|((due, _), _)| *due);
            match first {
                None => self.sooner.notified().await,
                Some(due) if timeout_at(due, self.sooner.notified()).await.is_ok() => {}
                Some(_) => {
                    let Some(broker) = broker.upgrade() else { return };
                    self.ring(&broker);
                }
            }
        }
    }

    fn ring(&self, broker: &Arc<Shared>) {
        let now = Instant::now();
        while let Some((due, topic)) = self.take_due(now) {
            broker.reclaim(&topic, due, now);
        }
    }

    fn take_due(&self, now: Instant) -> Option<(Instant, Arc<Topic>)> {
        let mut alarms = self.lock();
        let first = alarms.first_entry().filter(|first| first.key().0 <= now)?;
        let ((due, _), topic) = first.remove_entry();
        Some((due, topic))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, usize), Arc<Topic>>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
