//! A broker within the gateway's own process.
//!
//! For development, for tests, and to join endpoints of one gateway. Every gateway has a broker of its own:
//! two of them in one process share nothing.
//!
//! # URL
//!
//! A topic is `mem://TOPIC`. Its name has letters, digits, `.`, `_`, `-`, and `/` between such parts.
//!
//! ```
//! use sluicegate_drivers::mem::Topic;
//!
//! assert_eq!(Topic::parse("mem://orders.created")?.name, "orders.created");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `mem://TOPIC`, with any of these parameters:
//!
//! | Parameter | Means | Default |
//! | --- | --- | --- |
//! | `subscription` | its name; those of one name share the messages, each name gets all of them | the empty name |
//! | `ackdeadline` | how long a delivery may stay unsettled, `1ms` to `24h` | `1m`, as in go-cloud's mempubsub |
//! | `capacity` | how many messages it holds, settled ones not counted | 10000 |
//! | `max_deliveries` | how often a message is delivered at most | no limit |
//! | `dead_letter` | the topic to which messages go that were delivered too often or are dead-lettered | none: they are dropped |
//!
//! ```
//! use std::time::Duration;
//! use sluicegate_drivers::mem::Subscription;
//!
//! let subscription = Subscription::parse("mem://orders?subscription=billing&ackdeadline=30s&dead_letter=lost")?;
//! assert_eq!(subscription.topic, "orders");
//! assert_eq!(subscription.name, "billing");
//! assert_eq!(subscription.settings.ack_deadline, Duration::from_secs(30));
//! assert_eq!(subscription.settings.capacity, 10_000);
//! assert_eq!(subscription.settings.dead_letter.as_deref(), Some("lost"));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! Nothing is read.
//!
//! # Delivery
//!
//! At least once while the process lives; nothing outlives it. A publish is confirmed once every
//! subscription of the topic has the message; when one of them is full, none takes it. Before a
//! topic has a subscription it keeps what is published, up to the default capacity, for the first
//! one that is opened.
//!
//! A delivery given back, dropped, or not settled by its deadline is delivered again, before all
//! messages published later. So order holds but for messages given back with a wait, and among
//! several receivers of one subscription. After `max_deliveries`, and when it is dead-lettered, a
//! message moves to the `dead_letter` topic with the attributes `Dead-Letter-Reason`,
//! `Dead-Letter-Topic`, `Dead-Letter-Subscription` and `Dead-Letter-Deliveries`, or is dropped; either is an error
//! in the log. Deadlines are kept to about a millisecond; a settlement that comes in before the message
//! was taken back still counts. While the `dead_letter` topic has no room, the message waits a second and is tried again.
//!
//! # Limits
//!
//! Messages are limited by number, not by bytes: a subscription holds at most `capacity` of them, which
//! share their bodies with the topic's other subscriptions, so the largest body times `capacity` bounds
//! its memory. A body can be of any size.

#[cfg(feature = "mem")]
mod client;

#[cfg(feature = "mem")]
pub use client::{
    Broker, DEAD_LETTER_DELIVERIES, DEAD_LETTER_REASON, DEAD_LETTER_SUBSCRIPTION, DEAD_LETTER_TOPIC, Delivery,
    Publisher, Subscriber,
};

use std::borrow::Cow;
use std::time::Duration;

use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::{Capabilities, Confirm, Driver, UrlError};

/// The entry of the broker in memory in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "mem",
    schemes: &["mem"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[],
    settings: &[],
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: true,
        delivery_count: true,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: false,
        confirm: &[Confirm::All],
        offset: false,
        timestamp: false,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: Some(covers),
    check_attribute: None,
    reserved_attributes: &[],
    check_settings: None,
    check_declaration: None,
    check_message: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The topic's name.
    pub name: Cow<'a, str>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The name of its topic.
    pub topic: Cow<'a, str>,
    /// Its own name; empty by default.
    pub name: Cow<'a, str>,
    /// The rest of its parameters.
    pub settings: Settings,
}

