//! Telling SQS what became of deliveries: deleting them, and showing or hiding them.

use std::sync::Arc;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use tokio::time::{Duration, Instant, sleep};

use super::queue::{PATIENCE, Queue, attempts};
use crate::SettleError;
use crate::aws::batch::{Courier, Limits};
use crate::aws::client::{Attempts, Cause, Failure};
use crate::backoff::Backoff;

/// Deliveries are bounded by the requests that asked for them; so are these.
pub(super) const LIMITS: Limits = Limits { items: 10, requests: 16, pending: usize::MAX, pending_bytes: usize::MAX };

const FIRST_WAIT: Duration = Duration::from_millis(100);
const MOST_WAIT: Duration = Duration::from_secs(3);

/// What SQS says of a delivery that is none any more.
const STALE: &[&str] = &["ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"];

/// What became of one delivery.
pub(super) type Told = Result<(), Refusal>;

/// Why SQS did not do it.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The delivery is over.
    Stale(String),
    /// Something else.
    Failed(Failure),
}

impl Refusal {
    fn of(code: &str, message: Option<&str>, client_error: bool) -> Self {
        let failure = Failure::of_code(code, message, client_error);
        // `AWS.SimpleQueueService.MessageNotInflight`
        match code.rsplit('.').next().is_some_and(|short| STALE.contains(&short)) {
            true => Self::Stale(failure.to_string()),
            false => Self::Failed(failure),
        }
    }

    /// The broker was closed.
    pub(super) fn closed() -> Self {
        Self::Failed(Failure::new(Cause::Closed, "the broker is closed"))
    }

    pub(super) fn settle(self) -> SettleError {
        match self {
            Self::Stale(_) => SettleError::Expired,
            Self::Failed(failure) => failure.settle(),
        }
    }

    /// Whether it may go better later.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Failed(failure) if !matches!(failure.cause, Cause::Refused | Cause::Closed))
    }
}

/// A delivery that is done.
#[derive(Clone)]
pub(super) struct Done {
    pub(super) receipt: Arc<str>,
    /// When SQS delivers it again.
    pub(super) until: Instant,
}

/// Deletes deliveries, and tries again while they are nobody else's.
pub(super) struct Deleting(pub(super) Arc<Queue>);

impl Courier for Deleting {
    type Item = Done;
    type Answer = Told;

    const LEAVES_OUT: bool = false;

    fn size(_: &Done) -> usize {
        0
    }

    fn max_bytes(&self) -> usize {
        usize::MAX
    }

    async fn carry(&self, deliveries: Vec<Done>) -> Vec<Told> {
        let told = delete(&self.0, &deliveries).await;
        let again = |(delivery, told): (Done, &Told)| match told {
            Err(refusal) if refusal.may_pass() => Some(delivery),
            _ => None,
        };
        let again: Vec<Done> = deliveries.into_iter().zip(&told).filter_map(again).collect();
        if !again.is_empty() {
            tokio::spawn(delete_again(Arc::clone(&self.0), again));
        }
        told
    }
}

async fn delete_again(queue: Arc<Queue>, mut deliveries: Vec<Done>) {
    let mut backoff = Backoff::new(FIRST_WAIT, MOST_WAIT);
    while !deliveries.is_empty() {
        sleep(backoff.next_wait()).await;
        let now = Instant::now();
        let count = deliveries.len();
        deliveries.retain(|delivery| delivery.until > now);
        if deliveries.len() < count {
            not_deleted(&queue, count - deliveries.len(), "there was no time left");
        }
        let mut again = Vec::new();
        let told = delete(&queue, &deliveries).await;
        for (delivery, told) in deliveries.into_iter().zip(told) {
            match told {
                Ok(()) => {}
                Err(refusal) if refusal.may_pass() => again.push(delivery),
                Err(Refusal::Stale(reason)) => not_deleted(&queue, 1, &reason),
                Err(Refusal::Failed(failure)) => not_deleted(&queue, 1, &failure.to_string()),
            }
        }
        deliveries = again;
    }
}

