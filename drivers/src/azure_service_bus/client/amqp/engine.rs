//! The one task that reads and writes a connection, and owns all that is known of its links.

mod incoming;
mod links;
mod outgoing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::outgoing::{Current, Outgoing};
use super::frame::{self, Windows, parse};
use super::handshake::{MAX_FRAME, Terms};
use super::link::{Attach, Link, Made, Outcome, Parcel, Sending, Side};
use super::session::Command;
use super::{Error, Failure};

/// How many frames of messages the peer may send before it hears from here again.
pub(super) const INCOMING_WINDOW: u32 = 5_000;
pub(super) const OUTGOING_WINDOW: u32 = 5_000;

/// How long this side is silent at most, where the peer does not want it shorter.
const MOST_QUIET: Duration = Duration::from_secs(30);

const TICK: Duration = Duration::from_millis(500);

/// How long the peer may take to answer that the connection is closed.
const GOODBYE: Duration = Duration::from_secs(1);

/// A peer that has not said for as long what became of a message, or that a link has ended, never will.
const DECISION: Duration = Duration::from_secs(120);

/// With more to be written, nothing is read: a peer may ask for more answers than it takes.
const MOST_ANSWERS: usize = 1 << 20;

/// Messages are not written ahead of the connection by more.
const MOST_UNWRITTEN: usize = 256 << 10;

/// What is written is let go of as soon as it is as much, also while there always is more to be written.
const MOST_WRITTEN: usize = 64 << 10;

const READ_BYTES: usize = 16 << 10;

/// A buffer that a large message made larger than this is not kept.
const KEPT_BYTES: usize = 1 << 20;

pub(super) struct Engine<S> {
    stream: S,
    read: BytesMut,
    out: Vec<u8>,
    /// How much of `out` is written, and how many bytes there were before it.
    at: usize,
    before: u64,
    flushed: bool,
    heard: Instant,
    spoke: Instant,
    /// When a byte was written last, or there was nothing to write.
    moved: Instant,
    quiet: Duration,
    /// A peer that says nothing, or takes nothing, for as long is gone.
    silence: Duration,
    tick: Interval,
    commands: mpsc::UnboundedReceiver<Command>,
    over: watch::Sender<Option<Box<str>>>,
    closing: Option<Instant>,
    /// Whether the last that is to be written answers the peer's goodbye.
    answers: bool,
    max_frame: usize,
    handle_max: u32,
    /// As in the standard: the number of the next frame of a message out, and in; and how many the peer takes.
    next_outgoing_id: u32,
    next_incoming_id: u32,
    remote_window: u32,
    incoming_used: u32,
    next_link: u64,
    links: HashMap<u64, Link>,
    by_handle: HashMap<u32, u64>,
    by_remote: HashMap<u32, u64>,
    by_name: HashMap<(Box<str>, bool), u64>,
    /// Links to be made once there is a number for them.
    waiting: VecDeque<Waiting>,
    /// Those that have something to send, in the order of their turns.
    ready: VecDeque<u64>,
    next_delivery: u32,
    /// The message that is being written.
    current: Option<Current>,
    /// Messages that the peer has not decided about, by their numbers.
    unsettled: HashMap<u32, Outgoing>,
    /// What was decided about messages that came in, and is not confirmed.
    settling: HashMap<u32, Settling>,
}

struct Waiting {
    spec: Attach,
    side: Side,
    reply: oneshot::Sender<Result<Made, Error>>,
}

