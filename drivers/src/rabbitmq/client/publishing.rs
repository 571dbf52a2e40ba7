//! The connection that messages are published over, and the one task that reads and writes it.
//!
//! It is ours, not lapin's: that gives a message that comes back to whichever confirmation is next, so that under load the
//! one that reached no queue would be told to be stored and another not to be; and it writes such messages, bodies and all,
//! into the log.

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use amq_protocol::protocol::{AMQPClass, basic, channel, connection};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::dialer::Dialer;
use super::lane::Returned;
use super::login::{Established, Publishing};
use super::outbox::{Outbox, Session};
use super::parcel::{Ends, tell};
use super::wire::{HEARTBEAT, Incoming, parse};
use crate::rabbitmq::DRIVER;
use crate::stream::Stream;
use crate::supervision::{Closing, Repeats, Supervision};
use crate::{OpenError, Settings};

const TICK: Duration = Duration::from_millis(500);

/// How long closing waits for what is on its way, and then for the server's word.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

const READ_BYTES: usize = 16 << 10;

/// A buffer that a large message made larger than this is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// What publishers and their connection have in common.
pub(super) struct Shared {
    pub(super) outbox: Outbox,
    pub(super) supervision: Arc<Supervision>,
    pub(super) broker: Option<&'static str>,
}

/// How the supervision connects.
pub(super) struct Connector {
    dialer: Dialer<Publishing>,
    shared: Arc<Shared>,
}

struct Connection {
    shared: Arc<Shared>,
    stream: Stream,
    read: BytesMut,
    frame_max: usize,
    /// A server that is not heard for as long is gone; none where it is zero.
    heartbeat: Duration,
    heard: Instant,
    spoke: Instant,
    taken: Vec<u8>,
    /// How much of the taken bytes is written.
    written: usize,
    /// How many bytes were written before them.
    before: u64,
    /// How many of the messages in them nobody waits for.
    unawaited: u64,
    flushed: bool,
    tick: Interval,
    /// Messages that are coming back, by their channels.
    returning: Vec<(u16, Returning)>,
    phase: Phase,
    replacement: Option<Established>,
    ends: Ends,
    complaints: Repeats,
    ended: bool,
}

/// A message that is coming back.
struct Returning {
    returned: Returned,
    /// How much of its body is missing; `None` before that is known.
    missing: Option<u64>,
}

enum Phase {
    Serving,
    /// Takes nothing more, and waits for what is on its way.
    Draining {
        until: Instant,
    },
    /// Has said goodbye.
    Leaving {
        until: Instant,
    },
}

/// How a connection ended.
enum End {
    /// Why.
    Lost(String),
    /// In order: this one takes its place.
    Replaced(Established),
}

impl Connector {
    pub(super) fn new(settings: &Settings, shared: &Arc<Shared>) -> Result<Self, OpenError> {
        Ok(Self { dialer: Dialer::new(settings, Publishing)?, shared: Arc::clone(shared) })
    }
}

impl crate::supervision::Link for Connector {
    type Connection = Established;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<Established, String> {
        self.dialer.dial().await
    }

    async fn serve(&mut self, mut established: Established, mut closing: Closing) -> String {
        loop {
            let connection = Connection::new(established, Arc::clone(&self.shared));
            match connection.serve(&mut closing, self.dialer.renewed()).await {
                End::Lost(reason) => return reason,
                End::Replaced(replacement) => {
                    self.shared.supervision.counters().connected();
                    established = replacement;
                }
            }
        }
    }
}

impl Connection {
    /// Opens for publishers.
    fn new(established: Established, shared: Arc<Shared>) -> Self {
        let Established { stream, read, terms } = established;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (frame_max, heartbeat) = (terms.frame_max, Duration::from_secs(terms.heartbeat.into()));
        shared.outbox.connected(terms);
        Self {
            shared,
            stream,
            read,
            frame_max,
            heartbeat,
            heard: Instant::now(),
            spoke: Instant::now(),
            taken: Vec::new(),
            written: 0,
            before: 0,
            unawaited: 0,
            flushed: true,
            tick,
            returning: Vec::new(),
            phase: Phase::Serving,
            replacement: None,
            ends: Ends::new(),
            complaints: Repeats::default(),
            ended: false,
        }
    }

    /// Serves until the connection is lost or closed, or until there is another in its place.
    async fn serve(mut self, closing: &mut Closing, replacement: impl Future<Output = Established>) -> End {
        let mut closing = pin!(closing.requested());
        let mut replacement = pin!(replacement);
        let mut is_closing = false;
        let reason = std::future::poll_fn(|cx| {
            if !is_closing && closing.as_mut().poll(cx).is_ready() {
                is_closing = true;
                self.shared.outbox.close();
                self.drain();
            }
            if matches!(self.phase, Phase::Serving)
                && let Poll::Ready(established) = replacement.as_mut().poll(cx)
            {
                self.shared.outbox.switch();
                self.replacement = Some(established);
                self.drain();
            }
            self.poll(cx)
        });
        let reason = reason.await;
        let replacement = self.replacement.take().filter(|_| !is_closing);
        self.end(&reason, replacement.is_some());
        match replacement {
            Some(established) => End::Replaced(established),
            None => End::Lost(reason),
        }
    }

