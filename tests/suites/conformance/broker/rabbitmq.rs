use std::collections::BTreeMap;
use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, ExchangeKind};
use serde_json::{Map, Value, json};

use super::Message;
use crate::conformance::suite::{array, text};
use crate::conformance::text::body_of;
use crate::support;

/// A topic is a fanout exchange, and what is expected from stands in queues that are bound to it.
pub(super) struct Rabbitmq(support::Rabbitmq);

impl Rabbitmq {
    pub(super) async fn connect(url: &str, setup: &Value) -> Self {
        let client = support::Rabbitmq::connect(url).await;
        for (exchange, queues) in setup["exchanges"].as_object().into_iter().flatten() {
            for queue in array(queues) {
                client.declare(exchange, ExchangeKind::Fanout, text(queue), "").await;
            }
        }
        Self(client)
    }

    pub(super) async fn publish(&self, step: &Value) {
        let mut headers = FieldTable::default();
        for (name, value) in step["metadata"].as_object().into_iter().flatten() {
            headers.insert(name.as_str().into(), AMQPValue::LongString(LongString::from(text(value))));
        }
        let properties = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
        self.0.publish(text(&step["to"]), "", properties, &body_of(step).unwrap_or_default()).await;
    }

    pub(super) async fn receive(&self, queue: &str) -> Message {
        let message = loop {
            match self.0.take(queue).await {
                Some(message) => break message,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let properties = &message.properties;
        let headers = properties.headers().as_ref().into_iter().flatten();
        let metadata: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_string(), shown(value))).collect();
        let mut others = Map::new();
        let mut other = |name: &str, value: Option<Value>| others.extend(value.map(|value| (name.to_owned(), value)));
        let short = |text: &Option<lapin::types::ShortString>| text.as_ref().map(|text| json!(text.as_str()));
        other("content_type", short(properties.content_type()));
        other("content_encoding", short(properties.content_encoding()));
        other("message_id", short(properties.message_id()));
        other("delivery_mode", properties.delivery_mode().map(|mode| json!(mode)));
        other("priority", properties.priority().map(|priority| json!(priority)));
        let more = vec![("properties", others.into()), ("routing_key", json!(message.routing_key.as_str()))];
        Message { wire: "amqp", metadata, body: message.data.clone(), more }
    }

    pub(super) async fn drain(&self, queues: &[&str]) {
        for queue in queues {
            self.0.purge(queue).await;
        }
    }
}

fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        other => format!("{other:?}"),
    }
}
