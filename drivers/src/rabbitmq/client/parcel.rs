//! A message on its way, and who waits to hear of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::properties::{self, short};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// The header that has an exchange of the plugin for delayed messages keep a message, which the server then gives back as if
/// no queue took it.
const DELAY: &str = "x-delay";

const NOT_TAKEN: &str =
    "a queue did not take it (basic.nack): it is full and refuses more, or has failed; another queue may have it";

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
    /// Set when the server gave it back, which it confirms besides.
    pub(super) returned: Option<Back>,
    waiter: oneshot::Sender<Published>,
}

/// What it means that a message came back. With what the server said.
#[derive(Debug)]
pub(super) enum Back {
    /// It is in no queue.
    NoQueue(String),
    /// It may be in one.
    Doubt(String),
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

    /// The user that it says it is from, where that is not `user` or nobody knows.
    pub(super) fn in_the_name_of(&self, user: Option<&str>) -> Option<&str> {
        properties::user_id(&self.message).filter(|claimed| Some(*claimed) != user)
    }

    /// What it means that it came back.
    pub(super) fn came_back(&self, text: &str) -> Back {
        match self.message.attributes.iter().any(|attribute| attribute.name == DELAY) {
            true => Back::Doubt(format!("no queue takes it now, and one may after its `{DELAY}`: {text}")),
            false => Back::NoQueue(text.to_owned()),
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
            (_, Some(back)) => Err(back.error()),
            // Of several queues that get it the others have it; and one whose process ends may have written it.
            (false, None) => Err(PublishError::new(PublishErrorKind::Unknown, NOT_TAKEN)),
        };
        ends.push((self.waiter, published));
    }

    /// There will be no confirmation.
    pub(super) fn end(self, kind: PublishErrorKind, reason: &str, ends: &mut Ends) {
        let error = match &self.returned {
            // Whatever comes after that.
            Some(back) => back.error(),
            None => PublishError::new(kind, reason),
        };
        ends.push((self.waiter, Err(error)));
    }
}

impl Back {
    fn error(&self) -> PublishError {
        match self {
            Self::NoQueue(text) => PublishError::new(PublishErrorKind::Refused, format!("no queue takes it: {text}")),
            Self::Doubt(text) => PublishError::new(PublishErrorKind::Unknown, text.as_str()),
        }
    }
}

/// Tells who waits. Whoever does not wait any more has said so to its caller.
pub(super) fn tell(ends: &mut Ends) {
    for (waiter, published) in ends.drain(..) {
        let _ = waiter.send(published);
    }
}
