//! The URL of a subscription.

use std::borrow::Cow;
use std::time::Duration;

use super::check_topic;
use crate::UrlError;
use crate::grammar::{BrokerUrl, Grammar};

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The consumer group's name.
    pub group: Cow<'a, str>,
    /// The topics' names, each once, at least one.
    pub topics: Vec<Cow<'a, str>>,
    /// Where a group begins that has no offset yet.
    pub offset: Offset,
    /// How the group shares out partitions.
    pub assignor: Assignor,
    /// Whether messages of open transactions are received.
    pub isolation: Isolation,
    /// After what silence a member counts as gone.
    pub session_timeout: Duration,
    /// How far ahead of the first unsettled message of a partition new ones are handed out.
    pub max_unsettled: u32,
}

/// Where a consumer group begins in a partition that it has no offset for.
///
/// Where the message of its offset is gone, since it was away for longer than the topic keeps messages or the topic was made
/// anew, a group goes on at the first message that the broker still has, whatever is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Offset {
    /// At the first message that the broker still has.
    Oldest,
    /// At the next message that is published.
    #[default]
    Newest,
}

/// How a consumer group shares out partitions. All members of a group must have one in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Assignor {
    /// Evenly, moving as few as possible, while the others are read on.
    #[default]
    CooperativeSticky,
    /// Of each topic, neighbouring partitions to each member. Everything stops while it is done.
    Range,
    /// One to each member in turn. Everything stops while it is done.
    RoundRobin,
}

/// Whether messages of transactions are received that are not, or not yet, committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// They are not.
    #[default]
    ReadCommitted,
    /// They are.
    ReadUncommitted,
}

/// The parameters of a subscription.
pub(super) const PARAMETERS: &[&str] =
    &["topic", "offset", "assignor", "isolation", "session_timeout", "max_unsettled"];

const OFFSETS: [(&str, Offset); 2] = [("oldest", Offset::Oldest), ("newest", Offset::Newest)];

const ASSIGNORS: [(&str, Assignor); 3] = [
    ("cooperative-sticky", Assignor::CooperativeSticky),
    ("range", Assignor::Range),
    ("roundrobin", Assignor::RoundRobin),
];

const ISOLATIONS: [(&str, Isolation); 2] =
    [("read_committed", Isolation::ReadCommitted), ("read_uncommitted", Isolation::ReadUncommitted)];

const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(8);
/// What a broker accepts unless it is told otherwise.
const MIN_SESSION_TIMEOUT: Duration = Duration::from_secs(6);
const MAX_SESSION_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_MAX_UNSETTLED: u32 = 1_000;

static SUBSCRIPTION: Grammar = Grammar {
    what: "a Kafka subscription",
    schemes: &["kafka"],
    example: "kafka://mygroup?topic=mytopic",
    parameters: &[PARAMETERS],
    elsewhere: (super::PARAMETERS, "a topic"),
    credentials: "KAFKA_BROKERS",
};

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
        let session_timeout =
            url.duration("session_timeout", Some(MAX_SESSION_TIMEOUT))?.unwrap_or(DEFAULT_SESSION_TIMEOUT);
        if session_timeout < MIN_SESSION_TIMEOUT {
            let message = format!("`session_timeout` is at least {MIN_SESSION_TIMEOUT:?}");
            return Err(url.error_at_parameter("session_timeout", message));
        }
        Ok(Self {
            group: group.into_text(),
            topics,
            offset: url.one_of("offset", &OFFSETS)?.unwrap_or_default(),
            assignor: url.one_of("assignor", &ASSIGNORS)?.unwrap_or_default(),
            isolation: url.one_of("isolation", &ISOLATIONS)?.unwrap_or_default(),
            session_timeout,
            max_unsettled: url.integer("max_unsettled", 1..=100_000)?.unwrap_or(DEFAULT_MAX_UNSETTLED),
        })
    }
}

#[cfg(feature = "kafka")]
impl Assignor {
    /// Its name in a URL, which is librdkafka's as well.
    pub(super) fn name(self) -> &'static str {
        ASSIGNORS.iter().find(|(_, known)| *known == self).map_or("cooperative-sticky", |(name, _)| name)
    }
}

#[cfg(feature = "kafka")]
impl Isolation {
    /// Its name in a URL, which is Kafka's as well.
    pub(super) fn name(self) -> &'static str {
        ISOLATIONS.iter().find(|(_, known)| *known == self).map_or("read_committed", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;
    use crate::kafka::DRIVER;

    fn subscription(group: &'static str, topics: &[&'static str], offset: Offset) -> Subscription<'static> {
        Subscription {
            group: Cow::Borrowed(group),
            topics: topics.iter().copied().map(Cow::Borrowed).collect(),
            offset,
            assignor: Assignor::CooperativeSticky,
            isolation: Isolation::ReadCommitted,
            session_timeout: Duration::from_secs(8),
            max_unsettled: 1_000,
        }
    }

    #[test]
    fn subscriptions() {
        for (url, expected) in [
            ("kafka://g?topic=a", subscription("g", &["a"], Offset::Newest)),
            ("kafka://g?topic=a&topic=b&topic=a", subscription("g", &["a", "b"], Offset::Newest)),
            ("kafka://my%20group/x?offset=oldest&topic=a", subscription("my group/x", &["a"], Offset::Oldest)),
            ("kafka://g?topic=a&offset=Newest", subscription("g", &["a"], Offset::Newest)),
        ] {
            assert_eq!(Subscription::parse(url), Ok(expected), "{url}");
        }
        let url = "kafka://g?topic=a&assignor=range&isolation=read_uncommitted&session_timeout=1m&max_unsettled=7";
        let expected = Subscription {
            assignor: Assignor::Range,
            isolation: Isolation::ReadUncommitted,
            session_timeout: Duration::from_secs(60),
            max_unsettled: 7,
            ..subscription("g", &["a"], Offset::Newest)
        };
        assert_eq!(Subscription::parse(url), Ok(expected));
    }

    #[test]
    fn refused_subscriptions() {
        const EXAMPLE: &str = "a Kafka subscription looks like `kafka://mygroup?topic=mytopic`";
        const NO_TOPIC: &str =
            "the name before `?` is the group; a Kafka subscription looks like `kafka://mygroup?topic=mytopic`";
        const ACCEPTED: &str =
            "accepted: `topic`, `offset`, `assignor`, `isolation`, `session_timeout`, `max_unsettled`";
        assert_refused(
            DRIVER.subscription,
            &[
                ("[kafka://?topic=a]", "the URL does not name a Kafka subscription", EXAMPLE),
                ("kafka://[mytopic]", "the subscription has no `topic`", NO_TOPIC),
                ("kafka://[g]?offset=oldest", "the subscription has no `topic`", NO_TOPIC),
                ("kafka://[g%00]?topic=a", "a name cannot contain control characters", ""),
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
                    "kafka://g?topic=a&assignor=[sticky]",
                    "`sticky` is not a value of `assignor`",
                    "accepted: `cooperative-sticky`, `range`, `roundrobin`",
                ),
                ("kafka://g?topic=a&[session_timeout]=5s", "`session_timeout` is at least 6s", ""),
                ("kafka://g?topic=a&max_unsettled=[0]", "`0` is not a whole number from 1 to 100000", ""),
                ("kafka://g?[topics]=a", "unknown parameter `topics`", &format!("did you mean `topic`? ({ACCEPTED})")),
                (
                    "kafka://g?topic=a&[key_name]=b",
                    "`key_name` is not a parameter of a Kafka subscription, only of a topic",
                    ACCEPTED,
                ),
            ],
        );
    }
}
