//! How the service is connected to, and looked after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use google_cloud_auth::credentials::Credentials;
use http::Uri;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Code;

use super::identity::{self, Identity};
use super::live::{self, Failure, Live, chain};
use super::service::Service;
use crate::OpenError;
use crate::dialer::{Dial, Dialer};
use crate::gcp_pubsub::DRIVER;
use crate::gcp_pubsub::options::{Access, Options, Server};
use crate::settings::reader::Stamp;
use crate::stream::Stream;
use crate::supervision::{Closing, Link};

/// How long connecting may take, with the token and the first answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// When credentials that have failed are made anew: whoever gives tokens is not asked more often.
const ANEW_AFTER: Duration = Duration::from_secs(10);

/// How many connections that were good for nothing are replaced at once within as long. More of them than that are an
/// outage, with its waits: something in between lets connections through and ends them.
const REPLACED: u32 = 10;
const WITHIN: Duration = Duration::from_secs(10);

/// How long a connection that takes no more requests may take to answer those that it has.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// How long after one sign of life the next is asked for at the soonest, whatever fails meanwhile: it counts for the
/// project's quota.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What a stream and a connection may hold that was not read yet: some of the largest messages.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Connects, and keeps the connection.
pub(super) struct Connector {
    service: Arc<Service>,
    dialing: Dialing,
    dialer: Dialer<Dialing>,
    /// How many connections were good for nothing since then.
    replaced: (u32, Instant),
}

/// One way to connect.
#[derive(Clone)]
pub(super) struct Dialing {
    options: Options,
    service: Arc<Service>,
    credentials: Arc<Mutex<Option<Kept>>>,
}

/// Credentials are kept as long as they are good: a token outlives a connection.
#[derive(Clone)]
struct Kept {
    of: Identity,
    credentials: Credentials,
    made: Instant,
    /// Whether they have failed. They may have given up for good.
    have_failed: bool,
}

/// A connection with its task.
pub(super) struct Established {
    live: Arc<Live>,
    task: JoinHandle<String>,
}

enum Event {
    Closing,
    Ended(String),
    Lost(String),
    Renewed(Established),
}

impl Connector {
    /// # Errors
    /// A setting is missing or malformed.
    pub(super) fn new(options: Options, service: &Arc<Service>) -> Result<Self, OpenError> {
        let dialing = Dialing { options, service: Arc::clone(service), credentials: Arc::default() };
        Ok(Self {
            service: Arc::clone(service),
            dialer: Dialer::new(dialing.clone())?,
            dialing,
            replaced: (0, Instant::now()),
        })
    }

    /// Another connection in place of one that has ended.
    async fn replace(
        &mut self,
        current: Established,
        closing: &mut Closing,
        reason: String,
    ) -> Result<Established, String> {
        if current.live.was_of_use() || self.replaced.1.elapsed() >= WITHIN {
            self.replaced = (0, Instant::now());
        }
        self.replaced.0 += 1;
        if self.replaced.0 > REPLACED {
            return Err(reason);
        }
        tracing::debug!(driver = DRIVER.name, reason, "connecting anew");
        let patience = self.dialer.patience();
        let dialed = tokio::select! {
            biased;
            () = closing.requested() => return Err("it is being closed".to_owned()),
            dialed = timeout(patience, self.dialer.dial()) => dialed,
        };
        match dialed {
            Ok(Ok(next)) => {
                current.leave();
                self.service.supervision.counters().connected();
                Ok(next)
            }
            Ok(Err(why)) => Err(format!("{reason}; {why}")),
            Err(_) => Err(format!("{reason}; no answer within {patience:?}")),
        }
    }
}

impl Link for Connector {
    type Connection = Established;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<Established, String> {
        let established = self.dialer.dial().await?;
        // Whoever sees that there is a connection can use it.
        self.service.set_live(Some(Arc::clone(&established.live)));
        Ok(established)
    }

    fn ready(&mut self, current: &Established) {
        self.service.set_live(Some(Arc::clone(&current.live)));
    }

    async fn serve(&mut self, mut current: Established, mut closing: Closing) -> String {
        let service = Arc::clone(&self.service);
        let _gone = Gone(&service);
        loop {
            service.set_live(Some(Arc::clone(&current.live)));
            let event = tokio::select! {
                biased;
                () = closing.requested() => Event::Closing,
                event = self.dialing.watch(&mut current) => event,
                renewed = self.dialer.renewed(DRIVER.name) => Event::Renewed(renewed),
            };
            match event {
                Event::Closing => return "it is closed".to_owned(),
                Event::Lost(reason) => return reason,
                Event::Renewed(next) => std::mem::replace(&mut current, next).leave(),
                Event::Ended(reason) => match self.replace(current, &mut closing, reason).await {
                    Ok(next) => current = next,
                    Err(reason) => return reason,
                },
            }
        }
    }
}

/// Takes the connection away from those who send.
struct Gone<'a>(&'a Service);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.set_live(None);
    }
}

