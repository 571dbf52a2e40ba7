//! What publishers hand over to the connection: bytes that are ready to be written, and who waits for them.
//!
//! While there is no connection nothing is taken, so no message goes out later than its publisher knows.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::oneshot;

use super::headers;
use super::protocol::push_number;
use super::standing::Standing;
use crate::{Message, PublishError, PublishErrorKind};

/// How many bytes may wait to be written. A larger message is still taken when nothing else waits.
const MOST_BYTES: usize = 16 << 20;

/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// How a publish ends.
pub(super) type Confirmation = oneshot::Receiver<Result<(), PublishError>>;

/// Who waits for a confirmation.
pub(super) struct Waiter {
    pub(super) subject: Arc<str>,
    /// Empty once it was refused.
    confirm: Option<oneshot::Sender<Result<(), PublishError>>>,
}

pub(super) struct Outbox {
    most_waiters: usize,
    state: Mutex<State>,
    /// Bytes that the connection took and has not written yet.
    unwritten: AtomicUsize,
    /// Messages that the connection took and the server has not confirmed yet.
    unconfirmed: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// The server's limit on a message, while there is a connection.
    max_payload: Option<usize>,
    closed: bool,
    bytes: Vec<u8>,
    waiters: Vec<Waiter>,
    /// How many of the messages in `bytes` nobody waits for.
    unawaited: u64,
    /// The connection's task, while it waits for something to do.
    idle: Option<Waker>,
    last_sid: u64,
    /// Every open subscription.
    standing: Vec<Arc<Standing>>,
    opened: Vec<Arc<Standing>>,
    dropped: Vec<u64>,
}

/// What a connection took.
#[derive(Default)]
pub(super) struct Taken {
    /// Operations, whole ones.
    pub(super) bytes: Vec<u8>,
    /// Who waits for their confirmation, in their order.
    pub(super) waiters: Vec<Waiter>,
    /// How many of the messages nobody waits for.
    pub(super) unawaited: u64,
    /// Subscriptions that were opened.
    pub(super) opened: Vec<Arc<Standing>>,
    /// The numbers of subscriptions that are not open any more.
    pub(super) dropped: Vec<u64>,
}