struct Settling {
    link: u64,
    since: Instant,
    reply: oneshot::Sender<Result<Outcome, Error>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    pub(super) fn new(
        stream: S,
        read: BytesMut,
        terms: Terms,
        commands: mpsc::UnboundedReceiver<Command>,
        over: watch::Sender<Option<Box<str>>>,
    ) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        // Twice as often as the peer wants to hear of it.
        let quiet = terms.idle.map_or(MOST_QUIET, |idle| (idle / 2).clamp(TICK, MOST_QUIET));
        Self {
            stream,
            read,
            out: Vec::new(),
            at: 0,
            before: 0,
            flushed: true,
            heard: now,
            spoke: now,
            moved: now,
            quiet,
            silence: terms.silence,
            tick,
            commands,
            over,
            closing: None,
            answers: false,
            max_frame: terms.max_frame.min(MAX_FRAME),
            handle_max: terms.handle_max,
            next_outgoing_id: 0,
            next_incoming_id: terms.next_incoming_id,
            remote_window: terms.remote_window,
            incoming_used: 0,
            next_link: 0,
            links: HashMap::new(),
            by_handle: HashMap::new(),
            by_remote: HashMap::new(),
            by_name: HashMap::new(),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            next_delivery: 0,
            current: None,
            unsettled: HashMap::new(),
            settling: HashMap::new(),
        }
    }

    /// Serves until the connection is lost or closed; then whoever waits hears of it.
    pub(super) async fn run(mut self) {
        let reason: Box<str> = poll_fn(|cx| self.poll(cx)).await.into();
        let lost = Error::Lost(reason.clone());
        // What answers the peer's goodbye, as far as it is taken at once.
        if self.answers {
            let _ = poll_fn(|cx| Poll::Ready(self.poll_write(cx))).await;
        }
        let _ = self.over.send_replace(Some(reason));
        self.commands.close();
        self.waiting.drain(..).for_each(|waiting| drop(waiting.reply.send(Err(lost.clone()))));
        let numbers: Vec<_> = self.links.keys().copied().collect();
        for number in numbers {
            self.forget(number, &lost, None);
        }
        // What was asked and not looked at any more.
        while let Ok(command) = self.commands.try_recv() {
            refuse(command, &lost);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        // What came in with the answer to the greeting.
        if let Err(reason) = self.on_read() {
            return Poll::Ready(reason);
        }
        loop {
            let mut goes_on = false;
            while self.tick.poll_tick(cx).is_ready() {
                if let Some(reason) = self.look() {
                    return Poll::Ready(reason);
                }
            }
            loop {
                match self.commands.poll_recv(cx) {
                    Poll::Ready(Some(command)) => {
                        self.command(command);
                        goes_on = true;
                    }
                    // Nobody is left who could want something.
                    Poll::Ready(None) if self.closing.is_none() => {
                        self.say_goodbye();
                        goes_on = true;
                    }
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            match self.poll_read(cx) {
                Ok(more) => goes_on |= more,
                Err(reason) => return Poll::Ready(reason),
            }
            // Nothing follows a goodbye.
            if self.closing.is_none() {
                self.pump();
            }
            match self.poll_write(cx) {
                Ok(more) => goes_on |= more,
                Err(reason) => return Poll::Ready(reason),
            }
            if !goes_on {
                return Poll::Pending;
            }
        }
    }

    /// Looks at the clock.
    fn look(&mut self) -> Option<String> {
        let now = Instant::now();
        if self.closing.is_some_and(|until| now >= until) {
            return Some("it is closed".to_owned());
        }
        if now.duration_since(self.heard) >= self.silence {
            return Some(format!("nothing was heard of it for {:?}", self.silence));
        }
        if self.at == self.out.len() {
            self.moved = now;
        } else if now.duration_since(self.moved) >= self.silence {
            return Some(format!("it took nothing for {:?}", self.silence));
        }
        self.forget_unanswered(now);
        self.forget_unwanted();
        // A number is not given to another link before that. That matters where there is no other.
        let mut ending = self.links.values().filter_map(|link| link.detached);
        if !self.waiting.is_empty() && ending.any(|since| now.duration_since(since) >= DECISION) {
            return Some(format!("it has not said for {DECISION:?} that a link has ended, and takes no other"));
        }
        if now.duration_since(self.spoke) >= self.quiet {
            self.spoke = now;
            frame::empty(&mut self.out);
        }
        None
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, String> {
        let mut any = false;
        loop {
            if self.out.len() - self.at > MOST_ANSWERS {
                return Ok(any);
            }
            self.read.reserve(READ_BYTES);
            match pin!(self.stream.read_buf(&mut self.read)).poll(cx) {
                Poll::Pending => return Ok(any),
                Poll::Ready(Ok(0)) => return Err("it closed the connection".to_owned()),
                Poll::Ready(Ok(_)) => {
                    any = true;
                    self.heard = Instant::now();
                    self.on_read()?;
                }
                Poll::Ready(Err(error)) => return Err(error.to_string()),
            }
        }
    }

    /// Does what was said.
    pub(super) fn on_read(&mut self) -> Result<(), String> {
        while let Some(frame) = parse(&mut self.read, MAX_FRAME)? {
            self.on_frame(frame)?;
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, String> {
        let mut any = false;
        while self.at < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.at..]) {
                Poll::Pending => {
                    if self.at >= MOST_WRITTEN {
                        self.before += self.at as u64;
                        self.out.drain(..self.at);
                        self.at = 0;
                    }
                    return Ok(any);
                }
                Poll::Ready(Ok(0)) => return Err("it closed the connection".to_owned()),
                Poll::Ready(Ok(written)) => {
                    self.at += written;
                    self.moved = Instant::now();
                    self.spoke = self.moved;
                    self.flushed = false;
                    any = true;
                }
                Poll::Ready(Err(error)) => return Err(error.to_string()),
            }
        }
        if self.at > 0 {
            self.before += self.at as u64;
            self.at = 0;
            self.out.clear();
            if self.out.capacity() > KEPT_BYTES {
                self.out = Vec::new();
            }
        }
        if !self.flushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => return Err(error.to_string()),
            }
        }
        Ok(any)
    }

    /// How many bytes were put into `out` since the beginning.
    fn appended(&self) -> u64 {
        self.before + self.out.len() as u64
    }

    fn written(&self) -> u64 {
        self.before + self.at as u64
    }

    /// What the next flow says, which has to be sent.
    fn windows(&mut self) -> Windows {
        self.incoming_used = 0;
        Windows {
            next_incoming_id: self.next_incoming_id,
            incoming_window: INCOMING_WINDOW,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: OUTGOING_WINDOW,
        }
    }

    fn say_goodbye(&mut self) {
        if self.closing.is_none() {
            self.closing = Some(Instant::now() + GOODBYE);
            frame::end(&mut self.out);
            frame::close(&mut self.out);
        }
    }

    fn command(&mut self, command: Command) {
        if self.closing.is_some() {
            return refuse(command, &Error::Lost("it is closed".into()));
        }
        match command {
            Command::Attach { spec, events, reply } => {
                let side = match events {
                    Some(events) => Side::Receiver { events, drains: false, partial: None, excess: 0 },
                    None => Side::Sender { queue: VecDeque::new(), next_tag: 0, drains: false },
                };
                self.attach(Waiting { spec: *spec, side, reply });
            }
            Command::Send { link, parcel } => self.enqueue(link, parcel),
            Command::Credit { link, add } => self.flow(link, add, false),
            Command::Drain { link } => self.flow(link, 0, true),
            Command::Settle { link, id, state, reply } => self.settle(link, id, state, reply),
            Command::Detach { link } => self.detach(link),
            Command::Abandon { name, receives } => {
                if let Some(number) = self.by_name.get(&(name, receives)).copied() {
                    self.detach(number);
                }
            }
            Command::Close => self.say_goodbye(),
        }
    }
}

fn refuse(command: Command, lost: &Error) {
    match command {
        Command::Attach { reply, .. } => drop(reply.send(Err(lost.clone()))),
        Command::Send { parcel: Parcel { reply, .. }, .. } => drop(reply.send(Sending::NotSent(lost.clone()))),
        Command::Settle { reply, .. } => drop(reply.send(Err(lost.clone()))),
        Command::Credit { .. }
        | Command::Drain { .. }
        | Command::Detach { .. }
        | Command::Abandon { .. }
        | Command::Close => {}
    }
}