/// How a subscription treats its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a delivery may stay unsettled before it is given back.
    pub ack_deadline: Duration,
    /// How many messages the subscription holds, those delivered and not settled included.
    pub capacity: usize,
    /// How often a message is delivered at most.
    pub max_deliveries: Option<u32>,
    /// The name of the topic for messages that are given up.
    pub dead_letter: Option<String>,
}

static TOPIC: Grammar = Grammar {
    what: "a topic in memory",
    schemes: &["mem"],
    example: "mem://orders",
    parameters: &[],
    elsewhere: (PARAMETERS, "a subscription"),
    credentials: "nowhere, memory needs none",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a subscription in memory",
    schemes: &["mem"],
    example: "mem://orders?subscription=billing",
    parameters: &[PARAMETERS],
    elsewhere: (&[], "a topic"),
    credentials: "nowhere, memory needs none",
};

const PARAMETERS: &[&str] = &["subscription", "ackdeadline", "capacity", "max_deliveries", "dead_letter"];

const MIN_DEADLINE: Duration = Duration::from_millis(1);
const MAX_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_CAPACITY: u32 = 1_000_000_000;

impl<'a> Topic<'a> {
    /// Reads `mem://TOPIC`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not that of a topic in memory.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        Ok(Self { name: topic_name(BrokerUrl::parse(url, &TOPIC)?.name()?)? })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `mem://TOPIC?subscription=NAME`.
    ///
    /// # Errors
    /// The URL is not that of a subscription in memory.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let topic = topic_name(url.name()?)?;
        let name = url.value("subscription")?.map(subscription_name).transpose()?.unwrap_or_default();
        let mut settings = Settings::default();
        if let Some(deadline) = url.duration("ackdeadline", Some(MAX_DEADLINE))? {
            if deadline < MIN_DEADLINE {
                return Err(url.error_at_parameter("ackdeadline", "`ackdeadline` is at least 1ms"));
            }
            settings.ack_deadline = deadline;
        }
        if let Some(capacity) = url.integer("capacity", 1..=MAX_CAPACITY)? {
            settings.capacity = capacity as usize;
        }
        settings.max_deliveries = url.integer("max_deliveries", 1..=u32::MAX)?;
        if let Some(dead_letter) = url.value("dead_letter")? {
            let target = topic_name(dead_letter)?;
            if target == topic {
                return Err(url.error_at_parameter("dead_letter", "`dead_letter` is the subscription's own topic"));
            }
            settings.dead_letter = Some(target.into_owned());
        }
        Ok(Self { topic, name, settings })
    }
}

impl Default for Settings {
    /// What holds where the URL says nothing.
    fn default() -> Self {
        Self { ack_deadline: Duration::from_secs(60), capacity: 10_000, max_deliveries: None, dead_letter: None }
    }
}

fn covers(topic: &str, subscription: &str) -> bool {
    match (Topic::parse(topic), Subscription::parse(subscription)) {
        (Ok(topic), Ok(subscription)) => topic.name == subscription.topic,
        _ => false,
    }
}

fn topic_name(name: Value<'_>) -> Result<Cow<'_, str>, UrlError> {
    const RULE: &str = "the name of a topic in memory has letters, digits, `.`, `_`, `-`, and `/` between them";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'), RULE)?;
    name.check_length(255, "the name of a topic in memory")?;
    if name.text.split('/').any(str::is_empty) {
        return Err(name.error("the topic's name has an empty part").with_help(RULE));
    }
    Ok(name.into_text())
}

fn subscription_name(name: Value<'_>) -> Result<Cow<'_, str>, UrlError> {
    const RULE: &str = "the name of a subscription in memory has letters, digits, `.`, `_` and `-`";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'), RULE)?;
    name.check_length(255, "the name of a subscription in memory")?;
    Ok(name.into_text())
}

#[cfg(test)]
mod tests;
