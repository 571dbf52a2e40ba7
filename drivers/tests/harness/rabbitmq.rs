//! A real RabbitMQ: the one that `RABBIT_SERVER_URL` names.

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::types::AMQPValue;
use sluicegate_drivers::{
    Broker as _, BrokerState, PublishErrorKind, PublisherOptions, Settings, SubscriberOptions, rabbitmq,
};

use super::rabbitmq_admin::{Admin, unique};
use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct RabbitMq {
    broker: rabbitmq::Broker,
    admin: Admin,
}

impl Harness for RabbitMq {
    type Broker = rabbitmq::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // The limit is the server's; tests/rabbitmq.rs shows it.
        "body_over_the_limit_is_refused",
    ];
    const QUIET: Duration = Duration::from_millis(200);
    const DEADLINE: Duration = Duration::from_secs(1);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 1_000;
    /// One queue of several may have refused it, the others not.
    const FULL: PublishErrorKind = PublishErrorKind::Unknown;
    /// A server takes back what is not settled within half an hour, or when its channel is closed.
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(url) = std::env::var("RABBIT_SERVER_URL") else {
            assert!(std::env::var_os("CI").is_none(), "RABBIT_SERVER_URL is not set");
            return Err(Skipped("rabbitmq: RABBIT_SERVER_URL is not set".to_owned()));
        };
        let admin = Admin::connect(&format!("{}/%2f", url.trim_end_matches('/'))).await;
        let broker = rabbitmq::Broker::open(&Settings::default()).expect("RABBIT_SERVER_URL names a server");
        // There is no connection before there is a use for it.
        admin.make_queue("conformance", &[]).await;
        let publisher = broker.publisher("rabbit://amq.fanout", &PublisherOptions::default());
        let subscriber = broker.subscriber("rabbit://conformance", &SubscriberOptions::default());
        let _opened = (publisher.expect("a topic"), subscriber.expect("a subscription"));
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker, admin });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to RabbitMQ: {:?}", broker.state());
    }

    fn broker(&self) -> &rabbitmq::Broker {
        &self.broker
    }

    /// An exchange that gives every message to each queue, whatever its key.
    async fn place(&self, wanted: Wanted) -> Place {
        let (admin, name) = (&self.admin, unique("conformance"));
        let text = |text: &str| AMQPValue::LongString(text.into());
        admin.make_exchange(&name, ExchangeKind::Fanout).await;
        let mut arguments = vec![("x-expires", AMQPValue::LongInt(600_000))];
        let mut dead_letter = None;
        if wanted.dead_letter {
            let dead = format!("{name}-dead");
            admin.make_queue(&dead, &arguments).await;
            arguments.push(("x-dead-letter-exchange", text("")));
            arguments.push(("x-dead-letter-routing-key", text(&dead)));
            dead_letter = Some(format!("rabbit://{dead}"));
        }
        if let Some(capacity) = wanted.capacity {
            arguments.push(("x-max-length", AMQPValue::LongInt(i32::try_from(capacity).expect("a small number"))));
            arguments.push(("x-overflow", text("reject-publish")));
        }
        let mut subscriptions = Vec::new();
        for number in 0..wanted.subscriptions {
            let queue = format!("{name}-{number}");
            admin.make_queue(&queue, &arguments).await;
            admin.bind(&queue, &name, "").await;
            subscriptions.push(format!("rabbit://{queue}"));
        }
        Place { topic: format!("rabbit://{name}"), subscriptions, dead_letter, capacity: wanted.capacity }
    }
}