fn not_deleted(queue: &Queue, messages: usize, reason: &str) {
    let (broker, queue) = (queue.broker, &*queue.url);
    let what = "acknowledged messages could not be deleted: they are delivered again";
    tracing::error!(driver = super::DRIVER.name, broker, queue, messages, reason, "{what}");
}

async fn delete(queue: &Queue, deliveries: &[Done]) -> Vec<Told> {
    if deliveries.is_empty() {
        return Vec::new();
    }
    match delete_all(queue, deliveries).await {
        Ok(failed) => each(deliveries.len(), &failed),
        Err(failure) => vec![Err(Refusal::Failed(failure)); deliveries.len()],
    }
}

async fn delete_all(queue: &Queue, deliveries: &[Done]) -> Result<Vec<BatchResultErrorEntry>, Failure> {
    let mut request = queue.account.client()?.delete_message_batch().queue_url(&queue.url);
    for (id, delivery) in deliveries.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(&*delivery.receipt);
        request = request.entries(entry.build().map_err(unbuilt)?);
    }
    let watched = Attempts::default();
    // Twice is as good as once.
    let request = request.customize().config_override(attempts(PATIENCE, 2)).interceptor(watched.clone());
    Ok(queue.told(request.send().await, &watched)?.failed)
}

/// A delivery that others are to see later, or at once.
pub(super) struct Hidden {
    pub(super) receipt: Arc<str>,
    pub(super) seconds: i32,
}

/// Says for how long deliveries are kept from others.
pub(super) struct Hiding(pub(super) Arc<Queue>);

impl Courier for Hiding {
    type Item = Hidden;
    type Answer = Told;

    const LEAVES_OUT: bool = false;

    fn size(_: &Hidden) -> usize {
        0
    }

    fn max_bytes(&self) -> usize {
        usize::MAX
    }

    async fn carry(&self, deliveries: Vec<Hidden>) -> Vec<Told> {
        match self.hide(&deliveries).await {
            Ok(failed) => each(deliveries.len(), &failed),
            Err(failure) => vec![Err(Refusal::Failed(failure)); deliveries.len()],
        }
    }
}

impl Hiding {
    async fn hide(&self, deliveries: &[Hidden]) -> Result<Vec<BatchResultErrorEntry>, Failure> {
        let Self(queue) = self;
        let mut request = queue.account.client()?.change_message_visibility_batch().queue_url(&queue.url);
        for (id, Hidden { receipt, seconds }) in deliveries.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id.to_string());
            let entry = entry.receipt_handle(&**receipt).visibility_timeout(*seconds);
            request = request.entries(entry.build().map_err(unbuilt)?);
        }
        let watched = Attempts::default();
        let request = request.customize().config_override(attempts(PATIENCE, 2)).interceptor(watched.clone());
        Ok(queue.told(request.send().await, &watched)?.failed)
    }
}

fn each(count: usize, failed: &[BatchResultErrorEntry]) -> Vec<Told> {
    let mut told = vec![Ok(()); count];
    for entry in failed {
        if let Some(place) = entry.id.parse().ok().and_then(|id: usize| told.get_mut(id)) {
            *place = Err(Refusal::of(&entry.code, entry.message.as_deref(), entry.sender_fault));
        }
    }
    told
}

fn unbuilt(error: aws_sdk_sqs::error::BuildError) -> Failure {
    Failure::new(Cause::Refused, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_answer() {
        let failed = |id: &str, code: &str, sender_fault| {
            let entry = BatchResultErrorEntry::builder().id(id).code(code).sender_fault(sender_fault);
            entry.build().expect("whole")
        };
        let told = each(
            4,
            &[
                failed("1", "AWS.SimpleQueueService.ReceiptHandleIsInvalid", true),
                failed("3", "InternalError", false),
                failed("9", "InternalError", false),
            ],
        );
        assert!(matches!(told[..], [Ok(()), Err(Refusal::Stale(_)), Ok(()), Err(Refusal::Failed(_))]), "{told:?}");
        assert!(told[3].as_ref().is_err_and(Refusal::may_pass));
        assert!(!Refusal::of("AccessDenied", None, true).may_pass());
    }
}
