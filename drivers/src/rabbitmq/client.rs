//! The client: a connection to publish over and one to receive over, so that a server that stops to read from the one, for
//! lack of memory or disk, does not hold up acknowledgements on the other.

mod consuming;
mod dialer;
mod half;
mod publisher;
mod subscriber;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::consuming::Consuming;
use self::half::Half;
pub use self::publisher::Publisher;
use self::subscriber::Subscriptions;
pub use self::subscriber::{Delivery, Subscriber};
use super::{DRIVER, Subscription, Topic};
use crate::supervision::Supervision;
use crate::{BrokerState, Confirm, Counters, Driver, OpenError, Settings, UrlError};

/// A RabbitMQ server or cluster.
pub struct Broker {
    counters: Arc<Counters>,
    consuming: Arc<Consuming>,
    consumer: Half<consuming::Connector>,
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
        let consuming = Arc::new(Consuming::new(supervision("consuming")));
        let connector = consuming::Connector::new(settings, &consuming)?;
        let consumer = Half::new(Arc::clone(&consuming.supervision), connector);
        Ok(Self {
            consuming,
            consumer,
            subscriptions: Subscriptions::default(),
            closed: AtomicBool::new(false),
            counters,
        })
    }

    fn publisher(&self, url: &str, confirm: Confirm) -> Result<Publisher, OpenError> {
        let _topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "RabbitMQ has no such confirmation")));
        }
        Ok(Publisher {})
    }

    fn subscriber(&self, url: &str) -> Result<Subscriber, OpenError> {
        let subscription = Subscription::parse(url).map_err(OpenError::Url)?;
        self.consumer.start();
        Ok(self.subscriptions.open(&self.consuming, &subscription))
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
        let states = [self.consumer.state()];
        states.into_iter().flatten().max_by_key(badness).unwrap_or(BrokerState::Connecting)
    }

    fn counters(&self) -> Option<&Counters> {
        Some(&self.counters)
    }

    async fn close(&self) {
        self.consumer.forget();
        if self.consuming.set_closed() {
            self.subscriptions.close().await;
        }
        self.consumer.close().await;
        self.closed.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &crate::Broker::state(self)).finish_non_exhaustive()
    }
}
