//! RabbitMQ.
//!
//! # URL
//!
//! A topic is `rabbit://EXCHANGE`. `key_name` names the attribute whose value is the routing key.
//! `rabbit://?key_name=NAME` is the default exchange, whose routing keys are the names of queues. The
//! scheme may be `amqp` as well, as KrakenD's documentation writes it.
//!
//! ```
//! use sluicegate_drivers::rabbitmq::Topic;
//!
//! let topic = Topic::parse("rabbit://orders?key_name=X-Region")?;
//! assert_eq!(topic.exchange, "orders");
//! assert_eq!(topic.key_name.as_deref(), Some("X-Region"));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `rabbit://QUEUE`. `prefetch_count` (0 to 65535) bounds what the server hands out
//! before it is acknowledged; 0 is no bound.
//!
//! ```
//! use sluicegate_drivers::rabbitmq::Subscription;
//!
//! let subscription = Subscription::parse("rabbit://billing?prefetch_count=10")?;
//! assert_eq!(subscription.queue, "billing");
//! assert_eq!(subscription.prefetch_count, Some(10));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! `RABBIT_SERVER_URL` (required): `amqp://USER:PASSWORD@HOST:5672/VHOST`, or `amqps://`.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by the server, and refused where no queue would get the
//! message. A delivery given back goes to its place in the queue; one that was not settled when its
//! channel closes comes back by itself. Rejected messages go to the queue's dead-letter exchange,
//! where it has one, and are dropped where it has none. A queue keeps the order of its messages, as
//! far as none was given back.
//!
//! # Limits
//!
//! The size of a message is limited by the server (`max_message_size`). Only quorum queues count
//! deliveries. Names have at most 255 bytes. Exchanges and queues are not declared, unless `declare` asks for it.

mod declaration;

pub use declaration::DEFAULT_EXCHANGE_TYPE;

pub(crate) mod addresses;
pub(crate) mod attributes;
#[cfg(feature = "rabbitmq")]
mod client;
#[cfg(feature = "rabbitmq")]
mod options;
mod settings;

#[cfg(feature = "rabbitmq")]
pub use client::{Broker, Delivery, Publisher, Subscriber};

use std::borrow::Cow;

use crate::grammar::{BrokerUrl, Grammar};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// RabbitMQ's entry in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "rabbitmq",
    schemes: &["rabbit", "amqp"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[Variable {
        name: "RABBIT_SERVER_URL",
        expected: "the server's address, amqp://USER:PASSWORD@HOST:5672/VHOST; several are separated by commas",
        required: true,
    }],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: true,
        // Quorum queues count, classic ones do not.
        delivery_count: false,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: false,
        confirm: &[Confirm::All, Confirm::None],
        offset: false,
        timestamp: true,
        attributes: true,
        declare: true,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: Some(declaration::check),
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The exchange's name; empty for the default exchange.
    pub exchange: Cow<'a, str>,
    /// The attribute whose value is the routing key.
    pub key_name: Option<Cow<'a, str>>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The queue's name.
    pub queue: Cow<'a, str>,
    /// How many deliveries may be unacknowledged; 0 is no bound.
    pub prefetch_count: Option<u16>,
}

/// AMQP 0-9-1 keeps a name as a short string.
const MAX_NAME_BYTES: usize = 255;

static TOPIC: Grammar = Grammar {
    what: "a RabbitMQ topic",
    schemes: DRIVER.schemes,
    example: "rabbit://myexchange",
    parameters: &[&["key_name"]],
    elsewhere: (&["prefetch_count"], "a subscription"),
    credentials: "RABBIT_SERVER_URL",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a RabbitMQ subscription",
    schemes: DRIVER.schemes,
    example: "rabbit://myqueue",
    parameters: &[&["prefetch_count"]],
    elsewhere: (&["key_name"], "a topic"),
    credentials: "RABBIT_SERVER_URL",
};

