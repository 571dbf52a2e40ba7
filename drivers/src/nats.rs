//! NATS, without JetStream.
//!
//! # URL
//!
//! A topic is `nats://SUBJECT`.
//!
//! ```
//! use sluicegate_drivers::nats::Topic;
//!
//! assert_eq!(Topic::parse("nats://orders.created")?.subject, "orders.created");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `nats://SUBJECT` as well, where `*` stands for one token and `>` for the rest.
//! `queue` names the queue group that shares the messages; without it, every gateway gets each one. `buffer` is how many
//! messages wait at most for a request that receives them, up to 10000000.
//!
//! ```
//! use sluicegate_drivers::nats::Subscription;
//!
//! let subscription = Subscription::parse("nats://orders.*?queue=billing")?;
//! assert_eq!(subscription.subject, "orders.*");
//! assert_eq!(subscription.queue.as_deref(), Some("billing"));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! `natsv2` is accepted on both and changes nothing: messages have native headers, with or without
//! it, and a reader understands all that a KrakenD writes.
//!
//! # Environment
//!
//! `NATS_SERVER_URL` (required): the servers, separated by commas. Each is `HOST`, `HOST:PORT`,
//! `nats://USER:PASSWORD@HOST:PORT`, `nats://TOKEN@HOST`, or `tls://HOST`, which is only used with TLS; without a port
//! it is 4222, and escapes such as `%40` are decoded in a login. One of them is connected to; servers that it tells of
//! besides are not used. TLS is spoken wherever the server asks for it, and
//! trusts the system's roots, or the bundled ones where the system has none.
//!
//! A named broker has these settings instead. Variables and files are read again at each connect, and a file that changes
//! while there is a connection makes another one, within seconds: the one before is kept until that stands, and what is on
//! its way there is confirmed first. So a certificate or a login is renewed without a restart.
//!
//! | Setting | Means |
//! | --- | --- |
//! | `servers` | as `NATS_SERVER_URL`; a login in an address goes before the ones below |
//! | `user`, `password` | a login; at most one of this, `token`, `nkey` and `credentials` is given |
//! | `token` | a token |
//! | `nkey` | the seed of a user's nkey: `SU...` |
//! | `credentials` | the path of a credentials file: a JWT and a seed |
//! | `tls.required` | refuses servers without TLS; so do `tls.ca_certs` and `tls.client_cert` |
//! | `tls.ca_certs` | roots to trust besides the system's, paths of PEM files |
//! | `tls.disable_system_ca_pool` | trusts no others than those |
//! | `tls.client_cert`, `tls.client_key` | the client's certificate and its key, paths of PEM files |
//! | `max_pending` | how many messages may be without their confirmation, awaited or not (65536); more are refused at once |
//! | `buffer` | how many messages each subscription holds that nobody has received yet (1024) |
//!
//! # Delivery
//!
//! At most once. A publish is confirmed by a round trip to the server, shared by all that are published meanwhile: the
//! server has processed the message and not refused it, which says nothing of any subscriber. Nothing is kept for later
//! while there is no connection. What is published while no one subscribes is gone.
//!
//! A subscription stands from the start, and asks for its messages without end: they wait in a buffer of the gateway
//! until a request receives them. When that is full (`buffer`, 1024 unless it is set, or 64 MiB), the oldest are dropped, which is counted and
//! an error in the log. Without `queue` each subscription gets every message; with one, the messages are shared, and two
//! subscriptions of one gateway with the same subject and queue are one. Nothing is received while the connection is
//! lost.
//!
//! A delivery that is given back or dropped comes again within this process, before all that arrived after it and counted
//! as delivered before: the server has forgotten it. A dead-lettered message is dropped. What waits or is not settled when
//! the gateway ends is lost: counted, and an error in the log. So are messages published without a confirmation that were not
//! written when the connection was lost. Messages of one publisher arrive in order.
//!
//! Attributes are NATS' headers, exactly as they are given; names are printable ASCII without spaces and colons, and
//! values have no line breaks. Messages of a KrakenD are read as it means them, with `natsv2` (escaped headers) and
//! without (Go's gob encoding).
//!
//! # Limits
//!
//! The size of a message with its headers is limited by the server (`max_payload`, 1 MiB unless it is set). There are no
//! keys, identities or dead letters. A server that does not answer for 5 s is taken to be lost; what was published to it
//! meanwhile may have been stored.

pub(crate) mod addresses;
pub(crate) mod attributes;
#[cfg(feature = "nats")]
pub(crate) mod client;
#[cfg(feature = "nats")]
pub(crate) mod options;
pub(crate) mod settings;
pub(crate) mod subjects;

#[cfg(feature = "nats")]
pub use client::{Broker, Delivery, Publisher, Subscriber};

use std::borrow::Cow;

use self::subjects::{MAX_LENGTH, Wildcards, check_subject};
use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// NATS' entry in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "nats",
    schemes: &["nats"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[Variable {
        name: "NATS_SERVER_URL",
        expected: "the server's address, nats://HOST:4222; several are separated by commas",
        required: true,
    }],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: false,
        ordering: true,
        dead_letter: false,
        delivery_count: true,
        empty_body: true,
        binary_body: true,
        key: false,
        dedup: false,
        confirm: &[Confirm::All, Confirm::None],
        offset: false,
        timestamp: false,
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
    /// The queue group that shares the messages.
    pub queue: Option<Cow<'a, str>>,
    /// How many messages wait at most to be received; `None` is the broker's setting.
    pub buffer: Option<usize>,
}

