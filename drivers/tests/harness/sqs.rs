//! What stands for SQS: the moto that `AWS_ENDPOINT_URL_SQS` names.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use sluicegate_drivers::{Broker as _, BrokerState, Settings, sqs};

use super::aws_admin::{Admin, unique};
use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct Sqs {
    broker: sqs::Broker,
    admin: Admin,
}

impl Harness for Sqs {
    type Broker = sqs::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // A queue is its only subscription.
        "every_subscription_gets_a_copy",
        // It keeps what nobody has consumed, and more.
        "full_is_refused",
    ];
    const QUIET: Duration = Duration::from_millis(700);
    const DEADLINE: Duration = Duration::from_secs(2);
    const NACK_DELAY: Duration = Duration::from_secs(1);
    const MANY: usize = 300;
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(url) = std::env::var("AWS_ENDPOINT_URL_SQS") else {
            assert!(std::env::var_os("CI").is_none(), "AWS_ENDPOINT_URL_SQS is not set");
            return Err(Skipped("sqs: AWS_ENDPOINT_URL_SQS is not set".to_owned()));
        };
        let broker = sqs::Broker::open(&Settings::default()).expect("the environment is right");
        Ok(Self { broker, admin: Admin::at(&url) })
    }

    fn broker(&self) -> &sqs::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let visibility = wanted.deadline.unwrap_or(Duration::from_secs(60)).as_secs().to_string();
        let attributes = [(QueueAttributeName::VisibilityTimeout, &*visibility)];
        let name = unique("conformance");
        let queue = self.admin.queue(&name, false, &attributes).await;
        let dead_letter = match wanted.dead_letter {
            true => {
                let dead = self.admin.queue(&format!("{name}-dead"), false, &attributes).await;
                self.admin.redrive(&queue, &dead).await;
                Some(url(&dead))
            }
            false => None,
        };
        let url = url(&queue);
        // An account connects for its first queue.
        drop(self.broker.publisher(&url, &Default::default()).expect("the queue's URL"));
        for _ in 0..500 {
            if self.broker.state() == BrokerState::Connected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.broker.state(), BrokerState::Connected);
        Place { topic: url.clone(), subscriptions: vec![url], dead_letter, capacity: None }
    }
}

/// As a config has it.
pub(crate) fn url(queue: &str) -> String {
    let (_, rest) = queue.split_once("://").expect("a URL");
    format!("awssqs://{rest}")
}
