//! How a connection ends: closed, in favour of another, or lost.

use std::mem;
use std::sync::atomic::Ordering;

use super::{Batch, Connection, Established};
use crate::PublishErrorKind;

impl Connection {
    /// Sends what is there, ends the subscriptions, and waits for one more PONG.
    pub(super) fn begin_closing(&mut self) {
        self.closing = Some(0);
        self.shared.outbox.close();
        if self.replacement.take().is_some() {
            // There is no next one: what was kept for that is sent here.
            self.leaving = None;
        }
        self.unsubscribe_all();
    }

    /// Takes nothing more, ends the subscriptions on this connection, and waits for one more PONG. The next one begins
    /// with them: at no time are there two, which would both get a message.
    pub(super) fn give_way(&mut self, replacement: Established) {
        self.leaving = Some("another connection takes its place");
        self.replacement = Some(replacement);
        self.unsubscribe_all();
    }

    fn unsubscribe_all(&mut self) {
        let sids: Vec<_> = self.standing.keys().copied().collect();
        for sid in sids {
            self.unsubscribe(sid);
        }
        self.ping(Batch::default());
    }

    pub(super) fn lost(&mut self, what: String) -> String {
        match self.last_error.take() {
            Some(error) => format!("{what}: {error}"),
            None => what,
        }
    }

    /// Whoever waits for a confirmation will not get one.
    pub(super) fn end(&mut self, reason: &str) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        let mut unsent = self.shared.outbox.disconnected(reason);
        if self.written < self.taken.bytes.len() {
            unsent += self.taken.unawaited;
        }
        if unsent > 0 {
            self.shared.supervision.counters().add_unsent(unsent);
            tracing::error!(messages = unsent, reason, "messages that nobody waits for were lost with the connection");
        }
        for mut waiter in self.waiters.drain(..) {
            waiter.refuse(PublishErrorKind::Unknown, reason);
        }
        for standing in self.standing.values() {
            standing.log_when_due();
        }
        self.end_unused();
    }

    /// Subscriptions that nobody has open any more, and whose end the server has not confirmed.
    pub(super) fn end_unused(&self) {
        for standing in self.standing.values().filter(|standing| standing.users.load(Ordering::Relaxed) == 0) {
            standing.end(self.shared.supervision.counters());
        }
    }
}
