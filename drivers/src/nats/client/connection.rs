//! One connection to a server, and the one task that reads and writes it.
//!
//! What publishers handed over is written in one piece and followed by one PING. A server answers in order, so its PONG
//! confirms everything before the PING, and what it refused of that, it has said before.

mod ending;
mod refusals;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Shared;
use super::connect::{Established, Info};
use super::outbox::{Taken, Waiter};
use super::protocol::{Incoming, Op, Parsed, parse};
use super::standing::Standing;
use crate::stream::Stream;
use crate::supervision::{Closing, Repeats};

const TICK: Duration = Duration::from_secs(1);

/// After as many ticks without a word the server is asked whether it is there.
const QUIET_TICKS: u32 = 10;

/// After as many ticks without a word while an answer is due, the connection is taken to be lost. A server that was
/// stopped is not seen in any other way.
const DEAD_TICKS: u32 = 5;

/// How long closing waits for what is on its way.
const CLOSING_TICKS: u32 = 5;

const READ_BYTES: usize = 16 << 10;

/// A buffer that a large message made larger than this is not kept.
const KEPT_BYTES: usize = 1 << 20;

const PING: &[u8] = b"PING\r\n";

pub(super) struct Connection {
    shared: Arc<Shared>,
    stream: Stream,
    read: BytesMut,
    taken: Taken,
    /// How much of the taken bytes is written.
    written: usize,
    flushed: bool,
    waiters: VecDeque<Waiter>,
    /// For each PING without its PONG, what is between the one before and it.
    pings: VecDeque<Batch>,
    standing: BTreeMap<u64, Arc<Standing>>,
    tick: Interval,
    /// Ticks since the server's last word, or since it was asked for one.
    quiet: u32,
    /// Of them, those while an answer was due.
    overdue: u32,
    /// Nothing more is sent, and why: the server wants its clients to leave, or another connection is there.
    leaving: Option<&'static str>,
    /// The connection that takes the place of this one.
    replacement: Option<Established>,
    /// Ticks since closing began.
    closing: Option<u32>,
    /// The server's last words, which say more than that it closed the connection.
    last_error: Option<String>,
    refusals: Repeats,
    ended: bool,
}

/// What a PONG confirms.
#[derive(Default)]
struct Batch {
    /// How many wait for it.
    waiters: usize,
    /// Subscriptions that were begun, in their order.
    opened: Vec<u64>,
    /// Subscriptions that were ended: nothing more comes in for them.
    ended: Vec<u64>,
}

/// How a connection ended.
pub(super) enum End {
    /// Why.
    Lost(String),
    /// In order: this one takes its place.
    Replaced(Established),
}

impl Connection {
    /// Opens for publishers, and begins with the subscriptions there are.
    pub(super) fn new(established: Established, shared: Arc<Shared>) -> Self {
        let Established { stream, read, info } = established;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = Self {
            stream,
            read,
            taken: Taken::default(),
            written: 0,
            flushed: true,
            waiters: VecDeque::new(),
            pings: VecDeque::new(),
            standing: BTreeMap::new(),
            tick,
            quiet: 0,
            overdue: 0,
            leaving: None,
            replacement: None,
            closing: None,
            last_error: None,
            refusals: Repeats::default(),
            ended: false,
            shared,
        };
        let standing = connection.shared.outbox.connected(info.max_payload);
        if !standing.is_empty() {
            let opened = connection.subscribe(standing);
            connection.ping(Batch { opened, ..Batch::default() });
        }
        connection
    }

