//! The broker in memory: nothing here waits for anything but a message.

mod in_flight;
mod queue;
mod timer;
mod topic;
mod waiters;

#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::task::coop::cooperative;
use tokio::time::Instant;

use self::in_flight::Ticket;
use self::queue::{Afterwards, Entry};
use self::timer::Timer;
use self::topic::{Asked, NotTaken, Topic};
use super::{DRIVER, Subscription, Topic as TopicUrl};
use bytes::Bytes;

pub use crate::dead_letter::{DEAD_LETTER_DELIVERIES, DEAD_LETTER_REASON, DEAD_LETTER_SUBSCRIPTION, DEAD_LETTER_TOPIC};
use crate::{
    BrokerState, Driver, Message, OpenError, Origin, PublishError, PublishErrorKind, PublisherOptions, Receipt,
    ReceiveError, Settings, SettleError, Settlement, SubscriberOptions, UrlError,
};

/// A broker within the process. Two of them share nothing, not even topics of the same name.
///
/// Its messages live as long as it, its publishers or its subscribers do.
pub struct Broker {
    shared: Arc<Shared>,
}

/// An open topic of a [`Broker`].
pub struct Publisher {
    topic: Arc<Topic>,
    /// Keeps the timer running.
    _shared: Arc<Shared>,
}

/// An open subscription of a [`Broker`]. All that were opened with one topic and name share its
/// messages.
pub struct Subscriber {
    opened: Arc<Opened>,
}

/// A message from a [`Subscriber`].
pub struct Delivery {
    message: Arc<Message>,
    opened: Arc<Opened>,
    ticket: Ticket,
    count: u32,
    settled: AtomicBool,
}

/// What publishers, subscribers and deliveries of a broker have in common.
struct Shared {
    topics: Mutex<HashMap<Box<str>, Arc<Topic>>>,
    closed: AtomicBool,
    timer: Arc<Timer>,
    task: AbortHandle,
}

struct Opened {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    /// The subscription's number in the topic.
    index: usize,
}

/// One call of [`Subscriber::receive`](crate::Subscriber::receive).
struct Receive<'a> {
    opened: &'a Arc<Opened>,
    /// Set once it waits.
    place: Option<u64>,
}

// === impl Broker ===

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    /// Makes an empty broker. Never fails; spawns one task, which keeps the deadlines of all
    /// subscriptions on the runtime of the caller.
    fn open(_: &Settings) -> Result<Self, OpenError> {
        let timer = Arc::new(Timer::default());
        let shared = Arc::new_cyclic(|shared| Shared {
            topics: Mutex::default(),
            closed: AtomicBool::new(false),
            task: tokio::spawn(Arc::clone(&timer).run(shared.clone())).abort_handle(),
            timer,
        });
        Ok(Self { shared })
    }

    fn publisher(&self, url: &str, _: &PublisherOptions) -> Result<Publisher, OpenError> {
        let parsed = TopicUrl::parse(url).map_err(OpenError::Url)?;
        Ok(Publisher { topic: self.shared.topic(&parsed.name), _shared: Arc::clone(&self.shared) })
    }

    /// Opens a subscription, which from now on gets a copy of every message of its topic until the broker
    /// is dropped. The first one of a topic also gets what was published before.
    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let Subscription { topic, name, settings } = Subscription::parse(url).map_err(OpenError::Url)?;
        let topic = self.shared.topic(&topic);
        let Some(index) = topic.subscribe(&name, settings) else {
            return Err(OpenError::Url(UrlError {
                range: 0..url.len(),
                message: "the subscription is already open with other settings".to_owned(),
                help: Some("write the same URL wherever the subscription is used, or give it another name".to_owned()),
            }));
        };
        Ok(Subscriber { opened: Arc::new(Opened { shared: Arc::clone(&self.shared), topic, index }) })
    }

    /// Connected until it is closed.
    fn state(&self) -> BrokerState {
        if self.shared.closed.load(Ordering::Acquire) { BrokerState::Closed } else { BrokerState::Connected }
    }

    /// Ends every wait and every delivery at once. Messages that are left are counted in the log, since
    /// nobody will receive them.
    async fn close(&self) {
        self.shared.close();
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

// === impl Publisher ===

impl crate::Publisher for Publisher {
    /// Allocates once, whatever the number of subscriptions; does not wait.
    fn publish(&self, mut message: Message) -> impl Future<Output = Result<Receipt, PublishError>> + Send {
        cooperative(async move {
            // The body may be a small part of a connection's read buffer, which a queued message would keep alive.
            message.body = Bytes::copy_from_slice(&message.body);
            match self.topic.publish(message) {
                Ok(()) => Ok(Receipt::default()),
                Err(NotTaken::Closed) => {
                    Err(PublishError::new(PublishErrorKind::Unreachable, "the broker in memory is closed"))
                }
                Err(NotTaken::Full { subscription, capacity }) => {
                    let topic = &self.topic.name;
                    let what = format!("topic {topic:?}, subscription {subscription:?} holds {capacity} messages");
                    Err(PublishError::new(PublishErrorKind::Full, what))
                }
            }
        })
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.topic.name).finish_non_exhaustive()
    }
}

// === impl Subscriber ===

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    /// Allocates nothing where a message is ready.
    fn receive(&self, _: std::time::Instant) -> impl Future<Output = Result<Delivery, ReceiveError>> + Send {
        cooperative(Receive { opened: &self.opened, place: None })
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("topic", &self.opened.topic.name).finish_non_exhaustive()
    }
}

// === impl Receive ===

