//! What a queue says of itself, to whoever may ask.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::queue::{PATIENCE, Queue, attempts};
use crate::aws::client::{Attempts, Failure};

/// What is known of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The most bytes of a message.
    pub(super) max_bytes: Option<usize>,
    /// How long a delivery is kept from others, unless something else is asked for.
    pub(super) visibility: Option<Duration>,
    /// Whether it takes the hash of a body for an identity; only of a FIFO queue.
    pub(super) hashes: Option<bool>,
    /// Its redrive policy.
    pub(super) redrive: Redrive,
}

/// What becomes of messages that were delivered often enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Redrive {
    /// The queue was not asked, or does not tell.
    #[default]
    Unknown,
    /// Nothing.
    Nowhere,
    /// SQS moves them.
    To {
        /// The ARN of the other queue.
        arn: String,
        /// After how many deliveries.
        deliveries: u32,
    },
}

pub(super) async fn ask(queue: &Queue) -> Result<Facts, Failure> {
    let watched = Attempts::default();
    let client = queue.account.client()?;
    let asked = client.get_queue_attributes().queue_url(&queue.url).attribute_names(QueueAttributeName::All);
    let asked = asked.customize().config_override(attempts(PATIENCE, 1)).interceptor(watched.clone());
    let answer = queue.told(asked.send().await, &watched)?;
    Ok(read(&answer.attributes.unwrap_or_default()))
}

fn read(attributes: &HashMap<QueueAttributeName, String>) -> Facts {
    let number = |name| attributes.get(&name).and_then(|text| text.parse::<u32>().ok());
    let redrive = attributes.get(&QueueAttributeName::RedrivePolicy).filter(|policy| !policy.is_empty());
    Facts {
        max_bytes: number(QueueAttributeName::MaximumMessageSize).map(|bytes| bytes as usize),
        visibility: number(QueueAttributeName::VisibilityTimeout).map(|seconds| Duration::from_secs(seconds.into())),
        hashes: attributes.get(&QueueAttributeName::ContentBasedDeduplication).map(|text| text == "true"),
        redrive: redrive.map_or(Redrive::Nowhere, |policy| read_redrive(policy).unwrap_or_default()),
    }
}

/// The count is a number or a text, as whoever set it wrote it.
fn read_redrive(policy: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?.to_owned();
    let deliveries = match policy.get("maxReceiveCount")? {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?.try_into().ok()?,
    };
    Some(Redrive::To { arn, deliveries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_queue_says() {
        const ARN: &str = "arn:aws:sqs:us-east-2:123456789012:dead";
        let to = |deliveries| Redrive::To { arn: ARN.to_owned(), deliveries };
        for (policy, redrive) in [
            (None, Redrive::Nowhere),
            (Some(""), Redrive::Nowhere),
            (Some(r#"{"deadLetterTargetArn":"ARN","maxReceiveCount":5}"#), to(5)),
            (Some(r#"{"maxReceiveCount":"3","deadLetterTargetArn":"ARN"}"#), to(3)),
            // It is there, and cannot be read: nothing is dropped.
            (Some("{}"), Redrive::Unknown),
            (Some("x"), Redrive::Unknown),
        ] {
            let mut attributes = HashMap::from([
                (QueueAttributeName::MaximumMessageSize, "1048576".to_owned()),
                (QueueAttributeName::VisibilityTimeout, "30".to_owned()),
            ]);
            let policy = policy.map(|policy| (QueueAttributeName::RedrivePolicy, policy.replace("ARN", ARN)));
            attributes.extend(policy);
            let facts = read(&attributes);
            let expected = (Some(1 << 20), Some(Duration::from_secs(30)), None, redrive);
            assert_eq!((facts.max_bytes, facts.visibility, facts.hashes, facts.redrive), expected);
        }
    }
}
