//! AMQP 1.0, as much of it as a client of Service Bus speaks: a connection with one session, links to send and to receive
//! over, and requests that are answered.
//!
//! It is ours. The crate `azservicebus` and `fe2o3-amqp` beneath it were read for it, and cannot be held to what this
//! product promises: a message counts as unsettled only after it was handed to another task, so that a quick confirmation
//! finds nobody and the publisher waits for ever; a receiver throws the service's answer to `complete` away, so that a lock
//! that was lost looks like a message that was acknowledged; a connection that cannot write does not read either, and never
//! notices that its peer is gone; and links and tokens that fail to be renewed are only logged. One task owns all of a
//! connection here, and whoever waits for something hears how it ended.

mod engine;
mod frame;
mod handshake;
mod link;
mod message;
mod request;
mod session;
mod value;

use std::fmt;

pub(crate) use self::handshake::{Connection, connect};
pub(crate) use self::link::{Attach, Event, Incoming, Outcome, Parcel, Sent, accepted, modified, rejected, released};
pub(crate) use self::message::{Body, Sections, encode as encode_message};
pub(crate) use self::request::Response;
pub(crate) use self::session::{Receiver, Sender, Session, Settler};
pub(crate) use self::value::Value;

/// What the peer says went wrong, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its name: `amqp:not-found`.
    pub(crate) condition: Box<str>,
    pub(crate) description: Box<str>,
}

/// Why something did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The peer said no, or ended the link.
    Refused(Failure),
    /// The connection was lost, or is closed.
    Lost(Box<str>),
}

impl Failure {
    pub(crate) fn new(condition: &str, description: &str) -> Self {
        Self { condition: condition.into(), description: description.into() }
    }

    /// Reads an `error`; nothing where there is none.
    fn read(value: Value) -> Option<Self> {
        let (0x1d, mut fields) = frame::composite(value)? else { return None };
        let description = fields.get_mut(1).and_then(|text| text.as_text().map(Box::from)).unwrap_or_default();
        Some(Self { condition: fields.first()?.as_text()?.into(), description })
    }

    pub(crate) fn is(&self, condition: &str) -> bool {
        *self.condition == *condition
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.description {
            "" => f.write_str(&self.condition),
            description => write!(f, "{description} ({})", self.condition),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(failure) => failure.fmt(f),
            Self::Lost(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}
