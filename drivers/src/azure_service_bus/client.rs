//! The client: one connection that all topics and subscriptions share, each over links of its own.

mod amqp;
mod connector;
mod delivery;
mod identity;
mod inbox;
mod lane;
mod live;
mod locks;
mod management;
mod properties;
mod publisher;
mod received;
mod sessions;
mod settling;
mod subscriber;
mod tokens;
mod trouble;
mod verdict;
mod websockets;
mod written;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use self::connector::Connector;
use self::live::Live;
use self::publisher::Lane;
pub use self::publisher::Publisher;
pub use self::subscriber::{Delivery, Subscriber};
use super::options::{Access, Options};
use super::{DRIVER, Source, Subscription, Topic};
use crate::supervision::{Supervision, Supervisor};
use crate::{
    BrokerState, Counters, Driver, OpenError, PublishError, PublishErrorKind, PublisherOptions, Settings,
    SubscriberOptions, UrlError,
};

/// How many messages may be on their way at once.
const DEFAULT_MAX_PENDING: usize = 4_096;

/// How many bytes may be on their way at once, in pieces of 1 KiB.
const MOST_PIECES: usize = 64 << 10;

/// How many links a connection has at most: the service's 255, without some for those that are just ending.
const MOST_LINKS: usize = 240;

/// The link pair to `$cbs`; and a subscription's own link, with the pair to its `$management`.
const LINKS_FOR_TOKENS: usize = 2;
const LINKS_OF_A_SUBSCRIPTION: usize = 3;

/// How many links sessions have at least, and at most.
const LEAST_SESSIONS: usize = 16;
const MOST_SESSIONS: usize = 128;

/// How long closing waits for what is on its way.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// A namespace of Service Bus.
pub struct Broker {
    shared: Arc<Shared>,
    options: Options,
    supervisor: Mutex<Option<Supervisor>>,
    /// What it begins to connect with, as long as there is no use for a connection.
    connector: Mutex<Option<Connector>>,
    subscriptions: subscriber::Subscriptions,
}

/// What the connection, publishers and subscribers have in common.
struct Shared {
    supervision: Arc<Supervision>,
    broker: Option<&'static str>,
    live: watch::Sender<Option<Arc<Live>>>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// What is received from.
    sources: Mutex<Vec<Box<str>>>,
    most_messages: usize,
    messages: Arc<Semaphore>,
    pieces: Arc<Semaphore>,
    closed: AtomicBool,
}

/// What a message holds until its end is known.
type Permits = [Option<OwnedSemaphorePermit>; 2];

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let options = Options::new(settings);
        let most_messages = options.number("max_pending", DEFAULT_MAX_PENDING)?;
        let shared = Arc::new(Shared {
            supervision: Supervision::new(DRIVER.name, settings.name),
            broker: settings.name,
            live: watch::Sender::new(None),
            lanes: Mutex::default(),
            sources: Mutex::default(),
            most_messages,
            messages: Arc::new(Semaphore::new(most_messages)),
            pieces: Arc::new(Semaphore::new(MOST_PIECES)),
            closed: AtomicBool::new(false),
        });
        let connector = Connector::new(options.clone(), &shared)?;
        Ok(Self {
            shared,
            options,
            supervisor: Mutex::default(),
            connector: Mutex::new(Some(connector)),
            subscriptions: subscriber::Subscriptions::default(),
        })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&options.confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "Service Bus has no such confirmation")));
        }
        self.check_entity(url, &topic.name)?;
        if !self.shared.has_lane(&topic.name) {
            self.check_room(url, 1)?;
        }
        let lane = self.shared.lane(&topic.name);
        self.start();
        Ok(Publisher::new(Arc::clone(&self.shared), lane))
    }

    fn subscriber(&self, url: &str, _options: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let subscription = Subscription::parse(url).map_err(OpenError::Url)?;
        let (entity, mut path) = match &subscription.source {
            Source::Queue { name } => (name, name.clone().into_owned()),
            Source::Subscription { topic, name } => (topic, format!("{topic}/Subscriptions/{name}")),
        };
        self.check_entity(url, entity)?;
        if subscription.dead_letter {
            path += "/$DeadLetterQueue";
        }
        self.check_room(url, LINKS_OF_A_SUBSCRIPTION)?;
        self.shared.add_source(&path);
        self.start();
        Ok(self.subscriptions.open(&self.shared, &path, &subscription))
    }

    fn state(&self) -> BrokerState {
        if self.shared.is_closed() { BrokerState::Closed } else { self.shared.supervision.state() }
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.shared.supervision.counters())
    }

    async fn close(&self) {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let waiting = lock(&self.connector).take().is_some();
        self.subscriptions.close().await;
        let all = u32::try_from(self.shared.most_messages).unwrap_or(u32::MAX);
        let _ = timeout(CLOSING_PATIENCE, self.shared.messages.acquire_many(all)).await;
        if !waiting {
            self.shared.supervision.close().await;
        }
    }
}