impl<'a> Topic<'a> {
    /// Reads `rabbit://EXCHANGE`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a RabbitMQ topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let key_name = url.text("key_name")?;
        // Without a routing key the default exchange can route nothing.
        if key_name.is_some() && url.location.text.is_empty() {
            return Ok(Self { exchange: Cow::Borrowed(""), key_name });
        }
        let exchange = url.name()?;
        exchange.check_length(MAX_NAME_BYTES, "the name of an exchange")?;
        Ok(Self { exchange: exchange.into_text(), key_name })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `rabbit://QUEUE`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a RabbitMQ subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let queue = url.name()?;
        queue.check_length(MAX_NAME_BYTES, "the name of a queue")?;
        let prefetch_count = url.integer("prefetch_count", 0..=u32::from(u16::MAX))?;
        Ok(Self { queue: queue.into_text(), prefetch_count: prefetch_count.and_then(|count| count.try_into().ok()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, exchange, key_name) in [
            ("rabbit://myexchange", "myexchange", None),
            ("rabbit://my%20exchange/", "my exchange", None),
            ("rabbit://a/b:c?key_name=Rk", "a/b:c", Some("Rk")),
            ("rabbit://amq.topic?key_name=X-Key", "amq.topic", Some("X-Key")),
            ("rabbit://user%40example", "user@example", None),
            ("rabbit://?key_name=Queue", "", Some("Queue")),
        ] {
            let expected = Topic { exchange: Cow::Borrowed(exchange), key_name: key_name.map(Cow::Borrowed) };
            assert_eq!(Topic::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        for (url, queue, prefetch_count) in [
            ("rabbit://myqueue", "myqueue", None),
            ("amqp://myexchange", "myexchange", None),
            ("rabbit://a.b-c_d/e?prefetch_count=0", "a.b-c_d/e", Some(0)),
            ("rabbit://q?prefetch_count=65535", "q", Some(65535)),
        ] {
            let expected = Subscription { queue: Cow::Borrowed(queue), prefetch_count };
            assert_eq!(Subscription::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn refused_topics() {
        const EXAMPLE: &str = "a RabbitMQ topic looks like `rabbit://myexchange`";
        let long = "x".repeat(256);
        assert_refused(
            DRIVER.topic,
            &[
                ("[rabbit://]", "the URL does not name a RabbitMQ topic", EXAMPLE),
                ("[rabbitmq]://myexchange", "`rabbitmq` is not the scheme of a RabbitMQ topic", EXAMPLE),
                (&format!("rabbit://[{long}]"), "the name of an exchange has at most 255 bytes, this one has 256", ""),
                (
                    "rabbit://[guest:guest@]localhost:5672/myexchange",
                    "a user or password does not belong in the URL",
                    "credentials come from RABBIT_SERVER_URL; a RabbitMQ topic looks like `rabbit://myexchange`",
                ),
                (
                    "rabbit://ex?[prefetch_count]=1",
                    "`prefetch_count` is not a parameter of a RabbitMQ topic, only of a subscription",
                    "accepted: `key_name`",
                ),
                ("rabbit://ex?[durable]=true", "unknown parameter `durable`", "accepted: `key_name`"),
                ("rabbit://?[key_name]=", "`key_name` has no value", ""),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        assert_refused(
            DRIVER.subscription,
            &[
                (
                    "[rabbit://?prefetch_count=1]",
                    "the URL does not name a RabbitMQ subscription",
                    "a RabbitMQ subscription looks like `rabbit://myqueue`",
                ),
                ("rabbit://q?prefetch_count=[65536]", "`65536` is not a whole number from 0 to 65535", ""),
                ("rabbit://q?prefetch_count=[ten]", "`ten` is not a whole number from 0 to 65535", ""),
                (
                    "rabbit://q?[qos]=1",
                    "unknown parameter `qos`",
                    "did you mean `prefetch_count`? (accepted: `prefetch_count`)",
                ),
                (
                    "rabbit://q?[key_name]=Rk",
                    "`key_name` is not a parameter of a RabbitMQ subscription, only of a topic",
                    "accepted: `prefetch_count`",
                ),
            ],
        );
    }
}
