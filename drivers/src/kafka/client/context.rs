//! What librdkafka says of itself: log lines, errors, statistics.
//!
//! Its connections are told of by lines of its `debug` called `STATE` and `FAIL`, which are there for each change and
//! each failure; its error events leave repeated ones out, and none tells of a connection that was made.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

use super::health::{Health, Part};
use super::statistics::Figures;
use crate::kafka::DRIVER;
use crate::kafka::options::{Secrets, TokenSource};
use crate::outage::Repeats;

/// Sees what one client says. Whoever has a context of another kind passes everything on to this one.
pub(in super::super) struct Observer {
    health: Arc<Health>,
    part: Arc<Part>,
    broker: Option<&'static str>,
    secrets: Secrets,
    connections: Mutex<Connections>,
    is_broken: AtomicBool,
    /// Why it was not given the token that it asked for last.
    no_token: Mutex<Option<String>>,
}

#[derive(Default)]
struct Connections {
    /// The servers whose connection is up.
    up: HashSet<Box<str>>,
    /// Those that are about to be down.
    failing: HashMap<Box<str>, Failing>,
    /// What the last one failed with.
    failure: String,
    lines: Repeats,
}

#[derive(Default)]
struct Failing {
    reason: String,
    /// Whether it is librdkafka's own will.
    is_planned: bool,
}

impl Observer {
    /// Of a new client of the broker that `health` is of.
    pub(in super::super) fn new(health: &Arc<Health>, broker: Option<&'static str>, secrets: Secrets) -> Self {
        let part = health.add();
        let connections = Mutex::default();
        let (is_broken, no_token) = (AtomicBool::new(false), Mutex::default());
        Self { health: Arc::clone(health), part, broker, secrets, connections, is_broken, no_token }
    }

    /// Whether the client has a connection, logged in.
    pub(in super::super) fn is_connected(&self) -> bool {
        self.part.is_connected()
    }

    /// Whether the client is of no use any more, and another must take its place.
    pub(in super::super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire) || self.waits_in_vain()
    }

    /// Whether it waits to ask again for a token that is there by now, without a connection: another client need not wait.
    pub(in super::super) fn waits_in_vain(&self) -> bool {
        self.no_token().is_some()
            && !self.is_connected()
            && self.secrets.token.as_ref().is_some_and(TokenSource::is_ready)
    }

    /// What the last attempt to connect failed with.
    pub(in super::super) fn failure(&self) -> String {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        match &*connections.failure {
            "" => "no answer".to_owned(),
            failure => failure.to_owned(),
        }
    }

    fn no_token(&self) -> MutexGuard<'_, Option<String>> {
        self.no_token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a message was lost that nobody waits for.
    #[cold]
    pub(super) fn lost_message(&self, topic: &str, code: RDKafkaErrorCode) {
        let reason = code.to_string();
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.lines.is_due(&format!("{topic}: {reason}")) {
            let (driver, broker) = (DRIVER.name, self.broker);
            tracing::error!(driver, broker, topic, reason, "messages are lost whose confirmation nobody waits for");
        }
    }

    /// A server has another name from now on, as the lines say that follow.
    fn renamed(&self, line: &str) {
        let Some((_, names)) = line.split_once(": Name changed from ") else { return };
        let Some((from, to)) = names.split_once(" to ") else { return };
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.up.remove(from) {
            connections.up.insert(to.into());
        }
        if let Some(failing) = connections.failing.remove(from) {
            connections.failing.insert(to.into(), failing);
        }
    }

    fn state(&self, line: &str) {
        let Some((name, from, to)) = change_of_state(line) else { return };
        // Those stand for a server that another entry is of.
        if name.starts_with(':') || name.ends_with("Coordinator") {
            return;
        }
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        // A login that is renewed is still one.
        if to == "UP" || to == "REAUTH" {
            connections.up.insert(name.into());
            if !self.is_connected() {
                self.health.connected(&self.part);
            }
        } else if to == "DOWN" || connections.up.contains(name) {
            let was_up = connections.up.remove(name);
            let Failing { reason, is_planned } = connections.failing.remove(name).unwrap_or_default();
            if !connections.up.is_empty() {
                return;
            }
            // The server is one of those that are known by now, and connected to as that; or it does not renew a login over the
            // same connection. Either way the next one is about to be there, or fails.
            if is_planned || (was_up && from == "REAUTH") {
                return;
            }
            let reason = if reason.is_empty() { format!("{name}: no connection") } else { reason };
            // It goes on with the last token it had, whose end is no news; librdkafka tells once why there is no other.
            let reason = match &*self.no_token() {
                Some(failure) => format!("{reason}; {}", self.shown(failure)),
                None => reason,
            };
            connections.failure.clone_from(&reason);
            match self.is_connected() {
                true => self.health.lost(&self.part, &reason),
                false => self.health.failed(&reason),
            }
        }
    }

    /// What a line may say to others.
    fn shown(&self, line: &str) -> String {
        let secrets = self.secrets.texts.iter().filter(|secret| !secret.is_empty());
        secrets.fold(line.to_owned(), |line, secret| line.replace(secret.as_str(), "(a secret)"))
    }

    fn warn(&self, line: &str) {
        let line = self.shown(without_thread(line));
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.lines.is_due(&line) {
            tracing::warn!(driver = DRIVER.name, broker = self.broker, "librdkafka: {line}");
        }
    }
}

