//! The client: a connection to publish over and one to receive over, so that a server that stops to read from the one, for
//! lack of memory or disk, does not hold up acknowledgements on the other.

mod consuming;
mod credit;
mod declaring;
mod delivery;
mod dialer;
mod lane;
mod leaving;
mod login;
mod outbox;
mod parcel;
mod properties;
mod publisher;
mod publishing;
mod queues;
mod received;
mod subscriber;
mod subscription;
mod task;
mod transport;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::consuming::Consuming;
use self::outbox::Outbox;
pub use self::publisher::Publisher;
use self::subscriber::Subscriptions;
pub use self::subscriber::{Delivery, Subscriber};
use super::options::Options;
use super::{DRIVER, Subscription, Topic, declaration};
use crate::half::Half;
use crate::supervision::Supervision;
use crate::{
    BrokerState, Counters, Declaration, Driver, OpenError, PublisherOptions, Settings, Side, SubscriberOptions,
    UrlError,
};

/// How many messages may be on their way at once.
const DEFAULT_MAX_PENDING: usize = 16_384;

/// A RabbitMQ server or cluster.
pub struct Broker {
    counters: Arc<Counters>,
    publishing: Arc<publishing::Shared>,
    publishers: Half<publishing::Connector>,
    consuming: Arc<Consuming>,
    subscribers: Half<consuming::Connector>,
    subscriptions: Subscriptions,
    closed: AtomicBool,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let counters = Arc::<Counters>::default();
        let supervision = |connection| {
            Supervision::of_connection(DRIVER.name, settings.name, Some(connection), Arc::clone(&counters))
        };
        let max_pending = Options::new(settings).number("max_pending", DEFAULT_MAX_PENDING)?;
        let publishing = Arc::new(publishing::Shared {
            outbox: Outbox::new(max_pending),
            supervision: supervision("publishing"),
            broker: settings.name,
        });
        let connector = publishing::Connector::new(settings, &publishing)?;
        let publishers = Half::new(Arc::clone(&publishing.supervision), connector);
        let consuming = Arc::new(Consuming::new(supervision("consuming"), settings.name));
        let connector = consuming::Connector::new(settings, &consuming)?;
        let subscribers = Half::new(Arc::clone(&consuming.supervision), connector);
        Ok(Self {
            counters,
            publishing,
            publishers,
            consuming,
            subscribers,
            subscriptions: Subscriptions::default(),
            closed: AtomicBool::new(false),
        })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&options.confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "RabbitMQ has no such confirmation")));
        }
        declarable(url, Side::Topic, options.declare)?;
        let publisher = Publisher::new(&self.publishing, &topic, options);
        let publisher = publisher.map_err(|what| OpenError::Url(UrlError::new(0..url.len(), what)))?;
        self.publishers.start();
        Ok(publisher)
    }

    fn subscriber(&self, url: &str, options: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let subscription = Subscription::parse(url).map_err(OpenError::Url)?;
        declarable(url, Side::Subscription, options.declare)?;
        self.subscribers.start();
        Ok(self.subscriptions.open(&self.consuming, &subscription, options))
    }

    /// The worse one of the connections that are used.
    fn state(&self) -> BrokerState {
        if self.closed.load(Ordering::Acquire) {
            return BrokerState::Closed;
        }
        let badness = |state: &BrokerState| match state {
            BrokerState::Connected => 0,
            BrokerState::Connecting => 1,
            BrokerState::Disconnected { .. } => 2,
            BrokerState::Closed => 3,
        };
        let states = [self.publishers.state(), self.subscribers.state()];
        states.into_iter().flatten().max_by_key(badness).unwrap_or(BrokerState::Connecting)
    }

    fn counters(&self) -> Option<&Counters> {
        Some(&self.counters)
    }

    async fn close(&self) {
        self.publishers.forget();
        self.subscribers.forget();
        if self.consuming.set_closed() {
            self.subscriptions.close().await;
        }
        tokio::join!(self.publishers.close(), self.subscribers.close());
        self.closed.store(true, Ordering::Release);
    }
}

/// What a build has checked already.
///
/// # Errors
/// It cannot be declared as that.
fn declarable(url: &str, side: Side, declaration: Option<&Declaration>) -> Result<(), OpenError> {
    let wrong = declaration.and_then(|declaration| declaration::check(url, side, declaration).into_iter().next());
    match wrong {
        Some(error) => Err(OpenError::Url(UrlError::new(0..url.len(), error.message))),
        None => Ok(()),
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &crate::Broker::state(self)).finish_non_exhaustive()
    }
}
