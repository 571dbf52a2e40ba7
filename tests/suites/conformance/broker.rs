//! Plain clients of the brokers behind a gateway, for the steps `publish` and `expect_message`.

mod kafka;
mod nats;
mod rabbitmq;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use serde_json::{Map, Value, json};

use self::kafka::Kafka;
use self::nats::Nats;
use self::rabbitmq::Rabbitmq;
use super::observation::body;
use super::suite::{Suite, array, text};

/// A message as it is on the wire.
#[derive(Debug)]
pub(super) struct Message {
    wire: &'static str,
    metadata: BTreeMap<String, String>,
    body: Vec<u8>,
    /// What only this broker's messages have.
    more: Vec<(&'static str, Value)>,
}

/// A connection that gets everything that the cases expect messages from.
pub(super) struct Broker(Client);

enum Client {
    Nats(Nats),
    Rabbitmq(Box<Rabbitmq>),
    Kafka(Kafka),
}

/// What our tests call the broker that the recordings call `name`.
pub(super) fn started(name: &str) -> bool {
    crate::support::broker(if name == "rabbit" { "rabbitmq" } else { name })
}

impl Broker {
    /// The server that the environment names, with all that the suite needs to be there.
    pub(super) async fn connect(suite: &Suite) -> Option<Self> {
        let url = |variable: &str| env::var(variable).expect("it was started, so its address is known");
        Some(Self(match suite.broker.as_deref()? {
            "nats" => Client::Nats(Nats::connect(&url("NATS_SERVER_URL"), &suite.cases).await),
            "rabbit" => {
                Client::Rabbitmq(Box::new(Rabbitmq::connect(&url("RABBIT_SERVER_URL"), &suite.broker_setup).await))
            }
            "kafka" => Client::Kafka(Kafka::connect(&url("KAFKA_BROKERS"), suite).await),
            other => panic!("there is no client of {other}"),
        }))
    }

    /// Until the gateway, which is connected, gets what is published.
    pub(super) async fn ready(&self, suite: &Suite) {
        if let Client::Kafka(kafka) = &self.0 {
            kafka.ready(suite).await;
        }
    }

    /// A step `publish`: `to`, `metadata` and a body. The server has it when this returns.
    pub(super) async fn publish(&mut self, step: &Value) {
        match &mut self.0 {
            Client::Nats(nats) => nats.publish(step).await,
            Client::Rabbitmq(rabbitmq) => rabbitmq.publish(step).await,
            Client::Kafka(kafka) => kafka.publish(step).await,
        }
        if let Some(wait) = step["wait_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// A step `expect_message`: the next one `from` there, or nothing within `timeout_ms`.
    pub(super) async fn receive(&mut self, step: &Value) -> Option<Message> {
        let (from, patience) = (text(&step["from"]), patience(step));
        let received = async {
            match &mut self.0 {
                Client::Nats(nats) => nats.receive(from).await,
                Client::Rabbitmq(rabbitmq) => rabbitmq.receive(from).await,
                Client::Kafka(kafka) => kafka.receive(from).await,
            }
        };
        tokio::time::timeout(patience, received).await.ok()
    }

    /// Forgets what an earlier case left where this one looks.
    pub(super) async fn drain(&mut self, case: &Value) {
        match &mut self.0 {
            Client::Nats(nats) => nats.drain().await,
            Client::Rabbitmq(rabbitmq) => rabbitmq.drain(&sources(case)).await,
            Client::Kafka(kafka) => kafka.drain(&sources(case)).await,
        }
    }
}

impl Message {
    /// In the form of the recordings.
    pub(super) fn seen(&self) -> Value {
        let metadata: Map<_, _> = self.metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut seen = json!({"wire": self.wire, "metadata": metadata, "body": body(&self.body, None)});
        for (name, value) in &self.more {
            seen[*name] = value.clone();
        }
        seen
    }
}

/// Where a case expects messages from, each once.
fn sources(case: &Value) -> Vec<&str> {
    let mut sources: Vec<_> =
        array(&case["steps"]).iter().filter_map(|step| step["expect_message"]["from"].as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// None that is expected has to come soon; how soon says nothing on a busy machine.
fn patience(step: &Value) -> Duration {
    let patience = Duration::from_millis(step["timeout_ms"].as_u64().unwrap_or(2000));
    if step["timeout_ms"].as_u64() < Some(1000) { patience } else { patience.max(Duration::from_secs(10)) }
}
