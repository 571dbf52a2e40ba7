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
//! A subscription is `kafka://GROUP?topic=TOPIC`, with the name of the consumer group and these parameters:
//!
//! | Parameter | Means | Default |
//! | --- | --- | --- |
//! | `topic` | a topic's name; may be repeated. Regular expressions are refused | required |
//! | `offset` | where the group begins in a partition that it has no offset for: `oldest` or `newest` | `newest` |
//! | `assignor` | how partitions are shared out: `cooperative-sticky`, `range` or `roundrobin`, the same for all members | `cooperative-sticky` |
//! | `isolation` | `read_committed`, or `read_uncommitted` to receive what belongs to open and aborted transactions | `read_committed` |
//! | `session_timeout` | after what silence a member counts as gone, and its partitions go to others; `6s` to `30m`, within what the broker allows | `8s` |
//! | `max_unsettled` | how far ahead of its first unsettled message a partition hands out new ones, in messages; 1 to 100000 | `1000` |
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
//!   Kubernetes; or `OAUTHBEARER` and a `token_endpoint` with `client_id` and `client_secret`. All but `PLAIN` need
//!   `kafka-tls` as well.
//!
//! A `token_endpoint` (`https://id.example.com/oauth2/token`; `http://` only to this machine's own addresses, since the secret
//! would be seen) is asked by OAuth 2.0's client credentials grant, RFC 6749 section 4.4. `client_auth` is `basic` (the
//! default: id and secret in the header `Authorization`) or `post` (in the body); `scope` and `audience` are sent where they
//! are given. Whom `tls` trusts is trusted there too, also where `enabled` is `false`; where the system has no authorities,
//! those of Mozilla are bundled for it. Redirects are not followed, and proxies not used. A token is fetched in the
//! background as the broker opens, one for all clients of it, and anew after three quarters of its life, which is the
//! shorter one of `expires_in` and its own `exp`, or five minutes where neither says. While the endpoint fails, the old token is
//! used to its end, and it is asked again after 1 to 30 seconds, or once a file of the settings has changed; the secret is
//! read for each request. A JSON Web Token's `sub` is the principal that is told to librdkafka. SASL extensions cannot be
//! sent: rdkafka does not pass them on.
//!
//! `AWS_MSK_IAM` and `GSSAPI` are refused. The former is OAUTHBEARER with a token that is a signed AWS URL. The one crate that
//! makes those (aws-msk-iam-sasl-signer) is one person's port of what AWS has for other languages, and brings AWS's
//! configuration and STS along, so it is not used; AWS's own signer (aws-sigv4) needs credentials, whose sources are not there yet.
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
//! An acknowledged delivery moves the group's offset once everything before it in its partition is settled; one given back
//! is delivered again from memory. What was not settled when the gateway ends is delivered to the next member of the group.
//! Order holds within a partition, so among the messages of one key, but for those given back.
//!
//! ## Consumer groups
//!
//! Subscriptions of one URL share a member of the group, which joins when the gateway starts and stays, however few
//! requests there are. Those of other topics or options are members of their own, also of the same group. A member
//! hands out nothing but to a request that waits, and a partition is read round about with the others. What librdkafka
//! fetches ahead of that (of each partition up to 1,000 messages, and no more from 1 MiB on; up to 8 MiB on their way)
//! is not committed before it was delivered and acknowledged, so nothing of it is lost with the process.
//!
//! - *Settling.* Of each partition the offset is committed up to the first message that is not settled, at once and from
//!   then on every 50 ms. As long as that goes well an acknowledgement does not wait for it; from a commit that the
//!   broker has not taken until the next that it has, each waits for its own and fails with it, what is settled is kept
//!   and tried again, and the log says so. One given back is kept in memory and comes again after its wait, while those
//!   behind it go on; from `max_unsettled` messages or 32 MiB of unsettled ones on, the partition waits. A process that
//!   is killed leaves what it had acknowledged in the last 50 ms, and behind an unsettled message, to be delivered once
//!   more.
//! - *Dead letters.* Kafka has no place for them: without a topic of the config's own the message is skipped, and its
//!   offset committed. Deliveries are counted by the gateway while it keeps the message; another member begins anew.
//! - *Rebalances.* Before partitions go to another member, what is held is waited for (half a second), and the offsets
//!   are committed. Then its deliveries have expired: they cannot be settled, nothing more is committed, and they are
//!   the other member's. With `cooperative-sticky` the partitions that stay are read on meanwhile. What comes twice at
//!   a rebalance is what was not settled, and what was acknowledged behind it.
//! - *Where a group begins.* With `newest`, the end of each partition is committed when the group first joins: what is
//!   published from then on is received, whoever has the partition by then. A partition that a topic gets later is found
//!   within half a minute, and begins at what comes then: with `oldest` nothing of it is missed.
//! - *Static members.* A named broker's setting `group_instance_id`, different in each process (`"env:HOSTNAME"`),
//!   makes this process a static member of its groups: it does not leave them when it ends, and has its partitions
//!   again if it is back within `session_timeout`. Under one such name a process receives from a group by one URL only.
//!   A process whose name another has taken is told so, and looks again after a while, seldom.
//! - *Trouble.* A topic that is not there or not for this user, or a group that cannot be joined, is an error of the
//!   endpoint and in the log; it is looked at again, a topic every two seconds. Without a connection for a second, who
//!   wants a message is told at once, unless one is there. Once the broker is back, a member whose session has lasted
//!   goes on within a few seconds; one that has lost it joins again, which may take `session_timeout`, as after a
//!   server that hung. Closing commits, and leaves the group, within five seconds.
//! - *Records.* Headers are attributes; of several with one name the values are joined by `, `, and a null value is
//!   empty. What is not UTF-8 in a value or a key becomes U+FFFD, and a header whose name is not UTF-8 is left out,
//!   with an error in the log. A null body is empty, with the attribute `Kafka-Tombstone: true`. The identity is
//!   `TOPIC-PARTITION@OFFSET`. What a KrakenD wrote has its metadata in headers, which is the same.
//! - *Lag.* How far each partition's group is behind is in `Broker::figures`, from librdkafka's statistics.
//!
//! # Limits
//!
//! The size of a message is limited by its topic (`max.message.bytes`, 1 MiB unless it is set), which is asked for at each
//! connection, every five minutes, and soon after it has refused a message, where the user may see it and does not log in by
//! tokens; a message over it is refused without being sent, unless it is compressed. Over 100 MB nothing is sent. Those that
//! publish alike (`confirm`, `partitioner`, `compression`) share one client, whose queue holds 100,000 messages or 256 MiB.
//!
//! A broker refuses a whole batch (64 KiB at most) that is over the limit, or has a record in it that the topic does not take:
//! its messages are published again, each in a batch of its own by a client that is made for this, and only those are refused
//! that are refused then. Once a topic has shown to take less than a batch, all its messages go that way.
//!
//! Kafka has no dead-letter topic of its own and does not count deliveries. It knows a record by its place: another id that
//! a message has, such as one that comes from another broker as a dead letter, is not stored. A topic's name has at most 249
//! letters, digits, `.`, `_` and `-`.

mod addresses;
mod attributes;
#[cfg(feature = "kafka")]
mod client;
mod endpoint;
#[cfg(feature = "kafka")]
mod options;
mod settings;
mod subscription;

use std::borrow::Cow;

#[cfg(feature = "kafka")]
pub use self::client::{Broker, Delivery, Figures, Publisher, Subscriber};
pub use self::settings::needs_tls;
pub use self::subscription::{Assignor, Isolation, Offset, Subscription};
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
    check_message: None,
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

/// The parameters of a topic.
const PARAMETERS: &[&str] = &["key_name", "partitioner", "compression", "tombstones"];

static TOPIC: Grammar = Grammar {
    what: "a Kafka topic",
    schemes: DRIVER.schemes,
    example: "kafka://mytopic",
    parameters: &[PARAMETERS],
    elsewhere: (subscription::PARAMETERS, "a subscription"),
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
}
