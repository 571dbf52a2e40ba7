//! Apache Kafka.
//!
//! # URL
//!
//! A topic is `kafka://TOPIC`. `key_name` names the attribute that becomes the record's key instead
//! of a header. Three more are this driver's own:
//!
//! - `partitioner` says how a record finds its partition: `fnv1a_random` (the default, with which a key keeps the partition
//!   that it has with KrakenD), `murmur2_random` (as Kafka's own client does), `consistent_random` (CRC32, as librdkafka
//!   does), or `random`; `fnv1a`, `murmur2` and `consistent` put all records without a key into one partition.
//! - `compression` is `none` (the default), `gzip`, `snappy`, `lz4` or `zstd`.
//! - `tombstones` has a message without a body published without a value, which deletes its key from a compacted topic.
//!
//! ```
//! use sluicegate_drivers::kafka::Topic;
//!
//! let topic = Topic::parse("kafka://orders?key_name=X-Customer-Id")?;
//! assert_eq!(topic.name, "orders");
//! assert_eq!(topic.key_name.as_deref(), Some("X-Customer-Id"));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `kafka://GROUP?topic=TOPIC`, with the name of the consumer group. `topic` is
//! required and may be repeated; `offset` (`oldest` or `newest`, the default) says where a group
//! begins that has no offset yet. Regular expressions are refused.
//!
//! ```
//! use sluicegate_drivers::kafka::{Offset, Subscription};
//!
//! let subscription = Subscription::parse("kafka://billing?topic=orders&topic=refunds&offset=oldest")?;
//! assert_eq!(subscription.group, "billing");
//! assert_eq!(subscription.topics, ["orders", "refunds"]);
//! assert_eq!(subscription.offset, Offset::Oldest);
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! `KAFKA_BROKERS` (required): the addresses to start from, `HOST` or `HOST:PORT`, separated by commas; the port is 9092
//! unless it is given. This broker speaks neither TLS nor SASL, as with KrakenD. A named broker does, by its settings:
//!
//! - `servers` (required), `client_id` (`sluicegate` unless it is given) and `rack`.
//! - `tls`: `enabled`, or any of `ca_certs`, `client_cert` and `client_key` (with `key_password`), and
//!   `disable_system_ca_pool`. The system's authorities are trusted besides those of `ca_certs`; where it has none and there
//!   is no `ca_certs`, it is an error, since no authorities are bundled. Needs a build with the feature `kafka-tls`, which
//!   `cargo gateway` asks for by itself, and which links an OpenSSL: librdkafka has no other.
//! - `sasl`: `mechanism` (`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`), `user` and `password`; or the mechanism `OAUTHBEARER`
//!   and a `token`, which is read again whenever a new one is needed: `file:PATH` of one that somebody renews, such as
//!   Kubernetes. All but `PLAIN` need `kafka-tls` as well.
//!
//! Settings are read whenever a client is made. When a file of theirs changes, a new client is made and takes the place of
//! the old one as soon as it is connected; the old one ends when what was on its way is confirmed. Where the new one cannot
//! connect, the old one is kept.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by all in-sync replicas, and librdkafka numbers the records of a producer
//! (`enable.idempotence`), so that trying again stores none twice and keeps their order. `confirm: leader` waits for the
//! leader alone, without numbers; `none` for nothing. While there is no connection, nothing is taken and nothing is kept for
//! later: a publish fails at once. What was on its way when a connection was lost is sent again for a second, after that it
//! counts as not confirmed, and so does what has no answer after 10 seconds. A topic that is not there is refused after about
//! a second, which is the time that a broker has to make it by itself.
//!
//! Attributes are headers, under their names. `Kafka-Timestamp` (milliseconds since 1970, or RFC 3339) is the record's own
//! timestamp instead of a header; `Kafka-Tombstone: true` leaves a message without a body without a value.
//!
//! An acknowledged delivery moves the
//! group's offset once everything before it in its partition is settled; one given back is delivered
//! again from memory. What was not settled when the gateway ends is delivered to the next member of
//! the group. Order holds within a partition, so among the messages of one key.
//!
//! # Limits
//!
//! The size of a message is limited by its topic (`max.message.bytes`, 1 MiB unless it is set), which is asked for at each
//! connection where the user may see it; a message over it is refused without being sent. Over 100 MB nothing is sent. Those
//! that publish alike (`confirm`, `partitioner`, `compression`) share one client, whose queue holds 100,000 messages or
//! 256 MiB.
//! Kafka has no dead-letter topic of its own and does not count deliveries. A topic's name has at
//! most 249 letters, digits, `.`, `_` and `-`.

