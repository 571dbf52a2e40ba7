//! NATS JetStream: subjects whose messages a server stores in streams, and durable consumers of them.
//!
//! # URL
//!
//! A topic is `jetstream://SUBJECT`. A stream of the server has to take the subject.
//!
//! ```
//! use sluicegate_drivers::jetstream::Topic;
//!
//! assert_eq!(Topic::parse("jetstream://orders.created")?.subject, "orders.created");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `jetstream://SUBJECT?durable=NAME`, where `*` stands for one token of the subject and `>` for the
//! rest, with these parameters:
//!
//! | Parameter | Means | Default |
//! | --- | --- | --- |
//! | `durable` | the durable consumer's name; those of one name share the messages | required |
//! | `stream` | the stream's name | the stream that has the subject |
//! | `ack_wait` | of a consumer that is made: when a message comes back from a gateway that is gone, `1s` to `24h` | `30s` |
//!
//! ```
//! use std::time::Duration;
//! use sluicegate_drivers::jetstream::Subscription;
//!
//! let subscription = Subscription::parse("jetstream://orders.*?durable=billing&stream=ORDERS&ack_wait=1m")?;
//! assert_eq!(subscription.subject, "orders.*");
//! assert_eq!(subscription.durable, "billing");
//! assert_eq!(subscription.stream.as_deref(), Some("ORDERS"));
//! assert_eq!(subscription.ack_wait, Duration::from_secs(60));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A consumer that exists is used as it is, with its own `ack_wait`, `max_deliver` and limits, if it is a pull consumer
//! that acknowledges explicitly and whose filter is the subject. One that fits otherwise is an error of the endpoint,
//! looked at again after a while. One that does not exist is made, from the first message of the stream on, without
//! a limit on deliveries. Streams are never made: a missing one is an error of the endpoint too.
//!
//! # Environment
//!
//! `NATS_SERVER_URL` (required): the servers, separated by commas, as the driver [`nats`](crate::nats) reads them. A named
//! broker has the settings of that driver too, but for `buffer`. `max_pending` is how many publishes and settlements may
//! wait for their answer (16384); more publishes are refused at once.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by the stream's acknowledgement, with its name and the message's place in it. A
//! message's id is sent as `Nats-Msg-Id`: within the stream's window (two minutes unless it is set) the same id is stored
//! once, and the later receipts say `duplicate`. One that no stream takes is sent again twice within half a second, as
//! a stream may be about to get another leader, and then refused. Nothing is kept for later while there is no connection;
//! what was sent when it was lost may have been stored.
//!
//! Each request asks the server for one message, and nothing is asked for in advance. While a delivery is held, the
//! server is told so every third of `ack_wait`, however slow the client is. One that is dropped or given back is
//! delivered again, at once or after the wait. A message that was on its way to a request that has ended goes to the
//! next one, or back if there is none; then it counts as delivered once more. An acknowledgement is confirmed by the
//! server, and sent again after a reconnect within `ack_wait`. Messages arrive in order, but for those given back, and
//! among several receivers.
//!
//! Where a consumer has `max_deliver`, the server stops to deliver a message after that many deliveries, whatever the
//! gateway does: a warning when the consumer is found, and an error in the log for each that is given back after its last
//! one. JetStream has no place of its own for such messages, nor for those that are dead-lettered: these are ended (`+TERM`,
//! with the reason from server 2.10.4 on), and stay in a stream that keeps what was consumed.
//!
//! Attributes are NATS' headers, exactly as they are given. Of headers that have the same name, those of another
//! publisher, the values are joined by `, `. What a KrakenD published to a stream's subject is read as it means it.
//!
//! # Limits
//!
//! The size of a message, headers included, is limited by the server (`max_payload`, 1 MiB unless it is set) and by the
//! stream (`max_msg_size`). Header names are printable ASCII without spaces and colons; values have no line breaks. There
//! are no keys. A consumer hands out at most its `max_ack_pending` unsettled messages (1000 unless it is set), and has at
//! most `max_waiting` requests at once (512). One of another's making whose `ack_wait` is below a second is not kept alive
//! in time. The user has to be allowed `_INBOX.>`, `$JS.API.>` for the streams and consumers, and `$JS.ACK.>`.

#[cfg(feature = "jetstream")]
mod client;

#[cfg(feature = "jetstream")]
pub use client::{Broker, Delivery, Publisher, Subscriber};

use std::borrow::Cow;
use std::time::Duration;

use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::nats::subjects::{self, Wildcards, check_subject};
use crate::nats::{attributes, settings};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// JetStream's entry in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "jetstream",
    schemes: &["jetstream"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[Variable {
        name: "NATS_SERVER_URL",
        expected: "the server's address, nats://HOST:4222; several are separated by commas",
        required: true,
    }],
    settings: settings::OF_JETSTREAM,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: false,
        delivery_count: true,
        empty_body: true,
        binary_body: true,
        key: false,
        dedup: true,
        confirm: &[Confirm::All],
        offset: true,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: Some(covers),
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: None,
    check_message: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The subject, without wildcards.
    pub subject: Cow<'a, str>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The subject; `*` and `>` are wildcards.
    pub subject: Cow<'a, str>,
    /// The durable consumer's name.
    pub durable: Cow<'a, str>,
    /// The stream's name; looked up by the subject where there is none.
    pub stream: Option<Cow<'a, str>>,
    /// How long a delivery may stay unsettled, where the consumer is made.
    pub ack_wait: Duration,
}

