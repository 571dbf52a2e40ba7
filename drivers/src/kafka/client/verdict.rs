//! What a publisher is told for librdkafka's errors.

use rdkafka::error::RDKafkaErrorCode as Code;

use super::reply::Failure;
use crate::PublishErrorKind;

/// Of a message that librdkafka did not take, and has not sent.
pub(super) fn of_unsent(code: Option<Code>) -> PublishErrorKind {
    match code {
        Some(Code::QueueFull) => PublishErrorKind::Full,
        Some(Code::MessageSizeTooLarge) => PublishErrorKind::TooLarge,
        Some(Code::InvalidTopic | Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
            PublishErrorKind::Refused
        }
        Some(code) if is_unknown_topic(code) => PublishErrorKind::Refused,
        // Another client takes this one's place.
        _ => PublishErrorKind::Unreachable,
    }
}

/// Of a message that librdkafka took and could not deliver.
pub(super) fn of_unconfirmed(failure: &Failure) -> PublishErrorKind {
    match failure.code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => PublishErrorKind::TooLarge,
        // With a partition it may have been sent over a connection that broke, before another server said that it does not
        // know the topic.
        code if is_unknown_topic(code) && failure.has_partition => PublishErrorKind::Unknown,
        code if is_unknown_topic(code) => PublishErrorKind::Refused,
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::InvalidTopic
        | Code::InvalidRequiredAcks
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedCompressionType
        | Code::PolicyViolation => PublishErrorKind::Refused,
        // Refused with a batch for another message of it, none of which is stored.
        Code::ThrottlingQuotaExceeded | Code::InvalidDifferentRecord => PublishErrorKind::Full,
        Code::NotEnoughReplicas => PublishErrorKind::Unreachable,
        _ if !failure.has_partition => PublishErrorKind::Unreachable,
        _ => PublishErrorKind::Unknown,
    }
}

/// Whether a topic, or a partition of it, was not there.
pub(super) fn is_unknown_topic(code: Code) -> bool {
    matches!(code, Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_stored_is_not_known() {
        let told = |code, has_partition| of_unconfirmed(&Failure { code, has_partition, again: None });
        for code in [Code::UnknownTopic, Code::UnknownPartition, Code::UnknownTopicOrPartition] {
            assert_eq!(told(code, true), PublishErrorKind::Unknown, "{code}");
            assert_eq!(told(code, false), PublishErrorKind::Refused, "{code}");
            assert_eq!(of_unsent(Some(code)), PublishErrorKind::Refused, "{code}");
        }
        for code in [Code::PurgeInflight, Code::MessageTimedOut, Code::NotEnoughReplicasAfterAppend] {
            assert_eq!(told(code, true), PublishErrorKind::Unknown, "{code}");
        }
        assert_eq!(told(Code::PurgeQueue, false), PublishErrorKind::Unreachable);
    }

    #[test]
    fn what_is_not_stored_is_not_unknown() {
        let told = |code| of_unconfirmed(&Failure { code, has_partition: true, again: None });
        assert_eq!(told(Code::InvalidDifferentRecord), PublishErrorKind::Full);
        assert_eq!(told(Code::InvalidRecord), PublishErrorKind::Refused);
        assert_eq!(told(Code::MessageSizeTooLarge), PublishErrorKind::TooLarge);
    }
}
