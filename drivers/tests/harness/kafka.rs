//! A real Kafka server: the one that `KAFKA_BROKERS` names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sluicegate_drivers::{Broker as _, BrokerState, Settings, kafka};

use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct Kafka {
    broker: kafka::Broker,
    servers: String,
}

impl Harness for Kafka {
    type Broker = kafka::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // The limit is the topic's; tests/kafka.rs shows it.
        "body_over_the_limit_is_refused",
        "dead_letter_moves",
        // It keeps what nobody has consumed, and more.
        "full_is_refused",
    ];
    const QUIET: Duration = Duration::from_millis(500);
    const DEADLINE: Duration = Duration::from_secs(1);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 1_000;
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(servers) = std::env::var("KAFKA_BROKERS") else {
            assert!(std::env::var_os("CI").is_none(), "KAFKA_BROKERS is not set");
            return Err(Skipped("kafka: KAFKA_BROKERS is not set".to_owned()));
        };
        let broker = kafka::Broker::open(&Settings::default()).expect("KAFKA_BROKERS names servers");
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker, servers });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to Kafka: {:?}", broker.state());
    }

    fn broker(&self) -> &kafka::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("conformance{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        make_topic(&self.servers, &name).await;
        Place {
            topic: format!("kafka://{name}"),
            subscriptions: (0..wanted.subscriptions)
                .map(|number| format!("kafka://{name}-{number}?topic={name}&offset=oldest"))
                .collect(),
            dead_letter: None,
            capacity: None,
        }
    }
}

async fn make_topic(servers: &str, name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", servers).create().expect("a client");
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    // For the largest body of the suite, which a record adds some bytes to.
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "2097152");
    let made = admin.create_topics([&topic], &options).await;
    made.expect("an answer").into_iter().for_each(|made| drop(made.expect("a topic")));
    tokio::task::spawn_blocking(move || drop(admin)).await.expect("it ends");
}
