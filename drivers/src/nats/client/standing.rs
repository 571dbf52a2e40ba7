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
use crate::Counters;

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
    /// Nothing is received any more.
    closed: bool,
    /// What was not settled by then is lost, and the log has it.
    ended: bool,
    /// Deliveries that are not settled.
    unsettled: usize,
    /// Of them, those given back that come again only later.
    delayed: usize,
    delayed_bytes: usize,
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
            let mut arrived = pin!(self.arrived.notified());
            // Before the buffer is looked at: what comes in right after that wakes this one, and no other twice.
            arrived.as_mut().enable();
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
        while buffer.waiting.len() > self.capacity() || (buffer.bytes > MOST_BYTES && buffer.waiting.len() > 1) {
            drop(buffer.pop());
            dropped += 1;
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
        !buffer.ended
    }

    /// Puts a message back, before all that came in after it. Returns whether that could be done. While the subscription is
    /// being closed it can: what waits is counted at its end.
    pub(super) fn give_back(&self, received: Received) -> bool {
        let mut buffer = self.lock();
        buffer.unsettled -= 1;
        if buffer.ended {
            return false;
        }
        buffer.put_back(received);
        drop(buffer);
        self.arrived.notify_one();
        true
    }

    /// Puts a message back after `delay`, or at once where as many wait, or as many bytes of them, as may wait.
    pub(super) fn give_back_later(self: &Arc<Self>, received: Received, delay: Duration) -> bool {
        let bytes = received.bytes();
        {
            let mut buffer = self.lock();
            let is_full = buffer.delayed >= self.capacity() || buffer.delayed_bytes + bytes > MOST_BYTES;
            if buffer.closed || is_full {
                drop(buffer);
                return self.give_back(received);
            }
            buffer.delayed += 1;
            buffer.delayed_bytes += bytes;
        }
        let standing = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            {
                let mut buffer = standing.lock();
                buffer.delayed -= 1;
                buffer.delayed_bytes -= bytes;
            }
            // Ended meanwhile: its end has counted it.
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

    /// Says how many messages are lost with the subscription, once nothing more comes in. A second time, only what came in
    /// since the first.
    pub(super) fn end(&self, counters: &Counters) {
        self.log_dropped(Duration::ZERO);
        let mut buffer = self.lock();
        buffer.closed = true;
        let unsettled = if buffer.ended { 0 } else { buffer.unsettled };
        buffer.ended = true;
        let waiting = std::mem::take(&mut buffer.waiting).len();
        buffer.bytes = 0;
        drop(buffer);
        self.arrived.notify_waiters();
        if waiting + unsettled > 0 {
            counters.add_dropped((waiting + unsettled) as u64);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(capacity: usize) -> Arc<Standing> {
        let standing = Arc::new(Standing::new(1, "s", None, capacity));
        standing.connected();
        standing
    }

    fn push(standing: &Standing, payload: &[u8], counters: &Counters) {
        standing.push(&Incoming { sid: 1, subject: "s", reply: "", headers: 0, payload }, counters);
    }

    async fn take(standing: &Arc<Standing>) -> Received {
        standing.take().await.unwrap_or_else(|_| panic!("nothing to receive"))
    }

    fn left(standing: &Standing, counters: &Counters) -> u64 {
        let before = counters.dropped();
        standing.end(counters);
        counters.dropped() - before
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_while_it_closes_is_counted_once() {
        let (standing, counters): (Arc<Standing>, _) = (standing(10), Counters::default());
        for _ in 0..6 {
            push(&standing, b"x", &counters);
        }
        let (acked, back, later, kept) =
            (take(&standing).await, take(&standing).await, take(&standing).await, take(&standing).await);
        let much_later = take(&standing).await;
        assert!(standing.give_back_later(much_later, Duration::from_secs(60)));
        standing.close();
        assert!(matches!(standing.take().await, Err(Ended::Closed)));
        // Within the time that closing waits.
        drop(acked);
        assert!(standing.settle());
        assert!(standing.give_back(back));
        assert!(standing.give_back_later(later, Duration::from_secs(1)));
        // One that was never delivered, two that were given back, one unsettled, and one that waits to come again.
        assert_eq!(left(&standing, &counters), 5);
        assert!(!standing.give_back(kept), "too late: it was counted");
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(left(&standing, &counters), 0);
        push(&standing, b"late", &counters);
        assert_eq!(left(&standing, &counters), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_again_later_is_limited_in_bytes() {
        let (standing, counters): (Arc<Standing>, _) = (standing(10), Counters::default());
        let large = vec![0; MOST_BYTES / 2 + 1];
        for _ in 0..2 {
            push(&standing, &large, &counters);
            let received = take(&standing).await;
            assert!(standing.give_back_later(received, Duration::from_secs(60)));
        }
        let at_once = tokio::time::timeout(Duration::from_secs(1), take(&standing)).await.expect("it did not wait");
        assert_eq!(at_once.sequence, 2);
        assert_eq!(take(&standing).await.sequence, 1);
    }
}
