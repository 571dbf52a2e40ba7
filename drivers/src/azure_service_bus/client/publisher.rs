//! Publishing to a topic or queue: any number of messages at once over one link, each of which hears how it ended.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::amqp::{Error, Failure, Outcome, Parcel, Sender, Sending};
use super::live::Live;
use super::properties;
use super::verdict::{of_link, of_outcome, of_tokens};
use super::{Permits, Shared};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// How long a link may take to be made, with its token.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it counts that the service refused a link: who publishes in between is told so without asking again.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// How often a message is handed over anew that is certain not to have been sent, as the link to it had ended.
const MOST_TRIES: usize = 3;

/// An open topic or queue.
pub struct Publisher {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
}

/// What all publishers of a topic or queue share: the link to it.
pub(super) struct Lane {
    pub(super) entity: Box<str>,
    link: Mutex<Option<Link>>,
    opening: tokio::sync::Mutex<Option<(Instant, Refusal)>>,
}

/// A link, and the connection that it is on.
#[derive(Clone)]
struct Link {
    live: Arc<Live>,
    sender: Arc<Sender>,
}

/// Why there is no link.
#[derive(Clone)]
struct Refusal {
    kind: PublishErrorKind,
    reason: Box<str>,
}

impl Refusal {
    fn error(&self) -> PublishError {
        PublishError::new(self.kind, &*self.reason)
    }
}

impl Lane {
    pub(super) fn new(entity: &str) -> Self {
        Self { entity: entity.into(), link: Mutex::default(), opening: tokio::sync::Mutex::default() }
    }

    /// The link, where there is one on the connection there is.
    fn current(&self, live: &Arc<Live>) -> Option<Arc<Sender>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let link = link.as_ref().filter(|link| Arc::ptr_eq(&link.live, live))?;
        link.sender.ended().is_none().then(|| Arc::clone(&link.sender))
    }

    /// Makes a link, or waits for one that is being made.
    async fn open(&self, live: &Arc<Live>) -> Result<Arc<Sender>, Refusal> {
        let mut refused = self.opening.lock().await;
        if let Some(sender) = self.current(live) {
            return Ok(sender);
        }
        if let Some((since, refusal)) = &*refused
            && since.elapsed() < REFUSED_FOR
        {
            return Err(refusal.clone());
        }
        let made = timeout(PATIENCE, async {
            live.authorize(&self.entity).await.map_err(|error| (of_tokens(&error), error.to_string()))?;
            let opened = live.session().open_sender(&self.entity).await;
            if matches!(&opened, Err(Error::Refused(failure)) if failure.is("amqp:unauthorized-access")) {
                // The next one puts another token.
                live.forget(&self.entity).await;
            }
            opened.map_err(|error| (of_link(&error), error.to_string()))
        });
        let made = made.await.unwrap_or_else(|_| {
            Err((PublishErrorKind::Unreachable, format!("no link to {} within {PATIENCE:?}", self.entity)))
        });
        match made {
            Ok(sender) => {
                let sender = Arc::new(sender);
                *refused = None;
                let link = Link { live: Arc::clone(live), sender: Arc::clone(&sender) };
                *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
                Ok(sender)
            }
            Err((kind, reason)) => {
                let refusal = Refusal { kind, reason: reason.into() };
                *refused = Some((Instant::now(), refusal.clone()));
                Err(refusal)
            }
        }
    }

    /// Makes the link before somebody needs it.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn prepare(&self, live: &Arc<Live>) -> Result<(), String> {
        self.open(live).await.map(drop).map_err(|refusal| refusal.reason.into())
    }

    /// Lets go of a connection that is over.
    pub(super) fn forget(&self) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, lane: Arc<Lane>) -> Self {
        Self { shared, lane }
    }

    fn unreachable(&self) -> PublishError {
        PublishError::new(PublishErrorKind::Unreachable, self.shared.supervision().failure())
    }

    /// Hands a message over, and waits for its end.
    async fn send(&self, sender: &Sender, payload: Bytes, permits: Permits) -> Result<Sending, PublishError> {
        let (size, most) = (payload.len() as u64, sender.max_message_size());
        if let Some(most) = most.filter(|most| size > *most) {
            let what = format!("{size} bytes with its properties, and {} takes {most}", self.lane.entity);
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        let (reply, sent) = oneshot::channel();
        sender.send(Parcel { payload, reply, permits });
        // The task always says how it ended, unless it was aborted.
        Ok(sent.await.unwrap_or_else(|_| Sending::Unknown(Error::Lost("the client was dropped".into()))))
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let payload: Bytes = properties::encode(&message)?;
        drop(message);
        let mut last = Failure::new("", "");
        for _ in 0..MOST_TRIES {
            let Some(live) = self.shared.live() else { return Err(self.unreachable()) };
            let permits = self.shared.admit(payload.len())?;
            let sender = match self.lane.current(&live) {
                Some(sender) => sender,
                None => Box::pin(self.lane.open(&live)).await.map_err(|refusal| refusal.error())?,
            };
            match self.send(&sender, payload.clone(), permits).await? {
                Sending::Decided(Outcome::Accepted) => return Ok(Receipt::default()),
                Sending::Decided(outcome) => return Err(of_outcome(&outcome)),
                Sending::Unknown(error) => return Err(PublishError::new(PublishErrorKind::Unknown, error)),
                Sending::NotSent(error @ Error::Lost(_)) => {
                    return Err(PublishError::new(PublishErrorKind::Unreachable, error));
                }
                // The link had ended, as the service does with those that are idle.
                Sending::NotSent(Error::Refused(failure)) => last = failure,
            }
        }
        let error = Error::Refused(last);
        Err(PublishError::new(of_link(&error), error))
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("entity", &self.lane.entity).finish_non_exhaustive()
    }
}
