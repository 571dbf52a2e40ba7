//! One connection to a server, and the one task that reads and writes it.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::frame::{Frame, status};
use super::link::Link;
use crate::nats::client::connect::{Established, Info};
use crate::nats::client::protocol::{Incoming, Op, Parsed, parse};
use crate::stream::Stream;
use crate::supervision::Closing;

const TICK: Duration = Duration::from_secs(1);

/// After as many ticks in which nothing came the server is asked whether it is there: sooner where an answer is due.
const QUIET_TICKS: u32 = 10;
const WAITING_TICKS: u32 = 2;

/// After as many more the connection is taken to be lost. A server that was stopped is not seen in any other way.
const DEAD_TICKS: u32 = 5;

/// How long closing waits for what is on its way.
const CLOSING_TICKS: u32 = 5;

const READ_BYTES: usize = 16 << 10;

pub(super) struct Connection {
    link: Arc<Link>,
    stream: Stream,
    read: BytesMut,
    taken: Vec<u8>,
    /// How much of the taken bytes is written.
    written: usize,
    flushed: bool,
    /// PINGs without their PONG.
    pings: u32,
    tick: Interval,
    /// Ticks since a byte came.
    quiet: u32,
    /// Whether there is another server to go to when this one is about to end.
    has_others: bool,
    /// Ticks since closing began, and why.
    closing: Option<(u32, &'static str)>,
    /// The connection that takes the place of this one: nothing more is taken.
    replacement: Option<Established>,
    /// What was asked over this connection is answered, and the rest is for the next.
    handed_over: bool,
    is_closed: bool,
    /// The server's last words, which say more than that it closed the connection.
    last_error: Option<String>,
}

/// How a connection ended.
pub(super) enum End {
    /// Why.
    Lost(String),
    /// This one takes its place.
    Replaced(Established),
}

impl Connection {
    /// Subscribes to the inbox, and opens for whoever has something to send.
    pub(super) fn new(established: Established, link: Arc<Link>, has_others: bool) -> Self {
        let Established { stream, read, info } = established;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let taken = link.subscriptions().into_bytes();
        link.connected(&info);
        Self {
            link,
            stream,
            read,
            taken,
            written: 0,
            flushed: true,
            pings: 0,
            tick,
            quiet: 0,
            has_others,
            closing: None,
            replacement: None,
            handed_over: false,
            is_closed: false,
            last_error: None,
        }
    }

