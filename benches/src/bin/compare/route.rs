use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use sluicegate_benches::{ORDER, PAGE};

/// One of the endpoints of `gateway.json` and `nats.json`.
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
}

/// The body that an endpoint must answer with.
pub(crate) enum Expected {
    /// These bytes.
    Bytes(&'static [u8]),
    /// This value, however it is written.
    Json(Value),
}

impl Route {
    pub(crate) const ALL: [Self; 8] = [
        Self::Pass,
        Self::Filter,
        Self::Publish,
        Self::Consume,
        Self::NatsPublish,
        Self::NatsConsume,
        Self::JetstreamPublish,
        Self::JetstreamConsume,
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
        }
    }

    /// Whether it needs a NATS server.
    pub(crate) fn is_nats(self) -> bool {
        matches!(self, Self::NatsPublish | Self::NatsConsume | Self::JetstreamPublish | Self::JetstreamConsume)
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Pass | Self::Filter | Self::Consume | Self::NatsConsume | Self::JetstreamConsume => "GET",
            Self::Publish | Self::NatsPublish | Self::JetstreamPublish => "POST",
        }
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
        }
    }

    pub(crate) fn request_body(self) -> Option<&'static str> {
        (self.method() == "POST").then_some(ORDER)
    }

    pub(crate) fn expected(self) -> Expected {
        match self {
            Self::Pass => Expected::Bytes(PAGE),
            Self::Filter => Expected::Json(json!({
                "id": "0d9f3b52-71c4-4f0e-9f57-2a1b6c7d8e90",
                "title": "Trail backpack 45 l, \"Grey Peak\" edition",
                "price": { "amount": 129.9 },
            })),
            Self::Publish | Self::NatsPublish | Self::JetstreamPublish => Expected::Json(json!({})),
            Self::Consume | Self::NatsConsume | Self::JetstreamConsume => {
                Expected::Json(serde_json::from_str(ORDER).unwrap_or_default())
            }
        }
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