const MAX_BUFFER: u32 = 10_000_000;

static TOPIC: Grammar = Grammar {
    what: "a NATS topic",
    schemes: DRIVER.schemes,
    example: "nats://mysubject",
    parameters: &[&["natsv2"]],
    elsewhere: (&["buffer", "queue"], "a subscription"),
    credentials: "NATS_SERVER_URL",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a NATS subscription",
    schemes: DRIVER.schemes,
    example: "nats://mysubject?queue=myqueue",
    parameters: &[&["natsv2", "queue", "buffer"]],
    elsewhere: (&[], "a topic"),
    credentials: "NATS_SERVER_URL",
};

impl<'a> Topic<'a> {
    /// Reads `nats://SUBJECT`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a NATS topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let subject = url.name()?;
        check_subject(&subject, Wildcards::Refused)?;
        url.flag("natsv2")?;
        Ok(Self { subject: subject.into_text() })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `nats://SUBJECT?queue=QUEUE&buffer=NUMBER`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a NATS subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let subject = url.name()?;
        check_subject(&subject, Wildcards::Accepted)?;
        url.flag("natsv2")?;
        let queue = url.value("queue")?;
        if let Some(queue) = &queue {
            queue.check_characters(|c| !c.is_whitespace(), "the name of a queue group has no white space")?;
            queue.check_length(MAX_LENGTH, "the name of a queue group")?;
        }
        let buffer = url.integer("buffer", 1..=MAX_BUFFER)?.map(|buffer| buffer as usize);
        Ok(Self { subject: subject.into_text(), queue: queue.map(Value::into_text), buffer })
    }
}

fn covers(topic: &str, subscription: &str) -> bool {
    match (Topic::parse(topic), Subscription::parse(subscription)) {
        (Ok(topic), Ok(subscription)) => subjects::matches(&topic.subject, &subscription.subject),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, subject) in [
            ("nats://mysubject", "mysubject"),
            ("nats://orders.created?natsv2", "orders.created"),
            ("nats://orders/eu.created?natsv2=true", "orders/eu.created"),
            ("nats://$JS.x-1_y?natsv2=0", "$JS.x-1_y"),
            ("nats://caf%C3%A9/", "café"),
        ] {
            assert_eq!(Topic::parse(url), Ok(Topic { subject: Cow::Borrowed(subject) }), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        for (url, subject, queue, buffer) in [
            ("nats://mysubject", "mysubject", None, None),
            ("nats://*?natsv2", "*", None, None),
            ("nats://>?buffer=5", ">", None, Some(5)),
            ("nats://a.*.c.>?queue=q.1&natsv2=false", "a.*.c.>", Some("q.1"), None),
        ] {
            let expected = Subscription { subject: Cow::Borrowed(subject), queue: queue.map(Cow::Borrowed), buffer };
            assert_eq!(Subscription::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn refused_topics() {
        const TOKENS: &str = "a subject is words between single dots: `orders.created`";
        const WILDCARDS: &str = "wildcards are for subscriptions";
        assert_refused(
            DRIVER.topic,
            &[
                ("[nats://]", "the URL does not name a NATS topic", "a NATS topic looks like `nats://mysubject`"),
                ("nats://[.]a", "a token of the subject is empty", TOKENS),
                ("nats://a[.].b", "a token of the subject is empty", TOKENS),
                ("nats://a.b[.]", "a token of the subject is empty", TOKENS),
                ("nats://[a%20b]", "` ` is not allowed here", "a subject has no white space"),
                ("nats://a.[*]", "the wildcard `*` cannot be published to", WILDCARDS),
                ("nats://a.[>]?natsv2", "the wildcard `>` cannot be published to", WILDCARDS),
                (
                    "nats://a?[queue]=b",
                    "`queue` is not a parameter of a NATS topic, only of a subscription",
                    "accepted: `natsv2`",
                ),
                ("nats://a?natsv2=[2]", "`2` is not a boolean", "write `true` or `false`"),
                ("nats://a?[bogus]=1", "unknown parameter `bogus`", "accepted: `natsv2`"),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        const PART: &str = "`*` stands for one whole token, `>` for the rest of the subject";
        assert_refused(
            DRIVER.subscription,
            &[
                ("nats://a.b[*]", "the wildcard `*` is only part of a token", PART),
                ("nats://a.[>]b", "the wildcard `>` is only part of a token", PART),
                (
                    "nats://a.[>].b",
                    "the wildcard `>` is not at the end",
                    "`>` stands for the rest of the subject, `*` for one token",
                ),
                ("nats://a?[queue]=", "`queue` has no value", ""),
                ("nats://a?buffer=[0]", "`0` is not a whole number from 1 to 10000000", ""),
                ("nats://a?queue=[a+b]", "` ` is not allowed here", "the name of a queue group has no white space"),
                (
                    "nats://a?[Queue]=b",
                    "unknown parameter `Queue`",
                    "did you mean `queue`? (accepted: `natsv2`, `queue`, `buffer`)",
                ),
            ],
        );
    }
}
