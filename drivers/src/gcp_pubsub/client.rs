//! The client: gRPC over one connection, which is looked after here.
//!
//! # Why not Google's client
//!
//! google-cloud-pubsub 1.7.0 is what tests meet us with (`drivers/tests/gcp_pubsub/official.rs`), and no more. In it:
//!
//! - Publish, Pull, Acknowledge and ModifyAckDeadline cannot be called: `lib.rs` keeps `generated`, and with it
//!   `gapic_dataplane`, to itself. What is left is its `Publisher` and its `Subscriber`.
//! - A lone message waits 10 ms for others, or none are ever sent together: `publisher/actor.rs`,
//!   `ConcurrentBatchActor::run`, sends at a number or after a time.
//! - A message ends after ten minutes, and nobody knows whether it may be stored: `publisher/retry_policy.rs` and
//!   `retry_policy.rs` try again after timeouts and lost connections as well as before anything was sent. Underneath,
//!   `Client::make_inner` of google-cloud-gax-internal waits for a connection without an end and has no state.
//! - An acknowledgement is sent up to 100 ms later (`subscriber/lease_state.rs`, `LeaseOptions`) and its failure dropped
//!   (`subscriber/leaser.rs`, `ack`): a message would come again with nothing in the log. `nack` of
//!   `subscriber/handler.rs` knows no delay, so a poisoned one would come again at once, for ever.
//!
//! Its credentials, google-cloud-auth, are used.

mod codec;
mod connecting;
mod delivery;
mod gathering;
pub(super) mod identity;
mod ledger;
mod live;
mod outgoing;
mod proto;
mod publisher;
mod pulling;
mod service;
mod subscriber;
mod subscription;
mod troubles;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::connecting::Connector;
pub use self::publisher::Publisher;
use self::publisher::Publishing;
use self::service::Service;
use self::subscriber::Subscriptions;
pub use self::subscriber::{Delivery, Subscriber};
use super::options::Options;
use super::{DRIVER, Subscription, Topic};
use crate::half::Half;
use crate::supervision::Supervision;
use crate::{BrokerState, Counters, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions, UrlError};

/// How many messages may be on their way at once.
const DEFAULT_MAX_PENDING: usize = 16_384;

/// Google Cloud Pub/Sub, as one identity knows it.
pub struct Broker {
    service: Arc<Service>,
    connection: Half<Connector>,
    publishing: Arc<Publishing>,
    subscriptions: Subscriptions,
    closed: AtomicBool,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        // What gives tokens asks for it. Another one that is there already will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = Options::new(settings);
        let max_pending = options.number("max_pending", DEFAULT_MAX_PENDING)?;
        let service = Arc::new(Service::new(Supervision::new(DRIVER.name, settings.name)));
        let connector = Connector::new(options, &service)?;
        Ok(Self {
            connection: Half::new(Arc::clone(&service.supervision), connector),
            publishing: Arc::new(Publishing::new(&service, max_pending)),
            subscriptions: Subscriptions::new(&service, settings.name),
            service,
            closed: AtomicBool::new(false),
        })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&options.confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "Pub/Sub has no such confirmation")));
        }
        self.service.uses(&topic.path());
        self.connection.start();
        Ok(Publisher::new(&self.publishing, &topic))
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let subscription = Subscription::parse(url).map_err(OpenError::Url)?;
        self.service.uses(&subscription.path());
        self.connection.start();
        self.subscriptions.open(url, &subscription)
    }

    fn state(&self) -> BrokerState {
        if self.closed.load(Ordering::Acquire) {
            return BrokerState::Closed;
        }
        self.connection.state().unwrap_or(BrokerState::Connecting)
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.service.supervision.counters())
    }

    /// Waits a few seconds at most.
    async fn close(&self) {
        self.connection.forget();
        tokio::join!(self.publishing.close(), self.subscriptions.close());
        self.connection.close().await;
        self.closed.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &crate::Broker::state(self)).finish_non_exhaustive()
    }
}