impl Outbox {
    pub(super) fn new(most_waiters: usize) -> Self {
        let (unwritten, unconfirmed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { most_waiters, state: Mutex::default(), unwritten, unconfirmed }
    }

    /// Hands `message` over. Returns what tells of its end, where `confirm` asks for that.
    ///
    /// `unreachable` says why there is no connection.
    ///
    /// # Errors
    /// The message was not taken.
    pub(super) fn publish(
        &self,
        subject: &Arc<str>,
        message: &Message,
        confirm: bool,
        unreachable: impl FnOnce() -> String,
    ) -> Result<Option<Confirmation>, PublishError> {
        let headers = headers::length(&message.attributes)?;
        let length = headers + message.body.len();
        let mut state = self.lock();
        let Some(max_payload) = state.max_payload else {
            drop(state);
            return Err(PublishError::new(PublishErrorKind::Unreachable, unreachable()));
        };
        if length > max_payload {
            drop(state);
            let what = format!("{length} bytes with its headers, and the server takes {max_payload}");
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        let waiting = state.waiters.len() + self.unconfirmed.load(Ordering::Relaxed);
        let bytes = state.bytes.len() + self.unwritten.load(Ordering::Relaxed);
        if waiting >= self.most_waiters || (bytes > 0 && bytes + length > MOST_BYTES) {
            drop(state);
            let what = format!("{waiting} messages are on their way, {bytes} bytes of them not written yet");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        push(&mut state.bytes, subject, headers, length, message);
        let confirmation = if confirm {
            let (sender, receiver) = oneshot::channel();
            state.waiters.push(Waiter { subject: Arc::clone(subject), confirm: Some(sender) });
            Some(receiver)
        } else {
            state.unawaited += 1;
            None
        };
        let idle = state.idle.take();
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
        Ok(confirmation)
    }

    /// Opens a subscription, or finds the one of the same queue group: it may have any of the group's messages.
    pub(super) fn subscribe(&self, subject: &str, queue: Option<&str>, buffer: usize) -> Arc<Standing> {
        let mut state = self.lock();
        let same =
            |open: &&Arc<Standing>| queue.is_some() && *open.subject == *subject && open.queue.as_deref() == queue;
        if let Some(open) = state.standing.iter().find(same) {
            open.users.fetch_add(1, Ordering::Relaxed);
            open.capacity.fetch_max(buffer, Ordering::Relaxed);
            return Arc::clone(open);
        }
        state.last_sid += 1;
        let standing = Arc::new(Standing::new(state.last_sid, subject, queue, buffer));
        if state.closed {
            standing.close();
        }
        if state.max_payload.is_some() {
            standing.connected();
            state.opened.push(Arc::clone(&standing));
        }
        state.standing.push(Arc::clone(&standing));
        let idle = state.idle.take();
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
        standing
    }

    /// Ends one use of a subscription, and with the last one the subscription. Returns whether that was its end: with a
    /// connection, that ends it once nothing more comes in.
    pub(super) fn unsubscribe(&self, standing: &Arc<Standing>) -> bool {
        let mut state = self.lock();
        // Under the lock, so that nobody finds it meanwhile.
        if standing.users.fetch_sub(1, Ordering::Relaxed) > 1 {
            return false;
        }
        state.standing.retain(|open| !Arc::ptr_eq(open, standing));
        state.opened.retain(|open| !Arc::ptr_eq(open, standing));
        let is_connected = state.max_payload.is_some();
        if is_connected {
            state.dropped.push(standing.sid);
        }
        let idle = state.idle.take();
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
        !is_connected
    }

    /// Every open subscription.
    pub(super) fn standing(&self) -> Vec<Arc<Standing>> {
        self.lock().standing.clone()
    }

    /// Opens for a new connection, which begins with the subscriptions that are returned.
    pub(super) fn connected(&self, max_payload: usize) -> Vec<Arc<Standing>> {
        let mut state = self.lock();
        if !state.closed {
            state.max_payload = Some(max_payload);
        }
        // Where it takes the place of another connection, there may be some of these: it begins with all of them anyway.
        state.opened.clear();
        state.dropped.clear();
        for standing in &state.standing {
            standing.connected();
        }
        state.standing.clone()
    }

    /// The server has changed its limit on a message.
    pub(super) fn set_max_payload(&self, max_payload: usize) {
        if let Some(limit) = &mut self.lock().max_payload {
            *limit = max_payload;
        }
    }

    /// Takes no more messages from now on. What was taken before is still there to be sent.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.max_payload = None;
    }

    /// Ends with the connection. Who waits for what was not taken, is told that it was not sent. Returns how many messages
    /// were not taken that nobody waits for.
    pub(super) fn disconnected(&self, reason: &str) -> u64 {
        let mut state = self.lock();
        state.max_payload = None;
        state.bytes = Vec::new();
        state.opened.clear();
        state.dropped.clear();
        state.idle = None;
        let waiters = mem::take(&mut state.waiters);
        let unawaited = mem::take(&mut state.unawaited);
        let standing = state.standing.clone();
        drop(state);
        self.unwritten.store(0, Ordering::Relaxed);
        self.unconfirmed.store(0, Ordering::Relaxed);
        for mut waiter in waiters {
            waiter.refuse(PublishErrorKind::Unreachable, reason);
        }
        for standing in standing {
            standing.disconnected();
        }
        unawaited
    }

    /// Exchanges an empty `taken` for what there is. Where there is nothing, wakes `idle` once there is.
    pub(super) fn take(&self, taken: &mut Taken, idle: &Waker) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        if state.bytes.is_empty() && state.opened.is_empty() && state.dropped.is_empty() {
            match &mut state.idle {
                Some(known) => known.clone_from(idle),
                None => state.idle = Some(idle.clone()),
            }
            return false;
        }
        if taken.bytes.capacity() > KEPT_BYTES {
            taken.bytes = Vec::new();
        }
        mem::swap(&mut taken.bytes, &mut state.bytes);
        mem::swap(&mut taken.waiters, &mut state.waiters);
        taken.unawaited = mem::take(&mut state.unawaited);
        mem::swap(&mut taken.opened, &mut state.opened);
        mem::swap(&mut taken.dropped, &mut state.dropped);
        self.unwritten.store(taken.bytes.len(), Ordering::Relaxed);
        self.unconfirmed.fetch_add(taken.waiters.len(), Ordering::Relaxed);
        true
    }

    pub(super) fn set_unwritten(&self, bytes: usize) {
        self.unwritten.store(bytes, Ordering::Relaxed);
    }

    /// The server has everything up to a point: the first `count` of `waiters`.
    pub(super) fn confirm(&self, waiters: &mut VecDeque<Waiter>, count: usize) {
        self.unconfirmed.fetch_sub(count, Ordering::Relaxed);
        for waiter in waiters.drain(..count) {
            if let Some(confirm) = waiter.confirm {
                let _ = confirm.send(Ok(()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Whether it was not refused.
    pub(super) fn waits(&self) -> bool {
        self.confirm.is_some()
    }

    /// Tells that the message is not confirmed.
    pub(super) fn refuse(&mut self, kind: PublishErrorKind, reason: &str) {
        if let Some(confirm) = self.confirm.take() {
            // Whoever does not wait any more has said so to its caller.
            let _ = confirm.send(Err(PublishError::new(kind, reason)));
        }
    }
}

/// Appends the operation that publishes `message`.
fn push(bytes: &mut Vec<u8>, subject: &str, headers: usize, length: usize, message: &Message) {
    bytes.reserve(subject.len() + length + 48);
    bytes.extend_from_slice(if headers > 0 { b"HPUB " } else { b"PUB " });
    bytes.extend_from_slice(subject.as_bytes());
    bytes.push(b' ');
    if headers > 0 {
        push_number(bytes, headers);
        bytes.push(b' ');
    }
    push_number(bytes, length);
    bytes.extend_from_slice(b"\r\n");
    if headers > 0 {
        headers::push(bytes, &message.attributes);
    }
    bytes.extend_from_slice(&message.body);
    bytes.extend_from_slice(b"\r\n");
}
