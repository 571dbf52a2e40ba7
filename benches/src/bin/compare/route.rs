use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use sluicegate_benches::{ORDER, PAGE};

/// One of the endpoints of the configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Pass,
    Filter,
    Publish,
    Consume,
    NatsPublish,
    NatsConsume,
    JetstreamPublish,
    JetstreamConsume,
    RabbitmqPublish,
    RabbitmqConsume,
    KafkaPublish,
    KafkaConsume,
}

/// A file that a gateway is generated from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    /// `gateway.json`, which needs no broker.
    Gateway,
    /// `nats.json`
    Nats,
    /// `rabbitmq.json`
    Rabbitmq,
    /// `kafka.json`
    Kafka,
}

/// The body that an endpoint must answer with.
pub(crate) enum Expected {
    /// These bytes.
    Bytes(&'static [u8]),
    /// This value, however it is written.
    Json(Value),
}

impl Route {
    pub(crate) const ALL: [Self; 12] = [
        Self::Pass,
        Self::Filter,
        Self::Publish,
        Self::Consume,
        Self::NatsPublish,
        Self::NatsConsume,
        Self::JetstreamPublish,
        Self::JetstreamConsume,
        Self::RabbitmqPublish,
        Self::RabbitmqConsume,
        Self::KafkaPublish,
        Self::KafkaConsume,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Filter => "filter",
            Self::Publish => "publish",
            Self::Consume => "consume",
            Self::NatsPublish => "nats-publish",
            Self::NatsConsume => "nats-consume",
            Self::JetstreamPublish => "jetstream-publish",
            Self::JetstreamConsume => "jetstream-consume",
            Self::RabbitmqPublish => "rabbitmq-publish",
            Self::RabbitmqConsume => "rabbitmq-consume",
            Self::KafkaPublish => "kafka-publish",
            Self::KafkaConsume => "kafka-consume",
        }
    }

    /// The config that has it.
    pub(crate) fn config(self) -> Config {
        match self {
            Self::Pass | Self::Filter | Self::Publish | Self::Consume => Config::Gateway,
            Self::NatsPublish | Self::NatsConsume | Self::JetstreamPublish | Self::JetstreamConsume => Config::Nats,
            Self::RabbitmqPublish | Self::RabbitmqConsume => Config::Rabbitmq,
            Self::KafkaPublish | Self::KafkaConsume => Config::Kafka,
        }
    }

    pub(crate) fn method(self) -> &'static str {
        if self.is_publish() { "POST" } else { "GET" }
    }

    fn is_publish(self) -> bool {
        let all = [Self::Publish, Self::NatsPublish, Self::JetstreamPublish, Self::RabbitmqPublish, Self::KafkaPublish];
        all.contains(&self)
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Pass => "/pass",
            Self::Filter => "/filter/918273",
            Self::Publish => "/publish",
            Self::Consume => "/consume",
            Self::NatsPublish => "/nats/publish",
            Self::NatsConsume => "/nats/consume",
            Self::JetstreamPublish => "/jetstream/publish",
            Self::JetstreamConsume => "/jetstream/consume",
            Self::RabbitmqPublish => "/rabbitmq/publish",
            Self::RabbitmqConsume => "/rabbitmq/consume",
            Self::KafkaPublish => "/kafka/publish",
            Self::KafkaConsume => "/kafka/consume",
        }
    }

    pub(crate) fn request_body(self) -> Option<&'static str> {
        self.is_publish().then_some(ORDER)
    }

    pub(crate) fn expected(self) -> Expected {
        match self {
            Self::Pass => Expected::Bytes(PAGE),
            Self::Filter => Expected::Json(json!({
                "id": "0d9f3b52-71c4-4f0e-9f57-2a1b6c7d8e90",
                "title": "Trail backpack 45 l, \"Grey Peak\" edition",
                "price": { "amount": 129.9 },
            })),
            published if published.is_publish() => Expected::Json(json!({})),
            _ => Expected::Json(serde_json::from_str(ORDER).unwrap_or_default()),
        }
    }
}

impl Config {
    pub(crate) const ALL: [Self; 4] = [Self::Gateway, Self::Nats, Self::Rabbitmq, Self::Kafka];

    /// The file's name without its end.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Nats => "nats",
            Self::Rabbitmq => "rabbitmq",
            Self::Kafka => "kafka",
        }
    }

    /// The features of a gateway that it needs.
    pub(crate) fn needs(self) -> &'static str {
        match self {
            Self::Gateway => "mem",
            Self::Nats => "nats,jetstream",
            Self::Rabbitmq => "rabbitmq",
            Self::Kafka => "kafka",
        }
    }

    /// Whether it has `route`.
    pub(crate) fn has(self, route: Route) -> bool {
        route.config() == self
    }
}

impl FromStr for Route {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|route| route.name() == name);
        found.ok_or_else(|| format!("it is one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_route_is_in_its_config() {
        for config in Config::ALL {
            let path = format!("{}/{}.json", env!("CARGO_MANIFEST_DIR"), config.name());
            let text: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let endpoints = text["endpoints"].as_array().unwrap();
            let routes: Vec<_> = Route::ALL.into_iter().filter(|route| config.has(*route)).collect();
            assert_eq!(routes.len(), endpoints.len());
            for (route, endpoint) in routes.into_iter().zip(endpoints) {
                let path = endpoint["endpoint"].as_str().unwrap().replace("{id}", "918273");
                assert_eq!(route.path(), path);
                assert_eq!(route.method(), endpoint["method"].as_str().unwrap_or("GET"), "{route}");
            }
        }
    }
}