static TOPIC: Grammar = Grammar {
    what: "a JetStream topic",
    schemes: &["jetstream"],
    example: "jetstream://orders.created",
    parameters: &[],
    elsewhere: (PARAMETERS, "a subscription"),
    credentials: "NATS_SERVER_URL",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a JetStream subscription",
    schemes: &["jetstream"],
    example: "jetstream://orders.created?durable=billing",
    parameters: &[PARAMETERS],
    elsewhere: (&[], "a topic"),
    credentials: "NATS_SERVER_URL",
};

const PARAMETERS: &[&str] = &["durable", "stream", "ack_wait"];

const DEFAULT_ACK_WAIT: Duration = Duration::from_secs(30);
const MIN_ACK_WAIT: Duration = Duration::from_secs(1);
const MAX_ACK_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl<'a> Topic<'a> {
    /// Reads `jetstream://SUBJECT`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a JetStream topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let subject = BrokerUrl::parse(url, &TOPIC)?.name()?;
        check_subject(&subject, Wildcards::Refused)?;
        Ok(Self { subject: subject.into_text() })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `jetstream://SUBJECT?durable=NAME`.
    ///
    /// # Errors
    /// The URL is not a JetStream subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let subject = url.name()?;
        check_subject(&subject, Wildcards::Accepted)?;
        let Some(durable) = url.value("durable")? else {
            return Err(url.error("a JetStream subscription needs `durable`, the name of its consumer"));
        };
        let durable = entity_name(durable, "the name of a consumer")?;
        let stream = url.value("stream")?.map(|stream| entity_name(stream, "the name of a stream")).transpose()?;
        let ack_wait = url.duration("ack_wait", Some(MAX_ACK_WAIT))?.unwrap_or(DEFAULT_ACK_WAIT);
        if ack_wait < MIN_ACK_WAIT {
            return Err(url.error_at_parameter("ack_wait", "`ack_wait` is at least 1s"));
        }
        Ok(Self { subject: subject.into_text(), durable, stream, ack_wait })
    }
}

fn covers(topic: &str, subscription: &str) -> bool {
    match (Topic::parse(topic), Subscription::parse(subscription)) {
        (Ok(topic), Ok(subscription)) => subjects::matches(&topic.subject, &subscription.subject),
        _ => false,
    }
}

/// The rules of NATS' ADR-6 for streams and consumers, which are a token of a subject and a folder of the server.
fn entity_name<'a>(name: Value<'a>, what: &str) -> Result<Cow<'a, str>, UrlError> {
    name.check_characters(
        |c| c.is_ascii_graphic() && !matches!(c, '.' | '*' | '>' | '/' | '\\'),
        &format!("{what} is visible ASCII without `.`, `*`, `>`, `/` and `\\`"),
    )?;
    name.check_length(255, what)?;
    Ok(name.into_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, subject) in
            [("jetstream://orders", "orders"), ("jetstream://a.b/", "a.b"), ("jetstream://caf%C3%A9", "café")]
        {
            assert_eq!(Topic::parse(url), Ok(Topic { subject: Cow::Borrowed(subject) }), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        let (durable, subject) = (Cow::Borrowed("d_1-x"), Cow::Borrowed("a.*.>"));
        let expected = Subscription { subject, durable, stream: None, ack_wait: Duration::from_secs(30) };
        assert_eq!(Subscription::parse("jetstream://a.*.>?durable=d_1-x"), Ok(expected.clone()));
        assert_eq!(
            Subscription::parse("jetstream://a.*.>?stream=S&ack_wait=1.5s&durable=d_1-x"),
            Ok(Subscription { stream: Some(Cow::Borrowed("S")), ack_wait: Duration::from_millis(1500), ..expected })
        );
    }

    #[test]
    fn refused_topics() {
        const LOOK: &str = "a JetStream topic looks like `jetstream://orders.created`";
        assert_refused(
            DRIVER.topic,
            &[
                ("[jetstream://]", "the URL does not name a JetStream topic", LOOK),
                ("[nats]://a", "`nats` is not the scheme of a JetStream topic", LOOK),
                ("jetstream://a.[*]", "the wildcard `*` cannot be published to", "wildcards are for subscriptions"),
                (
                    "jetstream://a?[durable]=b",
                    "`durable` is not a parameter of a JetStream topic, only of a subscription",
                    "a JetStream topic has no parameters",
                ),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        const LOOK: &str = "a JetStream subscription looks like `jetstream://orders.created?durable=billing`";
        const CONSUMER: &str = "the name of a consumer is visible ASCII without `.`, `*`, `>`, `/` and `\\`";
        const STREAM: &str = "the name of a stream is visible ASCII without `.`, `*`, `>`, `/` and `\\`";
        assert_refused(
            DRIVER.subscription,
            &[
                ("[jetstream://a]", "a JetStream subscription needs `durable`, the name of its consumer", LOOK),
                ("jetstream://a?[durable]=", "`durable` has no value", ""),
                ("jetstream://a?durable=b[.]c", "`.` is not allowed here", CONSUMER),
                ("jetstream://a?durable=b&stream=[é]", "`é` is not allowed here", STREAM),
                ("jetstream://a?durable=b&[ack_wait]=10ms", "`ack_wait` is at least 1s", ""),
                (
                    "jetstream://a?durable=b&ack_wait=[5]",
                    "the duration has no unit",
                    "write a number and a unit: `250ms`, `2s`, `1m30s`, `1h`",
                ),
                ("jetstream://a?[queue]=b", "unknown parameter `queue`", "accepted: `durable`, `stream`, `ack_wait`"),
            ],
        );
    }
}
