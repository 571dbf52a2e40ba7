//! A standing subscription, and the messages that wait in it for a receiver.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::protocol::Incoming;
use crate::supervision::Counters;

/// How many bytes may wait, however few messages they are. A larger message still finds room alone.
const MOST_BYTES: usize = 64 << 20;

/// How often a line says that messages were dropped.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A subscription. The server has one as long as there is a connection; what comes in waits here.
pub(super) struct Standing {
    pub(super) sid: u64,
    pub(super) subject: Box<str>,
    pub(super) queue: Option<Box<str>>,
    /// How many subscribers have it open.
    pub(super) users: AtomicUsize,
    /// How many messages wait at most.
    pub(super) capacity: AtomicUsize,
    buffer: Mutex<Buffer>,
    arrived: Notify,
}

#[derive(Default)]
struct Buffer {
    /// In the order in which they came in.
    waiting: VecDeque<Received>,
    bytes: usize,
    last_sequence: u64,
    connected: bool,
    /// Why the server does not have it.
    refused: Option<Box<str>>,
    closed: bool,
    /// Deliveries that are not settled.
    unsettled: usize,
    /// Deliveries given back that still wait.
    delayed: usize,
    /// Messages without room since the last line in the log.
    dropped: u64,
    said: Option<Instant>,
}

/// A message as it came in, in memory of its own.
pub(super) struct Received {
    /// Its place among the subscription's messages.
    pub(super) sequence: u64,
    /// Where it is not the subscription's.
    pub(super) subject: Option<Box<str>>,
    pub(super) headers: Bytes,
    pub(super) body: Bytes,
    /// How often it was delivered before.
    pub(super) deliveries: u32,
}

/// Why there is nothing to receive.
pub(super) enum Ended {
    Closed,
    Disconnected,
    Refused(Box<str>),
}

impl Standing {
    pub(super) fn new(sid: u64, subject: &str, queue: Option<&str>, capacity: usize) -> Self {
        let queue = queue.map(Box::from);
        let (users, capacity) = (AtomicUsize::new(1), AtomicUsize::new(capacity));
        let (buffer, arrived) = (Mutex::default(), Notify::new());
        Self { sid, subject: subject.into(), queue, users, capacity, buffer, arrived }
    }

    /// Waits for the next message, and takes it.
    pub(super) async fn take(&self) -> Result<Received, Ended> {
        loop {
            let arrived = pin!(self.arrived.notified());
            {
                let mut buffer = self.lock();
                if buffer.closed {
                    return Err(Ended::Closed);
                }
                if let Some(received) = buffer.pop() {
                    buffer.unsettled += 1;
                    return Ok(received);
                }
                if let Some(refused) = &buffer.refused {
                    return Err(Ended::Refused(refused.clone()));
                }
                if !buffer.connected {
                    return Err(Ended::Disconnected);
                }
            }
            arrived.await;
        }
    }

    /// Takes a message in. Where there is no room the oldest ones go.
    pub(super) fn push(&self, message: &Incoming<'_>, counters: &Counters) {
        // Not a part of the connection's buffer: a waiting message would keep all of that.
        let mut body = Bytes::copy_from_slice(message.payload);
        let headers = if message.headers > 0 { body.split_to(message.headers) } else { Bytes::new() };
        let subject = (*message.subject != *self.subject).then(|| message.subject.into());
        let mut buffer = self.lock();
        buffer.bytes += message.payload.len();
        buffer.last_sequence += 1;
        let sequence = buffer.last_sequence;
        buffer.waiting.push_back(Received { sequence, subject, headers, body, deliveries: 0 });
        let mut dropped = 0;
        if !buffer.closed {
            while buffer.waiting.len() > self.capacity() || (buffer.bytes > MOST_BYTES && buffer.waiting.len() > 1) {
                drop(buffer.pop());
                dropped += 1;
            }
        }
        buffer.dropped += dropped;
        drop(buffer);
        if dropped > 0 {
            counters.add_dropped(dropped);
        }
        self.arrived.notify_one();
    }

    /// Ends a delivery for good. Returns whether it was still one.
    pub(super) fn settle(&self) -> bool {
        let mut buffer = self.lock();
        buffer.unsettled -= 1;
        !buffer.closed
    }

    /// Puts a message back, before all that came in after it. Returns whether that could be done.
    pub(super) fn give_back(&self, received: Received) -> bool {
        let mut buffer = self.lock();
        buffer.unsettled -= 1;
        if buffer.closed {
            return false;
        }
        buffer.put_back(received);
        drop(buffer);
        self.arrived.notify_one();
        true
    }

    /// Puts a message back after `delay`, or at once where as many wait as may wait.
    pub(super) fn give_back_later(self: &Arc<Self>, received: Received, delay: Duration) -> bool {
        {
            let mut buffer = self.lock();
            if buffer.closed || buffer.delayed >= self.capacity() {
                drop(buffer);
                return self.give_back(received);
            }
            buffer.delayed += 1;
        }
        let standing = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            standing.lock().delayed -= 1;
            // Closed meanwhile: closing has counted it.
            standing.give_back(received);
        });
        true
    }

    pub(super) fn connected(&self) {
        let mut buffer = self.lock();
        buffer.connected = true;
        buffer.refused = None;
    }

    pub(super) fn disconnected(&self) {
        self.lock().connected = false;
        self.arrived.notify_waiters();
    }

    /// The server does not allow it.
    pub(super) fn refuse(&self, reason: &str) {
        self.lock().refused = Some(reason.into());
        self.arrived.notify_waiters();
    }

    /// Ends every wait.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_waiters();
    }

    /// Says how many messages are lost with the process, once nothing more comes in.
    pub(super) fn log_left(&self) {
        self.log_dropped(Duration::ZERO);
        let mut buffer = self.lock();
        let (waiting, unsettled) = (buffer.waiting.len(), buffer.unsettled);
        buffer.waiting.clear();
        drop(buffer);
        if waiting + unsettled > 0 {
            let subject = &*self.subject;
            tracing::error!(
                subject,
                waiting,
                unsettled,
                "messages received and not consumed are lost: NATS has them once"
            );
        }
    }

    /// Says how many messages were dropped, if the last line is old enough.
    pub(super) fn log_when_due(&self) {
        self.log_dropped(LOG_EVERY);
    }

    fn log_dropped(&self, every: Duration) {
        let mut buffer = self.lock();
        if buffer.dropped == 0 || buffer.said.is_some_and(|said| said.elapsed() < every) {
            return;
        }
        let dropped = std::mem::take(&mut buffer.dropped);
        buffer.said = Some(Instant::now());
        drop(buffer);
        let (subject, buffer) = (&*self.subject, self.capacity());
        tracing::error!(
            subject,
            dropped,
            buffer,
            "the oldest messages were dropped: nobody consumes them as fast as they come"
        );
    }

    fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Nothing panics with the lock held.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    fn pop(&mut self) -> Option<Received> {
        let received = self.waiting.pop_front()?;
        self.bytes -= received.bytes();
        Some(received)
    }

    fn put_back(&mut self, received: Received) {
        self.bytes += received.bytes();
        let at = self.waiting.partition_point(|other| other.sequence < received.sequence);
        self.waiting.insert(at, received);
    }
}

impl Received {
    fn bytes(&self) -> usize {
        self.headers.len() + self.body.len()
    }
}