/// A context of another kind has this constant as well, and passes on what asks for a token: otherwise librdkafka never gets
/// one.
impl ClientContext for Observer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let source = self.secrets.token.as_ref().ok_or("there is no `sasl.token`")?;
        let token = source.token().map_err(|reason| reason.replace('\0', ""));
        *self.no_token() = token.as_ref().err().cloned();
        token.map_err(Into::into)
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        let is_debug = matches!(level, RDKafkaLogLevel::Debug);
        match facility {
            "STATE" if is_debug => self.state(line),
            "UPDATE" if is_debug => self.renamed(line),
            "FAIL" if is_debug => {
                let reason = self.shown(reason_of_failure(line));
                let is_planned = line.contains("(_DESTROY_BROKER)") || line.contains("(_DESTROY)");
                if let Some((name, _)) = reason.split_once(": ") {
                    let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
                    connections.failing.insert(name.into(), Failing { reason: reason.clone(), is_planned });
                }
            }
            // The same once more.
            "FAIL" => {}
            _ => match level {
                RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                    if tracing::enabled!(tracing::Level::DEBUG) {
                        let line = self.shown(line);
                        tracing::debug!(driver = DRIVER.name, broker = self.broker, facility, "librdkafka: {line}");
                    }
                }
                _ => self.warn(line),
            },
        }
    }

    fn stats(&self, statistics: Statistics) {
        *self.part.figures() = Figures::of(statistics);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice(statistics) {
            Ok(statistics) => self.stats(statistics),
            Err(error) => self.warn(&format!("statistics that cannot be read: {error}")),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Without a token, it does not even connect.
            Some(RDKafkaErrorCode::Authentication) if reason.contains("OAUTHBEARER token") => {
                let reason = self.shown(reason);
                self.connections.lock().unwrap_or_else(PoisonError::into_inner).failure.clone_from(&reason);
                self.health.failed(&reason);
            }
            // Told by the lines about connections; or of a client that is ended.
            Some(
                RDKafkaErrorCode::BrokerDestroy
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::OperationTimedOut,
            ) => {}
            Some(RDKafkaErrorCode::Fatal) => {
                self.is_broken.store(true, Ordering::Release);
                self.warn(reason);
            }
            _ => self.warn(reason),
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.health.remove(&self.part);
    }
}

/// `[thrd:...]: 127.0.0.1:9092/1: Broker changed state CONNECT -> UP` as the server and its states.
fn change_of_state(line: &str) -> Option<(&str, &str, &str)> {
    let (name, states) = without_thread(line).split_once(": Broker changed state ")?;
    let (from, to) = states.split_once(" -> ")?;
    Some((name, from, to))
}

/// Why a connection failed, without what differs each time: how long it took.
fn reason_of_failure(line: &str) -> &str {
    let line = without_thread(line);
    line.find(" (after ").map_or(line, |end| &line[..end])
}

