//! One way that leads to AWS.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::plan::Plan;
use super::{Attempts, Cause, Failure, Service};
use crate::settings::reader::Stamp;
use crate::supervision::{Closing, Link, Supervision, Supervisor};
use crate::{BrokerState, Counters};

/// How long finding credentials and asking the service for the first time may take: instance metadata that is not there takes
/// its time.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often the service is asked while nothing else asks it.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How soon after it was asked the service is asked again, however many requests fail.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often files are looked at.
const LOOK_AT_FILES: Duration = Duration::from_secs(3);

/// Region, endpoint and credentials, and the client that has them.
pub(crate) struct Account<S: Service> {
    shared: Arc<Shared<S>>,
    supervisor: Mutex<Option<Supervisor>>,
}

struct Shared<S: Service> {
    supervision: Arc<Supervision>,
    client: Mutex<Option<S::Client>>,
    /// When a request was answered last.
    worked: Mutex<Option<Instant>>,
    /// Whether a request failed that the service should have answered.
    failed: Notify,
}

impl<S: Service> Account<S> {
    /// Begins to connect.
    pub(super) fn start(plan: Plan, resource: &str, broker: Option<&'static str>, counters: &Arc<Counters>) -> Self {
        let shared = Arc::new(Shared {
            supervision: Supervision::of_connection(S::NAME, broker, None, Arc::clone(counters)),
            client: Mutex::default(),
            worked: Mutex::default(),
            failed: Notify::new(),
        });
        let connector =
            Connector { plan, resource: resource.to_owned(), shared: Arc::clone(&shared), files: Vec::new() };
        let supervisor = shared.supervision.start(connector);
        Self { shared, supervisor: Mutex::new(Some(supervisor)) }
    }

    /// The service's client.
    ///
    /// # Errors
    /// There is no connection.
    pub(crate) fn client(&self) -> Result<S::Client, Failure> {
        match &*self.shared.client.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(client) => Ok(client.clone()),
            None => Err(self.down()),
        }
    }

    /// Waits until there is a connection, and returns its client.
    ///
    /// # Errors
    /// The broker was closed.
    #[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "nobody waits for a message from SNS"))]
    pub(crate) async fn connected(&self) -> Result<S::Client, Failure> {
        loop {
            let ready = |state: &BrokerState| matches!(state, BrokerState::Connected | BrokerState::Closed);
            self.shared.supervision.wait_until(ready).await;
            match self.client() {
                Err(failure) if failure.cause != Cause::Closed => tokio::task::yield_now().await,
                client => return client,
            }
        }
    }

    fn down(&self) -> Failure {
        let supervision = &self.shared.supervision;
        match supervision.state() {
            BrokerState::Closed => Failure::new(Cause::Closed, supervision.failure()),
            _ => Failure::new(Cause::Unreachable, supervision.failure()),
        }
    }

    /// What a request failed with, whose `attempts` were watched. The service is asked at once whether it can be reached.
    pub(crate) fn failed<E>(&self, error: &SdkError<E, HttpResponse>, attempts: &Attempts) -> Failure
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        let failure = Failure::of(error, attempts);
        if failure.is_outage() {
            self.shared.failed.notify_one();
        }
        failure
    }

    /// A request was answered.
    pub(crate) fn worked(&self) {
        self.shared.set_worked();
    }

    pub(crate) fn state(&self) -> BrokerState {
        self.shared.supervision.state()
    }

    /// Ends it. Its client is no longer given out.
    pub(super) async fn close(&self) {
        self.shared.supervision.close().await;
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl<S: Service> Shared<S> {
    fn set_worked(&self) {
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn set_client(&self, client: Option<S::Client>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }
}

/// Makes clients, and asks whether they still work.
struct Connector<S: Service> {
    plan: Plan,
    resource: String,
    shared: Arc<Shared<S>>,
    /// The files of the settings, as they were when they were read last.
    files: Vec<Stamp>,
}

impl<S: Service> Connector<S> {
    async fn make(&mut self) -> Result<S::Client, String> {
        // What changes while it is read has changed since.
        self.files = self.stamps().await?;
        let access = self.plan.load().await?;
        Ok(S::client(&access))
    }

    async fn stamps(&self) -> Result<Vec<Stamp>, String> {
        let plan = self.plan.clone();
        tokio::task::spawn_blocking(move || plan.stamps()).await.map_err(|error| error.to_string())
    }

    /// Asks the service.
    async fn look(&self, client: &S::Client) -> Result<(), String> {
        match S::look(client, &self.resource, Attempts::default()).await {
            Err(failure) if failure.is_outage() => Err(failure.to_string()),
            // It has answered, whatever it said.
            Ok(()) | Err(_) => {
                self.shared.set_worked();
                Ok(())
            }
        }
    }

    /// Returns when and why there is no connection any more, as far as requests and the service itself tell.
    async fn watch(&mut self, mut client: S::Client) -> String {
        let mut looked = Instant::now();
        let mut files = Instant::now() + LOOK_AT_FILES;
        loop {
            let worked = *self.shared.worked.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = worked.unwrap_or(looked).max(looked) + LOOK_EVERY;
            tokio::select! {
                () = self.shared.failed.notified() => {
                    sleep_until(looked + LOOK_AGAIN).await;
                }
                () = sleep_until(idle) => {
                    // Requests may have been answered since.
                    let worked = *self.shared.worked.lock().unwrap_or_else(PoisonError::into_inner);
                    if worked.is_some_and(|worked| worked + LOOK_EVERY > Instant::now()) {
                        continue;
                    }
                }
                () = sleep_until(files), if !self.files.is_empty() => {
                    files = Instant::now() + LOOK_AT_FILES;
                    match self.stamps().await {
                        Ok(found) if found == self.files => continue,
                        Ok(_) => {}
                        Err(reason) => return reason,
                    }
                    client = match self.make().await {
                        Ok(client) => client,
                        Err(reason) => return reason,
                    };
                    self.shared.set_client(Some(client.clone()));
                }
            }
            if let Err(reason) = self.look(&client).await {
                return reason;
            }
            looked = Instant::now();
        }
    }
}

impl<S: Service> Link for Connector<S> {
    type Connection = S::Client;

    fn patience(&self) -> Duration {
        PATIENCE
    }

    async fn connect(&mut self) -> Result<S::Client, String> {
        let client = self.make().await?;
        self.look(&client).await?;
        // Before anybody hears that it is there.
        self.shared.set_client(Some(client.clone()));
        Ok(client)
    }

    async fn serve(&mut self, client: S::Client, mut closing: Closing) -> String {
        let shared = Arc::clone(&self.shared);
        let reason = tokio::select! {
            biased;
            () = closing.requested() => "it is closed".to_owned(),
            reason = self.watch(client) => reason,
        };
        shared.set_client(None);
        reason
    }
}