mod addresses;
mod attributes;
#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "kafka")]
mod options;
mod settings;

use std::borrow::Cow;

#[cfg(feature = "kafka")]
pub use self::client::{Broker, Delivery, Figures, Publisher, Subscriber};
pub use self::settings::needs_tls;
use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// Kafka's entry in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "kafka",
    schemes: &["kafka"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[Variable {
        name: "KAFKA_BROKERS",
        expected: "the brokers' addresses, HOST:PORT, separated by commas",
        required: true,
    }],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: false,
        delivery_count: false,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: false,
        confirm: &[Confirm::All, Confirm::Leader, Confirm::None],
        offset: true,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: Some(covers),
    check_attribute: Some(attributes::check),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The topic's name.
    pub name: Cow<'a, str>,
    /// The attribute whose value is the record's key instead of a header.
    pub key_name: Option<Cow<'a, str>>,
    /// How a record finds its partition.
    pub partitioner: Partitioner,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// Whether a message without a body has no value either, which deletes its key from a compacted topic.
    pub tombstones: bool,
}

/// How a record finds its partition: by a hash of its key, or anywhere where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// As KrakenD's client does: FNV-1a.
    #[default]
    Fnv1aRandom,
    /// As Kafka's own client does: Murmur2.
    Murmur2Random,
    /// As librdkafka does unless it is told otherwise: CRC32.
    ConsistentRandom,
    /// FNV-1a, and those without a key all in one partition.
    Fnv1a,
    /// Murmur2, and those without a key all in one partition.
    Murmur2,
    /// CRC32, and those without a key all in one partition.
    Consistent,
    /// Anywhere, whatever the key.
    Random,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the codecs")]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

const PARTITIONERS: [(&str, Partitioner); 7] = [
    ("fnv1a_random", Partitioner::Fnv1aRandom),
    ("murmur2_random", Partitioner::Murmur2Random),
    ("consistent_random", Partitioner::ConsistentRandom),
    ("fnv1a", Partitioner::Fnv1a),
    ("murmur2", Partitioner::Murmur2),
    ("consistent", Partitioner::Consistent),
    ("random", Partitioner::Random),
];

const COMPRESSIONS: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

#[cfg(feature = "kafka")]
impl Partitioner {
    /// Its name in a URL, which is librdkafka's as well.
    fn name(self) -> &'static str {
        PARTITIONERS.iter().find(|(_, known)| *known == self).map_or("fnv1a_random", |(name, _)| name)
    }
}

#[cfg(feature = "kafka")]
impl Compression {
    fn is_none(self) -> bool {
        self == Self::None
    }

    /// Its name in a URL, which is librdkafka's as well.
    fn name(self) -> &'static str {
        COMPRESSIONS.iter().find(|(_, known)| *known == self).map_or("none", |(name, _)| name)
    }
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The consumer group's name.
    pub group: Cow<'a, str>,
    /// The topics' names, each once, at least one.
    pub topics: Vec<Cow<'a, str>>,
    /// Where a group begins that has no offset yet.
    pub offset: Offset,
}

/// Where a consumer group begins in a partition that it has no offset for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offset {
    /// At the first message that the broker still has.
    Oldest,
    /// At the next message that is published.
    #[default]
    Newest,
}