/// The line of a debug message without the thread that wrote it.
fn without_thread(line: &str) -> &str {
    match line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, rest)) => rest,
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_librdkafka() {
        let line = "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Broker changed state CONNECT -> DOWN";
        assert_eq!(change_of_state(line), Some(("127.0.0.1:1/bootstrap", "CONNECT", "DOWN")));
        assert_eq!(change_of_state("[thrd:main]: nothing of the kind"), None);
        let line = "[thrd:a:1/bootstrap]: a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused \
                    (after 0ms in state CONNECT) (_TRANSPORT)";
        let reason = "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        assert_eq!(reason_of_failure(line), reason);
    }

    #[test]
    fn secrets_are_not_shown() {
        let health = Health::new("kafka", None);
        let observer =
            Observer::new(&health, None, Secrets { texts: vec![String::new(), "hunter2".to_owned()], token: None });
        assert_eq!(observer.shown("a hunter2 b"), "a (a secret) b");
    }

    #[test]
    fn the_state_follows_the_lines() {
        use crate::BrokerState::{Connected, Connecting, Disconnected};
        let health = Health::new("kafka", None);
        let (one, other) =
            (Observer::new(&health, None, Secrets::default()), Observer::new(&health, None, Secrets::default()));
        let say = |observer: &Observer, name: &str, from: &str, to: &str| {
            let line = format!("[thrd:{name}]: {name}: Broker changed state {from} -> {to}");
            observer.log(RDKafkaLogLevel::Debug, "STATE", &line);
        };
        say(&one, "GroupCoordinator", "CONNECT", "UP");
        say(&one, "a:1/1", "INIT", "TRY_CONNECT");
        assert_eq!(health.state(), Connecting);
        say(&one, "a:1/1", "AUTH_REQ", "UP");
        assert!(one.is_connected() && !other.is_connected());
        say(&one, "b:1/2", "AUTH_REQ", "UP");
        say(&one, "a:1/1", "UP", "DOWN");
        say(&one, "b:1/2", "UP", "REAUTH");
        assert_eq!(health.state(), Connected);
        say(&other, "b:1/2", "CONNECT", "UP");
        say(&one, "b:1/2", "REAUTH", "UP");
        say(&one, "b:1/2", "UP", "DOWN");
        assert_eq!(health.state(), Connected, "of another client");
        assert!(!one.is_connected());
        observer_fails(&other);
        say(&other, "b:1/2", "UP", "DOWN");
        assert_eq!(health.state(), Disconnected { reason: "b:1/2: gone".to_owned() });
        assert_eq!(health.failure(), "b:1/2: gone");
        say(&other, "b:1/bootstrap", "CONNECT", "UP");
        let line = "[thrd:b:1/bootstrap]: b:1/bootstrap: Decommissioning this broker (after 5ms in state UP) (_DESTROY_BROKER)";
        other.log(RDKafkaLogLevel::Debug, "FAIL", line);
        say(&other, "b:1/bootstrap", "UP", "DOWN");
        assert_eq!(health.state(), Connected, "another one is about to be up");
        say(&other, "b:1/2", "CONNECT", "UP");
        say(&other, "b:1/2", "UP", "REAUTH");
        say(&other, "b:1/2", "REAUTH", "DOWN");
        assert_eq!(health.state(), Connected, "with another login");
        observer_fails(&other);
        say(&other, "b:1/2", "CONNECT", "DOWN");
        assert_eq!(health.state(), Disconnected { reason: "b:1/2: gone".to_owned() });
        say(&other, "b:1/2", "CONNECT", "UP");
        drop(other);
        assert_eq!(health.state(), Connecting);
        health.close();
        say(&one, "a:1/1", "CONNECT", "UP");
        assert_eq!(health.state(), crate::BrokerState::Closed);
        assert_eq!((health.counters().connects(), health.counters().disconnects()), (5, 3));
    }

    /// librdkafka gives a server its new name first, and ends the connection then.
    #[test]
    fn a_server_that_moves() {
        let health = Health::new("kafka", None);
        let observer = Observer::new(&health, None, Secrets::default());
        let say = |facility, line: &str| observer.log(RDKafkaLogLevel::Debug, facility, line);
        say("STATE", "[thrd:a:1/1]: a:1/1: Broker changed state CONNECT -> UP");
        say("UPDATE", "[thrd:a:1/1]: b:2/1: Nodename changed from a:1 to b:2");
        say("UPDATE", "[thrd:a:1/1]: b:2/1: Name changed from a:1/1 to b:2/1");
        assert!(observer.is_connected());
        say("FAIL", "[thrd:b:2/1]: b:2/1: gone (after 5ms in state UP) (_TRANSPORT)");
        say("STATE", "[thrd:b:2/1]: b:2/1: Broker changed state UP -> DOWN");
        assert!(!observer.is_connected() && health.is_failing());
        say("STATE", "[thrd:b:2/1]: b:2/1: Broker changed state CONNECT -> UP");
        assert!(observer.is_connected() && !health.is_failing());
        drop(observer);
        assert_eq!(health.state(), crate::BrokerState::Connecting, "the last client is gone");
    }

    fn observer_fails(observer: &Observer) {
        let line = "[thrd:b:1/2]: b:1/2: gone (after 5ms in state UP) (_TRANSPORT)";
        observer.log(RDKafkaLogLevel::Debug, "FAIL", line);
    }
}
