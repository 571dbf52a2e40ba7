//! Making a gateway's state from its descriptions.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sluicegate_drivers::{Broker, BrokerState, Counters, OpenError};

use crate::backend::{Settlings, Shadows};
use crate::broker::{NamedBroker, settings};
use crate::client::{ClientOptions, HttpClient};
use crate::in_flight::InFlight;

/// Opens what endpoints share: one connection set per broker, one HTTP client.
#[doc(hidden)]
pub struct Opener {
    client_options: &'static ClientOptions,
    client: Option<HttpClient>,
    h2c_client: Option<HttpClient>,
    brokers: HashMap<(TypeId, Option<&'static str>), OpenBroker>,
    shadows: Shadows,
    settlings: Option<Arc<Settlings>>,
}

/// A broker of a gateway, whatever its driver.
#[derive(Clone)]
pub(crate) struct OpenBroker {
    /// The config's name for it, or its driver's.
    pub(crate) name: &'static str,
    /// Whether readiness depends on it.
    pub(crate) required: bool,
    in_flight: Arc<InFlight>,
    typed: Arc<dyn Any + Send + Sync>,
    erased: Arc<dyn AnyBroker>,
}

/// A piece of state that could not be made.
#[derive(Debug)]
pub struct OpenFailure {
    /// At least one.
    messages: Vec<String>,
}

trait AnyBroker: Send + Sync {
    fn state(&self) -> BrokerState;
    fn counters(&self) -> Option<&Counters>;
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl Opener {
    pub(crate) fn new(client_options: &'static ClientOptions) -> Self {
        let (brokers, shadows) = (HashMap::new(), Shadows::default());
        Self { client_options, client: None, h2c_client: None, brokers, shadows, settlings: None }
    }

    /// The gateway's HTTP client.
    pub(crate) fn http_client(&mut self) -> Result<HttpClient, OpenFailure> {
        match &self.client {
            Some(client) => Ok(client.clone()),
            None => {
                let client =
                    HttpClient::new(self.client_options).map_err(|error| OpenFailure::new(error.to_string()))?;
                Ok(self.client.insert(client).clone())
            }
        }
    }

    /// The gateway's HTTP client for backends that speak HTTP/2 without TLS.
    pub(crate) fn h2c_client(&mut self) -> Result<HttpClient, OpenFailure> {
        let client = self.http_client()?;
        Ok(self.h2c_client.get_or_insert_with(|| client.h2c()).clone())
    }

    /// The gateway's one broker of this driver and name, and its limits.
    pub(crate) fn broker<B: Broker>(
        &mut self,
        named: Option<&'static NamedBroker>,
    ) -> Result<(Arc<B>, Arc<InFlight>), OpenFailure> {
        let key = (TypeId::of::<B>(), named.map(|named| named.name));
        if let Some(open) = self.brokers.get(&key)
            && let Ok(broker) = Arc::clone(&open.typed).downcast::<B>()
        {
            return Ok((broker, Arc::clone(&open.in_flight)));
        }
        let settings = settings(named);
        let unreadable = settings.unreadable();
        if !unreadable.is_empty() {
            return Err(OpenFailure::of(unreadable.iter().map(ToString::to_string).collect()));
        }
        let broker = Arc::new(B::open(&settings)?);
        let name = named.map_or(B::DRIVER.name, |named| named.name);
        let limit = named.map_or(NamedBroker::MAX_IN_FLIGHT, |named| named.max_in_flight);
        let in_flight = Arc::new(InFlight::new(name, limit));
        let open = OpenBroker {
            name,
            required: named.is_some_and(|named| named.required),
            in_flight: Arc::clone(&in_flight),
            typed: broker.clone(),
            erased: broker.clone(),
        };
        self.brokers.insert(key, open);
        Ok((broker, in_flight))
    }

    /// What the gateway's shadow backends share.
    pub(crate) fn shadows(&mut self) -> &mut Shadows {
        &mut self.shadows
    }

    /// What the gateway's subscriptions settle in.
    pub(crate) fn settlings(&mut self) -> Result<Arc<Settlings>, OpenFailure> {
        if let Some(settlings) = &self.settlings {
            return Ok(Arc::clone(settlings));
        }
        let settlings = Settlings::new().map_err(|error| OpenFailure::new(error.to_string()))?;
        Ok(Arc::clone(self.settlings.insert(Arc::new(settlings))))
    }

    /// The brokers that were opened, by name, the shadow backends, and the settlements where anything is received.
    pub(crate) fn into_parts(self) -> (Vec<OpenBroker>, Shadows, Option<Arc<Settlings>>) {
        let mut brokers: Vec<_> = self.brokers.into_values().collect();
        brokers.sort_by_key(|broker| broker.name);
        (brokers, self.shadows, self.settlings)
    }
}

// === impl OpenBroker ===

impl OpenBroker {
    pub(crate) fn state(&self) -> BrokerState {
        self.erased.state()
    }

    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.erased.counters()
    }

    pub(crate) async fn close(&self) {
        self.erased.close().await;
    }
}

impl fmt::Debug for OpenBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenBroker").field("name", &self.name).field("state", &self.state()).finish_non_exhaustive()
    }
}

impl<B: Broker> AnyBroker for B {
    fn state(&self) -> BrokerState {
        Broker::state(self)
    }

    fn counters(&self) -> Option<&Counters> {
        Broker::counters(self)
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Broker::close(self))
    }
}

// === impl OpenFailure ===

impl OpenFailure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { messages: vec![message.into()] }
    }

    /// Of everything that is wrong, of which there is something.
    pub(crate) fn of(messages: Vec<String>) -> Self {
        Self { messages }
    }

    pub(crate) fn messages(&self) -> &[String] {
        &self.messages
    }
}

impl From<OpenError> for OpenFailure {
    fn from(error: OpenError) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("; "))
    }
}

impl std::error::Error for OpenFailure {}