    /// Serves until the connection is lost or closed, or until there is another in its place.
    pub(super) async fn serve(mut self, closing: &mut Closing, replacement: impl Future<Output = Established>) -> End {
        let mut closing = pin!(closing.requested());
        let mut replacement = pin!(replacement);
        let reason = std::future::poll_fn(|cx| {
            if self.closing.is_none() && closing.as_mut().poll(cx).is_ready() {
                self.begin_closing();
            }
            if self.closing.is_none()
                && self.leaving.is_none()
                && let Poll::Ready(established) = replacement.as_mut().poll(cx)
            {
                self.give_way(established);
            }
            self.poll(cx)
        });
        let reason = reason.await;
        match self.replacement.take() {
            Some(established) if self.closing.is_none() => {
                if self.is_drained() {
                    // What publishers handed over meanwhile is for the next one.
                    self.ended = true;
                    self.end_unused();
                }
                self.end(&reason);
                End::Replaced(established)
            }
            _ => {
                self.end(&reason);
                End::Lost(reason)
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        match self.poll_all(cx) {
            Poll::Ready(Ok(never)) => match never {},
            Poll::Ready(Err(reason)) => Poll::Ready(reason),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<std::convert::Infallible, String>> {
        loop {
            // Each ends pending at the latest when the task has had its share of the thread.
            let read = self.poll_read(cx)?;
            let wrote = self.poll_write(cx)?;
            let ticked = self.poll_tick(cx)?;
            let why = if self.closing.is_some() { Some("it is closed") } else { self.leaving };
            if let Some(why) = why
                && wrote.is_ready()
                && self.is_drained()
            {
                return Poll::Ready(Err(why.to_owned()));
            }
            if read.is_pending() && ticked.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Whether everything is written, and the server has confirmed it.
    fn is_drained(&self) -> bool {
        self.pings.is_empty() && self.written == self.taken.bytes.len()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        let got = ready!(pin!(self.stream.read_buf(&mut self.read)).poll(cx));
        Poll::Ready(match got {
            Ok(0) => Err(self.lost("the server closed the connection".to_owned())),
            Ok(_) => {
                (self.quiet, self.overdue) = (0, 0);
                self.handle_read()
            }
            Err(error) => Err(self.lost(error.to_string())),
        })
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
        if self.read.is_empty() && self.read.capacity() > KEPT_BYTES {
            self.read = BytesMut::new();
        }
        self.read.reserve(missing.max(READ_BYTES));
        Ok(())
    }

    fn handle(&mut self, op: &Op<'_>) -> Result<(), String> {
        match op {
            Op::Message(message) => self.deliver(message),
            Op::Ping => self.taken.bytes.extend_from_slice(b"PONG\r\n"),
            Op::Pong => {
                let batch = self.pings.pop_front().ok_or("the server sent a PONG without a PING")?;
                self.shared.outbox.confirm(&mut self.waiters, batch.waiters);
                for sid in batch.ended {
                    if let Some(standing) = self.standing.remove(&sid) {
                        standing.end(self.shared.supervision.counters());
                    }
                }
            }
            Op::Ok => {}
            Op::Error(text) => self.refused(text),
            Op::Info(json) => {
                let info = Info::read(json)?;
                self.shared.outbox.set_max_payload(info.max_payload);
                // With one server there is nowhere else to go: it is used to its end.
                if info.is_leaving && self.shared.has_several_servers() {
                    self.leaving.get_or_insert("the server is shutting down");
                }
            }
        }
        Ok(())
    }

    fn deliver(&self, message: &Incoming<'_>) {
        if let Some(standing) = self.standing.get(&message.sid) {
            standing.push(message, self.shared.supervision.counters());
        }
    }

    /// Ready once everything is written and there is nothing more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        loop {
            if self.written == self.taken.bytes.len() && !self.take(cx) {
                if !self.flushed {
                    let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                    flushed.map_err(|error| self.lost(error.to_string()))?;
                    self.flushed = true;
                }
                return Poll::Ready(Ok(()));
            }
            let left = &self.taken.bytes[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, left)) {
                Ok(0) => return Poll::Ready(Err(self.lost("the connection takes no more".to_owned()))),
                Ok(count) => self.written += count,
                Err(error) => return Poll::Ready(Err(self.lost(error.to_string()))),
            }
            let unwritten = self.taken.bytes.len() - self.written;
            if unwritten > 0 {
                // The server is reading, or the system would not have taken a part after the last one.
                self.overdue = 0;
            }
            self.shared.outbox.set_unwritten(unwritten);
            self.flushed = false;
        }
    }

    /// Takes what publishers handed over, and subscriptions that came or went. Everything taken before is written.
    fn take(&mut self, cx: &mut Context<'_>) -> bool {
        self.taken.bytes.clear();
        self.written = 0;
        if self.leaving.is_some() || !self.shared.outbox.take(&mut self.taken, cx.waker()) {
            return false;
        }
        let count = self.taken.waiters.len();
        self.waiters.extend(self.taken.waiters.drain(..));
        let mut batch = Batch { waiters: count, ..Batch::default() };
        let has_subscriptions = !self.taken.opened.is_empty() || !self.taken.dropped.is_empty();
        if has_subscriptions {
            // Before the messages: what is published after a subscription was opened reaches it.
            let messages = mem::take(&mut self.taken.bytes);
            batch.ended = mem::take(&mut self.taken.dropped);
            for sid in &batch.ended {
                self.unsubscribe(*sid);
            }
            let opened = mem::take(&mut self.taken.opened);
            batch.opened = self.subscribe(opened);
            self.taken.bytes.extend_from_slice(&messages);
        }
        if count > 0 || has_subscriptions {
            self.ping(batch);
        }
        true
    }

    fn ping(&mut self, batch: Batch) {
        self.taken.bytes.extend_from_slice(PING);
        self.pings.push_back(batch);
    }

    /// Returns their numbers.
    fn subscribe(&mut self, opened: Vec<Arc<Standing>>) -> Vec<u64> {
        let bytes = &mut self.taken.bytes;
        let sids = opened.iter().map(|standing| standing.sid).collect();
        for standing in opened {
            bytes.extend_from_slice(b"SUB ");
            bytes.extend_from_slice(standing.subject.as_bytes());
            bytes.push(b' ');
            if let Some(queue) = &standing.queue {
                bytes.extend_from_slice(queue.as_bytes());
                bytes.push(b' ');
            }
            bytes.extend_from_slice(standing.sid.to_string().as_bytes());
            bytes.extend_from_slice(b"\r\n");
            self.standing.insert(standing.sid, standing);
        }
        sids
    }

    fn unsubscribe(&mut self, sid: u64) {
        self.taken.bytes.extend_from_slice(b"UNSUB ");
        self.taken.bytes.extend_from_slice(sid.to_string().as_bytes());
        self.taken.bytes.extend_from_slice(b"\r\n");
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        ready!(self.tick.poll_tick(cx));
        for standing in self.standing.values() {
            standing.log_when_due();
        }
        if let Some(ticks) = &mut self.closing {
            *ticks += 1;
            if *ticks > CLOSING_TICKS {
                return Poll::Ready(Err("it is closed, and the server did not answer in time".to_owned()));
            }
        }
        if self.is_drained() {
            self.overdue = 0;
            self.quiet += 1;
            if self.quiet >= QUIET_TICKS {
                self.quiet = 0;
                self.ping(Batch::default());
            }
        } else {
            self.overdue += 1;
            if self.overdue > DEAD_TICKS {
                return Poll::Ready(Err(format!("the server has not answered for {:?}", TICK * DEAD_TICKS)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end("the client was dropped");
    }
}
