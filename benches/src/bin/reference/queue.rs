//! The broker in memory: one topic with one subscription, bounded, at least once.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

/// A message that was given back this often is rejected.
const MAX_DELIVERIES: u32 = 5;

/// What is published.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Of its own: a slice of a connection's read buffer would keep all 8 KiB of that.
    pub(crate) body: Bytes,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

/// Messages that wait, and messages that were handed out and not settled.
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Notify,
    capacity: usize,
    ack_deadline: Duration,
}

/// The queue holds as many messages as it may.
#[derive(Debug)]
pub(crate) struct Full;

/// A message handed out. Dropped without [`Delivery::ack`], it goes back to the head of the queue.
pub(crate) struct Delivery {
    queue: Arc<Queue>,
    id: u64,
    body: Bytes,
    settled: bool,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Stored>,
    /// By delivery. Ids grow and every delivery has the same time, so the first expires first.
    in_flight: BTreeMap<u64, InFlight>,
    next_id: u64,
}

struct Stored {
    message: Message,
    deliveries: u32,
}

struct InFlight {
    stored: Stored,
    deadline: Instant,
}

// === impl Queue ===

impl Queue {
    pub(crate) fn new(capacity: usize, ack_deadline: Duration) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), arrived: Notify::new(), capacity, ack_deadline })
    }

    /// Stores `message`. When this returns, it is in the queue.
    pub(crate) fn publish(&self, message: Message) -> Result<(), Full> {
        let mut state = self.lock();
        if state.ready.len() + state.in_flight.len() >= self.capacity {
            return Err(Full);
        }
        state.ready.push_back(Stored { message, deliveries: 0 });
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for the next message, without a limit. Loses none when it is dropped.
    pub(crate) async fn receive(self: &Arc<Self>) -> Delivery {
        if let Some(delivery) = self.take() {
            return delivery;
        }
        loop {
            // In line before looking: a message that arrives in between wakes this receiver.
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if let Some(delivery) = self.take() {
                return delivery;
            }
            arrived.await;
        }
    }

    /// Gives back what was not settled by its deadline.
    pub(crate) fn give_back_expired(&self, now: Instant) {
        let mut state = self.lock();
        let mut count = 0;
        while let Some(first) = state.in_flight.first_entry().filter(|first| first.get().deadline <= now) {
            let stored = first.remove().stored;
            count += usize::from(state.give_back(stored));
        }
        drop(state);
        for _ in 0..count {
            self.arrived.notify_one();
        }
    }

    fn take(self: &Arc<Self>) -> Option<Delivery> {
        let mut state = self.lock();
        let mut stored = state.ready.pop_front()?;
        stored.deliveries += 1;
        let body = stored.message.body.clone();
        let id = state.next_id;
        state.next_id += 1;
        state.in_flight.insert(id, InFlight { stored, deadline: Instant::now() + self.ack_deadline });
        drop(state);
        Some(Delivery { queue: Arc::clone(self), id, body, settled: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    /// Whether the message is in the queue again; otherwise it was delivered too often.
    fn give_back(&mut self, stored: Stored) -> bool {
        if stored.deliveries >= MAX_DELIVERIES {
            let Message { body, attributes } = &stored.message;
            eprintln!("message of {} bytes rejected after {MAX_DELIVERIES} deliveries: {attributes:?}", body.len());
            return false;
        }
        self.ready.push_front(stored);
        true
    }
}

// === impl Delivery ===

impl Delivery {
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Done: the queue forgets the message. Changes nothing when the deadline has passed.
    pub(crate) fn ack(mut self) {
        self.settled = true;
        let done = self.queue.lock().in_flight.remove(&self.id);
        drop(done);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let mut state = self.queue.lock();
        let Some(in_flight) = state.in_flight.remove(&self.id) else { return };
        let again = state.give_back(in_flight.stored);
        drop(state);
        if again {
            self.queue.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &'static str) -> Message {
        Message { body: Bytes::from_static(body.as_bytes()), attributes: Vec::new() }
    }

    #[tokio::test]
    async fn delivers_in_order_and_forgets_what_was_acked() {
        let queue = Queue::new(10, Duration::from_secs(60));
        queue.publish(message("a")).unwrap();
        queue.publish(message("b")).unwrap();
        for body in ["a", "b"] {
            let delivery = queue.receive().await;
            assert_eq!(delivery.body(), body);
            delivery.ack();
        }
        assert!(queue.take().is_none());
        assert!(queue.lock().in_flight.is_empty());
    }

    #[tokio::test]
    async fn refuses_what_is_over_its_capacity() {
        let queue = Queue::new(1, Duration::from_secs(60));
        queue.publish(message("a")).unwrap();
        assert!(queue.publish(message("b")).is_err());
        let delivery = queue.receive().await;
        assert!(queue.publish(message("b")).is_err(), "what is in flight counts");
        delivery.ack();
        assert!(queue.publish(message("b")).is_ok());
    }

    #[tokio::test]
    async fn gives_back_what_was_dropped_until_it_was_too_often() {
        let queue = Queue::new(10, Duration::from_secs(60));
        queue.publish(message("a")).unwrap();
        for _ in 0..MAX_DELIVERIES {
            assert_eq!(queue.receive().await.body(), "a");
        }
        assert!(queue.take().is_none());
    }

    #[tokio::test]
    async fn gives_back_what_expired() {
        let queue = Queue::new(10, Duration::from_secs(60));
        queue.publish(message("a")).unwrap();
        let late = queue.receive().await;
        queue.give_back_expired(Instant::now());
        assert!(queue.take().is_none(), "before the deadline");
        queue.give_back_expired(Instant::now() + Duration::from_secs(61));
        let again = queue.receive().await;
        late.ack();
        assert_eq!(queue.lock().in_flight.len(), 1, "a late ack does not settle the second delivery");
        again.ack();
        assert!(queue.take().is_none());
    }

    #[tokio::test]
    async fn wakes_every_receiver_that_waits() {
        let queue = Queue::new(10, Duration::from_secs(60));
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.receive().await.ack() })
            })
            .collect();
        tokio::task::yield_now().await;
        for body in ["a", "b", "c"] {
            queue.publish(message(body)).unwrap();
        }
        for receiver in receivers {
            tokio::time::timeout(Duration::from_secs(30), receiver).await.unwrap().unwrap();
        }
    }
}
