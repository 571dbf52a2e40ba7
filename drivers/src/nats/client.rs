//! NATS' client: a connection of its own, which publishes and subscribes.

pub(crate) mod connect;
mod connection;
pub(crate) mod dialer;
pub(crate) mod gob;
pub(crate) mod headers;
mod index;
mod outbox;
pub(crate) mod protocol;
mod standing;

use std::fmt;
use std::future::{self, Future};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::coop::cooperative;

use self::connection::{Connection, End};
use self::dialer::Dialer;
use self::outbox::Outbox;
use self::standing::{Ended, Received, Standing};
use super::options::Options;
use super::{DRIVER, Subscription, Topic};
use crate::supervision::{Closing, Link, Supervision, Supervisor};
use crate::{
    BrokerState, Confirm, Counters, Driver, Message, OpenError, Origin, PublishError, PublishErrorKind,
    PublisherOptions, Receipt, ReceiveError, Settings, SettleError, Settlement, SubscriberOptions, UrlError,
};

const DEFAULT_MAX_PENDING: usize = 65_536;
const DEFAULT_BUFFER: usize = 1_024;

/// NATS' servers, over one connection to one of them at a time.
pub struct Broker {
    shared: Arc<Shared>,
    buffer: usize,
    _supervisor: Supervisor,
}

/// An open topic of a [`Broker`].
pub struct Publisher {
    shared: Arc<Shared>,
    subject: Arc<str>,
    confirm: bool,
}

/// An open subscription of a [`Broker`], which receives from now on. Those of one queue group share one.
pub struct Subscriber {
    opened: Arc<Opened>,
}

/// A message from a [`Subscriber`].
pub struct Delivery {
    message: Message,
    /// Where it is not the subscription's.
    subject: Option<Box<str>>,
    headers: Bytes,
    /// The body as it came in, where the message's is only a part of it.
    raw: Option<Bytes>,
    sequence: u64,
    count: u32,
    opened: Arc<Opened>,
    settled: AtomicBool,
}

/// What publishers, subscribers and the connection of a broker have in common.
struct Shared {
    outbox: Outbox,
    supervision: Arc<Supervision>,
    servers: AtomicUsize,
}

struct Opened {
    shared: Arc<Shared>,
    standing: Arc<Standing>,
}

/// What connects.
struct Servers {
    shared: Arc<Shared>,
    dialer: Dialer,
}

// === impl Broker ===

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let options = Options::new(settings);
        let max_pending = options.number("max_pending", DEFAULT_MAX_PENDING)?;
        let buffer = options.number("buffer", DEFAULT_BUFFER)?;
        let dialer = Dialer::new(options)?;
        let supervision = Supervision::new(DRIVER.name, settings.name);
        let (outbox, servers) = (Outbox::new(max_pending), AtomicUsize::new(dialer.servers()));
        let shared = Arc::new(Shared { outbox, supervision, servers });
        let supervisor = shared.supervision.start(Servers { shared: Arc::clone(&shared), dialer });
        Ok(Self { shared, buffer, _supervisor: supervisor })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        let confirm = options.confirm;
        if !DRIVER.capabilities.confirm.contains(&confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "NATS has no such confirmation")));
        }
        let shared = Arc::clone(&self.shared);
        Ok(Publisher { shared, subject: topic.subject.into(), confirm: confirm != Confirm::None })
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let Subscription { subject, queue, buffer } = Subscription::parse(url).map_err(OpenError::Url)?;
        let standing = self.shared.outbox.subscribe(&subject, queue.as_deref(), buffer.unwrap_or(self.buffer));
        Ok(Subscriber { opened: Arc::new(Opened { shared: Arc::clone(&self.shared), standing }) })
    }

    fn state(&self) -> BrokerState {
        self.shared.supervision.state()
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.shared.supervision.counters())
    }

    /// Waits a few seconds at most. Messages that are left are counted in the log, since nobody will receive them.
    async fn close(&self) {
        let standing = self.shared.outbox.standing();
        standing.iter().for_each(|standing| standing.close());
        self.shared.supervision.close().await;
        self.shared.outbox.close();
        standing.iter().for_each(|standing| standing.end(self.shared.supervision.counters()));
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &self.shared.supervision.state()).finish_non_exhaustive()
    }
}