static TOPIC: Grammar = Grammar {
    what: "a Kafka topic",
    schemes: DRIVER.schemes,
    example: "kafka://mytopic",
    parameters: &[&["key_name", "partitioner", "compression", "tombstones"]],
    elsewhere: (&["topic", "offset"], "a subscription"),
    credentials: "KAFKA_BROKERS",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a Kafka subscription",
    schemes: DRIVER.schemes,
    example: "kafka://mygroup?topic=mytopic",
    parameters: &[&["topic", "offset"]],
    elsewhere: (&["key_name", "partitioner", "compression", "tombstones"], "a topic"),
    credentials: "KAFKA_BROKERS",
};

impl<'a> Topic<'a> {
    /// Reads `kafka://TOPIC`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a Kafka topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let name = url.name()?;
        check_topic(&name)?;
        Ok(Self {
            name: name.into_text(),
            key_name: url.text("key_name")?,
            partitioner: url.one_of("partitioner", &PARTITIONERS)?.unwrap_or_default(),
            compression: url.one_of("compression", &COMPRESSIONS)?.unwrap_or_default(),
            tombstones: url.flag("tombstones")?,
        })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `kafka://GROUP?topic=TOPIC`.
    ///
    /// # Errors
    /// The URL is not a Kafka subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let group = url.name()?;
        let mut topics = Vec::new();
        for topic in url.values("topic")? {
            check_topic(&topic)?;
            let topic = topic.into_text();
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        if topics.is_empty() {
            // The most common mistake: a subscription that names its topic where the group belongs.
            return Err(group
                .error("the subscription has no `topic`")
                .with_help(format!("the name before `?` is the group; {}", url.example())));
        }
        let offset = url.one_of("offset", &[("oldest", Offset::Oldest), ("newest", Offset::Newest)])?;
        Ok(Self { group: group.into_text(), topics, offset: offset.unwrap_or_default() })
    }
}

/// Whether what is published to a topic arrives at a subscription, by their URLs.
fn covers(topic: &str, subscription: &str) -> bool {
    let (Ok(topic), Ok(subscription)) = (Topic::parse(topic), Subscription::parse(subscription)) else { return false };
    subscription.topics.contains(&topic.name)
}

