//! What stands for SNS: the moto that `AWS_ENDPOINT_URL_SNS` names, with queues behind its topics. Nothing can be received from
//! SNS, so that its publishers are shown together with SQS' subscribers.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use sluicegate_drivers::{
    Broker, BrokerState, Capabilities, Driver, OpenError, PublisherOptions, Settings, SubscriberOptions, sns, sqs,
};

use super::aws_admin::{Admin, unique};
use super::sqs::url;
use super::{Harness, Place, Skipped, Wanted};

/// SNS, and SQS behind it.
pub(crate) struct Pair {
    sns: sns::Broker,
    sqs: sqs::Broker,
}

/// Publishing is as SNS says, and receiving as SQS does.
static PAIR: Driver = Driver {
    topic: sns::DRIVER.topic,
    subscription: sqs::DRIVER.subscription,
    capabilities: Capabilities {
        empty_body: sns::DRIVER.capabilities.empty_body,
        binary_body: sns::DRIVER.capabilities.binary_body,
        key: sns::DRIVER.capabilities.key,
        dedup: sns::DRIVER.capabilities.dedup,
        confirm: sns::DRIVER.capabilities.confirm,
        attributes: sns::DRIVER.capabilities.attributes,
        max_body_bytes: sns::DRIVER.capabilities.max_body_bytes,
        ..sqs::DRIVER.capabilities
    },
    ..sns::DRIVER
};

impl Broker for Pair {
    const DRIVER: &'static Driver = &PAIR;
    type Publisher = sns::Publisher;
    type Subscriber = sqs::Subscriber;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        Ok(Self { sns: sns::Broker::open(settings)?, sqs: sqs::Broker::open(settings)? })
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<sns::Publisher, OpenError> {
        self.sns.publisher(url, options)
    }

    fn subscriber(&self, url: &str, options: &SubscriberOptions) -> Result<sqs::Subscriber, OpenError> {
        self.sqs.subscriber(url, options)
    }

    fn state(&self) -> BrokerState {
        match self.sns.state() {
            BrokerState::Connected => self.sqs.state(),
            state => state,
        }
    }

    async fn close(&self) {
        tokio::join!(self.sns.close(), self.sqs.close());
    }
}

pub(crate) struct Sns {
    broker: Pair,
    admin: Admin,
}

impl Harness for Sns {
    type Broker = Pair;

    const EXCLUDED: &'static [&'static str] = &[
        // It keeps what nobody has consumed, and more.
        "full_is_refused",
    ];
    const QUIET: Duration = Duration::from_millis(700);
    const DEADLINE: Duration = Duration::from_secs(2);
    const NACK_DELAY: Duration = Duration::from_secs(1);
    const MANY: usize = 300;
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(url) = std::env::var("AWS_ENDPOINT_URL_SNS") else {
            assert!(std::env::var_os("CI").is_none(), "AWS_ENDPOINT_URL_SNS is not set");
            return Err(Skipped("sns: AWS_ENDPOINT_URL_SNS is not set".to_owned()));
        };
        let broker = Pair::open(&Settings::default()).expect("the environment is right");
        Ok(Self { broker, admin: Admin::at(&url) })
    }

    fn broker(&self) -> &Pair {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let (admin, name) = (&self.admin, unique("conformance"));
        let visibility = wanted.deadline.unwrap_or(Duration::from_secs(60)).as_secs().to_string();
        let attributes = [(QueueAttributeName::VisibilityTimeout, &*visibility)];
        let topic = admin.bare_topic(&name, false).await;
        let dead = match wanted.dead_letter {
            true => Some(admin.queue(&format!("{name}-dead"), false, &attributes).await),
            false => None,
        };
        let mut subscriptions = Vec::new();
        for number in 0..wanted.subscriptions {
            let queue = admin.queue(&format!("{name}-{number}"), false, &attributes).await;
            if let Some(dead) = &dead {
                admin.redrive(&queue, dead).await;
            }
            // Raw, so that attributes are attributes.
            admin.subscribe(&topic, &queue, true).await;
            subscriptions.push(url(&queue));
        }
        let topic = format!("awssns:///{topic}");
        // An account connects for the first that is opened with it.
        drop(self.broker.publisher(&topic, &PublisherOptions::default()).expect("the topic's URL"));
        drop(self.broker.subscriber(&subscriptions[0], &SubscriberOptions::default()).expect("the queue's URL"));
        for _ in 0..500 {
            if self.broker.state() == BrokerState::Connected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.broker.state(), BrokerState::Connected);
        Place { topic, subscriptions, dead_letter: dead.as_deref().map(url), capacity: None }
    }
}
