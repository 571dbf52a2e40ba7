//! What links are made of, and what becomes of deliveries on them.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::frame::{self, composite};
use super::{Error, Failure, Value};

const ACCEPTED: u64 = 0x24;
const REJECTED: u64 = 0x25;
const RELEASED: u64 = 0x26;
const MODIFIED: u64 = 0x27;

/// A link to be made.
#[derive(Clone, Debug)]
pub(crate) struct Attach {
    /// Unique on the connection.
    pub(crate) name: Box<str>,
    /// Whether this side receives.
    pub(crate) receives: bool,
    /// Whether deliveries are settled as they are sent. Otherwise what is decided of them is confirmed.
    pub(crate) settled: bool,
    pub(crate) source: Value,
    pub(crate) target: Value,
    pub(crate) properties: Value,
}

/// A message to be sent.
pub(crate) struct Parcel {
    /// As AMQP writes it, all sections.
    pub(crate) payload: Bytes,
    pub(crate) reply: oneshot::Sender<Sending>,
    /// Held until the end of the message is known.
    pub(crate) permits: [Option<OwnedSemaphorePermit>; 2],
}

/// How the sending of a message ended.
#[derive(Debug)]
pub(crate) enum Sending {
    /// The peer decided.
    Decided(Outcome),
    /// Not all of it was written: the peer does not have it.
    NotSent(Error),
    /// It was written, and the peer has not said what became of it.
    Unknown(Error),
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Accepted,
    Rejected(Option<Failure>),
    Released,
    Modified,
    /// Settled without a word of what became of it.
    Nothing,
}

/// What a receiver hears.
#[derive(Debug)]
pub(crate) enum Event {
    Message(Incoming),
    /// The credit is used up or was given back: after a drain.
    Drained,
    /// The peer ended the link.
    Detached(Failure),
}

/// A message that came in.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Its number, to settle it by; on the connection that it came over only.
    pub(crate) id: u32,
    /// The peer's own name for the delivery.
    pub(crate) tag: Bytes,
    /// As AMQP writes it, all sections.
    pub(crate) payload: Bytes,
}

/// What the connection knows of a link.
pub(super) struct Link {
    pub(super) spec: Attach,
    /// This side's number of it.
    pub(super) handle: u32,
    /// The peer's number of it, once it is attached.
    pub(super) remote: Option<u32>,
    /// Who waits for it to be attached.
    pub(super) attaching: Option<oneshot::Sender<Result<Made, Error>>>,
    /// Since when this side has said that it ends.
    pub(super) detached: Option<Instant>,
    pub(super) ended: Arc<OnceLock<Failure>>,
    pub(super) delivery_count: u32,
    pub(super) credit: u32,
    pub(super) side: Side,
}

pub(super) enum Side {
    /// `drains`: the peer wants to have its credit back once there is nothing to send.
    Sender { queue: VecDeque<Parcel>, next_tag: u32, drains: bool },
    /// `excess`: how many messages came without credit since there was some.
    Receiver { events: mpsc::UnboundedSender<Event>, drains: bool, partial: Option<Partial>, excess: u32 },
}

/// A message of which there is more to come.
pub(super) struct Partial {
    pub(super) id: u32,
    pub(super) tag: Bytes,
    pub(super) payload: BytesMut,
}

/// A link that was made.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) max_message_size: Option<u64>,
    /// The peer's word on where it receives from.
    pub(super) source: Value,
    pub(super) ended: Arc<OnceLock<Failure>>,
}

impl Outcome {
    /// Reads a delivery state; nothing where it is not a last one.
    ///
    /// # Errors
    /// It is the last one, and not known here: nobody knows what became of the delivery.
    pub(super) fn read(state: Value, settled: bool) -> Result<Option<Self>, Error> {
        let is_null = state == Value::Null;
        Ok(Some(match composite(state) {
            Some((ACCEPTED, _)) => Self::Accepted,
            Some((REJECTED, fields)) => Self::Rejected(match fields.into_iter().next() {
                None | Some(Value::Null) => None,
                Some(error) => {
                    let unknown = || Failure::new("amqp:decode-error", "the service's reason cannot be read");
                    Some(Failure::read(error).unwrap_or_else(unknown))
                }
            }),
            Some((RELEASED, _)) => Self::Released,
            Some((MODIFIED, _)) => Self::Modified,
            None if is_null && settled => Self::Nothing,
            _ if settled => return Err(Error::Lost("what the service says became of a message is not known".into())),
            _ => return Ok(None),
        }))
    }
}

/// `accepted`: complete.
pub(crate) fn accepted() -> Value {
    frame::described(ACCEPTED, Vec::new())
}

/// `released`.
pub(crate) fn released() -> Value {
    frame::described(RELEASED, Vec::new())
}

/// `modified`: abandon; with `undeliverable_here`, defer.
pub(crate) fn modified(delivery_failed: bool, undeliverable_here: bool, annotations: Vec<(Value, Value)>) -> Value {
    let annotations = if annotations.is_empty() { Value::Null } else { Value::Map(annotations) };
    frame::described(MODIFIED, vec![Value::Bool(delivery_failed), Value::Bool(undeliverable_here), annotations])
}

/// `rejected`: dead-letter, with what Service Bus takes the reason from.
pub(crate) fn rejected(condition: &str, description: &str, info: Vec<(Value, Value)>) -> Value {
    let error = vec![Value::symbol(condition), Value::string(description), Value::Map(info)];
    frame::described(REJECTED, vec![frame::described(0x1d, error)])
}
