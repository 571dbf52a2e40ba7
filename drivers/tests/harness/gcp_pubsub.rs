//! Google's fake of Pub/Sub: the one that `PUBSUB_EMULATOR_HOST` names.

use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, PublisherOptions, Settings, SubscriberOptions, gcp_pubsub};

use super::gcp_pubsub_admin::{Admin, Subscription, unique, url};
use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct PubSub {
    broker: gcp_pubsub::Broker,
    admin: Admin,
}

impl Harness for PubSub {
    type Broker = gcp_pubsub::Broker;

    const EXCLUDED: &'static [&'static str] = &["dead_letter_moves", "full_is_refused"];
    const QUIET: Duration = Duration::from_millis(300);
    /// The service takes none that is shorter.
    const DEADLINE: Duration = Duration::from_secs(10);
    const NACK_DELAY: Duration = Duration::from_secs(1);
    const MANY: usize = 1_000;
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(address) = std::env::var("PUBSUB_EMULATOR_HOST") else {
            assert!(std::env::var_os("CI").is_none(), "PUBSUB_EMULATOR_HOST is not set");
            return Err(Skipped("gcp_pubsub: PUBSUB_EMULATOR_HOST is not set".to_owned()));
        };
        let admin = Admin::connect(&address).await;
        let broker = gcp_pubsub::Broker::open(&Settings::default()).expect("PUBSUB_EMULATOR_HOST names a fake");
        // There is no connection before there is a use for it.
        let topic = admin.make_topic(&unique("conformance")).await;
        let subscription = admin.make_subscription(&unique("conformance"), &topic, Subscription::default()).await;
        let publisher = broker.publisher(&url(&topic), &PublisherOptions::default());
        let subscriber = broker.subscriber(&url(&subscription), &SubscriberOptions::default());
        let _opened = (publisher.expect("a topic"), subscriber.expect("a subscription"));
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker, admin });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to Pub/Sub: {:?}", broker.state());
    }

    fn broker(&self) -> &gcp_pubsub::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let topic = self.admin.make_topic(&unique("conformance")).await;
        let mut subscriptions = Vec::new();
        for _ in 0..wanted.subscriptions {
            let deadline = wanted.deadline.unwrap_or(Duration::from_secs(60)).as_secs().max(10);
            let subscription = Subscription {
                ack_deadline_seconds: i32::try_from(deadline).expect("a short time"),
                enable_message_ordering: true,
                ..Subscription::default()
            };
            let name = self.admin.make_subscription(&unique("conformance"), &topic, subscription).await;
            subscriptions.push(url(&name));
        }
        Place { topic: url(&topic), subscriptions, dead_letter: None, capacity: None }
    }
}
