//! What a server says to a publisher.

use std::mem;
use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, basic, channel, connection, exchange};
use bytes::{Buf as _, BytesMut};

use super::super::lane::{EXCHANGE, Returned};
use super::super::outbox::Session;
use super::super::parcel::tell;
use super::super::wire::{Incoming, parse};
use super::{Connection, KEPT_BYTES, READ_BYTES};
use crate::rabbitmq::DRIVER;

/// A message that is coming back.
pub(super) struct Returning {
    returned: Returned,
    /// How much of its body is missing; `None` before that is known.
    missing: Option<u64>,
}

/// What is to be written into the log.
pub(super) enum Line {
    Blocked(String),
    Unblocked,
    /// A channel, with as many messages at least that nobody waits for.
    Closed {
        reason: String,
        unsent: u64,
        of_exchange: bool,
    },
    NoQueue {
        reason: String,
        exchange: String,
    },
}

impl Connection {
    /// Handles all that has come in whole.
    pub(super) fn handle_read(&mut self) -> Result<(), String> {
        let mut read = mem::take(&mut self.read);
        let handled = self.handle_all(&read);
        // Told even where the rest is wrong, and not with the lock held.
        tell(&mut self.ends);
        self.write_lines();
        read.advance(handled?);
        self.read = read;
        if self.read.is_empty() && self.read.capacity() > KEPT_BYTES {
            self.read = BytesMut::new();
        }
        self.read.reserve(READ_BYTES);
        Ok(())
    }

    fn handle_all(&mut self, read: &[u8]) -> Result<usize, String> {
        let shared = Arc::clone(&self.shared);
        let mut session = shared.outbox.session();
        let mut rest = read;
        while let Some((incoming, length)) = parse(rest, self.frame_max)? {
            self.handle(incoming, &mut session)?;
            rest = &rest[length..];
        }
        Ok(read.len() - rest.len())
    }

    fn handle(&mut self, incoming: Incoming<'_>, session: &mut Session<'_>) -> Result<(), String> {
        match incoming {
            Incoming::Confirm { channel, tag, multiple, taken } => {
                session.confirm(channel, (tag, multiple), taken, &mut self.ends)
            }
            Incoming::Heartbeat => Ok(()),
            Incoming::Method(0, AMQPClass::Connection(method)) => self.connection(method, session),
            Incoming::Method(number, AMQPClass::Channel(method)) => self.channel(number, method, session),
            Incoming::Method(number, AMQPClass::Basic(basic::AMQPMethod::Return(method))) => {
                let returned = Returned {
                    text: format!("{} ({})", method.reply_text, method.reply_code),
                    exchange: method.exchange.into(),
                    key: method.routing_key.into(),
                    properties: Vec::new(),
                    body: Vec::new(),
                };
                self.returning.retain(|(other, _)| *other != number);
                self.returning.push((number, Returning { returned, missing: None }));
                Ok(())
            }
            Incoming::Method(number, AMQPClass::Exchange(exchange::AMQPMethod::DeclareOk(_))) => {
                session.answered(number)
            }
            // The answers to what opens a channel: where one is refused, the channel is closed instead.
            Incoming::Method(_, AMQPClass::Confirm(_)) => Ok(()),
            Incoming::Method(..) => Err("the server sent a method that is none to a publisher".to_owned()),
            Incoming::Header { channel, length, properties } => {
                let returning = self.returning_on(channel)?;
                returning.returned.properties = properties.to_vec();
                returning.missing = Some(length);
                self.has_returned(channel, session)
            }
            Incoming::Body { channel, part } => {
                let returning = self.returning_on(channel)?;
                let missing = returning.missing.and_then(|missing| missing.checked_sub(part.len() as u64));
                let Some(missing) = missing else {
                    return Err("the server sent more of a message than it has".to_owned());
                };
                returning.missing = Some(missing);
                returning.returned.body.extend_from_slice(part);
                self.has_returned(channel, session)
            }
        }
    }

