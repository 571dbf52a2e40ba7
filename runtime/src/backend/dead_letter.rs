//! A topic for the messages of a subscription that are given up.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{
    Capabilities, CheckAttribute, DEAD_LETTER_DELIVERIES, DEAD_LETTER_REASON, DEAD_LETTER_SUBSCRIPTION,
    DEAD_LETTER_TOPIC, Delivery, Message, PublishError, PublishErrorKind, Publisher, Settlement,
};
use tokio::time::{sleep, timeout};

use super::deliveries::Deliveries;
use super::forward::is_reserved;
use super::settling::{backoff, not_settled};

/// The wait for one confirmation.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried where the broker cannot keep the message meanwhile.
const TRIES: u32 = 5;
/// How often a message comes back that the topic refuses, which is most of an hour: somebody may yet make the topic.
const ROUNDS: u32 = 100;

/// The `dead_letter` of a subscription, opened.
pub(super) struct DeadLetters<P> {
    pub(super) topic: &'static str,
    pub(super) subscription: &'static str,
    pub(super) publisher: P,
    pub(super) max_deliveries: u32,
    pub(super) capabilities: &'static Capabilities,
    /// How the attributes begin that the broker acts on.
    pub(super) reserved: &'static [&'static str],
    /// Names that the broker's messages cannot have, though a delivery has them.
    pub(super) check_attribute: Option<CheckAttribute>,
    /// Where the broker does not count.
    pub(super) deliveries: Option<Arc<Deliveries>>,
}

/// What of a message is in its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    /// All, and what happened to it.
    Whole,
    /// All of it, and nothing more.
    Original,
    /// No attributes, no key and no id.
    Body,
}

/// For tests of this with other publishers than generated code has.
#[cfg(test)]
pub(crate) async fn bury(publisher: impl Publisher, capabilities: &'static Capabilities, delivery: impl Delivery) {
    let (topic, subscription, reserved) = ("fake://dead", "fake://s", &["Fake-"][..]);
    let (max_deliveries, deliveries) = (1, None);
    let check_attribute = None;
    let dead_letters = DeadLetters {
        topic,
        subscription,
        publisher,
        max_deliveries,
        capabilities,
        reserved,
        check_attribute,
        deliveries,
    };
    Arc::new(dead_letters).bury(delivery, Some(1), "test".to_owned()).await;
}

impl<P: Publisher> DeadLetters<P> {
    /// Publishes the message, and acknowledges it when that is confirmed. Gives it back when it is not, unless it never
    /// will be.
    ///
    /// `count` is how often it was delivered, as far as that is known.
    pub(super) async fn bury<D: Delivery>(self: Arc<Self>, delivery: D, count: Option<u32>, reason: String) {
        let Self { topic, subscription, .. } = *self;
        let message = delivery.message();
        if self.is_own_copy(&delivery) {
            tracing::error!(
                subscription,
                id = message.id.as_deref(),
                delivery_count = count,
                reason,
                dead_letter = topic,
                "message given up: it came back from the dead-letter topic of this subscription"
            );
            return self.settle(&delivery, Settlement::DeadLetter { reason }).await;
        }
        let copied = self.copy(&delivery, count, &reason).await;
        let what = self.outcome(&copied, count);
        let error = copied.as_ref().err().map(ToString::to_string);
        tracing::error!(
            subscription,
            id = message.id.as_deref(),
            delivery_count = count,
            reason,
            dead_letter = topic,
            error,
            "{what}"
        );
        let settlement = match copied {
            Ok(_) => Settlement::Ack,
            Err(error) if self.is_hopeless(error.kind, count) => Settlement::DeadLetter { reason },
            Err(_) => Settlement::Nack { delay: backoff(count.unwrap_or(1)) },
        };
        self.settle(&delivery, settlement).await;
    }

    /// Whether it is a copy that arrived where its original had: it would be copied for ever. One that was published to
    /// the original's topic again, with all its attributes, is no such copy.
    fn is_own_copy(&self, delivery: &impl Delivery) -> bool {
        let message = delivery.message();
        let topic = message.attribute(DEAD_LETTER_TOPIC);
        message.attribute(DEAD_LETTER_SUBSCRIPTION) == Some(self.subscription)
            && delivery.origin().topic.is_none_or(|origin| topic != Some(origin))
    }

    async fn settle(&self, delivery: &impl Delivery, settlement: Settlement) {
        if let Some(deliveries) = &self.deliveries {
            match settlement {
                Settlement::Nack { .. } => deliveries.given_back(delivery.message()),
                Settlement::Ack | Settlement::DeadLetter { .. } => deliveries.forget(delivery.message()),
            }
        }
        let acknowledged = settlement == Settlement::Ack;
        if let Err(error) = delivery.settle(settlement).await {
            not_settled(&error, self.subscription, acknowledged, self.capabilities.redelivery);
        }
    }

