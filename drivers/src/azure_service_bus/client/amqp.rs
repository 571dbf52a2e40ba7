//! AMQP 1.0, as much of it as a client of Service Bus speaks: a connection with one session, links to send and to receive
//! over, and requests that are answered.
//!
//! # Why not the crate
//!
//! `azservicebus` 0.25.1 is `fe2o3-amqp` 0.14.1 beneath, and both were read for it. What a message would suffer there:
//!
//! - *Acknowledged, and not.* fe2o3-amqp, src/link/mod.rs, `LinkRelay::on_incoming_disposition`: the service's answer to
//!   `complete` is dropped (`let _state = ...`), and src/link/receiver.rs `accept` returns before it. A lock that was lost
//!   looks like an acknowledged message.
//! - *Confirmed, and nobody hears.* src/link/sender_link.rs, `send_payload_with_transfer`: the transfer is handed to another
//!   task before the message is in `unsettled`; a confirmation that comes in between is for nobody, and `send` never ends.
//! - *Hanging.* src/connection/engine.rs, `event_loop`: while it awaits a write it neither reads nor looks at the idle
//!   time-out, so a peer that stops (SIGSTOP) is never found out; `wait_for_remote_close` has no limit either.
//! - *Locked out.* azservicebus, src/amqp/amqp_cbs_link.rs, `handle_refresher`: a token that cannot be renewed once is
//!   logged, dropped and never tried again; src/primitives/service_bus_connection_string_properties.rs drops an
//!   `Endpoint`'s port.
//! - Its `azure_core` 0.25 brings reqwest with native-tls and OpenSSL, and its `rustls` feature ring.
//!
//! One task owns all of a connection here, and whoever waits for something hears how it ended.

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
pub(crate) use self::link::{
    Attach, Event, Incoming, Outcome, Parcel, Sending, accepted, modified, rejected, released,
};
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