/// The rule of Kafka's own `Topic.validate`.
fn check_topic(name: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the name of a Kafka topic has letters, digits, `.`, `_` and `-`";
    if name.text.starts_with('^') {
        return Err(name.error_at(0..1, "regular expressions are not supported").with_help("name each topic"));
    }
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'), RULE)?;
    name.check_length(249, "the name of a Kafka topic")?;
    if matches!(&*name.text, "." | "..") {
        return Err(name.error(format!("a Kafka topic cannot be called `{}`", name.text)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        let topic = |name, key_name: Option<&'static str>| {
            Ok(Topic {
                name: Cow::Borrowed(name),
                key_name: key_name.map(Cow::Borrowed),
                partitioner: Partitioner::default(),
                compression: Compression::default(),
                tombstones: false,
            })
        };
        for (url, expected) in [
            ("kafka://mytopic", topic("mytopic", None)),
            ("kafka://mytopic/", topic("mytopic", None)),
            ("kafka://my%74opic", topic("mytopic", None)),
            ("kafka://My.topic_1-a?key_name=Rk", topic("My.topic_1-a", Some("Rk"))),
            ("kafka://t?&key_name=a+b&", topic("t", Some("a b"))),
            ("kafka://t?", topic("t", None)),
        ] {
            assert_eq!(Topic::parse(url), expected, "{url}");
        }
        let topic = Topic::parse("kafka://t?partitioner=murmur2&compression=ZSTD&tombstones");
        let topic = topic.expect("a topic");
        assert_eq!(
            (topic.partitioner, topic.compression, topic.tombstones),
            (Partitioner::Murmur2, Compression::Zstd, true)
        );
    }

    #[test]
    fn subscriptions() {
        let subscription = |group, topics: &[&'static str], offset| {
            let topics = topics.iter().copied().map(Cow::Borrowed).collect();
            Ok(Subscription { group: Cow::Borrowed(group), topics, offset })
        };
        for (url, expected) in [
            ("kafka://g?topic=a", subscription("g", &["a"], Offset::Newest)),
            ("kafka://g?topic=a&topic=b&topic=a", subscription("g", &["a", "b"], Offset::Newest)),
            ("kafka://my%20group/x?offset=oldest&topic=a", subscription("my group/x", &["a"], Offset::Oldest)),
            ("kafka://g?topic=a&offset=Newest", subscription("g", &["a"], Offset::Newest)),
        ] {
            assert_eq!(Subscription::parse(url), expected, "{url}");
        }
    }

    #[test]
    fn refused_topics() {
        const RULE: &str = "the name of a Kafka topic has letters, digits, `.`, `_` and `-`";
        const EXAMPLE: &str = "a Kafka topic looks like `kafka://mytopic`";
        let long = "x".repeat(250);
        assert_refused(
            DRIVER.topic,
            &[
                ("[kafka://]", "the URL does not name a Kafka topic", EXAMPLE),
                ("[kafka:///?key_name=a]", "the URL does not name a Kafka topic", EXAMPLE),
                ("kafka://[/]mytopic", "`/` is not allowed here", RULE),
                ("kafka://my[:]topic", "`:` is not allowed here", RULE),
                ("kafka://my[é]topic", "`é` is not allowed here", RULE),
                ("kafka://[my%20topic]", "` ` is not allowed here", RULE),
                ("kafka://[^]my.*", "regular expressions are not supported", "name each topic"),
                ("kafka://[..]", "a Kafka topic cannot be called `..`", ""),
                (&format!("kafka://[{long}]"), "the name of a Kafka topic has at most 249 bytes, this one has 250", ""),
                (
                    "kafka://a?[topic]=b",
                    "`topic` is not a parameter of a Kafka topic, only of a subscription",
                    "accepted: `key_name`, `partitioner`, `compression`, `tombstones`",
                ),
                (
                    "kafka://a?[name_key]=b",
                    "unknown parameter `name_key`",
                    "did you mean `key_name`? (accepted: `key_name`, `partitioner`, `compression`, `tombstones`)",
                ),
                (
                    "kafka://a?compression=[brotli]",
                    "`brotli` is not a value of `compression`",
                    "accepted: `none`, `gzip`, `snappy`, `lz4`, `zstd`",
                ),
                ("kafka://a?[key_name]=", "`key_name` has no value", ""),
                ("kafka://a?key_name=b&[key_name]=c", "`key_name` is given twice", ""),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        const EXAMPLE: &str = "a Kafka subscription looks like `kafka://mygroup?topic=mytopic`";
        const NO_TOPIC: &str =
            "the name before `?` is the group; a Kafka subscription looks like `kafka://mygroup?topic=mytopic`";
        assert_refused(
            DRIVER.subscription,
            &[
                ("[kafka://?topic=a]", "the URL does not name a Kafka subscription", EXAMPLE),
                ("kafka://[mytopic]", "the subscription has no `topic`", NO_TOPIC),
                ("kafka://[g]?offset=oldest", "the subscription has no `topic`", NO_TOPIC),
                ("kafka://g?[topic]=", "`topic` has no value", ""),
                (
                    "kafka://g?topic=a&topic=b[,]c",
                    "`,` is not allowed here",
                    "the name of a Kafka topic has letters, digits, `.`, `_` and `-`",
                ),
                ("kafka://g?topic=[^]a", "regular expressions are not supported", "name each topic"),
                (
                    "kafka://g?topic=a&offset=[latest]",
                    "`latest` is not a value of `offset`",
                    "accepted: `oldest`, `newest`",
                ),
                (
                    "kafka://g?[topics]=a",
                    "unknown parameter `topics`",
                    "did you mean `topic`? (accepted: `topic`, `offset`)",
                ),
                (
                    "kafka://g?topic=a&[key_name]=b",
                    "`key_name` is not a parameter of a Kafka subscription, only of a topic",
                    "accepted: `topic`, `offset`",
                ),
            ],
        );
    }
}
