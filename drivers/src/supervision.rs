//! The life of a broker's connection, in one place for all drivers: made in the background from the start, made anew
//! whenever it is lost, for as long as it takes, and closed in order.
//!
//! A driver says how one attempt goes and how a connection is used ([`Link`]). What is seen of it from outside is in
//! [`Supervision`]: the state, why there is no connection, and counters.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::outage::OutageLog;
#[cfg(any(feature = "azure_service_bus", feature = "nats", feature = "rabbitmq"))]
pub(crate) use crate::outage::Repeats;
use crate::{BrokerState, Counters};

/// A connection that lasted as long is no part of the outage before it: the next wait is short again.
const STEADY: Duration = Duration::from_secs(3);

/// Together with an attempt that is refused at once, a broker is found again within five seconds of its start.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MOST_WAIT: Duration = Duration::from_secs(3);

/// What a driver does with connections.
pub(crate) trait Link: Send + 'static {
    /// A connection, logged in.
    type Connection: Send;

    /// How long [`connect`](Self::connect) may take.
    fn patience(&self) -> Duration;

    /// Tries once.
    ///
    /// # Errors
    /// Why there is no connection: lower case, without secrets.
    fn connect(&mut self) -> impl Future<Output = Result<Self::Connection, String>> + Send;

    /// Lets a connection be used. Called before the state says that there is one, so that nobody who has read that is turned
    /// away.
    fn ready(&mut self, _connection: &Self::Connection) {}

    /// Uses a connection until it is lost, and says why. After `closing`, sends what is pending, disconnects, and
    /// returns anything.
    fn serve(&mut self, connection: Self::Connection, closing: Closing) -> impl Future<Output = String> + Send;
}

/// What is known of a broker's connection. Costs the same after an outage of a day as after one of a second.
pub(crate) struct Supervision {
    driver: &'static str,
    broker: Option<&'static str>,
    /// What the connection is for, where a broker has more than one.
    connection: Option<&'static str>,
    state: watch::Sender<BrokerState>,
    closing: watch::Sender<bool>,
    failure: Mutex<String>,
    counters: Arc<Counters>,
}

/// The task of a [`Supervision`]; it ends when this is dropped.
pub(crate) struct Supervisor(AbortHandle);

/// Whether the broker is being closed.
pub(crate) struct Closing(watch::Receiver<bool>);

impl Supervision {
    /// Of the broker of `driver` that the config calls `broker`.
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "not every driver has one connection"))]
    pub(crate) fn new(driver: &'static str, broker: Option<&'static str>) -> Arc<Self> {
        Self::of_connection(driver, broker, None, Arc::default())
    }

    /// Of one of several connections, which is for what `connection` says. They share their `counters`.
    pub(crate) fn of_connection(
        driver: &'static str,
        broker: Option<&'static str>,
        connection: Option<&'static str>,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            driver,
            broker,
            connection,
            state: watch::Sender::new(BrokerState::Connecting),
            closing: watch::Sender::new(false),
            failure: Mutex::new("the first connection has not been made yet".to_owned()),
            counters,
        })
    }

    /// Begins to connect. Must be called on a tokio runtime, once.
    pub(crate) fn start(self: &Arc<Self>, link: impl Link) -> Supervisor {
        // However it ends: nobody waits for a state that never comes.
        let ended = Ended(Arc::clone(self));
        let run = async move { ended.0.run(link).await };
        Supervisor(tokio::spawn(run).abort_handle())
    }

    pub(crate) fn state(&self) -> BrokerState {
        self.state.borrow().clone()
    }

    /// Why there is no connection, or was none the last time.
    pub(crate) fn failure(&self) -> String {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg_attr(
        not(any(feature = "nats", feature = "rabbitmq")),
        allow(dead_code, reason = "who has several connections counts them together")
    )]
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Waits until the state is one that `wanted` accepts.
    pub(crate) async fn wait_until(&self, wanted: impl FnMut(&BrokerState) -> bool) {
        // The sender lives as long as `self`.
        let _ = self.state.subscribe().wait_for(wanted).await;
    }

    /// Ends the connection in order, and waits for that.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        self.wait_until(|state| *state == BrokerState::Closed).await;
    }

    async fn run(&self, mut link: impl Link) {
        let mut log = OutageLog::new(self.driver, self.broker, self.connection);
        let mut backoff = Backoff::new(FIRST_WAIT, MOST_WAIT);
        let mut closing = Closing(self.closing.subscribe());
        loop {
            let patience = link.patience();
            let tried = tokio::select! {
                biased;
                () = closing.requested() => return,
                tried = timeout(patience, link.connect()) => tried,
            };
            match tried.unwrap_or_else(|_| Err(format!("no answer within {patience:?}"))) {
                Ok(connection) => {
                    link.ready(&connection);
                    self.counters.connected();
                    self.state.send_replace(BrokerState::Connected);
                    log.connected();
                    let since = Instant::now();
                    let reason = link.serve(connection, Closing(self.closing.subscribe())).await;
                    if closing.is_requested() {
                        return;
                    }
                    self.counters.disconnected();
                    log.lost(&reason);
                    self.set_failure(&reason);
                    self.state.send_replace(BrokerState::Disconnected { reason });
                    if since.elapsed() >= STEADY {
                        backoff.reset();
                    }
                }
                Err(reason) => {
                    self.counters.failed();
                    log.failed(&reason);
                    self.set_failure(&reason);
                    self.state.send_if_modified(|state| match state {
                        BrokerState::Disconnected { reason: known } if *known != reason => {
                            *known = reason;
                            true
                        }
                        _ => false,
                    });
                }
            }
            tokio::select! {
                biased;
                () = closing.requested() => return,
                () = sleep(backoff.next_wait()) => {}
            }
        }
    }

    fn set_failure(&self, reason: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        reason.clone_into(&mut failure);
    }
}

impl Closing {
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the broker is being closed.
    pub(crate) async fn requested(&mut self) {
        if self.0.wait_for(|closing| *closing).await.is_err() {
            // There is nobody left who could close it.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Ended(Arc<Supervision>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set_failure("it is closed");
        self.0.state.send_replace(BrokerState::Closed);
    }
}
