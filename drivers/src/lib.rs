//! Message brokers behind one contract.
//!
//! A driver is one file: its URL grammar, always compiled, and its client, behind the feature of
//! its name. `sluicegate-codegen` calls the grammar while it checks a `gateway.json`; the client
//! calls the same function when it opens, so the two cannot drift. A driver whose
//! [`has_client`](Driver::has_client) is false has only its grammar so far.
//!
//! This crate serves no HTTP and knows nothing of `gateway.json`. A driver that has to ask somebody over HTTP, as Kafka does
//! for tokens, does so as a client, behind a feature.

pub mod aws;
pub mod azure_service_bus;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka-tls",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
mod backoff;
mod contract;
mod counters;
mod dead_letter;
mod declaration;
#[cfg(any(feature = "azure_service_bus", feature = "gcp_pubsub", feature = "nats", feature = "rabbitmq"))]
mod dialer;
mod duration;
pub mod gcp_pubsub;
mod grammar;
#[cfg(any(feature = "gcp_pubsub", feature = "rabbitmq"))]
mod half;
mod host_port;
pub mod jetstream;
pub mod kafka;
pub mod mem;
mod message;
pub mod nats;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
mod outage;
pub mod rabbitmq;
#[cfg(test)]
mod registry_tests;
mod settings;
pub mod sns;
pub mod sqs;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka-tls",
    feature = "nats",
    feature = "rabbitmq"
))]
mod stream;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
mod supervision;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka-tls",
    feature = "nats",
    feature = "rabbitmq"
))]
mod tls;
mod url;

pub use contract::{
    Broker, BrokerState, Confirm, Delivery, OpenError, Origin, PublishError, PublishErrorKind, Publisher,
    PublisherOptions, Receipt, ReceiveError, SettleError, Settlement, Subscriber, SubscriberOptions,
};
pub use counters::Counters;
pub use dead_letter::{DEAD_LETTER_DELIVERIES, DEAD_LETTER_REASON, DEAD_LETTER_SUBSCRIPTION, DEAD_LETTER_TOPIC};
pub use declaration::{Argument, Binding, CheckDeclaration, Declaration, DeclarationError, Side};
pub use duration::{DurationError, parse_duration};
pub use message::{Attribute, Message};
pub use settings::{Setting, SettingKind, Settings, Source};
pub use url::{
    Capabilities, CheckAttribute, CheckMessage, CheckSettings, CheckUrl, Covers, Driver, Part, Parts, UrlError,
    Variable,
};

/// Every driver, by name.
pub static ALL: &[&Driver] = &[
    &azure_service_bus::DRIVER,
    &gcp_pubsub::DRIVER,
    &jetstream::DRIVER,
    &kafka::DRIVER,
    &mem::DRIVER,
    &nats::DRIVER,
    &rabbitmq::DRIVER,
    &sns::DRIVER,
    &sqs::DRIVER,
];

/// The driver that a URL scheme (without `://`) chooses.
#[must_use]
pub fn by_scheme(scheme: &str) -> Option<&'static Driver> {
    ALL.iter().copied().find(|driver| driver.schemes.contains(&scheme))
}
