//! The JetStream of a real NATS server: the one that `NATS_SERVER_URL` names.

use std::time::Duration;

use serde_json::json;
use sluicegate_drivers::{Broker as _, BrokerState, Settings, jetstream};

use super::nats_admin::{Admin, unique};
use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct JetStream {
    broker: jetstream::Broker,
    url: String,
}

impl Harness for JetStream {
    type Broker = jetstream::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // The limit is the server's; tests/jetstream.rs shows it.
        "body_over_the_limit_is_refused",
        "dead_letter_moves",
    ];
    const QUIET: Duration = Duration::from_millis(200);
    const DEADLINE: Duration = Duration::from_secs(1);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 1_000;
    const KEEPS_ALIVE: bool = true;

    async fn start() -> Result<Self, Skipped> {
        let Ok(url) = std::env::var("NATS_SERVER_URL") else {
            assert!(std::env::var_os("CI").is_none(), "NATS_SERVER_URL is not set");
            return Err(Skipped("jetstream: NATS_SERVER_URL is not set".to_owned()));
        };
        let broker = jetstream::Broker::open(&Settings::default()).expect("NATS_SERVER_URL names servers");
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker, url });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to NATS: {:?}", broker.state());
    }

    fn broker(&self) -> &jetstream::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let name = unique();
        let subject = format!("conformance.{name}");
        let config = match wanted.capacity {
            // What was consumed makes room.
            Some(capacity) => json!({ "retention": "workqueue", "max_msgs": capacity, "discard": "new" }),
            None => json!({}),
        };
        let mut admin = Admin::connect(&self.url);
        admin.make_stream(&name, &subject, &config);
        let ack_wait = wanted.deadline.unwrap_or(Duration::from_secs(120)).as_millis();
        Place {
            topic: format!("jetstream://{subject}"),
            subscriptions: (0..wanted.subscriptions)
                .map(|number| format!("jetstream://{subject}?durable=s{number}&stream={name}&ack_wait={ack_wait}ms"))
                .collect(),
            dead_letter: None,
            capacity: wanted.capacity,
        }
    }
}
