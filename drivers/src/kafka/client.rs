//! The client: librdkafka, Kafka's own client for whoever is not on a JVM, through the crate rdkafka.
//!
//! It speaks the protocol, finds leaders, batches, and joins groups. Everything that may block in it (making a client,
//! ending one, its queues) happens on threads of this driver, never on one of the runtime.

pub(super) mod context;
mod delivery;
mod group;
pub(super) mod health;
mod limits;
#[cfg(feature = "kafka-tls")]
pub(super) mod oidc;
mod producer;
mod publisher;
mod record;
mod reply;
pub(super) mod statistics;
mod subscriber;
mod verdict;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

pub use self::delivery::Delivery;
use self::health::Health;
use self::producer::{Kind, Producer};
pub use self::publisher::Publisher;
pub use self::statistics::Figures;
pub use self::subscriber::Subscriber;
use self::subscriber::Subscriptions;
use super::options::Options;
use super::{DRIVER, Topic};
use crate::{BrokerState, Counters, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions};

/// How long a broker is left without a client that nobody publishes through or receives with.
const FIRST_USE: Duration = Duration::from_millis(50);

/// How long closing waits for producers: longer than those wait for what is on its way.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// A Kafka cluster.
pub struct Broker {
    shared: Arc<Shared>,
    subscriptions: Subscriptions,
    probe: AbortHandle,
    #[cfg(feature = "kafka-tls")]
    fetching: Option<oidc::Fetching>,
}

/// What publishers and subscribers of a broker have in common.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) health: Arc<Health>,
    /// One of each kind that something publishes through.
    producers: Mutex<Vec<Arc<Producer>>>,
    is_closed: AtomicBool,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let options = Options::new(settings);
        // To know that everything is there; each client reads it anew.
        options.check()?;
        let health = Health::new(DRIVER.name, options.name());
        #[cfg(feature = "kafka-tls")]
        let fetching = oidc::Fetching::start(&options, &health);
        let shared =
            Arc::new(Shared { options, health, producers: Mutex::default(), is_closed: AtomicBool::new(false) });
        let probe = tokio::spawn(Shared::probe(Arc::clone(&shared))).abort_handle();
        Ok(Self {
            subscriptions: Subscriptions::new(&shared),
            shared,
            probe,
            #[cfg(feature = "kafka-tls")]
            fetching,
        })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        let kind = Kind {
            confirm: options.confirm,
            partitioner: topic.partitioner,
            compression: topic.compression,
            alone: false,
        };
        Ok(Publisher::new(self.shared.producer(kind), &self.shared, &topic))
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        self.subscriptions.open(url)
    }

    fn state(&self) -> BrokerState {
        self.shared.health.state()
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.shared.health.counters())
    }

    /// Waits a few seconds at most for what is on its way.
    async fn close(&self) {
        self.probe.abort();
        #[cfg(feature = "kafka-tls")]
        if let Some(fetching) = &self.fetching {
            fetching.end();
        }
        self.subscriptions.close().await;
        let producers = self.shared.stop();
        let ended = async {
            for producer in &producers {
                producer.stopped().await;
            }
        };
        if timeout(CLOSING_PATIENCE, ended).await.is_err() {
            // Its threads go on by themselves.
            let broker = self.shared.options.name();
            tracing::warn!(driver = DRIVER.name, broker, "closed while a client has not ended yet");
        }
        self.shared.health.close();
    }
}

impl Broker {
    /// What each client of this broker said of itself last. A gateway does not show it: what it counts of every broker is in
    /// [`counters`](crate::Broker::counters). It is for programs that use this crate by itself.
    pub fn figures(&self) -> Vec<Figures> {
        self.shared.health.figures()
    }
}

impl Shared {
    /// The producer of `kind`, made where there is none yet.
    fn producer(self: &Arc<Self>, kind: Kind) -> Arc<Producer> {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = producers.iter().find(|producer| producer.kind == kind) {
            return Arc::clone(known);
        }
        let producer = Producer::start(self.options.clone(), Arc::clone(&self.health), kind);
        producers.push(Arc::clone(&producer));
        if self.is_closed.load(Ordering::Acquire) {
            producer.stop();
        }
        producer
    }

    /// Ends all producers, those as well that are made later.
    fn stop(&self) -> Vec<Arc<Producer>> {
        self.is_closed.store(true, Ordering::Release);
        let producers = self.producers();
        producers.iter().for_each(|producer| producer.stop());
        producers
    }

    fn producers(&self) -> Vec<Arc<Producer>> {
        self.producers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sees to it that somebody connects, so that the broker has a state.
    async fn probe(self: Arc<Self>) {
        sleep(FIRST_USE).await;
        if self.health.has_no_client() && self.producers().is_empty() {
            self.producer(Kind::default());
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.probe.abort();
        self.shared.stop();
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &self.shared.health.state()).finish_non_exhaustive()
    }
}
