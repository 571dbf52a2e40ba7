//! What the clients of SNS and SQS share: everything up to a request.
//!
//! A driver says what its service's client is and what it asks cheaply ([`Service`]), and has [`Accounts`] in its `Broker`:
//! one [`Account`] for each different way that its URLs lead to AWS. An account finds credentials and region in the background,
//! makes the SDK's client, and has asked the service once before it counts as connected. For each request:
//!
//! ```text
//! let client = account.client()?;                       // a Failure while there is no connection: 503
//! let attempts = Attempts::default();
//! let once = Config::builder().retry_classifier(attempts.clone());   // where a second attempt might store a second message
//! let sent = client.send_message()….customize().interceptor(attempts.clone()).config_override(once).send().await;
//! let sent = sent.map_err(|error| account.failed(&error, &attempts))?;   // a Failure; the account looks again by itself
//! account.worked();
//! ```
//!
//! A [`Failure`] becomes a [`PublishError`](crate::PublishError) by `publish`, a [`ReceiveError`](crate::ReceiveError) by
//! `receive`, and a [`SettleError`](crate::SettleError) by `settle`. [`Account::connected`] waits for a connection.

mod access;
mod account;
mod attempts;
mod failure;
mod plan;
mod transport;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::access::Access;
pub(crate) use self::account::Account;
pub(crate) use self::attempts::Attempts;
pub(crate) use self::failure::{Cause, Failure};
use self::plan::Plan;
use super::Parameters;
use crate::{BrokerState, Counters, OpenError, Settings};

/// One of AWS' services, to its driver.
pub(crate) trait Service: Send + Sync + 'static {
    /// The driver's name.
    const NAME: &'static str;
    /// The SDK's client of it.
    type Client: Clone + Send + Sync + 'static;

    /// Makes the client.
    fn client(access: &Access) -> Self::Client;

    /// Asks the service something cheap about `resource`, the first one that was opened. Only whether there is an answer
    /// matters: a service that refuses to answer can be reached.
    fn look(
        client: &Self::Client,
        resource: &str,
        attempts: Attempts,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The accounts of a broker: one for each different way that the URLs of its topics and subscriptions lead to AWS.
pub(crate) struct Accounts<S: Service> {
    settings: Settings,
    counters: Arc<Counters>,
    accounts: Mutex<Vec<(Parameters<'static>, Arc<Account<S>>)>>,
    closed: std::sync::atomic::AtomicBool,
}

impl<S: Service> Accounts<S> {
    /// Reads the settings, to know that they can be read.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub(crate) fn open(settings: &Settings) -> Result<Self, OpenError> {
        super::settings::check(settings)?;
        Plan::new(settings, Parameters::default()).read()?;
        Ok(Self {
            settings: settings.clone(),
            counters: Arc::default(),
            accounts: Mutex::default(),
            closed: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// The account that `parameters` lead to, which begins to connect where it is new. `region` is where the resource is, as
    /// far as its name says. Must be called on a tokio runtime.
    pub(crate) fn account(&self, parameters: &Parameters<'_>, region: Option<&str>, resource: &str) -> Arc<Account<S>> {
        let mut parameters = parameters.clone().into_owned();
        if parameters.region.is_none() {
            parameters.region = region.map(|region| region.to_owned().into());
        }
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, account)) = accounts.iter().find(|(known, _)| *known == parameters) {
            return Arc::clone(account);
        }
        let plan = Plan::new(&self.settings, parameters.clone());
        let account = Arc::new(Account::start(plan, resource, self.settings.name, &self.counters));
        accounts.push((parameters, Arc::clone(&account)));
        account
    }

    /// The worst of all accounts.
    pub(crate) fn state(&self) -> BrokerState {
        if self.closed.load(std::sync::atomic::Ordering::Acquire) {
            return BrokerState::Closed;
        }
        let badness = |state: &BrokerState| match state {
            BrokerState::Connected => 0,
            BrokerState::Connecting => 1,
            BrokerState::Disconnected { .. } => 2,
            BrokerState::Closed => 3,
        };
        let states: Vec<_> = self.all().iter().map(|account| account.state()).collect();
        states.into_iter().max_by_key(badness).unwrap_or(BrokerState::Connecting)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Ends all accounts. What is in flight was waited for before.
    pub(crate) async fn close(&self) {
        self.closed.store(true, std::sync::atomic::Ordering::Release);
        for account in self.all() {
            account.close().await;
        }
    }

    fn all(&self) -> Vec<Arc<Account<S>>> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|(_, account)| Arc::clone(account)).collect()
    }
}
