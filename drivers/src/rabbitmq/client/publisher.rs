//! Publishing to an exchange.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::outbox::Handed;
use super::parcel::Parcel;
use super::publishing::Shared;
use crate::rabbitmq::Topic;
use crate::{Confirm, Message, PublishError, PublishErrorKind, PublisherOptions, Receipt};

/// How often somebody who waits for a turn looks by himself: nobody calls when a message before has been alone for too long.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// An open topic.
pub struct Publisher {
    shared: Arc<Shared>,
    exchange: Arc<str>,
    key_name: Option<Box<str>>,
    /// The number of its channel.
    lane: usize,
}

impl Publisher {
    /// # Errors
    /// Another publisher of the broker has the exchange declared as something else.
    pub(super) fn new(shared: &Arc<Shared>, topic: &Topic<'_>, options: &PublisherOptions) -> Result<Self, String> {
        let (exchange, key_name) = (Arc::from(&*topic.exchange), topic.key_name.as_deref().map(Box::from));
        let lane = shared.outbox.lane(&exchange, options.confirm != Confirm::None, options.declare)?;
        Ok(Self { shared: Arc::clone(shared), exchange, key_name, lane })
    }

    fn hand_over(&self, parcel: &mut Option<Parcel>, waits: bool) -> Result<Handed, PublishError> {
        self.shared.outbox.publish(self.lane, parcel, waits, || self.shared.supervision.failure())
    }

    /// Hands the parcel over when it is its turn.
    #[cold]
    async fn wait(&self, parcel: &mut Option<Parcel>, first: Handed) -> Result<Handed, PublishError> {
        let _waiting = self.shared.outbox.wait(parcel.as_ref().map_or(0, Parcel::length));
        let mut handed = first;
        loop {
            let Handed::NotYet(turn) = handed else { return Ok(handed) };
            let mut called = pin!(turn.notified());
            // Before it is tried again, or the call could come in between.
            called.as_mut().enable();
            // Who was called and does not go lets the next one go.
            let pass_on = |error| {
                turn.notify_one();
                error
            };
            match self.hand_over(parcel, true).map_err(pass_on)? {
                Handed::NotYet(same) if Arc::ptr_eq(&same, &turn) => drop(timeout(LOOK_EVERY, called).await),
                // It waits for something else now.
                other => {
                    handed = other;
                    continue;
                }
            }
            handed = self.hand_over(parcel, true).map_err(pass_on)?;
        }
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let mut parcel = Some(Parcel::new(&self.exchange, self.key_name.as_deref(), message)?);
        let handed = match self.hand_over(&mut parcel, false)? {
            waits @ Handed::NotYet(_) => Box::pin(self.wait(&mut parcel, waits)).await?,
            over => over,
        };
        let Handed::Over(Some(published)) = handed else { return Ok(Receipt::default()) };
        match published.await {
            Ok(published) => published,
            Err(_) => Err(PublishError::new(PublishErrorKind::Unknown, "the client was dropped")),
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
