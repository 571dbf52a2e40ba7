//! Why nothing can be received although the brokers are there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

/// How long a refusal holds that is not about a topic: it is said again when it still holds.
const HOLDS: Duration = Duration::from_secs(30);

/// What was refused to a member.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Topics that are not there, or not for this user.
    topics: BTreeMap<Box<str>, Refused>,
    /// The group itself.
    group: Option<(Box<str>, Instant)>,
}

#[derive(Debug)]
struct Refused {
    reason: Box<str>,
    /// Since when it cannot be read, though it is there: looking it up says nothing about that. Librdkafka says it once.
    unreadable: Option<Instant>,
}

/// What an error of librdkafka's is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// A topic that cannot be read.
    Topic(&'a str),
    /// The group, which cannot be joined like this.
    Group,
    /// Something else, that passes or is told in another way.
    Other,
}

/// Whether a topic, or a partition of it, cannot be read for this.
pub(super) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::TopicAuthorizationFailed | Code::InvalidTopic
    )
}

impl<'a> About<'a> {
    /// Sorts an error, by its code and what librdkafka writes about it.
    pub(super) fn of(code: RDKafkaErrorCode, reason: &str, topics: &'a [Box<str>]) -> Self {
        use RDKafkaErrorCode as Code;
        match code {
            // Those of a partition that is read are told by its queue.
            _ if is_refusal(code) && !reason.starts_with("Fetch ") => {
                // `Subscribed topic not available: orders: Broker: Unknown topic or partition`.
                let is_named = |topic: &str| reason.contains(&format!(": {topic}: "));
                match topics {
                    [only] => Self::Topic(only),
                    several => match several.iter().find(|topic| is_named(topic)) {
                        Some(topic) => Self::Topic(topic),
                        None => Self::Other,
                    },
                }
            }
            Code::GroupAuthorizationFailed
            | Code::InconsistentGroupProtocol
            | Code::InvalidSessionTimeout
            | Code::InvalidGroupId
            | Code::GroupMaxSizeReached
            | Code::FencedInstanceId
            | Code::UnsupportedVersion
            | Code::ClusterAuthorizationFailed
            | Code::Fatal
            | Code::Fenced => Self::Group,
            _ => Self::Other,
        }
    }
}

impl Refusals {
    /// Takes note of a refusal; whether it is news.
    pub(super) fn add(&mut self, about: &About<'_>, reason: &str) -> bool {
        match about {
            About::Topic(topic) => {
                let unreadable = self.topics.get(*topic).and_then(|known| known.unreadable);
                self.insert(topic, reason, unreadable)
            }
            About::Group => {
                let known = self.group.replace((reason.into(), Instant::now() + HOLDS));
                known.is_none_or(|(known, _)| *known != *reason)
            }
            About::Other => false,
        }
    }

    /// A topic that is there cannot be read; whether that is news.
    pub(super) fn unreadable(&mut self, topic: &str, reason: &str) -> bool {
        let since = self.topics.get(topic).and_then(|known| known.unreadable).unwrap_or_else(Instant::now);
        self.insert(topic, reason, Some(since))
    }

    fn insert(&mut self, topic: &str, reason: &str, unreadable: Option<Instant>) -> bool {
        let known = self.topics.insert(topic.into(), Refused { reason: reason.into(), unreadable });
        known.is_none_or(|known| *known.reason != *reason)
    }

    /// The topics that are not there, as far as known.
    pub(super) fn missing(&self) -> Vec<Box<str>> {
        self.topics.iter().filter(|(_, it)| it.unreadable.is_none()).map(|(topic, _)| topic.clone()).collect()
    }

    /// Since when there has been a topic that cannot be read.
    pub(super) fn unreadable_since(&self) -> Option<Instant> {
        self.topics.values().filter_map(|it| it.unreadable).min()
    }

    /// What cannot be read is said once more by another consumer.
    pub(super) fn clear_unreadable(&mut self) {
        self.topics.retain(|_, it| it.unreadable.is_none());
    }

    /// A topic can be read after all; whether that is news.
    pub(super) fn clear_topic(&mut self, topic: &str) -> bool {
        self.topics.remove(topic).is_some()
    }

    /// The group was joined.
    pub(super) fn joined(&mut self) {
        self.group = None;
    }

    /// Why there is nothing to wait for: the group's refusal, or the one of all `topics`.
    pub(super) fn reason(&self, topics: usize) -> Option<String> {
        if let Some((reason, until)) = &self.group
            && Instant::now() < *until
        {
            return Some(reason.to_string());
        }
        (topics > 0 && self.topics.len() == topics).then(|| {
            let reasons: Vec<_> = self.topics.iter().map(|(topic, it)| format!("{topic}: {}", it.reason)).collect();
            reasons.join("; ")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    fn topics() -> [Box<str>; 2] {
        ["orders".into(), "refunds".into()]
    }

    #[test]
    fn errors_are_sorted() {
        let topics = topics();
        let line = "Subscribed topic not available: refunds: Broker: Unknown topic or partition";
        assert_eq!(About::of(Code::UnknownTopicOrPartition, line, &topics), About::Topic("refunds"));
        assert_eq!(About::of(Code::UnknownTopicOrPartition, "nothing", &topics), About::Other);
        assert_eq!(About::of(Code::TopicAuthorizationFailed, "nothing", &topics[..1]), About::Topic("orders"));
        assert_eq!(About::of(Code::GroupAuthorizationFailed, "", &topics), About::Group);
        assert_eq!(About::of(Code::BrokerTransportFailure, "", &topics), About::Other);
    }

    #[test]
    fn one_of_two_topics_is_no_reason() {
        let topics = topics();
        let mut refusals = Refusals::default();
        assert!(refusals.add(&About::Topic("orders"), "unknown"));
        assert!(!refusals.add(&About::Topic("orders"), "unknown"));
        assert_eq!(refusals.reason(topics.len()), None);
        assert!(refusals.add(&About::Topic("refunds"), "denied"));
        assert_eq!(refusals.reason(topics.len()).as_deref(), Some("orders: unknown; refunds: denied"));
        assert!(refusals.clear_topic("orders"));
        assert_eq!(refusals.reason(topics.len()), None);
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_not_looked_up() {
        let mut refusals = Refusals::default();
        assert!(refusals.add(&About::Topic("orders"), "unknown"));
        assert!(refusals.unreadable("refunds", "denied"));
        assert!(!refusals.unreadable("refunds", "denied"));
        assert_eq!(refusals.missing(), [Box::<str>::from("orders")]);
        assert!(refusals.unreadable_since().is_some());
        assert_eq!(refusals.reason(2).as_deref(), Some("orders: unknown; refunds: denied"));
        refusals.clear_unreadable();
        assert_eq!((refusals.reason(2), refusals.unreadable_since()), (None, None));
    }

    #[test]
    fn a_group_that_is_joined_is_not_refused() {
        let mut refusals = Refusals::default();
        assert!(refusals.add(&About::Group, "not allowed"));
        assert_eq!(refusals.reason(1).as_deref(), Some("not allowed"));
        refusals.joined();
        assert_eq!(refusals.reason(1), None);
    }
}
