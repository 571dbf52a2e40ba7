//! The client: publishers alone, for nothing can be received.

mod courier;
mod entry;
mod identity;
mod publisher;
mod subscriber;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sns::config::Builder;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::{Client, Config};

use self::courier::Courier;
pub use self::publisher::Publisher;
pub use self::subscriber::{Delivery, Subscriber};
use super::{DRIVER, Topic};
use crate::aws::batch::{Batches, Limits};
use crate::aws::client::{Access, Accounts, Attempts, Failure, Service};
use crate::{BrokerState, Counters, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions, UrlError};

/// How much of a topic may be on its way at once. A request carries ten messages at most.
const LIMITS: Limits = Limits { items: 10, requests: 64, pending: 16_384, pending_bytes: 64 << 20 };

/// How long closing waits for what is on its way.
const LEAVING: Duration = Duration::from_secs(10);

/// The topics of SNS that one configuration leads to.
pub struct Broker {
    accounts: Accounts<Sns>,
    /// As many as there are different topics: two publishers of one send together.
    topics: Mutex<Vec<Batches<Courier>>>,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        Ok(Self { accounts: Accounts::open(settings)?, topics: Mutex::default() })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&options.confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "SNS has no such confirmation")));
        }
        if options.declare.is_some() {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "a topic of SNS cannot be declared")));
        }
        let account = self.accounts.account(&topic.aws, Some(topic.region()), &topic.arn);
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let known = topics.iter().find(|known| known.courier().is_of(&account, &topic.arn));
        let batches = known.cloned().unwrap_or_else(|| {
            let courier = Courier::new(account, &topic);
            let batches = Batches::new(courier, LIMITS);
            topics.push(batches.clone());
            batches
        });
        Ok(Publisher::new(batches, topic.fifo))
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        // The grammar's word: there is no such URL.
        let error = UrlError::new(0..url.len(), "nothing can be received from SNS")
            .with_help("subscribe an SQS queue to the topic, and receive from that");
        Err(OpenError::Url(error))
    }

    fn state(&self) -> BrokerState {
        self.accounts.state()
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.accounts.counters())
    }

    async fn close(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let closing: Vec<_> =
            topics.into_iter().map(|topic| tokio::spawn(async move { topic.close(LEAVING).await })).collect();
        for closed in closing {
            let _ = closed.await;
        }
        self.accounts.close().await;
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &crate::Broker::state(self)).finish_non_exhaustive()
    }
}

/// SNS, as [`Accounts`] know it.
pub(crate) struct Sns;

impl Service for Sns {
    const NAME: &'static str = DRIVER.name;
    type Client = Client;

    fn client(access: &Access) -> Client {
        let mut builder = Builder::from(access.sdk());
        if access.is_anonymous() {
            builder = builder.allow_no_auth();
        }
        if let Some(retries) = access.retries() {
            builder = builder.retry_partition(retries.clone());
        }
        Client::from_conf(builder.build())
    }

    async fn look(client: &Client, topic: &str, attempts: Attempts) -> Result<(), Failure> {
        // A connection that was closed while it was idle is no outage; further attempts are the account's.
        let two = Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2));
        let asked = client.get_topic_attributes().topic_arn(topic).customize().interceptor(attempts.clone());
        asked.config_override(two).send().await.map(drop).map_err(|error| Failure::of(&error, &attempts))
    }
}
