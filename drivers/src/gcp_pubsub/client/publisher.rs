//! Publishing to a topic.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::gathering::{Gathering, Limits};
use super::live::{Failure, PUBLISH};
use super::outgoing::{MAX_REQUEST, outgoing, size};
use super::proto::{PublishRequest, PublishResponse, PubsubMessage};
use super::service::Service;
use super::verdict::{self, Remedy};
use crate::gcp_pubsub::{MAX_BATCH, Topic};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// How many requests of one topic may be on their way.
const REQUESTS: usize = 8;

/// How many of a broker: a connection takes 100, and those who receive hold up to 64 of them.
const ALL_REQUESTS: usize = 24;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a request is sent that the service asks to send again, and the wait before the second time.
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long those on their way may take when the broker is closed.
const LAST_MESSAGES: Duration = Duration::from_secs(10);

/// What the publishers of a broker have in common.
pub(super) struct Publishing {
    service: Arc<Service>,
    /// Permits of messages.
    pending: Arc<Semaphore>,
    max_pending: usize,
    /// Permits of requests.
    requests: Semaphore,
    closed: AtomicBool,
}

/// An open topic.
pub struct Publisher {
    topic: Arc<Opened>,
}

struct Opened {
    publishing: Arc<Publishing>,
    path: String,
    gathering: Gathering<Waiting>,
}

/// A message, and whoever waits for what becomes of it.
struct Waiting {
    message: PubsubMessage,
    done: oneshot::Sender<Result<String, PublishError>>,
    place: OwnedSemaphorePermit,
}

impl Publishing {
    pub(super) fn new(service: &Arc<Service>, max_pending: usize) -> Self {
        let max_pending = max_pending.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self {
            service: Arc::clone(service),
            pending: Arc::new(Semaphore::new(max_pending)),
            max_pending,
            requests: Semaphore::new(ALL_REQUESTS),
            closed: AtomicBool::new(false),
        }
    }

    /// Takes no more messages, and waits for what becomes of those that it has.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let all = u32::try_from(self.max_pending).unwrap_or(u32::MAX);
        let _ = timeout(LAST_MESSAGES, self.pending.acquire_many(all)).await;
        self.pending.close();
    }

    /// A place for one more message.
    fn place(&self) -> Result<OwnedSemaphorePermit, PublishError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(PublishError::new(PublishErrorKind::Unreachable, "it is closed"));
        }
        if !self.service.is_connected() {
            return Err(PublishError::new(PublishErrorKind::Unreachable, self.service.supervision.failure()));
        }
        Arc::clone(&self.pending).try_acquire_owned().map_err(|_| {
            let what = format!("{} messages are on their way already", self.max_pending);
            PublishError::new(PublishErrorKind::Full, what)
        })
    }
}

impl Publisher {
    pub(super) fn new(publishing: &Arc<Publishing>, topic: &Topic<'_>) -> Self {
        let messages = topic.max_send_batch_size.unwrap_or(MAX_BATCH);
        let path = topic.path();
        let limits = Limits { messages: messages as usize, bytes: MAX_REQUEST - size(path.len()), requests: REQUESTS };
        let publishing = Arc::clone(publishing);
        Self { topic: Arc::new(Opened { publishing, path, gathering: Gathering::new(limits) }) }
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let message = outgoing(message, &self.topic.path)?;
        let place = self.topic.publishing.place()?;
        let (done, becomes) = oneshot::channel();
        self.topic.add(Waiting { message, done, place });
        match becomes.await {
            Ok(Ok(id)) => Ok(Receipt { id: Some(id), ..Receipt::default() }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(PublishError::new(PublishErrorKind::Unknown, "the client was dropped")),
        }
    }
}

impl Opened {
    fn add(self: &Arc<Self>, waiting: Waiting) {
        let bytes = size(waiting.message.encoded_len());
        let key = match waiting.message.ordering_key.as_str() {
            "" => Box::default(),
            key => Box::from(key),
        };
        if self.gathering.add(&key, waiting, bytes) {
            tokio::spawn(Arc::clone(self).send_all(key));
        }
    }