// === impl Publisher ===

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        if message.key.is_some() || message.id.is_some() {
            let what = "a message of NATS has neither a key nor an identity";
            return Err(PublishError::new(PublishErrorKind::Invalid, what));
        }
        let unreachable = || self.shared.supervision.failure();
        let confirmation = self.shared.outbox.publish(&self.subject, &message, self.confirm, unreachable)?;
        drop(message);
        if let Some(confirmation) = confirmation {
            let ended = confirmation.await;
            ended.map_err(|_| PublishError::new(PublishErrorKind::Unknown, "the client was dropped"))??;
        }
        Ok(Receipt::default())
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("subject", &self.subject).finish_non_exhaustive()
    }
}

// === impl Subscriber ===

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    fn receive(&self, _: Instant) -> impl Future<Output = Result<Delivery, ReceiveError>> + Send {
        cooperative(async {
            let opened = &self.opened;
            match opened.standing.take().await {
                Ok(received) => Ok(Delivery::new(received, Arc::clone(opened))),
                Err(Ended::Closed) => Err(ReceiveError::Closed),
                Err(Ended::Disconnected) => Err(ReceiveError::Unreachable(opened.shared.supervision.failure().into())),
                Err(Ended::Refused(reason)) => Err(ReceiveError::Refused(String::from(reason).into())),
            }
        })
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = &self.opened.standing;
        let mut debug = f.debug_struct("Subscriber");
        debug.field("subject", &standing.subject).field("queue", &standing.queue).finish_non_exhaustive()
    }
}

// === impl Delivery ===

impl Delivery {
    fn new(received: Received, opened: Arc<Opened>) -> Self {
        let Received { sequence, subject, headers, body, deliveries } = received;
        let (attributes, body, raw) = if !headers.is_empty() {
            (headers::read(&headers), body, None)
        } else if let Some((attributes, inner)) = gob::read(&body) {
            (attributes, inner, Some(body))
        } else {
            (Vec::new(), body, None)
        };
        let message = Message { body, attributes, key: None, id: None };
        let (count, settled) = (deliveries.saturating_add(1), AtomicBool::new(false));
        Self { message, subject, headers, raw, sequence, count, opened, settled }
    }

    fn settle_now(&self, settlement: Settlement) -> Result<(), SettleError> {
        if self.settled.swap(true, Ordering::AcqRel) {
            return Err(SettleError::Expired);
        }
        let standing = &self.opened.standing;
        let is_settled = match settlement {
            Settlement::Ack => standing.settle(),
            Settlement::Nack { delay } => self.give_back(delay),
            Settlement::DeadLetter { reason } => {
                let (subject, deliveries) = (self.subject(), self.count);
                tracing::debug!(subject, deliveries, reason, "message dropped: NATS has no place for it");
                self.opened.shared.supervision.counters().add_dropped(1);
                standing.settle()
            }
        };
        if is_settled { Ok(()) } else { Err(SettleError::Expired) }
    }

    fn give_back(&self, delay: Duration) -> bool {
        let received = Received {
            sequence: self.sequence,
            subject: self.subject.clone(),
            headers: self.headers.clone(),
            body: self.raw.as_ref().unwrap_or(&self.message.body).clone(),
            deliveries: self.count,
        };
        match delay.is_zero() {
            true => self.opened.standing.give_back(received),
            false => self.opened.standing.give_back_later(received, delay),
        }
    }

    fn subject(&self) -> &str {
        self.subject.as_ref().unwrap_or(&self.opened.standing.subject)
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
        Origin { topic: Some(self.subject()), ..Origin::default() }
    }

    /// Settles before it returns; the future only carries the result.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        future::ready(self.settle_now(settlement))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !*self.settled.get_mut() {
            // Where the subscription has ended, its end has counted it.
            self.give_back(Duration::ZERO);
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
    fn has_several_servers(&self) -> bool {
        self.servers.load(Ordering::Relaxed) > 1
    }
}

// === impl Opened ===

impl Drop for Opened {
    fn drop(&mut self) {
        if self.shared.outbox.unsubscribe(&self.standing) {
            self.standing.end(self.shared.supervision.counters());
        }
    }
}

// === impl Servers ===

impl Link for Servers {
    type Connection = Connection;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<Connection, String> {
        let established = self.dialer.dial().await?;
        self.shared.servers.store(self.dialer.servers(), Ordering::Relaxed);
        Ok(Connection::new(established, Arc::clone(&self.shared)))
    }

    async fn serve(&mut self, mut connection: Connection, mut closing: Closing) -> String {
        loop {
            match connection.serve(&mut closing, self.dialer.renewed(DRIVER.name)).await {
                End::Lost(reason) => return reason,
                End::Replaced(established) => {
                    self.shared.servers.store(self.dialer.servers(), Ordering::Relaxed);
                    self.shared.supervision.counters().connected();
                    connection = Connection::new(established, Arc::clone(&self.shared));
                }
            }
        }
    }
}
