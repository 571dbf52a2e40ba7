//! What is to be written: whole operations, handed over to the connection.
//!
//! While there is no connection nothing is taken, so nothing goes out later than whoever sends it knows.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::inbox::{Inbox, push_token};
use crate::Attribute;
use crate::nats::client::headers;
use crate::nats::client::protocol::push_number;

/// How many bytes may wait to be written. A larger message is still taken when nothing else waits.
const MOST_BYTES: usize = 16 << 20;

/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The server's limit on a message, while there is a connection.
    max_payload: Option<usize>,
    bytes: Vec<u8>,
    /// The numbers of the questions in `bytes`.
    tokens: Vec<u64>,
    /// Bytes that the connection took and has not written yet.
    unwritten: usize,
    /// The connection's task, while it waits for something to do.
    idle: Option<Waker>,
}

/// A message to publish.
pub(super) struct Outgoing<'a> {
    pub(super) subject: &'a str,
    pub(super) reply: Reply<'a>,
    pub(super) attributes: &'a [Attribute],
    /// The length of the headers that carry them.
    pub(super) headers: usize,
    pub(super) body: &'a [u8],
}

/// Where a message is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply<'a> {
    Nowhere,
    /// In the inbox, with the number of the question.
    Inbox(u64),
    /// In a subscriber's own inbox, which has this prefix, with the number of the pull.
    Pull(&'a str, u64),
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotTaken {
    Disconnected,
    TooLarge { length: usize, max_payload: usize },
    Full { bytes: usize },
}

impl Outbox {
    /// Hands a message over.
    pub(super) fn publish(&self, inbox: &Inbox, message: &Outgoing<'_>) -> Result<(), NotTaken> {
        let length = message.headers + message.body.len();
        let mut guard = self.lock();
        let state = &mut *guard;
        let max_payload = state.max_payload.ok_or(NotTaken::Disconnected)?;
        if length > max_payload {
            return Err(NotTaken::TooLarge { length, max_payload });
        }
        let bytes = state.bytes.len() + state.unwritten;
        if bytes > 0 && bytes + length > MOST_BYTES {
            return Err(NotTaken::Full { bytes });
        }
        push(&mut state.bytes, inbox, message, length);
        if let Reply::Inbox(token) = message.reply {
            state.tokens.push(token);
        }
        let idle = state.idle.take();
        drop(guard);
        if let Some(idle) = idle {
            idle.wake();
        }
        Ok(())
    }

    /// Hands over operations that are no messages, where there is a connection.
    pub(super) fn control(&self, operations: &str) {
        let mut state = self.lock();
        if state.max_payload.is_none() {
            return;
        }
        state.bytes.extend_from_slice(operations.as_bytes());
        let idle = state.idle.take();
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lock().max_payload.is_some()
    }

    /// Opens for a new connection.
    pub(super) fn connected(&self, max_payload: usize) {
        self.lock().max_payload = Some(max_payload);
    }

    /// The server has changed its limit on a message.
    pub(super) fn set_max_payload(&self, max_payload: usize) {
        if let Some(limit) = &mut self.lock().max_payload {
            *limit = max_payload;
        }
    }

    /// Takes nothing from now on. What was taken before is still there to be written.
    pub(super) fn close(&self) {
        self.lock().max_payload = None;
    }

    /// Ends with the connection. Returns the questions that it never took.
    pub(super) fn disconnected(&self) -> Vec<u64> {
        mem::take(&mut *self.lock()).tokens
    }

    /// The questions that no connection took yet.
    pub(super) fn unsent(&self) -> HashSet<u64> {
        self.lock().tokens.iter().copied().collect()
    }

    /// Exchanges an empty `taken` for what there is. Where there is nothing, wakes `idle` once there is.
    pub(super) fn take(&self, taken: &mut Vec<u8>, idle: &Waker) -> bool {
        let mut state = self.lock();
        if state.bytes.is_empty() {
            state.unwritten = 0;
            match &mut state.idle {
                Some(known) => known.clone_from(idle),
                None => state.idle = Some(idle.clone()),
            }
            return false;
        }
        if taken.capacity() > KEPT_BYTES {
            *taken = Vec::new();
        }
        mem::swap(taken, &mut state.bytes);
        state.tokens.clear();
        state.unwritten = taken.len();
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends the operation that publishes `message`.
fn push(bytes: &mut Vec<u8>, inbox: &Inbox, message: &Outgoing<'_>, length: usize) {
    let Outgoing { subject, reply, attributes, headers, body } = *message;
    bytes.reserve(subject.len() + inbox.prefix().len() + length + 64);
    bytes.extend_from_slice(if headers > 0 { b"HPUB " } else { b"PUB " });
    bytes.extend_from_slice(subject.as_bytes());
    bytes.push(b' ');
    match reply {
        Reply::Nowhere => {}
        Reply::Inbox(token) => {
            inbox.push_subject(bytes, token);
            bytes.push(b' ');
        }
        Reply::Pull(prefix, token) => {
            bytes.extend_from_slice(prefix.as_bytes());
            push_token(bytes, token);
            bytes.push(b' ');
        }
    }
    if headers > 0 {
        push_number(bytes, headers);
        bytes.push(b' ');
    }
    push_number(bytes, length);
    bytes.extend_from_slice(b"\r\n");
    if headers > 0 {
        headers::push(bytes, attributes);
    }
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(subject: &'a str, reply: Reply<'a>, body: &'a [u8]) -> Outgoing<'a> {
        Outgoing { subject, reply, attributes: &[], headers: 0, body }
    }

    #[test]
    fn nothing_is_taken_without_a_connection() {
        let (outbox, inbox) = (Outbox::default(), Inbox::new());
        let mut taken = Vec::new();
        assert!(matches!(outbox.publish(&inbox, &message("a", Reply::Nowhere, b"x")), Err(NotTaken::Disconnected)));
        outbox.connected(4);
        outbox.publish(&inbox, &message("a", Reply::Inbox(1), b"1234")).unwrap();
        assert!(matches!(
            outbox.publish(&inbox, &message("a", Reply::Nowhere, b"12345")),
            Err(NotTaken::TooLarge { length: 5, max_payload: 4 })
        ));
        assert!(outbox.take(&mut taken, Waker::noop()));
        let expected = format!("PUB a {}0000000000000001 4\r\n1234\r\n", inbox.prefix());
        assert_eq!(taken, expected.as_bytes());
        // The connection ends with one message written, and one not even taken.
        outbox.publish(&inbox, &message("a", Reply::Inbox(2), b"x")).unwrap();
        assert_eq!(outbox.disconnected(), [2]);
        assert!(!outbox.is_connected() && !outbox.take(&mut Vec::new(), Waker::noop()));
    }

    #[test]
    fn headers_come_before_the_body() {
        let (outbox, inbox) = (Outbox::default(), Inbox::new());
        outbox.connected(100);
        let attributes = [Attribute { name: "A".into(), value: "b".to_owned() }];
        let headers = headers::length(&attributes).unwrap();
        let message =
            Outgoing { subject: "s", reply: Reply::Pull("p.", 1), attributes: &attributes, headers, body: b"xyz" };
        outbox.publish(&inbox, &message).unwrap();
        let mut taken = Vec::new();
        outbox.take(&mut taken, Waker::noop());
        assert_eq!(taken, b"HPUB s p.0000000000000001 18 21\r\nNATS/1.0\r\nA: b\r\n\r\nxyz\r\n");
    }

    #[test]
    fn full() {
        let (outbox, inbox) = (Outbox::default(), Inbox::new());
        outbox.connected(MOST_BYTES * 2);
        let large = vec![0; MOST_BYTES + 1];
        outbox.publish(&inbox, &message("a", Reply::Nowhere, &large)).unwrap();
        assert!(matches!(outbox.publish(&inbox, &message("a", Reply::Nowhere, b"x")), Err(NotTaken::Full { .. })));
        // Taken is not written yet.
        let mut taken = Vec::new();
        assert!(outbox.take(&mut taken, Waker::noop()));
        assert!(matches!(outbox.publish(&inbox, &message("a", Reply::Nowhere, b"x")), Err(NotTaken::Full { .. })));
        assert!(!outbox.take(&mut Vec::new(), Waker::noop()));
        outbox.publish(&inbox, &message("a", Reply::Nowhere, b"x")).unwrap();
    }
}
