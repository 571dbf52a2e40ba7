//! A producer and its thread. Those that publish alike share one, so their number, and that of connections, does not
//! depend on how many endpoints there are.

mod live;
mod serving;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer as _};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

pub(super) use self::live::BATCH;
use self::live::Live;
use self::serving::End;
use super::health::Health;
use super::limits::Limit;
use super::reply::Reply;
use crate::Confirm;
use crate::kafka::options::Options;
use crate::kafka::{Compression, Partitioner};

/// How often a thread looks at more than its queue.
const TICK: Duration = Duration::from_millis(250);

/// How long messages wait for a connection that was lost while they were on their way. The broker tells those that it has
/// from those that it lacks by their numbers, so that sending them again stores none twice.
const GRACE: Duration = Duration::from_secs(1);

/// How long a message waits for a connection that nothing speaks against: a first one, or one like that which another client
/// of the broker has.
const SOON: Duration = Duration::from_secs(2);

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What tells producers apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) confirm: Confirm,
    pub(super) partitioner: Partitioner,
    pub(super) compression: Compression,
    /// Whether each message is sent in a batch of its own. A broker refuses a batch for one message in it, or for its size.
    pub(super) alone: bool,
}

/// All that is published in one way.
pub(super) struct Producer {
    pub(super) kind: Kind,
    pub(super) health: Arc<Health>,
    options: Options,
    /// The client of now. Whoever publishes holds the lock as long as handing a message over takes.
    state: RwLock<State>,
    /// One of each topic.
    limits: Mutex<Vec<Arc<Limit>>>,
    wants_limits: AtomicBool,
    runtime: Handle,
    stop: AtomicBool,
    /// How many threads of this producer there are.
    threads: watch::Sender<usize>,
}

/// Why a message was not handed over.
pub(super) enum NotSent {
    /// There is no connection.
    Unreachable,
    /// The broker lets this user publish to nothing.
    Refused(Arc<str>),
    /// librdkafka did not take it.
    NotTaken(KafkaError),
}

enum State {
    Nobody,
    Refused(Arc<str>),
    Live(Live),
}

impl Producer {
    /// Starts to connect. Must be called on a tokio runtime.
    pub(super) fn start(options: Options, health: Arc<Health>, kind: Kind) -> Arc<Self> {
        let producer = Arc::new(Self {
            kind,
            health,
            options,
            state: RwLock::new(State::Nobody),
            limits: Mutex::default(),
            wants_limits: AtomicBool::new(false),
            runtime: Handle::current(),
            stop: AtomicBool::new(false),
            threads: watch::Sender::new(0),
        });
        // However it ends: nobody waits for an end that never comes.
        let running = Running::new(&producer);
        let started = thread::Builder::new().name("kafka-producer".to_owned()).spawn(move || {
            running.0.run();
            running.0.set_state(State::Nobody);
        });
        if let Err(error) = started {
            producer.health.failed(&format!("no thread can be started: {error}"));
        }
        producer
    }

    /// The limit of a topic, which is asked for from now on.
    pub(super) fn limit(&self, topic: &str) -> Arc<Limit> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = limits.iter().find(|limit| *limit.topic == *topic) {
            return Arc::clone(known);
        }
        let limit = Limit::new(topic);
        limits.push(Arc::clone(&limit));
        self.look_at_limits();
        limit
    }

    /// Has the limits asked for again, which may have changed.
    pub(super) fn look_at_limits(&self) {
        self.wants_limits.store(true, Ordering::Release);
    }

    /// Hands a message over.
    pub(super) fn send(&self, record: BaseRecord<'_, [u8], [u8], Arc<Reply>>) -> Result<(), NotSent> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Live(live) if live.observer.is_connected() => live.send(record),
            State::Refused(reason) => Err(NotSent::Refused(Arc::clone(reason))),
            State::Live(_) | State::Nobody => Err(NotSent::Unreachable),
        }
    }

    /// Waits for a connection as long as nothing speaks against one, some moments at most.
    pub(super) async fn connection(&self) {
        let connection = async {
            loop {
                let mut changed = pin!(self.health.changed());
                changed.as_mut().enable();
                if !self.is_about_to_connect() {
                    return;
                }
                changed.await;
            }
        };
        // The next attempt to send shows what came of it.
        let _ = timeout(SOON, connection).await;
    }

    /// Whether there is no connection, and nothing that speaks against one in a moment.
    pub(super) fn is_about_to_connect(&self) -> bool {
        !self.is_stopping()
            && !self.health.is_failing()
            && match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
                State::Live(live) => !live.observer.is_connected(),
                State::Nobody => true,
                State::Refused(_) => false,
            }
    }

    /// Asks the broker about a topic that it did not know a while ago. Blocks.
    pub(super) fn look_for(&self, topic: &str) {
        let live = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Live(live) => live.clone(),
            State::Refused(_) | State::Nobody => return,
        };
        // What it says is kept by librdkafka.
        let _ = live.client.client().fetch_metadata(Some(topic), GRACE);
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(super) async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.threads.subscribe().wait_for(|threads| *threads == 0).await;
    }

    fn run(self: &Arc<Self>) {
        while !self.is_stopping() {
            let files = self.options.stamps();
            match self.make() {
                Ok(live) => {
                    self.set_state(State::Live(live.clone()));
                    match self.serve(live, files) {
                        End::Stop => return,
                        End::Replaced => {}
                        End::Broken(wait) => self.wait(wait),
                    }
                }
                Err(reason) => {
                    self.health.failed(&reason);
                    self.wait(LOOK_EVERY);
                }
            }
        }
    }

    fn wait(&self, wait: Duration) {
        let until = Instant::now() + wait;
        while !self.is_stopping() && Instant::now() < until {
            thread::park_timeout(TICK);
        }
    }

    /// A client with the settings as they are now.
    fn make(&self) -> Result<Live, String> {
        Live::new(self.kind, &self.options, &self.health)
    }

    fn set_state(&self, state: State) {
        let old = std::mem::replace(&mut *self.state.write().unwrap_or_else(PoisonError::into_inner), state);
        // After the lock is given back, since the end of a client takes its time.
        drop(old);
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// A thread of a producer.
struct Running(Arc<Producer>);

impl Running {
    fn new(producer: &Arc<Producer>) -> Self {
        producer.threads.send_modify(|threads| *threads += 1);
        Self(Arc::clone(producer))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.threads.send_modify(|threads| *threads -= 1);
    }
}
