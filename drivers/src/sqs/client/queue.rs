//! One queue, as both of its sides use it: where it is, what is known of it, and what it is asked.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::Sqs;
use super::facts::{self, Facts};
use crate::aws::client::{Account, Attempts, Failure};

/// How long one attempt of a request may take, besides what SQS was told to wait for.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long what is known of a queue is believed; so that who changes it need not restart a gateway.
const BELIEVED: Duration = Duration::from_secs(300);

/// How long it is not asked again after an answer that was none.
const NOT_AGAIN: Duration = Duration::from_secs(30);

/// What a retry waits for, at most.
const RETRY: Duration = Duration::from_secs(1);

/// A queue.
pub(super) struct Queue {
    pub(super) account: Arc<Account<Sqs>>,
    /// As AWS writes it.
    pub(super) url: String,
    /// What the config calls the broker.
    pub(super) broker: Option<&'static str>,
    pub(super) fifo: bool,
    known: std::sync::Mutex<Known>,
    /// Held by whoever asks.
    asking: Mutex<()>,
    /// Who waits for the first connection does not wait for longer than there is a queue.
    alive: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    facts: Facts,
    next: Option<Instant>,
}

impl Queue {
    pub(super) fn new(account: Arc<Account<Sqs>>, url: String, broker: Option<&'static str>) -> Self {
        let fifo = url.ends_with(".fifo");
        let (known, asking, alive) = (std::sync::Mutex::default(), Mutex::default(), watch::Sender::new(()));
        Self { account, url, broker, fifo, known, asking, alive }
    }

    /// Asks what it is as soon as there is a connection. Must be called on a tokio runtime.
    pub(super) fn meet(self: &Arc<Self>) {
        let (queue, account, mut alive) = (Arc::downgrade(self), Arc::clone(&self.account), self.alive.subscribe());
        tokio::spawn(async move {
            let connected = tokio::select! {
                connected = account.connected() => connected.is_ok(),
                _ = alive.changed() => false,
            };
            if connected && let Some(queue) = queue.upgrade() {
                queue.facts().await;
            }
        });
    }

    /// What is known so far.
    pub(super) fn known(&self) -> Facts {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).facts.clone()
    }

    /// What is known, after the queue was asked, where that is due. A queue that does not answer leaves what was known.
    pub(super) async fn facts(&self) -> Facts {
        let _asking = self.asking.lock().await;
        // Who has no connection is told when there is one.
        if !self.is_due() || self.account.client().is_err() {
            return self.known();
        }
        let asked = facts::ask(self).await;
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.next = Some(Instant::now() + if asked.is_ok() { BELIEVED } else { NOT_AGAIN });
        match asked {
            Ok(facts) => known.facts = facts,
            Err(failure) => {
                let (broker, queue, reason) = (self.broker, &*self.url, failure.to_string());
                tracing::debug!(
                    driver = super::DRIVER.name,
                    broker,
                    queue,
                    reason,
                    "the queue does not say what it is"
                );
            }
        }
        known.facts.clone()
    }

    /// It has refused a message for having no identity, whatever it said before, or did not say.
    pub(super) fn compares_no_bodies(&self) {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).facts.hashes = Some(false);
    }

    fn is_due(&self) -> bool {
        let known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.next.is_none_or(|next| next <= Instant::now())
    }

    /// The first time, waits for what the queue says.
    pub(super) async fn known_at_last(&self) -> Facts {
        let never_asked = || self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next.is_none();
        match never_asked() {
            true => self.facts().await,
            false => self.known(),
        }
    }

    /// Asks in the background, where that is due, and nobody is about it.
    pub(super) fn look(self: &Arc<Self>) {
        if self.is_due() && self.asking.try_lock().is_ok() {
            let queue = Arc::clone(self);
            tokio::spawn(async move { queue.facts().await });
        }
    }

    /// What became of a request, which the account is told.
    pub(super) fn told<T, E>(
        &self,
        answer: Result<T, aws_sdk_sqs::error::SdkError<E>>,
        attempts: &Attempts,
    ) -> Result<T, Failure>
    where
        E: std::error::Error + aws_sdk_sqs::error::ProvideErrorMetadata + 'static,
    {
        match answer {
            Ok(answer) => {
                self.account.worked();
                Ok(answer)
            }
            Err(error) => Err(self.account.failed(&error, attempts)),
        }
    }
}

/// How a request is made: how long an attempt may take, and how many there are.
pub(super) fn attempts(patience: Duration, most: u32) -> Builder {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(patience).operation_timeout((patience + RETRY) * most);
    let timeouts = timeouts.build();
    aws_sdk_sqs::Config::builder()
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(most))
}
