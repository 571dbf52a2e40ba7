//! Whether a cluster can be reached: what the clients of one broker see, put together.
//!
//! librdkafka connects anew by itself, as often as it takes. So there is no attempt to supervise here; what it says of its
//! connections is turned into a state, lines in the log once per outage, and counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};

use super::statistics::Figures;
use crate::outage::OutageLog;
use crate::{BrokerState, Counters};

/// What is known of one broker.
pub(in super::super) struct Health {
    state: watch::Sender<BrokerState>,
    inner: Mutex<Inner>,
    counters: Counters,
    /// Told whenever a client is connected, or is not, or could not be.
    changes: Notify,
    /// Whether there is no connection, and the last attempt to make one has failed.
    is_failing: AtomicBool,
}

struct Inner {
    log: OutageLog,
    clients: Vec<Arc<Part>>,
    /// Why there is no connection, or was none the last time.
    reason: String,
}

/// What is known of one client.
pub(super) struct Part {
    /// Whether a connection of its is up: connected, and logged in.
    connected: AtomicBool,
    figures: Mutex<Figures>,
}

impl Health {
    pub(super) fn new(driver: &'static str, broker: Option<&'static str>) -> Arc<Self> {
        let reason = "the first connection has not been made yet".to_owned();
        let inner = Inner { log: OutageLog::new(driver, broker, None), clients: Vec::new(), reason };
        Arc::new(Self {
            state: watch::Sender::new(BrokerState::Connecting),
            inner: Mutex::new(inner),
            counters: Counters::default(),
            changes: Notify::new(),
            is_failing: AtomicBool::new(false),
        })
    }

    pub(super) fn state(&self) -> BrokerState {
        self.state.borrow().clone()
    }

    /// Waits until a client is connected, or is not, or could not be.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changes.notified()
    }

    /// Whether there is no connection, and the last attempt to make one has failed.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Release);
        self.changes.notify_waiters();
    }

    /// Why there is no connection, or was none the last time.
    pub(in super::super) fn failure(&self) -> String {
        self.inner().reason.clone()
    }

    pub(in super::super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn figures(&self) -> Vec<Figures> {
        self.inner().clients.iter().map(|part| part.figures().clone()).collect()
    }

    pub(super) fn has_no_client(&self) -> bool {
        self.inner().clients.is_empty()
    }

    /// A state that changes no more.
    pub(super) fn close(&self) {
        "it is closed".clone_into(&mut self.inner().reason);
        self.state.send_replace(BrokerState::Closed);
        self.set_failing(true);
    }

    /// Adds a client, which has no connection yet.
    pub(super) fn add(&self) -> Arc<Part> {
        let part = Arc::new(Part { connected: AtomicBool::new(false), figures: Mutex::default() });
        self.inner().clients.push(Arc::clone(&part));
        part
    }

    /// Forgets a client.
    pub(super) fn remove(&self, part: &Arc<Part>) {
        let mut inner = self.inner();
        inner.clients.retain(|known| !Arc::ptr_eq(known, part));
        // The one that takes its place, if one does, has not got there yet: that is no outage.
        if part.is_connected() && !inner.is_connected() {
            self.set_state(BrokerState::Connecting);
        }
    }

    /// A client has its first connection.
    pub(super) fn connected(&self, part: &Part) {
        let mut inner = self.inner();
        part.connected.store(true, Ordering::Release);
        self.counters.connected();
        if *self.state.borrow() != BrokerState::Connected {
            inner.log.connected();
            self.set_state(BrokerState::Connected);
        }
        self.set_failing(*self.state.borrow() == BrokerState::Closed);
    }

    /// A client has lost its last connection.
    pub(super) fn lost(&self, part: &Part, reason: &str) {
        let mut inner = self.inner();
        part.connected.store(false, Ordering::Release);
        self.counters.disconnected();
        if !inner.is_connected() {
            inner.log.lost(reason);
            reason.clone_into(&mut inner.reason);
            self.set_state(BrokerState::Disconnected { reason: reason.to_owned() });
            self.set_failing(true);
        }
    }

    /// A client has no connection, and could not make one.
    pub(super) fn failed(&self, reason: &str) {
        let mut inner = self.inner();
        self.counters.failed();
        if !inner.is_connected() {
            inner.log.failed(reason);
            reason.clone_into(&mut inner.reason);
            self.state.send_if_modified(|state| match state {
                BrokerState::Disconnected { reason: known } if *known != reason => {
                    reason.clone_into(known);
                    true
                }
                _ => false,
            });
            self.set_failing(true);
        }
    }

    fn set_state(&self, new: BrokerState) {
        self.state.send_if_modified(|state| {
            let changes = *state != BrokerState::Closed && *state != new;
            if changes {
                *state = new;
            }
            changes
        });
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_connected(&self) -> bool {
        self.clients.iter().any(|part| part.is_connected())
    }
}

impl Part {
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
