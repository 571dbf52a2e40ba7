//! Azure Service Bus.
//!
//! # URL
//!
//! A topic is `azuresb://TOPIC`, without parameters. A queue is published to in the same way.
//!
//! ```
//! use sluicegate_drivers::azure_service_bus::Topic;
//!
//! assert_eq!(Topic::parse("azuresb://mytopic")?.name, "mytopic");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `azuresb://TOPIC?subscription=SUBSCRIPTION`, and a queue is received from as
//! `azuresb://QUEUE?queue=true`. With `dead_letter=true` besides, it is what was dead-lettered there. `listener_timeout` (a duration, 2 s unless it is given) is how long
//! one receive waits; `max_recv_batch_size` (at least 1) bounds how many messages it takes.
//!
//! ```
//! use sluicegate_drivers::azure_service_bus::{Source, Subscription};
//!
//! let subscription = Subscription::parse("azuresb://mytopic?subscription=mysubscription")?;
//! assert_eq!(subscription.source, Source::Subscription { topic: "mytopic".into(), name: "mysubscription".into() });
//!
//! let queue = Subscription::parse("azuresb://myqueue?queue=true&listener_timeout=5s")?;
//! assert_eq!(queue.source, Source::Queue { name: "myqueue".into() });
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! One of two: `SERVICEBUS_CONNECTION_STRING`, which wins, or `AZURE_SERVICEBUS_HOSTNAME`
//! (`NAMESPACE.servicebus.windows.net`) with Azure's default credential.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by the service. A delivery is locked: one that is neither
//! acknowledged nor given back comes again when its lock ends. The service counts deliveries, and
//! keeps a dead-letter queue for each queue and subscription. The order of messages with one session
//! id is kept where the queue or subscription has sessions.
//!
//! # Limits
//!
//! The size of a message depends on the tier (256 KiB in Standard). A delivery cannot be given back
//! with a delay. The names of topics and queues have at most 260 characters, those of subscriptions 50.

mod attributes;
#[cfg(feature = "azure_service_bus")]
mod client;
mod connection_string;
#[cfg(feature = "azure_service_bus")]
mod options;
mod settings;

use std::borrow::Cow;
use std::time::Duration;

#[cfg(feature = "azure_service_bus")]
pub use self::client::{Broker, Delivery, Publisher, Subscriber};

use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// The entry of Azure Service Bus in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "azure_service_bus",
    schemes: &["azuresb"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[
        Variable {
            name: "SERVICEBUS_CONNECTION_STRING",
            expected: "the namespace's connection string; without it, AZURE_SERVICEBUS_HOSTNAME must be set",
            required: false,
        },
        Variable {
            name: "AZURE_SERVICEBUS_HOSTNAME",
            expected: "the namespace's host, NAMESPACE.servicebus.windows.net, for the default credential",
            required: false,
        },
    ],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: false,
        redelivery: true,
        // Of each session.
        ordering: true,
        dead_letter: true,
        delivery_count: true,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: true,
        confirm: &[Confirm::All],
        offset: true,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: None,
    check_message: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The name of the topic or queue.
    pub name: Cow<'a, str>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// A topic's subscription, or a queue.
    pub source: Source<'a>,
    /// How long one receive waits; 2 s where it is not given.
    pub listener_timeout: Option<Duration>,
    /// How many messages are asked for at once at most, at least 1.
    pub max_recv_batch_size: Option<u32>,
    /// Whether it has sessions.
    pub sessions: bool,
    /// Whether it is what was dead-lettered there.
    pub dead_letter: bool,
}

/// What Service Bus hands messages out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A subscription of a topic.
    Subscription {
        /// The topic's name.
        topic: Cow<'a, str>,
        /// The subscription's own name.
        name: Cow<'a, str>,
    },
    /// A queue.
    Queue {
        /// Its name.
        name: Cow<'a, str>,
    },
}