    fn drain(&mut self) {
        self.phase = Phase::Draining { until: Instant::now() + CLOSING_PATIENCE };
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        match self.poll_all(cx) {
            Poll::Ready(Ok(never)) => match never {},
            Poll::Ready(Err(reason)) => Poll::Ready(reason),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<Infallible, String>> {
        loop {
            // Each ends pending at the latest when the task has had its share of the thread.
            let read = self.poll_read(cx)?;
            let wrote = self.poll_write(cx)?;
            let ticked = self.poll_tick(cx)?;
            let mut goes_on = false;
            if let Phase::Draining { .. } = self.phase
                && wrote.is_ready()
                && self.shared.outbox.session().is_drained()
            {
                self.say_goodbye()?;
                goes_on = true;
            }
            if read.is_pending() && ticked.is_pending() && !goes_on {
                return Poll::Pending;
            }
        }
    }

    fn say_goodbye(&mut self) -> Result<(), String> {
        let close = connection::Close { reply_code: 200, reply_text: "OK".into(), class_id: 0, method_id: 0 };
        let mut session = self.shared.outbox.session();
        session.say(0, AMQPClass::Connection(connection::AMQPMethod::Close(close)))?;
        self.phase = Phase::Leaving { until: Instant::now() + GOODBYE_PATIENCE };
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        let got = ready!(pin!(self.stream.read_buf(&mut self.read)).poll(cx));
        Poll::Ready(match got {
            Ok(0) => Err("the server closed the connection".to_owned()),
            Ok(_) => {
                self.heard = Instant::now();
                self.handle_read()
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// Handles all that has come in whole.
    fn handle_read(&mut self) -> Result<(), String> {
        let mut read = mem::take(&mut self.read);
        let handled = self.handle_all(&read);
        // Told even where the rest is wrong.
        tell(&mut self.ends);
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
            // The answers to what opens a channel: where one is refused, the channel is closed instead.
            Incoming::Method(_, AMQPClass::Confirm(_) | AMQPClass::Exchange(_) | AMQPClass::Queue(_)) => Ok(()),
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
        let broker = self.shared.broker;
        match method {
            connection::AMQPMethod::Close(close) => {
                Err(format!("the server closed the connection: {} ({})", close.reply_text, close.reply_code))
            }
            connection::AMQPMethod::CloseOk(_) => Err("it is closed".to_owned()),
            connection::AMQPMethod::Blocked(blocked) => {
                let reason = blocked.reason.as_str();
                session.set_blocked(Some(reason));
                tracing::warn!(driver = DRIVER.name, broker, reason, "the server takes no messages for now");
                Ok(())
            }
            connection::AMQPMethod::Unblocked(_) => {
                session.set_blocked(None);
                tracing::info!(driver = DRIVER.name, broker, "the server takes messages again");
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
                let may_lose = session.closed(number, &close, written, &mut self.ends)?;
                let (reason, broker) = (close.reply_text.as_str(), self.shared.broker);
                if may_lose {
                    self.shared.supervision.counters().add_unsent(1);
                    if self.complaints.is_due(reason) {
                        let what = "messages that nobody waits for were refused";
                        tracing::error!(driver = DRIVER.name, broker, reason, "{what}");
                    }
                } else if self.complaints.is_due(reason) {
                    tracing::warn!(driver = DRIVER.name, broker, reason, "the server refused a message");
                }
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
            self.shared.supervision.counters().add_unsent(1);
            let Returned { text: reason, exchange, .. } = &returned;
            if self.complaints.is_due(exchange) {
                let (broker, what) = (self.shared.broker, "messages that nobody waits for reached no queue");
                tracing::error!(driver = DRIVER.name, broker, reason, exchange, "{what}");
            }
        }
        Ok(())
    }

    /// Ready once everything is written and there is nothing more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        loop {
            if self.written == self.taken.len() && !self.take(cx) {
                if !self.flushed {
                    let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                    flushed.map_err(|error| error.to_string())?;
                    self.flushed = true;
                }
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.taken[self.written..])) {
                Ok(0) => return Poll::Ready(Err("the connection takes no more".to_owned())),
                Ok(count) => self.written += count,
                Err(error) => return Poll::Ready(Err(error.to_string())),
            }
            self.spoke = Instant::now();
            self.shared.outbox.set_unwritten(self.taken.len() - self.written);
            self.flushed = false;
        }
    }

    /// Takes what publishers handed over. Everything taken before is written.
    fn take(&mut self, cx: &mut Context<'_>) -> bool {
        self.before += self.taken.len() as u64;
        self.taken.clear();
        self.written = 0;
        self.unawaited = 0;
        match self.shared.outbox.take(&mut self.taken, cx.waker()) {
            Some(unawaited) => self.unawaited = unawaited,
            None => return false,
        }
        true
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        ready!(self.tick.poll_tick(cx));
        let now = Instant::now();
        match self.phase {
            Phase::Draining { until } if now > until => {
                return Poll::Ready(Err("it is closed, and the server did not answer in time".to_owned()));
            }
            Phase::Leaving { until } if now > until => return Poll::Ready(Err("it is closed".to_owned())),
            _ => {}
        }
        if !self.heartbeat.is_zero() {
            if now - self.heard > self.heartbeat {
                return Poll::Ready(Err(format!("the server was not heard for {:?}", self.heartbeat)));
            }
            // One is on its way already where something waits to be written.
            if now - self.spoke > self.heartbeat / 3 && self.written == self.taken.len() {
                self.shared.outbox.session().push(HEARTBEAT);
                self.spoke = now;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whoever waits for a confirmation will not get one.
    fn end(&mut self, reason: &str, goes_on: bool) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        let mut unsent = self.shared.outbox.disconnected(reason, self.before + self.written as u64, goes_on);
        if self.written < self.taken.len() {
            unsent += self.unawaited;
        }
        if unsent > 0 {
            self.shared.supervision.counters().add_unsent(unsent);
            tracing::error!(messages = unsent, reason, "messages that nobody waits for were lost with the connection");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end("the client was dropped", false);
    }
}
