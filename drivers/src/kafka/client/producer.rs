//! A producer and its thread. Those that publish alike share one, so their number, and that of connections, does not
//! depend on how many endpoints there are.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::context::Observer;
use super::health::Health;
use super::limits::Limit;
use super::reply::{Failure, Outcome, Place, Reply};
use crate::Confirm;
use crate::kafka::options::{Access, Options, Stamps};
use crate::kafka::{Compression, DRIVER, Partitioner};

/// How often a thread looks at more than its queue.
const TICK: Duration = Duration::from_millis(250);

/// How long messages wait for a connection that was lost while they were on their way. The broker tells those that it has
/// from those that it lacks by their numbers, so that sending them again stores none twice.
const GRACE: Duration = Duration::from_secs(1);

/// How long what is on its way may take when a producer ends.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// How long a client with new settings may take to connect, and when it is tried again where it could not.
const RENEWAL: Duration = Duration::from_secs(10);
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// How long one waits that the broker refused, and one that broke in another way.
const REFUSED_FOR: Duration = Duration::from_secs(10);
const BROKEN_FOR: Duration = Duration::from_secs(1);

/// What tells producers apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) confirm: Confirm,
    pub(super) partitioner: Partitioner,
    pub(super) compression: Compression,
}

/// All that is published in one way.
pub(super) struct Producer {
    pub(super) kind: Kind,
    pub(super) health: Arc<Health>,
    options: Options,
    /// The client of now. Whoever publishes holds the lock as long as handing a message over takes.
    state: RwLock<State>,
    limits: Mutex<Vec<Arc<Limit>>>,
    runtime: Handle,
    stop: AtomicBool,
    stopped: watch::Sender<bool>,
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

/// One client of librdkafka.
#[derive(Clone)]
struct Live {
    client: Arc<BaseProducer<Context>>,
    observer: Arc<Observer>,
}

/// Why a client is used no longer.
enum End {
    Stop,
    /// Another takes its place.
    Replaced,
    /// Another takes its place after a while.
    Broken(Duration),
}

/// The files of the settings, as they were when they were looked at last.
struct Watched {
    files: Stamps,
    looked_at: Instant,
    /// When those are tried again that could not be connected with.
    try_again: Option<Instant>,
}

struct Context {
    observer: Arc<Observer>,
    health: Arc<Health>,
    confirm: Confirm,
    has_delivered: AtomicBool,
    /// Whether the broker did not let it begin.
    is_refused: AtomicBool,
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
            runtime: Handle::current(),
            stop: AtomicBool::new(false),
            stopped: watch::Sender::new(false),
        });
        let running = Arc::clone(&producer);
        let started = thread::Builder::new().name("kafka-producer".to_owned()).spawn(move || {
            // However it ends: nobody waits for an end that never comes.
            let ended = Ended(running);
            ended.0.run();
        });
        if let Err(error) = started {
            producer.health.failed(&format!("no thread can be started: {error}"));
            producer.stopped.send_replace(true);
        }
        producer
    }

    /// Adds a topic whose limit is wanted.
    pub(super) fn watch_limit(&self, limit: &Arc<Limit>) {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(limit));
    }

    /// Hands a message over.
    pub(super) fn send(&self, record: BaseRecord<'_, [u8], [u8], Arc<Reply>>) -> Result<(), NotSent> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Live(live) if live.observer.is_connected() => {
                live.client.send(record).map_err(|(error, _)| live.not_sent(error))
            }
            State::Refused(reason) => Err(NotSent::Refused(Arc::clone(reason))),
            State::Live(_) | State::Nobody => Err(NotSent::Unreachable),
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
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    fn run(&self) {
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
        let Access { mut config, secrets } = self.options.load().map_err(|error| error.to_string())?;
        let Kind { confirm, partitioner, compression } = self.kind;
        let acks = match confirm {
            Confirm::All => "all",
            Confirm::Leader => "1",
            Confirm::None => "0",
        };
        for (property, value) in [
            ("acks", acks),
            ("enable.idempotence", if confirm == Confirm::All { "true" } else { "false" }),
            ("partitioner", partitioner.name()),
            ("compression.type", compression.name()),
            ("linger.ms", "0"),
            // Below what topics take. A batch over that is refused, with all messages in it.
            ("batch.size", "65536"),
            // The broker's limit counts; this is what it reads at all unless it was told otherwise.
            ("message.max.bytes", "100000000"),
            ("message.timeout.ms", "10000"),
            ("request.timeout.ms", "10000"),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "262144"),
            // As long as a broker that makes topics by itself may take for that.
            ("topic.metadata.propagation.max.ms", "1000"),
        ] {
            config.set(property, value);
        }
        let observer = Arc::new(Observer::new(&self.health, self.options.name(), secrets));
        let context = Context {
            observer: Arc::clone(&observer),
            health: Arc::clone(&self.health),
            confirm,
            has_delivered: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        };
        // The error would show the value.
        let client = config.create_with_context(context).map_err(|error| match error {
            KafkaError::ClientConfig(_, what, ..) => what,
            other => other.to_string(),
        })?;
        Ok(Live { client: Arc::new(client), observer })
    }

    fn serve(&self, mut live: Live, files: Stamps) -> End {
        let (mut was_connected, mut lost_at) = (false, None);
        let mut watched = Watched { files, looked_at: Instant::now(), try_again: None };
        loop {
            live.client.poll(TICK);
            if self.is_stopping() {
                self.set_state(State::Nobody);
                live.retire();
                return End::Stop;
            }
            if live.observer.is_broken() {
                return self.broken(&live);
            }
            let is_connected = live.observer.is_connected();
            if is_connected && !was_connected {
                self.ask_for_limits();
            }
            was_connected = is_connected;
            lost_at = (!is_connected).then(|| lost_at.unwrap_or_else(Instant::now));
            if lost_at.is_some_and(|at| at.elapsed() >= GRACE) && live.client.in_flight_count() > 0 {
                self.set_state(State::Nobody);
                // Numbers are left out by that, so another client goes on, with numbers of its own.
                live.purge();
                return End::Replaced;
            }
            if let Some(new) = self.look_at_files(&mut watched, &live) {
                self.set_state(State::Live(new.clone()));
                let old = std::mem::replace(&mut live, new);
                thread::spawn(move || old.retire());
            }
        }
    }

    /// A client to go on with, where files of the settings have changed.
    fn look_at_files(&self, watched: &mut Watched, live: &Live) -> Option<Live> {
        if watched.looked_at.elapsed() < LOOK_EVERY {
            return None;
        }
        watched.looked_at = Instant::now();
        let now = self.options.stamps();
        let is_due = watched.try_again.is_some_and(|at| Instant::now() >= at);
        if !is_due && !watched.files.need_another(&now, live.observer.is_connected()) {
            return None;
        }
        watched.files = now;
        match self.renew(live) {
            Ok(new) => {
                watched.try_again = None;
                Some(new)
            }
            Err(reason) => {
                watched.try_again = Some(Instant::now() + TRY_AGAIN);
                let broker = self.options.name();
                let what =
                    "files of its settings have changed, and it cannot connect with them: the connection is kept";
                tracing::warn!(driver = DRIVER.name, broker, reason, "{what}");
                None
            }
        }
    }

    /// A client with the settings as they are now, that is connected, while `old` is still in use.
    fn renew(&self, old: &Live) -> Result<Live, String> {
        let new = self.make()?;
        let until = Instant::now() + RENEWAL;
        loop {
            new.client.poll(Duration::from_millis(5));
            old.client.poll(Duration::ZERO);
            if new.observer.is_connected() {
                let broker = self.options.name();
                tracing::info!(driver = DRIVER.name, broker, "connected anew: files of its settings have changed");
                return Ok(new);
            }
            // Without a connection that could be kept, the new settings are no worse.
            if !old.observer.is_connected() {
                return Ok(new);
            }
            if self.is_stopping() || Instant::now() >= until {
                return Err(new.observer.failure());
            }
        }
    }

    fn ask_for_limits(&self) {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !limits.is_empty() {
            self.runtime.spawn(super::limits::ask(self.options.clone(), limits));
        }
    }

    /// A client that librdkafka gave up.
    fn broken(&self, live: &Live) -> End {
        let refusal = live.refusal();
        let is_refused = refusal.is_some();
        live.client.context().is_refused.store(is_refused, Ordering::Release);
        self.set_state(refusal.map_or(State::Nobody, State::Refused));
        live.purge();
        End::Broken(if is_refused { REFUSED_FOR } else { BROKEN_FOR })
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

impl Live {
    /// Why the broker does not let this user begin, where it does not.
    fn refusal(&self) -> Option<Arc<str>> {
        let (code, reason) = self.client.client().fatal_error()?;
        let is_refused = matches!(
            code,
            RDKafkaErrorCode::ClusterAuthorizationFailed | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
        );
        is_refused.then(|| format!("{reason} ({code})").into())
    }

    #[cold]
    fn not_sent(&self, error: KafkaError) -> NotSent {
        // It may be some moments until the thread has seen it.
        match self.refusal() {
            Some(reason) => NotSent::Refused(reason),
            None => NotSent::NotTaken(error),
        }
    }

    /// Has everybody told that waits.
    fn purge(&self) {
        self.client.purge(PurgeConfig::default().queue().inflight());
        self.client.poll(Duration::ZERO);
    }

    /// Waits for what is on its way, and ends the client. Blocks.
    fn retire(self) {
        if self.observer.is_connected() {
            // What is left is told so when the client is dropped.
            let _ = self.client.flush(LAST_PATIENCE);
        }
    }
}

struct Ended(Arc<Producer>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set_state(State::Nobody);
        self.0.stopped.send_replace(true);
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Observer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.observer.generate_oauth_token(config)
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.observer.log(level, facility, line);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.observer.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.observer.error(error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Reply>;

    fn delivery(&self, result: &DeliveryResult<'_>, reply: Arc<Reply>) {
        let outcome: Outcome = match result {
            Ok(message) => {
                self.has_delivered.store(true, Ordering::Relaxed);
                Ok(Place { partition: message.partition(), offset: u64::try_from(message.offset()).ok() })
            }
            Err((error, message)) => Err(self.failure(error, message.partition())),
        };
        if let (Confirm::None, Err(failure)) = (self.confirm, &outcome) {
            self.health.counters().add_unsent(1);
            self.observer.lost_message(message_topic(result), failure.code);
        }
        reply.give(outcome);
    }
}

impl Context {
    #[cold]
    fn failure(&self, error: &KafkaError, partition: i32) -> Failure {
        let code = match error.rdkafka_error_code() {
            // Before it has a number of its own, a producer sends nothing.
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::Fatal)
                if self.is_refused.load(Ordering::Acquire) && !self.has_delivered.load(Ordering::Relaxed) =>
            {
                RDKafkaErrorCode::ClusterAuthorizationFailed
            }
            code => code.unwrap_or(RDKafkaErrorCode::Unknown),
        };
        Failure { code, has_partition: partition >= 0 }
    }
}

fn message_topic<'a>(result: &'a DeliveryResult<'_>) -> &'a str {
    match result {
        Ok(message) | Err((_, message)) => message.topic(),
    }
}
