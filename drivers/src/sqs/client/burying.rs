//! What becomes of a message that is given up: it goes where the queue's redrive policy says.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;

use super::DRIVER;
use super::facts::Redrive;
use super::held::{Held, Lease};
use super::parcel::{Parcel, STRING};
use super::publisher::send;
use super::received::Original;
use crate::aws::attributes::{MAX_ATTRIBUTES, is_text};
use crate::aws::client::Cause;
use crate::{DEAD_LETTER_REASON, SettleError};

/// Moves a message, or drops it where it has nowhere to go. Nothing is dropped while that is not known.
pub(super) async fn bury(
    held: &Arc<Held>,
    lease: Lease,
    count: Option<u32>,
    original: Original,
    reason: String,
) -> Result<(), SettleError> {
    let (broker, queue, id) = (held.queue.broker, &*held.queue.url, original.id.clone());
    match held.queue.facts().await.redrive {
        Redrive::Unknown => {
            let what = "a message is left to the queue's redrive policy, if it has one: it does not say \
                        (may the gateway call sqs:GetQueueAttributes?)";
            tracing::error!(driver = DRIVER.name, broker, queue, id, reason, "{what}");
            Err(SettleError::Unreachable("the queue does not say whether it has a redrive policy".into()))
        }
        Redrive::Nowhere => {
            let what = "a message is dropped: the queue has no redrive policy";
            tracing::error!(driver = DRIVER.name, broker, queue, id, reason, "{what}");
            told(held, &lease).await
        }
        // SQS moves it instead of delivering it, and remembers where from.
        Redrive::To { deliveries, .. } if count.is_some_and(|count| count >= deliveries) => {
            held.show(&lease, Duration::ZERO).told().await.map_err(super::settling::Refusal::settle)
        }
        Redrive::To { arn, .. } => {
            let Some(to) = url_beside(queue, &arn) else {
                return Err(SettleError::Unreachable(
                    format!("`{arn}` of the redrive policy is no queue's ARN").into(),
                ));
            };
            let parcel = parcel(original, &to, &reason);
            // With an identity a FIFO queue stores it once.
            let may_repeat = parcel.deduplication.is_some();
            let mut without_reason = parcel.clone();
            let had_reason = without_reason.forget(DEAD_LETTER_REASON);
            let sent = match send(&held.queue, &to, parcel, may_repeat).await {
                // Its own bytes are as many as the queue takes.
                Err(failure) if had_reason && failure.cause == Cause::TooLarge => {
                    send(&held.queue, &to, without_reason, may_repeat).await
                }
                sent => sent,
            };
            match sent {
                Ok(_) => told(held, &lease).await,
                Err(failure) => {
                    let error = failure.to_string();
                    let what = "a message could not be moved to the dead-letter queue, and comes again";
                    tracing::error!(driver = DRIVER.name, broker, queue, id, to, reason, error, "{what}");
                    Err(failure.settle())
                }
            }
        }
    }
}

async fn told(held: &Held, lease: &Lease) -> Result<(), SettleError> {
    held.delete(lease).told().await.map_err(super::settling::Refusal::settle)
}

fn parcel(original: Original, to: &str, reason: &str) -> Parcel {
    let Original { body, attributes, id, group } = original;
    let mut attributes = attributes.unwrap_or_default();
    let reason = reason.replace(char::is_control, " ");
    let has_room = attributes.len() < MAX_ATTRIBUTES && !reason.is_empty() && is_text(&reason);
    if has_room && let Ok(reason) = MessageAttributeValue::builder().data_type(STRING).string_value(reason).build() {
        attributes.insert(DEAD_LETTER_REASON.to_owned(), reason);
    }
    let mut parcel = Parcel::again(body.unwrap_or_default(), (!attributes.is_empty()).then_some(attributes));
    parcel.group = group;
    if to.ends_with(".fifo") {
        parcel.deduplication = id;
    }
    parcel
}

/// The URL of the queue that an ARN names: SQS only moves messages within an account and a region.
fn url_beside(queue: &str, arn: &str) -> Option<String> {
    let mut fields = arn.split(':').skip(4);
    let (account, name) = (fields.next()?, fields.next()?);
    let mut parts: Vec<&str> = queue.split('/').collect();
    let place = parts.len().checked_sub(2)?;
    parts[place..].copy_from_slice(&[account, name]);
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_of_an_arn() {
        let queue = "https://sqs.us-east-2.amazonaws.com/123456789012/orders";
        let dead = "https://sqs.us-east-2.amazonaws.com/123456789012/dead";
        assert_eq!(url_beside(queue, "arn:aws:sqs:us-east-2:123456789012:dead").as_deref(), Some(dead));
        assert_eq!(url_beside(queue, "dead"), None);
    }
}
