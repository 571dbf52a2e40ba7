//! A gateway with its state.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use futures_util::future::join_all;
use sluicegate_drivers::{BrokerState, Counters};

use crate::access_log::AccessLog;
use crate::backend::{Settlings, Shadows};
use crate::debug;
use crate::description::Description;
use crate::opener::{OpenBroker, Opener};
use crate::ready;
use crate::router::{Endpoints, Routes};
use crate::server::{self, Listener, ServerOptions};
use crate::tls;

/// A gateway with its connections, limiters and routes. Several can live in one process; they share nothing.
pub struct Gateway {
    description: &'static Description,
    endpoints: Endpoints,
    state: Arc<State>,
}

/// What lives as long as the gateway.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) brokers: Vec<OpenBroker>,
    pub(crate) shadows: Shadows,
    pub(crate) settlings: Option<Arc<Settlings>>,
    pub(crate) draining: AtomicBool,
}

/// Everything that kept a gateway from starting.
#[derive(Debug)]
pub struct StartError {
    /// What is wrong, and the place in the config that needs it, where there is one.
    failures: Vec<(Option<&'static str>, String)>,
}

impl Gateway {
    /// Opens everything that `description` names. Does not wait for brokers or backends: they are connected to in the
    /// background. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// All that is missing, in one go: environment variables, files.
    pub fn open(description: &'static Description) -> Result<Self, StartError> {
        let mut opener = Opener::new(&description.client);
        let mut routes = Routes::new();
        let mut failures: Vec<(Option<&'static str>, String)> = Vec::new();
        for endpoint in description.endpoints {
            let options = endpoint.options();
            match endpoint.open(&mut opener, &description.router) {
                Ok(handler) => routes.add(options.method.to_http(), options.path, handler),
                Err(failure) => {
                    for message in failure.messages() {
                        // One missing variable is one mistake, however many endpoints need it.
                        if !failures.iter().any(|(_, reported)| reported == message) {
                            failures.push((Some(options.source), message.clone()));
                        }
                    }
                }
            }
        }
        let (brokers, shadows, settlings) = opener.into_parts();
        let state = Arc::new(State { brokers, shadows, settlings, draining: AtomicBool::new(false) });
        routes.add(http::Method::GET, ready::PATH, ready::handler(Arc::clone(&state)));
        if description.router.debug_endpoint {
            routes.add_any(debug::PONG, debug::pong());
        }
        if description.router.echo_endpoint {
            // A body may take as long as any endpoint.
            let timeouts = description.endpoints.iter().map(|endpoint| endpoint.options().timeout);
            routes.add_any(debug::ECHO, debug::echo(timeouts.max().unwrap_or(debug::ECHO_TIMEOUT)));
        }
        match routes.build(&description.router) {
            Ok(endpoints) if failures.is_empty() => Ok(Self { description, endpoints, state }),
            Ok(_) => Err(StartError { failures }),
            Err(error) => {
                failures.push((None, error.to_string()));
                Err(StartError { failures })
            }
        }
    }

    /// The gateway's routes, to be merged with or nested into another axum router.
    ///
    /// Without [`serve`](Self::serve) a consumed message is settled when its response is dropped by the other server: it
    /// is given back. Use `serve` for gateways that consume.
    pub fn router(&self) -> Router {
        self.endpoints.router()
    }

    /// Serves `listener` until `shutdown` is ready, then drains: no new connections, requests that run are finished (for
    /// at most `max_shutdown_wait_time`), messages are settled, brokers are closed.
    ///
    /// # Errors
    /// The TLS files cannot be used, or the listener cannot be polled.
    pub async fn serve(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Served, StartError> {
        let options = self.server_options()?;
        let (state, max_wait) = (Arc::clone(&self.state), options.max_shutdown_wait);
        let began = Arc::new(OnceLock::new());
        let begins = Arc::clone(&began);
        let draining = async move {
            shutdown.await;
            begins.get_or_init(Instant::now);
            state.draining.store(true, Ordering::Relaxed);
        };
        let drained = match self.description.router.access_log {
            None => server::serve(listener, self.endpoints, options, draining).await,
            Some(skipped) => {
                let logged = AccessLog::new(self.endpoints, skipped, self.description.router.proxies.as_ref());
                server::serve(listener, logged, options, draining).await
            }
        };
        let drained = drained.map_err(|error| StartError::new(format!("cannot accept connections: {error}")))?;
        // Before the brokers, which shadow backends may publish to.
        let waited = began.get().map_or(Duration::ZERO, Instant::elapsed);
        self.state.shadows.end(max_wait.map(|wait| wait.saturating_sub(waited))).await;
        // A response has been flushed a moment before its message is settled.
        if let Some(settlings) = &self.state.settlings {
            settlings.end().await;
        }
        // At the same time: one that does not answer takes seconds, and no other waits for it.
        join_all(self.state.brokers.iter().map(OpenBroker::close)).await;
        Ok(Served { cut_off: drained.connections_cut })
    }

    /// Each broker's name and state.
    pub fn brokers(&self) -> impl Iterator<Item = (&'static str, BrokerState)> {
        self.state.brokers.iter().map(|broker| (broker.name, broker.state()))
    }

    /// Each broker's name and what has happened to its connection since the gateway was opened, where its driver counts.
    pub fn broker_counters(&self) -> impl Iterator<Item = (&'static str, &Counters)> {
        self.state.brokers.iter().filter_map(|broker| Some((broker.name, broker.counters()?)))
    }

    fn server_options(&self) -> Result<ServerOptions, StartError> {
        let server = &self.description.server;
        Ok(ServerOptions {
            read_timeout: server.read_timeout,
            write_timeout: server.write_timeout,
            idle_timeout: server.idle_timeout,
            read_header_timeout: server.read_header_timeout,
            max_header_bytes: server.max_header_bytes,
            keep_alive: true,
            h2c: server.h2c,
            tls: server.tls.as_ref().map(tls::load).transpose()?,
            max_shutdown_wait: server.max_shutdown_wait.filter(|wait| *wait > Duration::ZERO),
        })
    }
}

/// How a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Connections that were still busy when the time to drain was up.
    pub cut_off: usize,
}

// === impl StartError ===

impl StartError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { failures: vec![(None, message.into())] }
    }

    /// Of several mistakes, with the places in the config, where they have one.
    pub(crate) fn of(failures: Vec<(Option<&'static str>, String)>) -> Self {
        Self { failures }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (source, message)) in self.failures.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match source {
                Some(source) => write!(f, "error: {message}\n  --> {source}")?,
                None => write!(f, "error: {message}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for StartError {}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("config", &self.description.config).field("state", &self.state).finish()
    }
}