    fn connection(&mut self, method: connection::AMQPMethod, session: &mut Session<'_>) -> Result<(), String> {
        match method {
            connection::AMQPMethod::Close(close) => {
                Err(format!("the server closed the connection: {} ({})", close.reply_text, close.reply_code))
            }
            connection::AMQPMethod::CloseOk(_) => Err("it is closed".to_owned()),
            connection::AMQPMethod::Blocked(blocked) => {
                session.set_blocked(Some(blocked.reason.as_str()));
                self.lines.push(Line::Blocked(blocked.reason.to_string()));
                Ok(())
            }
            connection::AMQPMethod::Unblocked(_) => {
                session.set_blocked(None);
                self.lines.push(Line::Unblocked);
                Ok(())
            }
            _ => Err("the server sent something else than was its turn".to_owned()),
        }
    }

    fn channel(&mut self, number: u16, method: channel::AMQPMethod, session: &mut Session<'_>) -> Result<(), String> {
        match method {
            channel::AMQPMethod::Close(close) => {
                self.returning.retain(|(other, _)| *other != number);
                let written = self.before + self.written as u64;
                let unsent = session.closed(number, &close, written, &mut self.ends)?;
                let reason = close.reply_text.to_string();
                let of_exchange = close.class_id == EXCHANGE;
                self.lines.push(Line::Closed { reason, unsent, of_exchange });
                Ok(())
            }
            channel::AMQPMethod::Flow(flow) => {
                // It has asked for no messages for a while. What there is, is held up by the server itself.
                let answer = channel::FlowOk { active: flow.active };
                session.say(number, AMQPClass::Channel(channel::AMQPMethod::FlowOk(answer)))
            }
            _ => Ok(()),
        }
    }

    fn returning_on(&mut self, number: u16) -> Result<&mut Returning, String> {
        let returning = self.returning.iter_mut().find(|(channel, _)| *channel == number);
        let returning = returning.map(|(_, returning)| returning);
        returning.ok_or_else(|| "the server sent a part of a message that it did not begin".to_owned())
    }

    fn has_returned(&mut self, number: u16, session: &mut Session<'_>) -> Result<(), String> {
        let is_whole = |(channel, returning): &(u16, Returning)| *channel == number && returning.missing == Some(0);
        let Some(index) = self.returning.iter().position(is_whole) else { return Ok(()) };
        let (_, Returning { returned, .. }) = self.returning.swap_remove(index);
        if session.returned(number, &returned)? {
            let Returned { text: reason, exchange, .. } = returned;
            self.lines.push(Line::NoQueue { reason, exchange });
        }
        Ok(())
    }

    fn write_lines(&mut self) {
        let (driver, broker) = (DRIVER.name, self.shared.broker);
        for line in mem::take(&mut self.lines) {
            match line {
                Line::Blocked(reason) => {
                    tracing::warn!(driver, broker, reason, "the server takes no messages for now");
                }
                Line::Unblocked => tracing::info!(driver, broker, "the server takes messages again"),
                Line::Closed { reason, unsent: 0, of_exchange } => {
                    if self.complaints.is_due(&reason) {
                        let what =
                            if of_exchange { "the server refused an exchange" } else { "the server refused a message" };
                        tracing::warn!(driver, broker, reason, "{what}");
                    }
                }
                Line::Closed { reason, unsent, .. } => {
                    self.shared.supervision.counters().add_unsent(unsent);
                    if self.complaints.is_due(&reason) {
                        let what = "messages that nobody waits for were refused";
                        tracing::error!(driver, broker, at_least = unsent, reason, "{what}");
                    }
                }
                Line::NoQueue { reason, exchange } => {
                    self.shared.supervision.counters().add_unsent(1);
                    if self.complaints.is_due(&exchange) {
                        let what = "messages that nobody waits for reached no queue";
                        tracing::error!(driver, broker, reason, exchange, "{what}");
                    }
                }
            }
        }
    }
}
