//! What requests and sessions hold of an inbox, and give up when they drop it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::{Inbox, State};
use crate::azure_service_bus::client::delivery::Delivery;

/// A delivery on its way to who waits for it. Where that one has gone, it is as if it had not been delivered.
pub(in super::super) struct Unseen(pub(super) Option<Delivery>);

/// A request's place among those that wait; given up when dropped.
pub(in super::super) struct Turn<'a> {
    pub(super) inbox: &'a Inbox,
    pub(super) number: u64,
}

/// A message that a session is asked for, on behalf of somebody who waits.
pub(in super::super) struct Ask(pub(super) Option<Arc<Inbox>>);

/// Whether a session has a message out.
#[derive(Default)]
pub(in super::super) struct Slot {
    is_busy: Mutex<bool>,
    pub(in super::super) freed: Notify,
}

/// Keeps a session from its next message, until it is dropped.
pub(in super::super) struct Busy(pub(super) Arc<Slot>);

impl Unseen {
    /// The delivery, for who waited for it.
    pub(in super::super) fn seen(mut self) -> Option<Delivery> {
        self.0.take()
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(delivery) = &self.0 {
            delivery.release();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.inbox.lock();
        // Whoever got an answer is not there any more.
        if let Ok(index) = state.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            let gone = state.waiting.remove(index);
            drop(state);
            drop(gone);
            self.inbox.changed();
        }
    }
}

impl Ask {
    /// Gives the ask up where more is asked for than is waited for.
    ///
    /// # Errors
    /// It is still wanted.
    pub(in super::super) fn give_up(mut self) -> Result<(), Self> {
        let Some(inbox) = &self.0 else { return Ok(()) };
        let mut state = inbox.lock();
        if state.asked <= state.waiting.len() {
            drop(state);
            return Err(self);
        }
        state.asked -= 1;
        drop(state);
        self.0 = None;
        Ok(())
    }

    pub(super) fn end_answered(mut self, state: &mut State) {
        if self.0.take().is_some() {
            state.asked = state.asked.saturating_sub(1);
        }
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        if let Some(inbox) = self.0.take() {
            let mut state = inbox.lock();
            state.asked = state.asked.saturating_sub(1);
            drop(state);
            inbox.changed();
        }
    }
}

impl Slot {
    pub(in super::super) fn is_busy(&self) -> bool {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn take(self: &Arc<Self>) -> Busy {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Busy(Arc::clone(self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.freed.notify_one();
    }
}
