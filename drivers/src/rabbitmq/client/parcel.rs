//! A message on its way, and who waits to hear of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::properties::{self, invalid, short};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// A message, ready to be written.
pub(super) struct Parcel {
    pub(super) exchange: Arc<str>,
    key: Key,
    /// As AMQP writes them.
    pub(super) properties: Vec<u8>,
    pub(super) message: Message,
}

/// Where a message's routing key stands.
enum Key {
    /// In the message, or nowhere.
    Message,
    /// In this attribute.
    Attribute(usize),
}

pub(super) type Published = Result<Receipt, PublishError>;

/// A message that the server has not confirmed.
pub(super) struct Pending {
    pub(super) parcel: Parcel,
    /// Where it begins and ends among all bytes of its connection.
    pub(super) start: u64,
    pub(super) end: u64,
    /// What the server said when it gave it back, which it confirms besides.
    pub(super) returned: Option<String>,
    waiter: oneshot::Sender<Published>,
}

/// Ends of messages, told once nothing is locked.
pub(super) type Ends = Vec<(oneshot::Sender<Published>, Published)>;

impl Parcel {
    /// The routing key is the value of the attribute `key_name`, which then is no header, or else the message's key.
    ///
    /// # Errors
    /// Something of it is nothing that the protocol can carry.
    pub(super) fn new(exchange: &Arc<str>, key_name: Option<&str>, message: Message) -> Result<Self, PublishError> {
        let named =
            |name: &str| message.attributes.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(name));
        let attribute = key_name.and_then(named);
        let mut properties = Vec::with_capacity(64);
        properties::encode(&mut properties, &message, attribute)?;
        let key = attribute.map_or(Key::Message, Key::Attribute);
        let parcel = Self { exchange: Arc::clone(exchange), key, properties, message };
        short("the routing key", parcel.key())?;
        Ok(parcel)
    }

    /// The routing key.
    pub(super) fn key(&self) -> &str {
        match self.key {
            Key::Attribute(index) => &self.message.attributes[index].value,
            Key::Message => self.message.key.as_deref().unwrap_or_default(),
        }
    }

    /// How much of it there is, about.
    pub(super) fn length(&self) -> usize {
        self.properties.len() + self.message.body.len()
    }

    /// Whether it can be from the one who is logged in: the server would close the channel.
    pub(super) fn check_user(&self, user: Option<&str>) -> Result<(), PublishError> {
        match (properties::user_id(&self.message), user) {
            (Some(claimed), Some(user)) if claimed != user => {
                Err(invalid("Amqp-User-Id is another user than the one who is logged in".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Pending {
    /// What is appended from `start` to `end`, and what will tell of its end.
    pub(super) fn new(parcel: Parcel, start: u64, end: u64) -> (Self, oneshot::Receiver<Published>) {
        let (waiter, receiver) = oneshot::channel();
        (Self { parcel, start, end, returned: None, waiter }, receiver)
    }

    /// The server has it, or does not take it.
    pub(super) fn confirm(self, taken: bool, ends: &mut Ends) {
        let published = match (taken, &self.returned) {
            (true, None) => Ok(Receipt::default()),
            (_, Some(text)) => Err(unroutable(text)),
            (false, None) => {
                let what = "the server did not take it: a queue is full and refuses more, or has failed";
                Err(PublishError::new(PublishErrorKind::Full, what))
            }
        };
        ends.push((self.waiter, published));
    }

    /// There will be no confirmation.
    pub(super) fn end(self, kind: PublishErrorKind, reason: &str, ends: &mut Ends) {
        let error = match &self.returned {
            // Whatever comes after that.
            Some(text) => unroutable(text),
            None => PublishError::new(kind, reason),
        };
        ends.push((self.waiter, Err(error)));
    }
}

fn unroutable(text: &str) -> PublishError {
    PublishError::new(PublishErrorKind::Refused, format!("no queue takes it: {text}"))
}

/// Tells who waits. Whoever does not wait any more has said so to its caller.
pub(super) fn tell(ends: &mut Ends) {
    for (waiter, published) in ends.drain(..) {
        let _ = waiter.send(published);
    }
}
