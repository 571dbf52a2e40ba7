//! The connection that messages are published over, and the one task that reads and writes it.
//!
//! It is ours, not lapin's: that gives a message that comes back to whichever confirmation is next, so that under load the
//! one that reached no queue would be told to be stored and another not to be; and it writes such messages, bodies and all,
//! into the log.

mod incoming;

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use amq_protocol::protocol::{AMQPClass, connection};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::incoming::{Line, Returning};
use super::dialer::{By, Dialer};
use super::login::{Established, Publishing};
use super::outbox::Outbox;
use super::parcel::Ends;
use super::wire::HEARTBEAT;
use crate::rabbitmq::DRIVER;
use crate::rabbitmq::options::Options;
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
    lines: Vec<Line>,
    complaints: Repeats,
    ended: bool,
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
        Ok(Self {
            dialer: Dialer::new(By { options: Options::new(settings), login: Publishing })?,
            shared: Arc::clone(shared),
        })
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
            match connection.serve(&mut closing, self.dialer.renewed(DRIVER.name)).await {
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
        let channel_max = terms.channel_max;
        let excess = shared.outbox.connected(terms);
        if excess > 0 {
            let (driver, broker) = (DRIVER.name, shared.broker);
            let what =
                "the server allows fewer channels than there are exchanges: nothing can be published to the others";
            tracing::error!(driver, broker, channel_max, without_channel = excess, "{what}");
        }
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
            lines: Vec::new(),
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
            let (driver, broker) = (DRIVER.name, self.shared.broker);
            let what = "messages that nobody waits for were lost with the connection";
            tracing::error!(driver, broker, messages = unsent, reason, "{what}");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end("the client was dropped", false);
    }
}