impl Dialing {
    async fn credentials(&self, identity: &Identity) -> Result<Option<Credentials>, String> {
        if *identity == Identity::Nobody {
            return Ok(None);
        }
        let kept = self.kept().clone();
        let is_good = |kept: &Kept| kept.of == *identity && !(kept.have_failed && kept.made.elapsed() >= ANEW_AFTER);
        if let Some(kept) = kept.filter(is_good) {
            return Ok(Some(kept.credentials));
        }
        let of = identity.clone();
        // It reads files and the system's roots, and panics where there are none.
        let made = tokio::task::spawn_blocking(move || identity::credentials(&of)).await;
        let made = made.map_err(|_| format!("no credentials: {}", live::PANICKED))??;
        let of = identity.clone();
        let kept = Kept { of, credentials: made.clone(), made: Instant::now(), have_failed: false };
        *self.kept() = Some(kept);
        Ok(Some(made))
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn credentials_have_failed(&self) {
        if let Some(kept) = &mut *self.kept() {
            kept.have_failed = true;
        }
    }

    /// Connects, without asking whether anybody is there.
    async fn establish(
        &self,
        server: &Server,
        access: &Arc<Access>,
        credentials: Option<Credentials>,
    ) -> Result<Established, String> {
        let mut stream = Stream::connect(&server.host, server.port).await?;
        if server.tls {
            let access = Arc::clone(access);
            let config = tokio::task::spawn_blocking(move || access.tls.client_config());
            let mut config = config.await.map_err(|error| error.to_string())??;
            config.alpn_protocols = vec![b"h2".to_vec()];
            stream = stream.encrypted(config, &server.host).await?;
        }
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| chain(&error))?;
        let task = tokio::spawn(async move {
            match connection.await {
                Ok(()) => "the service has ended the connection".to_owned(),
                Err(error) => chain(&error),
            }
        });
        let scheme = if server.tls { "https" } else { "http" };
        let origin = Uri::builder().scheme(scheme).authority(server.authority.as_str()).path_and_query("/").build();
        let live = Arc::new(Live::new(sender, origin.map_err(|error| error.to_string())?, credentials));
        Ok(Established { live, task })
    }

    /// Looks at a connection until it has ended, or is lost.
    async fn watch(&self, current: &mut Established) -> Event {
        let live = Arc::clone(&current.live);
        let mut not_before = Instant::now();
        let mut is_doubted = false;
        loop {
            tokio::select! {
                biased;
                reason = current.ended() => return Event::Ended(reason),
                () = self.suspected(not_before, &live) => {}
                () = live.quiet() => {}
            }
            let answers = live.answers();
            if !live.is_closed() {
                match self.answers(&live).await {
                    Ok(()) => is_doubted = false,
                    // Ended in order meanwhile.
                    Err(reason) if live.is_closed() => return Event::Ended(reason),
                    // It is there: one bad answer is not an outage.
                    Err(_) if !is_doubted && live.answers() > answers => {
                        is_doubted = true;
                        self.service.suspect.notify_one();
                    }
                    Err(reason) => return Event::Lost(reason),
                }
                not_before = Instant::now() + PROBE_EVERY;
                continue;
            }
            return Event::Ended("the service has ended the connection".to_owned());
        }
    }

    /// Waits until somebody doubts the connection.
    async fn suspected(&self, not_before: Instant, live: &Live) {
        loop {
            self.service.suspect.notified().await;
            if live.is_closed() || not_before <= Instant::now() {
                return;
            }
            // It may be doubted because it has ended, which is seen at once.
            tokio::select! {
                () = sleep_until(not_before) => return,
                () = self.service.suspect.notified() => self.service.suspect.notify_one(),
            }
        }
    }

    /// Whether the service answers over a connection.
    ///
    /// # Errors
    /// Why not.
    async fn answers(&self, live: &Live) -> Result<(), String> {
        let answers = live.answers();
        match live.probe(self.service.resource()).await {
            Ok(()) => Ok(()),
            // Others were answered meanwhile: it was not its turn.
            Err(Failure::Unanswered(_)) if live.answers() > answers => Ok(()),
            Err(Failure::Unanswered(reason)) => Err(reason),
            Err(Failure::NotSent(reason)) => {
                self.credentials_have_failed();
                Err(reason)
            }
            Err(Failure::Status(status)) if status.code() == Code::Unauthenticated => {
                self.credentials_have_failed();
                Err(format!("the service does not accept the credentials: {}", status.message()))
            }
            Err(Failure::Status(status)) => Err(format!("the service answers: {}", status.message())),
        }
    }
}

impl Dial for Dialing {
    type Access = Access;
    type Server = Server;
    type Connection = Established;

    fn broker(&self) -> Option<&'static str> {
        self.options.name()
    }

    fn load(&self) -> Result<Access, OpenError> {
        self.options.load()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.options.stamps()
    }

    fn servers(access: &Access) -> &[Server] {
        std::slice::from_ref(&access.server)
    }

    fn timeout(_: &Server) -> Duration {
        PATIENCE
    }

    async fn connect(&self, server: &Server, access: &Arc<Access>) -> Result<Established, String> {
        let credentials = self.credentials(&access.identity).await?;
        if let Some(credentials) = &credentials {
            // Said before anybody is connected to, so that it is not taken for the service's fault.
            live::token(credentials).await.inspect_err(|_| self.credentials_have_failed())?;
        }
        let mut is_second = false;
        loop {
            let established = self.establish(server, access, credentials.clone()).await?;
            match self.answers(&established.live).await {
                Ok(()) => return Ok(established),
                // It was ended in order, as chance would have it.
                Err(_) if established.live.is_closed() && !is_second => is_second = true,
                Err(reason) => return Err(reason),
            }
        }
    }
}

impl Established {
    async fn ended(&mut self) -> String {
        match (&mut self.task).await {
            Ok(reason) => reason,
            Err(error) => error.to_string(),
        }
    }

    /// Lets it answer what it was asked already.
    fn leave(self) {
        tokio::spawn(async move { drop(timeout(LAST_ANSWERS, self.live.idle()).await) });
    }
}

impl Drop for Established {
    fn drop(&mut self) {
        // Its requests would not end with the task.
        self.live.lose();
        self.task.abort();
    }
}