impl Broker {
    /// Begins to connect, where that has not begun.
    fn start(&self) {
        if let Some(connector) = lock(&self.connector).take() {
            *lock(&self.supervisor) = Some(self.shared.supervision.start(connector));
        }
    }

    /// All share a connection, which has only so many links.
    fn check_room(&self, url: &str, links: usize) -> Result<(), OpenError> {
        let used = lock(&self.shared.lanes).len() + self.subscriptions.count() * LINKS_OF_A_SUBSCRIPTION;
        if used + links <= MOST_LINKS - LINKS_FOR_TOKENS - LEAST_SESSIONS {
            return Ok(());
        }
        let what = "the topics and subscriptions of one broker are more than a connection to Service Bus has room for";
        Err(OpenError::Url(UrlError::new(0..url.len(), what).with_help("give some of them a broker of another name")))
    }

    /// A connection string may be for one topic or queue alone.
    fn check_entity(&self, url: &str, entity: &str) -> Result<(), OpenError> {
        let Access { entity: only, .. } = self.options.load()?;
        match only.filter(|only| !only.eq_ignore_ascii_case(entity)) {
            None => Ok(()),
            Some(only) => {
                let what = format!("the connection string is for `{only}` alone (its `EntityPath`)");
                Err(OpenError::Url(UrlError::new(0..url.len(), what)))
            }
        }
    }
}

impl Shared {
    fn supervision(&self) -> &Supervision {
        &self.supervision
    }

    /// The broker's name in the config, where it has one.
    fn broker(&self) -> Option<&'static str> {
        self.broker
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The connection, where there is one.
    fn live(&self) -> Option<Arc<Live>> {
        if self.is_closed() { None } else { self.live.borrow().clone() }
    }

    /// Says when there is another connection, or none.
    fn watch(&self) -> watch::Receiver<Option<Arc<Live>>> {
        self.live.subscribe()
    }

    fn set_live(&self, live: Option<Arc<Live>>) {
        if live.is_none() {
            lock(&self.lanes).iter().for_each(|lane| lane.forget());
        }
        self.live.send_replace(live);
    }

    fn lane(&self, entity: &str) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.iter().find(|lane| *lane.entity == *entity) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(entity));
        lanes.push(Arc::clone(&lane));
        lane
    }

    fn has_lane(&self, entity: &str) -> bool {
        lock(&self.lanes).iter().any(|lane| *lane.entity == *entity)
    }

    fn add_source(&self, path: &str) {
        let mut sources = lock(&self.sources);
        if sources.iter().all(|known| **known != *path) {
            sources.push(path.into());
        }
    }

    /// How many sessions may be held or waited for at once, with what else there is on a connection.
    fn session_places(&self) -> usize {
        let others = lock(&self.lanes).len() + lock(&self.sources).len() * LINKS_OF_A_SUBSCRIPTION;
        (MOST_LINKS - LINKS_FOR_TOKENS).saturating_sub(others).clamp(LEAST_SESSIONS, MOST_SESSIONS)
    }

    fn lanes(&self) -> Vec<Arc<Lane>> {
        lock(&self.lanes).clone()
    }

    /// What is published to and received from.
    fn entities(&self) -> Vec<Box<str>> {
        let mut entities: Vec<_> = self.lanes().iter().map(|lane| lane.entity.clone()).collect();
        entities.extend(lock(&self.sources).iter().cloned());
        entities
    }

    /// Lets a message of as many bytes in.
    fn admit(&self, length: usize) -> Result<Permits, PublishError> {
        let full = |what: String| PublishError::new(PublishErrorKind::Full, what);
        let message = Arc::clone(&self.messages).try_acquire_owned();
        let message = message.map_err(|_| full(format!("{} messages are on their way", self.most_messages)))?;
        let pieces = length.div_ceil(1 << 10).clamp(1, MOST_PIECES) as u32;
        let pieces = Arc::clone(&self.pieces).try_acquire_many_owned(pieces);
        let pieces = pieces.map_err(|_| full(format!("{} MiB are on their way", MOST_PIECES >> 10)))?;
        Ok([Some(message), Some(pieces)])
    }
}

/// Nothing panics with a lock held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &crate::Broker::state(self)).finish_non_exhaustive()
    }
}
