//! Publishing to a queue.

use std::fmt;
use std::sync::Arc;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;

use super::parcel::{MAX_BYTES, Parcel, Rules};
use super::queue::{PATIENCE, Queue, attempts};
use crate::aws::attributes::unique;
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
        let max_bytes = self.queue.known().max_bytes.unwrap_or(MAX_BYTES);
        let parcel = Parcel::new(message, Rules { fifo: self.queue.fifo, max_bytes })?;
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

    async fn carry(&self, mut parcels: Vec<Parcel>) -> Vec<Result<Receipt, PublishError>> {
        // A copy of what may have to be sent once more, with an identity.
        let copies = self.identify(&mut parcels).await;
        let mut answers = self.send_all(parcels).await;
        let mut again = Vec::new();
        let mut places = Vec::new();
        for (place, copy) in copies.into_iter().enumerate() {
            if let Some(mut parcel) = copy
                && matches!(answers.get(place), Some(Err(failure)) if failure.wants_identity())
            {
                parcel.deduplication = Some(unique());
                again.push(parcel);
                places.push(place);
            }
        }
        if !again.is_empty() {
            self.queue.compares_no_bodies();
            for (place, answer) in places.into_iter().zip(self.send_all(again).await) {
                answers[place] = answer;
            }
        }
        answers.into_iter().map(|answer| answer.map_err(Failure::publish)).collect()
    }
}

impl Sending {
    /// Where nobody says when two messages of a FIFO queue are the same, none is. A queue that does not say what it is shows it
    /// by what it refuses: these are copies for that.
    async fn identify(&self, parcels: &mut [Parcel]) -> Vec<Option<Parcel>> {
        if !self.queue.fifo || parcels.iter().all(|parcel| parcel.deduplication.is_some()) {
            return Vec::new();
        }
        let hashes = self.queue.known_at_last().await.hashes;
        let mut copies = Vec::new();
        for parcel in parcels {
            let lacks_one = parcel.deduplication.is_none();
            if lacks_one && hashes == Some(false) {
                parcel.deduplication = Some(unique());
            }
            copies.push((lacks_one && hashes.is_none()).then(|| parcel.clone()));
        }
        copies
    }

    async fn send_all(&self, parcels: Vec<Parcel>) -> Vec<Result<Receipt, Failure>> {
        let may_repeat = self.may_repeat(&parcels);
        if parcels.len() > 1 {
            match self.send_several(&parcels, may_repeat).await {
                // All were refused for what is wrong with one: the others are good alone.
                Err(failure) if matches!(failure.cause, Cause::Refused | Cause::TooLarge) => {}
                Err(failure) => return parcels.iter().map(|_| Err(failure.clone())).collect(),
                Ok(answers) => return answers,
            }
        }
        let mut answers = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            answers.push(send(&self.queue, &self.queue.url, parcel, may_repeat).await);
        }
        answers
    }

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
    ) -> Result<Vec<Result<Receipt, Failure>>, Failure> {
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
        Ok(read(answer, parcels.len(), &watched))
    }
}

/// Each message's own answer.
fn read(answer: SendMessageBatchOutput, count: usize, attempts: &Attempts) -> Vec<Result<Receipt, Failure>> {
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
        let failure = Failure::of_entry(&failed.code, failed.message.as_deref(), failed.sender_fault, attempts);
        set(&failed.id, Err(failure));
    }
    let none = || Err(Failure::new(Cause::Unanswered, "the answer says nothing of the message"));
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