    /// Serves until the connection is lost or closed, or until there is another in its place.
    pub(super) async fn serve(mut self, closing: &mut Closing, replacement: impl Future<Output = Established>) -> End {
        let mut closing = pin!(closing.requested());
        let mut replacement = pin!(replacement);
        let reason = poll_fn(|cx| {
            // Even where it is about to give way: that goes on, and there is no next one.
            if !self.is_closed && closing.as_mut().poll(cx).is_ready() {
                self.is_closed = true;
                self.replacement = None;
                self.begin_closing("it is closed");
            }
            if self.closing.is_none()
                && let Poll::Ready(established) = replacement.as_mut().poll(cx)
            {
                self.give_way(established);
            }
            match self.poll(cx) {
                Poll::Ready(Ok(never)) => match never {},
                Poll::Ready(Err(reason)) => Poll::Ready(reason),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match self.replacement.take() {
            Some(established) => End::Replaced(established),
            None => End::Lost(reason),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Infallible, String>> {
        loop {
            // Each ends pending at the latest when the task has had its share of the thread.
            let read = self.poll_read(cx)?;
            let wrote = self.poll_write(cx)?;
            let ticked = self.poll_tick(cx)?;
            if let Some((_, why)) = self.closing
                && wrote.is_ready()
                && self.pings == 0
                && self.is_answered()
            {
                self.handed_over = self.replacement.is_some();
                return Poll::Ready(Err(why.to_owned()));
            }
            if read.is_pending() && ticked.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Whether everything that was asked over this connection is answered.
    fn is_answered(&self) -> bool {
        match self.replacement {
            Some(_) => self.link.inbox.waits_only_for(&self.link.outbox.unsent()),
            None => !self.link.inbox.is_waiting(),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        match ready!(pin!(self.stream.read_buf(&mut self.read)).poll(cx)) {
            Ok(0) => return Poll::Ready(Err(self.lost("the server closed the connection".to_owned()))),
            Ok(_) => self.quiet = 0,
            Err(error) => return Poll::Ready(Err(self.lost(error.to_string()))),
        }
        Poll::Ready(self.handle_read())
    }

    /// Handles all that has come in whole.
    fn handle_read(&mut self) -> Result<(), String> {
        let read = mem::take(&mut self.read);
        let mut rest = &read[..];
        let missing = loop {
            match parse(rest)? {
                Parsed::Incomplete(missing) => break missing,
                Parsed::Op(op, length) => {
                    self.handle(&op)?;
                    rest = &rest[length..];
                }
            }
        };
        let handled = read.len() - rest.len();
        self.read = read;
        self.read.advance(handled);
        self.read.reserve(missing.max(READ_BYTES));
        Ok(())
    }

    fn handle(&mut self, op: &Op<'_>) -> Result<(), String> {
        match op {
            Op::Message(message) => self.deliver(message),
            // After an operation that is only half written it stands where it should: nothing is cut in two.
            Op::Ping => self.taken.extend_from_slice(b"PONG\r\n"),
            Op::Pong => self.pings = self.pings.saturating_sub(1),
            Op::Ok => {}
            Op::Error(text) => {
                self.link.complaint(text);
                self.last_error = Some((*text).to_owned());
            }
            Op::Info(json) => {
                let info = Info::read(json)?;
                self.link.outbox.set_max_payload(info.max_payload);
                // With one server there is nowhere else to go: it is used to its end.
                if info.is_leaving && self.has_others && self.closing.is_none() {
                    self.begin_closing("the server is shutting down");
                }
            }
        }
        Ok(())
    }

    fn deliver(&self, message: &Incoming<'_>) {
        let (headers, body) = message.payload.split_at(message.headers);
        let Incoming { sid, subject, reply, .. } = *message;
        self.link.deliver(sid, &Frame { subject, reply, status: status(headers), headers, body });
    }

    /// Ready once everything is written and there is nothing more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        loop {
            if self.written == self.taken.len() {
                self.taken.clear();
                self.written = 0;
                if self.replacement.is_some() || !self.link.outbox.take(&mut self.taken, cx.waker()) {
                    if !self.flushed {
                        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                        flushed.map_err(|error| self.lost(error.to_string()))?;
                        self.flushed = true;
                    }
                    return Poll::Ready(Ok(()));
                }
            }
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.taken[self.written..])) {
                Ok(0) => return Poll::Ready(Err(self.lost("the connection takes no more".to_owned()))),
                Ok(count) => self.written += count,
                Err(error) => return Poll::Ready(Err(self.lost(error.to_string()))),
            }
            self.flushed = false;
        }
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        ready!(self.tick.poll_tick(cx));
        if let Some((ticks, why)) = &mut self.closing {
            *ticks += 1;
            if *ticks > CLOSING_TICKS {
                return Poll::Ready(Err(format!("{why}, and did not answer in time")));
            }
        }
        self.quiet += 1;
        if self.pings > 0 {
            if self.quiet > DEAD_TICKS {
                return Poll::Ready(Err(format!("the server has not answered for {:?}", TICK * DEAD_TICKS)));
            }
        } else if self.quiet > QUIET_TICKS || (self.quiet > WAITING_TICKS && self.link.inbox.is_waiting()) {
            self.ping();
            self.quiet = 0;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes nothing more, and waits for the answers.
    fn begin_closing(&mut self, why: &'static str) {
        self.closing = Some((0, why));
        self.link.outbox.close();
        // Its PONG comes after all that the server sent before.
        self.ping();
    }

    /// Takes nothing more, and waits for the answers. Pulls end with their subscriptions, so that no message is sent here
    /// that nobody would hear of; the next connection begins with those, and with what was handed over meanwhile.
    fn give_way(&mut self, replacement: Established) {
        self.closing = Some((0, "another connection takes its place"));
        self.replacement = Some(replacement);
        for subscriber in self.link.subscribers() {
            self.taken.extend_from_slice(format!("UNSUB {}\r\n", subscriber.sid).as_bytes());
            subscriber.disconnected();
        }
        self.ping();
    }

    fn ping(&mut self) {
        self.taken.extend_from_slice(b"PING\r\n");
        self.pings += 1;
    }

    fn lost(&mut self, what: String) -> String {
        match self.last_error.take() {
            Some(error) => format!("{what}: {error}"),
            None => what,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.handed_over {
            self.link.disconnected();
        }
    }
}
