//! A topic for the messages of a subscription that are given up.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{
    DEAD_LETTER_DELIVERIES, DEAD_LETTER_REASON, DEAD_LETTER_SUBSCRIPTION, DEAD_LETTER_TOPIC, Delivery, Message,
    Publisher, Settlement,
};
use tokio::time::{sleep, timeout};

use super::settling::backoff;

/// The wait for one confirmation.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried where the broker cannot keep the message meanwhile.
const TRIES: u32 = 5;

/// The `dead_letter` of a subscription, opened.
pub(super) struct DeadLetters<P> {
    pub(super) topic: &'static str,
    pub(super) subscription: &'static str,
    pub(super) publisher: P,
    /// Whether the broker takes a message back.
    pub(super) nack: bool,
}

/// For tests of this with other publishers than generated code has.
#[cfg(test)]
pub(crate) async fn bury(publisher: impl Publisher, delivery: impl Delivery) {
    let dead_letters = DeadLetters { topic: "fake://dead", subscription: "fake://s", publisher, nack: true };
    Arc::new(dead_letters).bury(delivery, Some(1), "test".to_owned()).await;
}

impl<P: Publisher> DeadLetters<P> {
    /// Publishes the message, and acknowledges it when that is confirmed. Gives it back when it is not.
    ///
    /// `count` is how often it was delivered, as far as that is known.
    pub(super) async fn bury<D: Delivery>(self: Arc<Self>, delivery: D, count: Option<u32>, reason: String) {
        let Self { topic, subscription, .. } = *self;
        let (id, delivery_count) = (delivery.message().id.clone(), count);
        let id = id.as_deref();
        let settlement = match self.publish(self.message(&delivery, count, &reason)).await {
            Ok(()) => {
                tracing::error!(subscription, id, delivery_count, reason, dead_letter = topic, "message dead-lettered");
                Settlement::Ack
            }
            Err(error) if self.nack => {
                tracing::error!(
                    subscription,
                    id,
                    delivery_count,
                    reason,
                    dead_letter = topic,
                    error,
                    "message not dead-lettered: it is given back"
                );
                Settlement::Nack { delay: backoff(count.unwrap_or(1)) }
            }
            Err(error) => {
                tracing::error!(
                    subscription,
                    id,
                    delivery_count,
                    reason,
                    dead_letter = topic,
                    error,
                    "message not dead-lettered and lost: the broker does not take it back"
                );
                Settlement::Nack { delay: Duration::ZERO }
            }
        };
        if let Err(error) = delivery.settle(settlement).await {
            tracing::warn!(subscription, id, %error, "message not settled, it will be delivered again");
        }
    }

    /// Where the broker keeps the message, one try is enough: it comes back.
    async fn publish(&self, mut message: Message) -> Result<(), String> {
        let mut failed = 0;
        loop {
            let error = match timeout(PATIENCE, self.publisher.publish(message.clone())).await {
                // The topic has a message of this id, which may be the original in another place of one stream. Without
                // the id it is stored for certain.
                Ok(Ok(receipt)) if receipt.duplicate && message.id.is_some() => {
                    message.id = None;
                    continue;
                }
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("not confirmed within {PATIENCE:?}"),
            };
            failed += 1;
            if self.nack || failed == TRIES {
                return Err(error);
            }
            sleep(backoff(failed)).await;
        }
    }

    /// The message as it was, with what happened to it.
    fn message(&self, delivery: &impl Delivery, count: Option<u32>, reason: &str) -> Message {
        let mut message = delivery.message().clone();
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