    /// Sends what waits, until nothing does.
    async fn send_all(self: Arc<Self>, key: Box<str>) {
        loop {
            // Never closed. While there is none, more is gathered.
            let _request = self.publishing.requests.acquire().await;
            let batch = self.gathering.take(&key);
            if batch.is_empty() {
                return;
            }
            if !self.send(batch).await && !key.is_empty() {
                self.give_up(&key);
            }
        }
    }

    /// Sends messages in one request, or in as many as are needed so that one that the service does not take is no other's
    /// fault: it is looked for by halves. False where the order of messages to come is at stake.
    async fn send(&self, batch: Vec<Waiting>) -> bool {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            // Nobody waits for these any more.
            part.retain(|waiting| !waiting.done.is_closed());
            if part.is_empty() {
                continue;
            }
            let has_key = !part[0].message.ordering_key.is_empty();
            let (messages, waiting): (Vec<_>, Vec<_>) =
                part.into_iter().map(|waiting| (waiting.message, (waiting.done, waiting.place))).unzip();
            let request = Arc::new(PublishRequest { topic: self.path.clone(), messages });
            let (failure, is_doubtful) = match self.request(&request).await {
                Ok(ids) => {
                    waiting.into_iter().zip(ids).for_each(|((done, _), id)| drop(done.send(Ok(id))));
                    continue;
                }
                Err(failed) => failed,
            };
            if !is_doubtful && verdict::remedy(&failure, request.messages.len()) == Remedy::Apart {
                let messages = Arc::unwrap_or_clone(request).messages;
                let again = messages.into_iter().zip(waiting);
                let mut first: Vec<_> =
                    again.map(|(message, (done, place))| Waiting { message, done, place }).collect();
                let second = first.split_off(first.len() / 2);
                parts.extend([second, first]);
                continue;
            }
            waiting.into_iter().for_each(|(done, _)| drop(done.send(Err(verdict::error(&failure, is_doubtful)))));
            let is_refused = verdict::error(&failure, is_doubtful).kind == PublishErrorKind::Refused;
            let is_away = matches!(failure, Failure::NotSent(_) | Failure::Unanswered(_));
            if is_away || has_key && !is_refused {
                let rest = parts.into_iter().flatten();
                rest.for_each(|waiting| drop(waiting.done.send(Err(behind(has_key)))));
                return false;
            }
        }
        true
    }

    /// The ids of the messages that the service has stored; or the failure, and whether a request before may have been
    /// carried out all the same.
    async fn request(&self, request: &Arc<PublishRequest>) -> Result<Vec<String>, (Failure, bool)> {
        let service = &self.publishing.service;
        let (mut attempt, mut wait) = (1, FIRST_WAIT);
        loop {
            let failure = match service.unary::<_, PublishResponse>(&PUBLISH, &self.path, request, PATIENCE).await {
                Ok(answer) if answer.message_ids.len() == request.messages.len() => return Ok(answer.message_ids),
                Ok(_) => {
                    Failure::Unanswered("the service's answer has not as many ids as there are messages".to_owned())
                }
                Err(failure) => failure,
            };
            if attempt == ATTEMPTS || verdict::remedy(&failure, 1) != Remedy::Again {
                return Err((failure, attempt > 1));
            }
            sleep(wait).await;
            (attempt, wait) = (attempt + 1, wait * 2);
        }
    }

    /// What waits behind a message of its key that may not have been stored is not sent: were that one sent again, it would
    /// come after.
    fn give_up(&self, key: &str) {
        self.gathering.take_all(key).into_iter().for_each(|waiting| drop(waiting.done.send(Err(behind(true)))));
    }
}

fn behind(has_key: bool) -> PublishError {
    let what = match has_key {
        true => "not sent: a message of the same key before it was not confirmed",
        false => "not sent: the service did not answer for those before it",
    };
    PublishError::new(PublishErrorKind::Unreachable, what)
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.topic.path).finish_non_exhaustive()
    }
}