const CREDENTIALS: &str = "SERVICEBUS_CONNECTION_STRING or AZURE_SERVICEBUS_HOSTNAME";
const SUBSCRIPTION_PARAMETERS: &[&str] =
    &["subscription", "queue", "dead_letter", "listener_timeout", "max_recv_batch_size", "sessions"];

static TOPIC: Grammar = Grammar {
    what: "a Service Bus topic",
    schemes: DRIVER.schemes,
    example: "azuresb://mytopic",
    parameters: &[],
    elsewhere: (SUBSCRIPTION_PARAMETERS, "a subscription"),
    credentials: CREDENTIALS,
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a Service Bus subscription",
    schemes: DRIVER.schemes,
    example: "azuresb://mytopic?subscription=mysubscription",
    parameters: &[SUBSCRIPTION_PARAMETERS],
    elsewhere: (&[], "a topic"),
    credentials: CREDENTIALS,
};

impl<'a> Topic<'a> {
    /// Reads `azuresb://TOPIC`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a Service Bus topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let name = url.name()?;
        check_entity(&name)?;
        Ok(Self { name: name.into_text() })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `azuresb://TOPIC?subscription=SUBSCRIPTION` or `azuresb://QUEUE?queue=true`.
    ///
    /// # Errors
    /// The URL is neither.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let entity = url.name()?;
        check_entity(&entity)?;
        Ok(Self {
            source: source(&url, entity)?,
            listener_timeout: url.duration("listener_timeout", None)?,
            max_recv_batch_size: url.integer("max_recv_batch_size", 1..=i32::MAX as u32)?,
            sessions: url.flag("sessions")?,
            dead_letter: url.flag("dead_letter")?,
        })
    }
}

fn source<'a>(url: &BrokerUrl<'a>, entity: Value<'a>) -> Result<Source<'a>, UrlError> {
    let queue = url.flag("queue")?;
    match url.value("subscription")? {
        Some(_) if queue => Err(url
            .error_at_parameter("queue", "a queue has no subscriptions")
            .with_help("leave out `queue` or `subscription`")),
        Some(name) => {
            check_subscription(&name)?;
            Ok(Source::Subscription { topic: entity.into_text(), name: name.into_text() })
        }
        None if queue => Ok(Source::Queue { name: entity.into_text() }),
        None => {
            let help = format!("{}; a queue looks like `azuresb://myqueue?queue=true`", url.example());
            Err(entity.error("the URL names no `subscription` of the topic").with_help(help))
        }
    }
}

/// Azure's rule for the names of topics and queues.
fn check_entity(name: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the name of a topic or queue has letters, digits, `.`, `-`, `_` and `/`";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'), RULE)?;
    check_ends(name)?;
    name.check_length(260, "the name of a topic or queue")
}

/// Azure's rule for the names of subscriptions.
fn check_subscription(name: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the name of a subscription has letters, digits, `.`, `-` and `_`";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'), RULE)?;
    check_ends(name)?;
    name.check_length(50, "the name of a subscription")
}

