//! Publishing to a queue.

use std::fmt;
use std::sync::Arc;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;

use super::parcel::{MAX_BYTES, Parcel, Rules};
use super::queue::{PATIENCE, Queue, attempts};
use crate::aws::batch::{Batches, Courier, Limits, Rejected};
use crate::aws::client::{Attempts, Cause, Failure};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// A request has up to ten messages. So many requests are enough for some thousand messages a second.
const LIMITS: Limits = Limits { items: 10, requests: 32, pending: 16_384, pending_bytes: 64 * 1024 * 1024 };

/// How often a request is made at most.
const ATTEMPTS: u32 = 3;

/// An open topic.
pub struct Publisher {
    queue: Arc<Queue>,
    batches: Batches<Sending>,
}

impl Publisher {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        let batches = Batches::new(Sending { queue: Arc::clone(&queue) }, LIMITS);
        Self { queue, batches }
    }

    pub(super) fn batches(&self) -> &Batches<Sending> {
        &self.batches
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        self.queue.look();
        let known = self.queue.known();
        let max_bytes = known.max_bytes.unwrap_or(MAX_BYTES);
        let parcel = Parcel::new(message, Rules { fifo: self.queue.fifo, hashes: known.hashes, max_bytes })?;
        let answer = self.batches.push(parcel).map_err(|rejected| match rejected {
            Rejected::Full => PublishError::new(PublishErrorKind::Full, "too many messages are on their way"),
            Rejected::Closed => PublishError::new(PublishErrorKind::Unreachable, "the broker is closed"),
        })?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(PublishError::new(PublishErrorKind::Unknown, "the client was dropped")),
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("queue", &self.queue.url).finish_non_exhaustive()
    }
}

/// Sends messages.
pub(super) struct Sending {
    queue: Arc<Queue>,
}

impl Courier for Sending {
    type Item = Parcel;
    type Answer = Result<Receipt, PublishError>;

    const LEAVES_OUT: bool = true;

    fn size(parcel: &Parcel) -> usize {
        parcel.bytes
    }

    fn max_bytes(&self) -> usize {
        MAX_BYTES
    }

    async fn carry(&self, parcels: Vec<Parcel>) -> Vec<Result<Receipt, PublishError>> {
        let may_repeat = self.may_repeat(&parcels);
        if parcels.len() > 1 {
            match self.send_several(&parcels, may_repeat).await {
                // All were refused for what is wrong with one: the others are good alone.
                Err(failure) if matches!(failure.cause, Cause::Refused | Cause::TooLarge) => {}
                Err(failure) => return parcels.iter().map(|_| Err(failure.clone().publish())).collect(),
                Ok(answers) => return answers,
            }
        }
        let mut answers = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            answers.push(send(&self.queue, &self.queue.url, parcel, may_repeat).await.map_err(Failure::publish));
        }
        answers
    }
}

impl Sending {
    /// What a FIFO queue has seen, it does not store again. Of a standard queue nobody knows after an attempt without an
    /// answer, and a second one might store the message twice.
    fn may_repeat(&self, parcels: &[Parcel]) -> bool {
        let hashes = self.queue.known().hashes == Some(true);
        self.queue.fifo && parcels.iter().all(|parcel| hashes || parcel.deduplication.is_some())
    }

    async fn send_several(
        &self,
        parcels: &[Parcel],
        may_repeat: bool,
    ) -> Result<Vec<Result<Receipt, PublishError>>, Failure> {
        let mut request = self.queue.account.client()?.send_message_batch().queue_url(&self.queue.url);
        for (id, parcel) in parcels.iter().enumerate() {
            match parcel.entry(id) {
                Ok(entry) => request = request.entries(entry),
                Err(error) => return Err(Failure::new(Cause::Refused, error.to_string())),
            }
        }
        let watched = Attempts::default();
        let config = sending(&watched, may_repeat);
        let request = request.customize().config_override(config).interceptor(watched.clone());
        let answer = self.queue.told(request.send().await, &watched)?;
        Ok(read(answer, parcels.len()))
    }
}

/// Each message's own answer.
fn read(answer: SendMessageBatchOutput, count: usize) -> Vec<Result<Receipt, PublishError>> {
    let mut answers: Vec<Option<_>> = (0..count).map(|_| None).collect();
    let mut set = |id: &str, answer| {
        if let Some(place) = id.parse().ok().and_then(|id: usize| answers.get_mut(id)) {
            *place = Some(answer);
        }
    };
    for sent in answer.successful {
        set(&sent.id, Ok(receipt(Some(sent.message_id), sent.sequence_number.as_deref())));
    }
    for failed in answer.failed {
        let failure = Failure::of_code(&failed.code, failed.message.as_deref(), failed.sender_fault);
        set(&failed.id, Err(failure.publish()));
    }
    let none = || Err(PublishError::new(PublishErrorKind::Unknown, "the answer says nothing of the message"));
    answers.into_iter().map(|answer| answer.unwrap_or_else(none)).collect()
}

/// What was certainly not stored is sent again, and all else where that does no harm.
fn sending(watched: &Attempts, may_repeat: bool) -> Builder {
    let config = attempts(PATIENCE, ATTEMPTS);
    if may_repeat { config } else { config.retry_classifier(watched.clone()) }
}

/// Sends one message to `url`, which may be another queue's.
pub(super) async fn send(queue: &Queue, url: &str, parcel: Parcel, may_repeat: bool) -> Result<Receipt, Failure> {
    let watched = Attempts::default();
    let system = parcel.system_attributes();
    let request = queue
        .account
        .client()?
        .send_message()
        .queue_url(url)
        .message_body(parcel.body)
        .set_message_attributes(parcel.attributes)
        .set_message_system_attributes(system)
        .set_message_group_id(parcel.group)
        .set_message_deduplication_id(parcel.deduplication)
        .set_delay_seconds(parcel.delay);
    let config = sending(&watched, may_repeat);
    let request = request.customize().config_override(config).interceptor(watched.clone());
    let answer = queue.told(request.send().await, &watched)?;
    Ok(receipt(answer.message_id, answer.sequence_number.as_deref()))
}

/// A FIFO queue's place of a message has up to 128 bits, and stands there where it fits.
fn receipt(id: Option<String>, sequence_number: Option<&str>) -> Receipt {
    Receipt { id, offset: sequence_number.and_then(|number| number.parse().ok()), ..Receipt::default() }
}
