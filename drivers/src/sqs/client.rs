//! The client: an account for each different way that URLs lead to AWS, and the queues that are open over it.

mod burying;
mod delivery;
mod envelope;
mod facts;
mod held;
mod parcel;
mod polling;
mod publisher;
mod queue;
mod received;
mod settling;
mod subscriber;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use tokio::task::JoinSet;

pub use self::delivery::Delivery;
pub use self::publisher::Publisher;
use self::publisher::Sending;
use self::queue::Queue;
pub use self::subscriber::Subscriber;
use self::subscriber::Subscriptions;
use super::{DRIVER, Subscription, Topic};
use crate::aws::batch::Batches;
use crate::aws::client::{Access, Accounts, Attempts, Failure, Service};
use crate::{BrokerState, Counters, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions, UrlError};

/// How long closing waits for the answers to what was sent.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// SQS, as its accounts see it.
pub(super) struct Sqs;

impl Service for Sqs {
    const NAME: &'static str = DRIVER.name;
    type Client = aws_sdk_sqs::Client;

    fn client(access: &Access) -> Self::Client {
        let mut config = Builder::from(access.sdk());
        if access.is_anonymous() {
            config = config.allow_no_auth();
        }
        if let Some(retries) = access.retries() {
            config = config.retry_partition(retries.clone());
        }
        Self::Client::from_conf(config.build())
    }

    async fn look(client: &Self::Client, queue: &str, attempts: Attempts) -> Result<(), Failure> {
        // A connection that was closed while it was idle is no outage; further attempts are the account's.
        let two = aws_sdk_sqs::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2));
        let asked = client.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::QueueArn);
        let answer = asked.customize().config_override(two).interceptor(attempts.clone()).send().await;
        answer.map(drop).map_err(|error| Failure::of(&error, &attempts))
    }
}

/// What is asked of AWS with one login, or with those that URLs name.
pub struct Broker {
    name: Option<&'static str>,
    accounts: Accounts<Sqs>,
    publishers: Mutex<Vec<Batches<Sending>>>,
    subscriptions: Subscriptions,
}

impl crate::Broker for Broker {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Publisher;
    type Subscriber = Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        Ok(Self {
            name: settings.name,
            accounts: Accounts::open(settings)?,
            publishers: Mutex::default(),
            subscriptions: Subscriptions::default(),
        })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Publisher, OpenError> {
        let topic = Topic::parse(url).map_err(OpenError::Url)?;
        if !DRIVER.capabilities.confirm.contains(&options.confirm) {
            return Err(OpenError::Url(UrlError::new(0..url.len(), "SQS has no such confirmation")));
        }
        let publisher = Publisher::new(self.queue(&topic.queue, &topic.aws));
        let mut publishers = self.publishers.lock().unwrap_or_else(PoisonError::into_inner);
        publishers.push(publisher.batches().clone());
        Ok(publisher)
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Subscriber, OpenError> {
        let subscription = Subscription::parse(url).map_err(OpenError::Url)?;
        let queue = self.queue(&subscription.queue, &subscription.aws);
        Ok(self.subscriptions.open(queue, &subscription))
    }

    fn state(&self) -> BrokerState {
        self.accounts.state()
    }

    fn counters(&self) -> Option<&Counters> {
        Some(self.accounts.counters())
    }

    async fn close(&self) {
        let publishers = std::mem::take(&mut *self.publishers.lock().unwrap_or_else(PoisonError::into_inner));
        let mut sending = JoinSet::new();
        for batches in publishers {
            sending.spawn(async move { batches.close(CLOSING_PATIENCE).await });
        }
        tokio::join!(sending.join_all(), self.subscriptions.close());
        self.accounts.close().await;
    }
}

impl Broker {
    fn queue(&self, queue: &super::Queue<'_>, parameters: &crate::aws::Parameters<'_>) -> Arc<Queue> {
        let url = queue.url();
        let account = self.accounts.account(parameters, queue.region(), &url);
        let queue = Arc::new(Queue::new(account, url, self.name));
        queue.meet();
        queue
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("state", &self.accounts.state()).finish_non_exhaustive()
    }
}