    fn outcome(&self, copied: &Result<Copy, PublishError>, count: Option<u32>) -> &'static str {
        let Capabilities { nack, redelivery, dead_letter, .. } = *self.capabilities;
        match copied {
            Ok(Copy::Whole) => "message dead-lettered",
            Ok(Copy::Original) => "message dead-lettered without what happened to it: the topic takes no more",
            Ok(Copy::Body) => "message dead-lettered without its attributes, key and id: the topic does not take them",
            Err(error) if self.is_hopeless(error.kind, count) && dead_letter => {
                "message not in its dead-letter topic, which does not take it: it goes where the broker has its own"
            }
            Err(error) if self.is_hopeless(error.kind, count) => {
                "message not dead-lettered and dropped: the topic does not take it"
            }
            Err(_) if nack || redelivery => "message not dead-lettered: it is given back",
            Err(_) => "message not dead-lettered and lost: the broker does not take it back",
        }
    }

    /// Whether another try would end in the same way.
    fn is_hopeless(&self, kind: PublishErrorKind, count: Option<u32>) -> bool {
        match kind {
            PublishErrorKind::TooLarge | PublishErrorKind::Invalid => true,
            PublishErrorKind::Refused => count.is_some_and(|count| count > self.max_deliveries.saturating_add(ROUNDS)),
            PublishErrorKind::Unreachable | PublishErrorKind::Full | PublishErrorKind::Unknown => false,
        }
    }

    /// Publishes as much of the message as the topic takes. Where the broker keeps the message, one try is enough for what
    /// may go better later: it comes back.
    async fn copy(&self, delivery: &impl Delivery, count: Option<u32>, reason: &str) -> Result<Copy, PublishError> {
        let mut copy = Copy::Whole;
        let mut message = self.message(delivery, count, reason);
        let mut failed = 0;
        loop {
            let error = match timeout(PATIENCE, self.publisher.publish(message.clone())).await {
                // The topic has a message of this id, which may be the original in another place of one stream. Without
                // the id it is stored for certain.
                Ok(Ok(receipt)) if receipt.duplicate && message.id.is_some() => {
                    message.id = None;
                    continue;
                }
                Ok(Ok(_)) => return Ok(copy),
                Ok(Err(error)) => error,
                Err(_) => PublishError::new(PublishErrorKind::Unknown, format!("no answer within {PATIENCE:?}")),
            };
            if matches!(error.kind, PublishErrorKind::TooLarge | PublishErrorKind::Invalid) {
                (copy, message) = match copy {
                    Copy::Whole => (Copy::Original, self.original(delivery)),
                    Copy::Original => (Copy::Body, Message::new(delivery.message().body.clone())),
                    Copy::Body => return Err(error),
                };
                continue;
            }
            failed += 1;
            if self.capabilities.redelivery || failed == TRIES {
                return Err(error);
            }
            sleep(backoff(failed)).await;
        }
    }

    /// The message as it was, but for what told the broker what to do with it: once was enough.
    fn original(&self, delivery: &impl Delivery) -> Message {
        let mut message = delivery.message().clone();
        message.attributes.retain(|attribute| {
            let (attribute, subscription) = (&*attribute.name, self.subscription);
            if is_reserved(attribute, self.reserved) {
                let what = "attribute not dead-lettered: the broker would act on it again";
                tracing::debug!(subscription, attribute, "{what}");
                return false;
            }
            if let Some(Err(why)) = self.check_attribute.map(|check| check(attribute)) {
                tracing::warn!(
                    subscription,
                    attribute,
                    why,
                    "attribute not dead-lettered: the broker does not take it"
                );
                return false;
            }
            true
        });
        message
    }

    /// The same with what happened to it.
    fn message(&self, delivery: &impl Delivery, count: Option<u32>, reason: &str) -> Message {
        let mut message = self.original(delivery);
        if let Some(topic) = delivery.origin().topic {
            message.set_attribute(DEAD_LETTER_TOPIC, topic);
        }
        message.set_attribute(DEAD_LETTER_SUBSCRIPTION, self.subscription);
        message.set_attribute(DEAD_LETTER_DELIVERIES, count.unwrap_or(1).to_string());
        // Protocols that carry attributes as lines have no place for control characters.
        message.set_attribute(DEAD_LETTER_REASON, reason.replace(char::is_control, " "));
        message
    }
}
