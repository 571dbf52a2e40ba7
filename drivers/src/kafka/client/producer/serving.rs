//! What the thread of a producer does: the queue of its client, connections that are lost, settings that change.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::producer::Producer as _;

use super::live::Live;
use super::{GRACE, LOOK_EVERY, Producer, Running, State, TICK};
use crate::kafka::DRIVER;
use crate::kafka::client::limits;
use crate::kafka::options::Stamps;

/// How long a client with new settings may take to connect, and when it is tried again where it could not.
const RENEWAL: Duration = Duration::from_secs(10);
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// How long one waits that the broker refused, and one that broke in another way.
const REFUSED_FOR: Duration = Duration::from_secs(10);
const BROKEN_FOR: Duration = Duration::from_secs(1);

/// How old the limits of topics become, and how old at least where one has refused a message.
const LIMITS_FOR: Duration = Duration::from_secs(300);
const LIMITS_FOR_AT_LEAST: Duration = Duration::from_secs(10);

/// Why a client is used no longer.
pub(super) enum End {
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

impl Producer {
    pub(super) fn serve(self: &Arc<Self>, mut live: Live, files: Stamps) -> End {
        let (mut lost_at, mut asked_at) = (None, None);
        let mut watched = Watched { files, looked_at: Instant::now(), try_again: None };
        loop {
            live.client.poll(TICK);
            if self.is_stopping() {
                self.set_state(State::Nobody);
                live.retire();
                return End::Stop;
            }
            if live.observer.is_broken() {
                return self.broken(live);
            }
            let is_connected = live.observer.is_connected();
            match is_connected {
                true => self.ask_for_limits(&mut asked_at),
                false => asked_at = None,
            }
            lost_at = (!is_connected).then(|| lost_at.unwrap_or_else(Instant::now));
            if lost_at.is_some_and(|at| at.elapsed() >= GRACE) && live.has_unanswered() {
                self.set_state(State::Nobody);
                // Numbers are left out by that, so another client goes on, with numbers of its own.
                self.apart(live, Live::purge);
                return End::Replaced;
            }
            if let Some(new) = self.look_at_files(&mut watched, &live) {
                self.set_state(State::Live(new.clone()));
                self.apart(std::mem::replace(&mut live, new), Live::retire);
            }
        }
    }

    /// A client to go on with, where files of the settings have changed.
    fn look_at_files(self: &Arc<Self>, watched: &mut Watched, live: &Live) -> Option<Live> {
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
    fn renew(self: &Arc<Self>, old: &Live) -> Result<Live, String> {
        let new = self.make()?;
        let until = Instant::now() + RENEWAL;
        loop {
            // The time is that of those who wait for confirmations.
            new.client.poll(Duration::ZERO);
            old.client.poll(Duration::from_millis(5));
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
                let reason = new.observer.failure();
                self.apart(new, drop);
                return Err(reason);
            }
        }
    }

    fn ask_for_limits(&self, asked_at: &mut Option<Instant>) {
        let is_wanted = self.wants_limits.load(Ordering::Acquire);
        let age = if is_wanted { LIMITS_FOR_AT_LEAST } else { LIMITS_FOR };
        if asked_at.is_some_and(|at| at.elapsed() < age) {
            return;
        }
        self.wants_limits.store(false, Ordering::Release);
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !limits.is_empty() {
            *asked_at = Some(Instant::now());
            self.runtime.spawn(limits::ask(self.options.clone(), limits));
        }
    }

    /// A client that librdkafka gave up.
    fn broken(self: &Arc<Self>, live: Live) -> End {
        let refusal = live.refusal();
        let is_refused = refusal.is_some();
        live.client.context().is_refused.store(is_refused, Ordering::Release);
        self.set_state(refusal.map_or(State::Nobody, State::Refused));
        self.apart(live, Live::purge);
        End::Broken(if is_refused { REFUSED_FOR } else { BROKEN_FOR })
    }

    /// Ends a client on a thread of its own: it waits for librdkafka's threads, each of which may be asking for the address of
    /// a server.
    fn apart(self: &Arc<Self>, live: Live, end: fn(Live)) {
        let running = Running::new(self);
        let started = thread::Builder::new().name("kafka-producer-end".to_owned()).spawn(move || {
            let _running = running;
            end(live);
        });
        if let Err(error) = started {
            // It has ended by that, and everybody is told who waits.
            let broker = self.options.name();
            tracing::warn!(driver = DRIVER.name, broker, %error, "no thread can be started to end a client");
        }
    }
}