fn check_ends(name: &Value<'_>) -> Result<(), UrlError> {
    let inside = |c: char| !c.is_ascii_alphanumeric();
    if name.text.starts_with(inside) || name.text.ends_with(inside) {
        return Err(name.error("a name begins and ends with a letter or digit"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, name) in
            [("azuresb://mytopic", "mytopic"), ("azuresb://my/topic-1_a.b/", "my/topic-1_a.b"), ("azuresb://T", "T")]
        {
            assert_eq!(Topic::parse(url), Ok(Topic { name: Cow::Borrowed(name) }), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        let of_topic = |topic, name| Source::Subscription { topic: Cow::Borrowed(topic), name: Cow::Borrowed(name) };
        let of_queue = |name| Source::Queue { name: Cow::Borrowed(name) };
        for (url, source, listener_timeout, max_recv_batch_size) in [
            ("azuresb://t?subscription=s", of_topic("t", "s"), None, None),
            (
                "azuresb://t/x?max_recv_batch_size=1&subscription=a.b-c_D&listener_timeout=1m30s",
                of_topic("t/x", "a.b-c_D"),
                Some(Duration::from_secs(90)),
                Some(1),
            ),
            ("azuresb://t?subscription=s&queue=false", of_topic("t", "s"), None, None),
            ("azuresb://q?queue=true", of_queue("q"), None, None),
            ("azuresb://q?queue&listener_timeout=0", of_queue("q"), Some(Duration::ZERO), None),
        ] {
            assert_eq!(
                Subscription::parse(url),
                Ok(Subscription { source, listener_timeout, max_recv_batch_size, dead_letter: false, sessions: false }),
                "{url}"
            );
        }
        assert!(Subscription::parse("azuresb://q?queue=true&dead_letter=true").unwrap().dead_letter);
        assert!(Subscription::parse("azuresb://q?queue=true&sessions=true").unwrap().sessions);
    }

    #[test]
    fn refused_topics() {
        const ENDS: &str = "a name begins and ends with a letter or digit";
        const RULE: &str = "the name of a topic or queue has letters, digits, `.`, `-`, `_` and `/`";
        let long = "x".repeat(261);
        assert_refused(
            DRIVER.topic,
            &[
                (
                    "[azuresb://]",
                    "the URL does not name a Service Bus topic",
                    "a Service Bus topic looks like `azuresb://mytopic`",
                ),
                ("azuresb://[/mytopic]", ENDS, ""),
                ("azuresb://[mytopic-]", ENDS, ""),
                ("azuresb://my[$]topic", "`$` is not allowed here", RULE),
                (
                    &format!("azuresb://[{long}]"),
                    "the name of a topic or queue has at most 260 bytes, this one has 261",
                    "",
                ),
                (
                    "azuresb://t?[subscription]=s",
                    "`subscription` is not a parameter of a Service Bus topic, only of a subscription",
                    "a Service Bus topic has no parameters",
                ),
                ("azuresb://t?[x]=s", "unknown parameter `x`", "a Service Bus topic has no parameters"),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        const NONE: &str = "a Service Bus subscription looks like `azuresb://mytopic?subscription=mysubscription`; \
                            a queue looks like `azuresb://myqueue?queue=true`";
        const ACCEPTED: &str =
            "accepted: `subscription`, `queue`, `dead_letter`, `listener_timeout`, `max_recv_batch_size`, `sessions`";
        const DURATION: &str = "write a number and a unit: `250ms`, `2s`, `1m30s`, `1h`";
        let long = "x".repeat(51);
        assert_refused(
            DRIVER.subscription,
            &[
                ("azuresb://[mytopic]", "the URL names no `subscription` of the topic", NONE),
                ("azuresb://[q]?queue=false", "the URL names no `subscription` of the topic", NONE),
                ("azuresb://t?[subscription]=", "`subscription` has no value", ""),
                (
                    "azuresb://t?subscription=a[/]b",
                    "`/` is not allowed here",
                    "the name of a subscription has letters, digits, `.`, `-` and `_`",
                ),
                (
                    &format!("azuresb://t?subscription=[{long}]"),
                    "the name of a subscription has at most 50 bytes, this one has 51",
                    "",
                ),
                (
                    "azuresb://t?subscription=s&[queue]=true",
                    "a queue has no subscriptions",
                    "leave out `queue` or `subscription`",
                ),
                ("azuresb://t?subscription=s&listener_timeout=[2]", "the duration has no unit", DURATION),
                (
                    "azuresb://t?subscription=s&max_recv_batch_size=[0]",
                    "`0` is not a whole number from 1 to 2147483647",
                    "",
                ),
                (
                    "azuresb://t?[subscripton]=s",
                    "unknown parameter `subscripton`",
                    &format!("did you mean `subscription`? ({ACCEPTED})"),
                ),
            ],
        );
    }
}