impl Future for Receive<'_> {
    type Output = Result<Delivery, ReceiveError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let opened = self.opened;
        let mut afterwards = Afterwards::default();
        let asked = opened.topic.ask(opened.index, &mut self.place, context.waker(), &mut afterwards);
        opened.shared.after(&opened.topic, afterwards);
        match asked {
            Asked::Waiting => Poll::Pending,
            Asked::Closed => Poll::Ready(Err(ReceiveError::Closed)),
            Asked::Taken(taken, alarm) => {
                opened.shared.arm(&opened.topic, alarm);
                Poll::Ready(Ok(Delivery {
                    message: taken.message,
                    opened: Arc::clone(opened),
                    ticket: taken.ticket,
                    count: taken.count,
                    settled: AtomicBool::new(false),
                }))
            }
        }
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.opened.topic.stop_waiting(self.opened.index, place);
        }
    }
}

// === impl Delivery ===

impl Delivery {
    fn settle_now(&self, settlement: Settlement) -> Result<(), SettleError> {
        if self.settled.swap(true, Ordering::AcqRel) {
            return Err(SettleError::Expired);
        }
        match settlement {
            Settlement::Ack => self.opened.topic.finish(self.opened.index, self.ticket).map(drop),
            Settlement::Nack { delay } => self.give_back(delay),
            Settlement::DeadLetter { reason } => match self.opened.topic.finish(self.opened.index, self.ticket) {
                Some(entry) => return self.opened.bury(entry, reason),
                None => None,
            },
        }
        .ok_or(SettleError::Expired)
    }

    fn give_back(&self, delay: Duration) -> Option<()> {
        let Opened { shared, topic, index } = &*self.opened;
        let mut afterwards = Afterwards::default();
        let alarm = topic.give_back(*index, self.ticket, delay, &mut afterwards)?;
        shared.after(topic, afterwards);
        shared.arm(topic, alarm);
        Some(())
    }
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.message
    }

    fn delivery_count(&self) -> Option<u32> {
        Some(self.count)
    }

    fn origin(&self) -> Origin<'_> {
        Origin { topic: Some(&self.opened.topic.name), ..Origin::default() }
    }

    /// Settles before it returns; the future only carries the result.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        future::ready(self.settle_now(settlement))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !*self.settled.get_mut() {
            // Nothing to give back where the deadline has passed.
            let _ = self.give_back(Duration::ZERO);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("message", &self.message).field("count", &self.count).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// The topic called `name`, which is made if it does not exist.
    fn topic(&self, name: &str) -> Arc<Topic> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(name) {
            return Arc::clone(topic);
        }
        let topic = Arc::new(Topic::new(name, topics.len()));
        if self.closed.load(Ordering::Acquire) {
            topic.close();
        }
        topics.insert(name.into(), Arc::clone(&topic));
        topic
    }

    fn close(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // What is opened from now on is born closed.
        let open: Vec<_> = topics.values().cloned().collect();
        drop(topics);
        for topic in open {
            let messages = topic.close();
            if messages > 0 {
                tracing::warn!(topic = &*topic.name, messages, "messages are left in memory and end with the process");
            }
        }
    }

    fn arm(&self, topic: &Arc<Topic>, alarm: Option<Instant>) {
        if let Some(due) = alarm {
            self.timer.arm(due, topic);
        }
    }

    fn reclaim(self: &Arc<Self>, topic: &Arc<Topic>, due: Instant, now: Instant) {
        let mut afterwards = Afterwards::default();
        let alarm = topic.reclaim(due, now, &mut afterwards);
        self.after(topic, afterwards);
        self.arm(topic, alarm);
    }

    /// Does what an operation on `topic` left to do without its lock.
    fn after(self: &Arc<Self>, topic: &Arc<Topic>, afterwards: Afterwards) {
        afterwards.wakers.wake();
        for (index, entry) in afterwards.dead {
            let opened = Opened { shared: Arc::clone(self), topic: Arc::clone(topic), index };
            // What found no room waits and is tried again.
            let _ = opened.bury(entry, "delivered too often".to_owned());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Opened ===

impl Opened {
    /// Moves a message to the dead-letter topic, or drops it with an error in the log where the
    /// subscription has none.
    fn bury(&self, entry: Entry, reason: String) -> Result<(), SettleError> {
        let (subscription, settings) = self.topic.settings(self.index);
        let topic = &*self.topic.name;
        let Some(target) = settings.dead_letter else {
            let (id, deliveries) = (entry.message.id.as_deref(), entry.count);
            tracing::error!(topic, subscription = &*subscription, id, deliveries, reason, "message dropped");
            return Ok(());
        };
        let mut message = Message::clone(&entry.message);
        message.set_attribute(DEAD_LETTER_TOPIC, topic);
        message.set_attribute(DEAD_LETTER_SUBSCRIPTION, &*subscription);
        message.set_attribute(DEAD_LETTER_DELIVERIES, entry.count.to_string());
        message.set_attribute(DEAD_LETTER_REASON, &*reason);
        match self.shared.topic(&target).publish(message) {
            Ok(()) => {
                let (id, deliveries) = (entry.message.id.as_deref(), entry.count);
                tracing::error!(
                    topic,
                    subscription = &*subscription,
                    id,
                    deliveries,
                    reason,
                    dead_letter = target,
                    "message moved to the dead-letter topic"
                );
                Ok(())
            }
            Err(NotTaken::Closed) => Err(SettleError::Expired),
            Err(NotTaken::Full { .. }) => {
                let alarm = self.topic.keep_dead(self.index, entry);
                self.shared.arm(&self.topic, alarm);
                let what = format!("the dead-letter topic {target:?} has no room");
                tracing::warn!(topic, subscription = &*subscription, "{what}: trying again in a second");
                Err(SettleError::Unreachable(what.into()))
            }
        }
    }
}
