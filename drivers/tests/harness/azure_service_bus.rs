//! A stand-in for Service Bus: the one that `SERVICEBUS_CONNECTION_STRING` and `SERVICEBUS_ENTITIES` name.

use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, PublisherOptions, Settings, SubscriberOptions, azure_service_bus};

use super::azure_service_bus_admin::{Entities, unique};
use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct ServiceBus {
    broker: azure_service_bus::Broker,
    entities: Entities,
}

impl Harness for ServiceBus {
    type Broker = azure_service_bus::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // The limit is the entity's; tests/azure_service_bus.rs shows it.
        "body_over_the_limit_is_refused",
        // The stand-in has no quota.
        "full_is_refused",
    ];
    const QUIET: Duration = Duration::from_millis(300);
    const DEADLINE: Duration = Duration::from_secs(2);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 500;
    /// Locks are renewed for as long as a delivery is held.
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let variable = |name| std::env::var(name).ok();
        let (Some(_), Some(entities)) = (variable("SERVICEBUS_CONNECTION_STRING"), variable("SERVICEBUS_ENTITIES"))
        else {
            assert!(
                std::env::var_os("CI").is_none(),
                "SERVICEBUS_CONNECTION_STRING and SERVICEBUS_ENTITIES are not set"
            );
            let what = "azure_service_bus: SERVICEBUS_CONNECTION_STRING and SERVICEBUS_ENTITIES are not set";
            return Err(Skipped(what.to_owned()));
        };
        let broker = azure_service_bus::Broker::open(&Settings::default()).expect("a connection string");
        // There is no connection before there is a use for it.
        let topic = broker.publisher("azuresb://mytopic", &PublisherOptions::default());
        let url = "azuresb://mytopic?subscription=mysubscription";
        let subscription = broker.subscriber(url, &SubscriberOptions::default());
        let _opened = (topic.expect("a topic"), subscription.expect("a subscription"));
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker, entities: Entities::new(entities) });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to the stand-in: {:?}", broker.state());
    }

    fn broker(&self) -> &azure_service_bus::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let name = unique("conformance");
        let names: Vec<_> = (0..wanted.subscriptions).map(|number| format!("s{number}")).collect();
        let lock = wanted.deadline.map_or(60, |deadline| deadline.as_secs().max(1));
        self.entities.add(&format!("topic {name} {} lock-seconds={lock} max-size=2097152", names.join(" ")));
        let subscriptions: Vec<_> =
            names.iter().map(|subscription| format!("azuresb://{name}?subscription={subscription}")).collect();
        let dead_letter = wanted.dead_letter.then(|| format!("{}&dead_letter=true", subscriptions[0]));
        Place { topic: format!("azuresb://{name}"), subscriptions, dead_letter, capacity: None }
    }
}
