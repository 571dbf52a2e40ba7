//! The client: a connection with an inbox, over which everything is asked.
//!
//! JetStream's API is written and read with the types and error codes of async-nats, NATS' own client; the connection,
//! publishing and receiving are ours, shared with `nats://`, since there a refusal is told to just the request that it is
//! about, nothing is kept for later while there is no connection, and publishes without a stream are confirmed by one round
//! trip that they share.

mod acknowledge;
mod api;
mod connection;
mod delivery;
mod frame;
mod held;
mod inbox;
mod link;
mod outbox;
mod publisher;
mod state;
mod subscriber;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use self::api::Wanted;
use self::connection::{Connection, End};
pub use self::delivery::Delivery;
use self::delivery::negative;
use self::link::Link;
pub use self::publisher::Publisher;
use self::subscriber::Shared;
pub use self::subscriber::Subscriber;
use super::{DRIVER, Subscription, Topic};
use crate::nats::client::connect::Established;
use crate::nats::client::dialer::Dialer;
use crate::nats::options::Options;
use crate::supervision::{Closing, Supervision, Supervisor};
use crate::{
    BrokerState, Confirm, Counters, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions, UrlError,
};

const DEFAULT_MAX_PENDING: usize = 16_384;

/// How long closing waits for what the server has not answered.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// A JetStream of a NATS server or cluster.
pub struct Broker {
    link: Arc<Link>,
    _supervisor: Supervisor,
    ticker: AbortHandle,
}

/// How the supervision connects.
struct Connector {
    dialer: Dialer,
    link: Arc<Link>,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let dialer = Dialer::new(Options::new(settings))?;
        let max_pending = Options::new(settings).number("max_pending", DEFAULT_MAX_PENDING)?;
        let supervision = Supervision::new(DRIVER.name, settings.name);
        let link = Arc::new(Link::new(Arc::clone(&supervision), max_pending));
        let supervisor = supervision.start(Connector { dialer, link: Arc::clone(&link) });
        let ticker = tokio::spawn(Link::tick(Arc::downgrade(&link))).abort_handle();
        Ok(Self { link, _supervisor: supervisor, ticker })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if options.confirm != Confirm::All {
            let what = "JetStream confirms each message: there is nothing less to wait for";
            return Err(OpenError::Url(UrlError::new(0..url.len(), what)));
        }
        Ok(Publisher { link: Arc::clone(&self.link), subject: (&*topic.subject).into() })
    }

    /// Opens a subscription. Its consumer is looked up, or made, as soon as there is a connection.
    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let Subscription { subject, durable, stream, ack_wait } = Subscription::parse(url).map_err(OpenError::Url)?;
        let wanted = Wanted {
            subject: subject.into_owned(),
            durable: durable.into_owned(),
            stream: stream.map(std::borrow::Cow::into_owned),
            ack_wait,
        };
        let shared = Arc::new(Shared::new(Arc::clone(&self.link), wanted));
        self.link.add(&shared);
        Ok(Subscriber { shared })
    }

    fn state(&self) -> BrokerState {
        self.link.supervision.state()
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.link.supervision.counters())
    }

    async fn close(&self) {
        if self.link.set_closed() {
            let subscribers = self.link.subscribers();
            let held: Vec<_> = subscribers.iter().flat_map(|subscriber| subscriber.close()).collect();
            // Not to a pull of this gateway, which ends with the connection.
            let is_pulling = subscribers.iter().any(|subscriber| subscriber.is_pulling());
            let wait = if is_pulling { Duration::from_millis(500) } else { Duration::ZERO };
            let (body, until) = (negative(wait), Instant::now() + CLOSING_PATIENCE);
            let asked: Vec<_> = held.iter().flat_map(|reply| self.link.ask(reply, &body, Some(until))).collect();
            let unsettled = held.len() - asked.len();
            if unsettled > 0 {
                tracing::warn!(messages = unsettled, "messages come back only after their ack_wait: no connection");
            }
            // What is on its way is answered first: publishes, and settlements.
            let answered = async {
                for asked in asked {
                    let _ = asked.await;
                }
                while self.link.inbox.is_waiting() {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            let _ = timeout(CLOSING_PATIENCE, answered).await;
        }
        self.link.supervision.close().await;
    }
}

impl crate::supervision::Link for Connector {
    type Connection = Established;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<Established, String> {
        self.dialer.dial().await
    }

    async fn serve(&mut self, mut established: Established, mut closing: Closing) -> String {
        loop {
            let connection = Connection::new(established, Arc::clone(&self.link), self.dialer.servers() > 1);
            match connection.serve(&mut closing, self.dialer.renewed(DRIVER.name)).await {
                End::Lost(reason) => return reason,
                End::Replaced(replacement) => {
                    self.link.supervision.counters().connected();
                    established = replacement;
                }
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &self.link.supervision.state()).finish_non_exhaustive()
    }
}
