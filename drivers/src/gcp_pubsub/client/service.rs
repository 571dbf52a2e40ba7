//! The service as publishers and subscribers see it: a request goes over the connection that there is.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prost::Message;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::live::{Ended, Failure, Live, Method};
use crate::supervision::Supervision;

/// How long a request waits while one connection takes the place of another.
const REPLACED_WITHIN: Duration = Duration::from_secs(10);

/// How long an answer that comes at once may take before the connection is looked at.
const PROMPT: Duration = Duration::from_secs(5);

/// How often a request is sent that never reached the service.
const ATTEMPTS: usize = 5;

/// How many calls about deliveries that are held may be on their way. Google's servers take 100 calls on a connection:
/// there is room for these and for a sign of life beside those who receive (64) and publish (24).
const SETTLEMENTS: usize = 8;

/// The connection of a broker, whichever it is at the time.
pub(super) struct Service {
    pub(super) supervision: Arc<Supervision>,
    live: watch::Sender<Option<Arc<Live>>>,
    /// Called when the connection may be lost.
    pub(super) suspect: Notify,
    /// Permits of calls about deliveries that are held, of all subscriptions.
    pub(super) settlements: Semaphore,
    /// A topic or subscription to ask about.
    resource: OnceLock<String>,
}

impl Service {
    pub(super) fn new(supervision: Arc<Supervision>) -> Self {
        Self {
            supervision,
            live: watch::Sender::new(None),
            suspect: Notify::new(),
            settlements: Semaphore::new(SETTLEMENTS),
            resource: OnceLock::new(),
        }
    }

    /// Says what is used, to ask about it.
    pub(super) fn uses(&self, resource: &str) {
        self.resource.get_or_init(|| resource.to_owned());
    }

    pub(super) fn resource(&self) -> &str {
        self.resource.get().map_or("projects/-/topics/-", String::as_str)
    }

    pub(super) fn set_live(&self, live: Option<Arc<Live>>) {
        self.live.send_replace(live);
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.live.borrow().is_some()
    }

    /// Sends a request for `resource`, and waits for the answer, for `patience` in all. A request that did not reach the service, since the
    /// connection was about to end, is sent over the next one.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub(super) async fn unary<Q, A>(
        &self,
        method: &Method,
        resource: &str,
        request: &Arc<Q>,
        patience: Duration,
    ) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let until = Instant::now() + patience;
        let mut live = self.current()?;
        let mut attempts = 1;
        loop {
            let asked = live.unary(method, resource, Arc::clone(request), until);
            let answer = match method.prompt {
                true => self.watched(asked).await,
                false => asked.await,
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Ended::Untaken(reason)) => {
                    if attempts == ATTEMPTS {
                        self.suspect.notify_one();
                        return Err(Failure::NotSent(reason));
                    }
                    if live.is_closed() {
                        live = self.next(&live, until).await?;
                    }
                    attempts += 1;
                }
                Err(Ended::Failed(failure)) => {
                    if failure.is_suspicious() {
                        self.suspect.notify_one();
                    }
                    return Err(failure);
                }
            }
        }
    }

    /// Has the connection looked at where there is no answer for a while.
    async fn watched<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            answer = &mut asked => return answer,
            () = sleep(PROMPT) => self.suspect.notify_one(),
        }
        asked.await
    }

    fn current(&self) -> Result<Arc<Live>, Failure> {
        self.live.borrow().clone().ok_or_else(|| Failure::NotSent(self.supervision.failure()))
    }

    /// Waits for the connection that takes the place of `old`.
    async fn next(&self, old: &Arc<Live>, until: Instant) -> Result<Arc<Live>, Failure> {
        let mut changes = self.live.subscribe();
        self.suspect.notify_one();
        let is_other = |live: &Option<Arc<Live>>| live.as_ref().is_none_or(|live| !Arc::ptr_eq(live, old));
        // The sender lives as long as `self`.
        let until = until.min(Instant::now() + REPLACED_WITHIN);
        let _ = timeout_at(until, changes.wait_for(is_other)).await;
        let live = self.current()?;
        match Arc::ptr_eq(&live, old) {
            false => Ok(live),
            true => Err(Failure::NotSent("the connection has ended".to_owned())),
        }
    }
}

impl Failure {
    /// Whether the connection may be lost, or the credentials no longer good.
    fn is_suspicious(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Unanswered(_) => true,
            Self::Status(status) => matches!(status.code(), tonic::Code::Unauthenticated | tonic::Code::Unavailable),
        }
    }
}
