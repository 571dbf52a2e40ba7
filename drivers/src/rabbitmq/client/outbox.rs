//! What publishers hand over to the connection: frames that are ready to be written, and who waits for them.
//!
//! While there is no connection nothing is taken, so no message goes out later than its publisher knows.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use amq_protocol::protocol::{AMQPClass, channel};
use tokio::sync::{Notify, oneshot};

use super::lane::{Lane, Returned, too_large};
use super::login::Terms;
use super::parcel::{Ends, Parcel, Pending, Published, tell};
use super::wire::{OVERHEAD, push_message, push_method};
use crate::{Declaration, PublishError, PublishErrorKind};

/// How many bytes may wait to be written. A larger message is still taken when nothing else waits.
const MOST_BYTES: usize = 16 << 20;

/// How many bytes may wait to be confirmed, as above.
const MOST_HELD: usize = 64 << 20;

/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// How many channels there are at most. A gateway with more exchanges than that has some share one.
const MOST_LANES: usize = 64;

pub(super) struct Outbox {
    most_pending: usize,
    state: Mutex<State>,
    /// Bytes that the connection took and has not written yet.
    unwritten: AtomicUsize,
    /// Who waits for a turn.
    waiting: AtomicUsize,
    /// For who waits until one connection has taken the place of another.
    switched: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// While there is a connection.
    terms: Option<Terms>,
    closed: bool,
    /// One connection is about to take the place of another.
    switching: bool,
    /// Why the server takes no messages for now.
    blocked: Option<Arc<str>>,
    /// The server's limit on a body, once it is known.
    largest: Option<usize>,
    bytes: Vec<u8>,
    /// How many bytes were appended for this connection.
    appended: u64,
    in_flight: usize,
    held: usize,
    /// How many of the messages in `bytes` nobody waits for.
    unawaited: u64,
    /// The connection's task, while it waits for something to do.
    idle: Option<Waker>,
    lanes: Vec<Lane>,
}

/// What becomes of a message that is handed over.
pub(super) enum Handed {
    /// It is on its way; tells of its end, where that is confirmed.
    Over(Option<oneshot::Receiver<Published>>),
    /// It has to be tried again when this says so.
    NotYet(Arc<Notify>),
}

/// Counts who waits for a turn.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl Outbox {
    pub(super) fn new(most_pending: usize) -> Self {
        Self {
            most_pending,
            state: Mutex::default(),
            unwritten: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            switched: Arc::default(),
        }
    }

    /// The number of the exchange's channel.
    pub(super) fn lane(&self, exchange: &Arc<str>, confirms: bool, declaration: Option<&Declaration>) -> usize {
        let mut state = self.lock();
        let lanes = &mut state.lanes;
        let same = |lane: &Lane| !lane.shared && lane.exchange == *exchange && lane.confirms == confirms;
        // Of those that confirm alike, the first; there is always room for one of either kind.
        let shared = |lane: &Lane| lanes.len() >= MOST_LANES && lane.confirms == confirms;
        let found = lanes.iter().position(same).map(|index| (index, false));
        let found = found.or_else(|| lanes.iter().position(shared).map(|index| (index, true)));
        let (index, is_shared) = found.unwrap_or((lanes.len(), false));
        if index == lanes.len() {
            lanes.push(Lane::new(exchange, confirms));
        }
        let lane = &mut lanes[index];
        lane.shared |= is_shared;
        if let Some(declaration) = declaration {
            lane.declare(exchange, declaration);
        }
        index
    }

    /// Hands the parcel over, which is gone from its place then.
    ///
    /// # Errors
    /// The message was not taken.
    pub(super) fn publish(
        &self,
        lane: usize,
        parcel: &mut Option<Parcel>,
        unreachable: impl FnOnce() -> String,
    ) -> Result<Handed, PublishError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.switching {
            return Ok(Handed::NotYet(Arc::clone(&self.switched)));
        }
        let (Some(terms), Some(own)) = (&state.terms, parcel.as_ref()) else {
            drop(guard);
            return Err(PublishError::new(PublishErrorKind::Unreachable, unreachable()));
        };
        let number = u16::try_from(lane + 1).unwrap_or(u16::MAX);
        let lane = &mut state.lanes[lane];
        if let Some(reason) = &state.blocked {
            let what = format!("the server takes no messages: {reason}");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        if let Some(reason) = lane.refusal() {
            return Err(PublishError::new(PublishErrorKind::Refused, &*reason));
        }
        if terms.channel_max > 0 && number > terms.channel_max {
            let what = format!("the server allows {} channels, fewer than there are exchanges", terms.channel_max);
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        own.check_user(terms.user.as_deref())?;
        let (length, body) = (own.length(), own.message.body.len());
        if let Some(limit) = state.largest.filter(|limit| body > *limit) {
            let what = format!("{body} bytes, and the server takes {limit}");
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        if own.properties.len() + 12 + OVERHEAD > terms.frame_max {
            let what = format!("its attributes have {} bytes, more than a frame", own.properties.len());
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        let pending = state.in_flight + self.waiting.load(Ordering::Relaxed);
        let bytes = state.bytes.len() + self.unwritten.load(Ordering::Relaxed);
        let is_full = |bytes: usize, most: usize| bytes > 0 && bytes + length > most;
        if pending >= self.most_pending || is_full(bytes, MOST_BYTES) || is_full(state.held, MOST_HELD) {
            let what = format!("{pending} messages are on their way, {bytes} bytes of them not written yet");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        if lane.is_taken() {
            return Ok(Handed::NotYet(Arc::clone(&lane.turn)));
        }
        let before = state.bytes.len();
        lane.open(&mut state.bytes, number).map_err(|what| PublishError::new(PublishErrorKind::Invalid, what))?;
        let start = state.appended + (state.bytes.len() - before) as u64;
        let to = (&*own.exchange, own.key());
        push_message(&mut state.bytes, number, to, &own.properties, &own.message.body, terms.frame_max);
        state.appended += (state.bytes.len() - before) as u64;
        let receiver = match parcel.take() {
            Some(parcel) if lane.confirms => {
                let (pending, receiver) = Pending::new(parcel, start, state.appended);
                lane.push(pending);
                state.in_flight += 1;
                state.held += length;
                Some(receiver)
            }
            _ => {
                state.unawaited += 1;
                None
            }
        };
        let idle = state.idle.take();
        drop(guard);
        if let Some(idle) = idle {
            idle.wake();
        }
        Ok(Handed::Over(receiver))
    }

    /// Counts the caller among those that are on their way.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// Opens for a new connection.
    pub(super) fn connected(&self, terms: Terms) {
        let mut state = self.lock();
        state.switching = false;
        if !state.closed {
            state.terms = Some(terms);
        }
        drop(state);
        self.switched.notify_waiters();
    }

    /// Takes no more messages from now on. What was taken before is still there to be sent.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.switching = false;
        state.terms = None;
        let turns: Vec<_> = state.lanes.iter().map(|lane| Arc::clone(&lane.turn)).collect();
        drop(state);
        turns.iter().for_each(|turn| turn.notify_waiters());
        self.switched.notify_waiters();
    }

    /// Takes no more messages until there is the next connection.
    pub(super) fn switch(&self) {
        let mut state = self.lock();
        state.switching = !state.closed;
    }

    /// Ends with the connection, which had written as many bytes. Returns how many messages were not taken that nobody
    /// waits for. Where `goes_on`, publishers wait for the next one, which is there.
    pub(super) fn disconnected(&self, reason: &str, written: u64, goes_on: bool) -> u64 {
        let mut ends = Ends::new();
        let mut state = self.lock();
        state.terms = None;
        state.switching = goes_on && !state.closed;
        state.blocked = None;
        state.largest = None;
        state.bytes = Vec::new();
        state.appended = 0;
        (state.in_flight, state.held) = (0, 0);
        state.idle = None;
        let unawaited = mem::take(&mut state.unawaited);
        for lane in &mut state.lanes {
            lane.disconnected(reason, written, &mut ends);
        }
        drop(state);
        self.unwritten.store(0, Ordering::Relaxed);
        self.switched.notify_waiters();
        tell(&mut ends);
        unawaited
    }

    /// Exchanges an empty `bytes` for what there is, and says how many of the messages in there nobody waits for. Where there
    /// is nothing, wakes `idle` once there is.
    pub(super) fn take(&self, bytes: &mut Vec<u8>, idle: &Waker) -> Option<u64> {
        let mut state = self.lock();
        if state.bytes.is_empty() {
            match &mut state.idle {
                Some(known) => known.clone_from(idle),
                None => state.idle = Some(idle.clone()),
            }
            return None;
        }
        if bytes.capacity() > KEPT_BYTES {
            *bytes = Vec::new();
        }
        mem::swap(bytes, &mut state.bytes);
        self.unwritten.store(bytes.len(), Ordering::Relaxed);
        Some(mem::take(&mut state.unawaited))
    }

    pub(super) fn set_unwritten(&self, bytes: usize) {
        self.unwritten.store(bytes, Ordering::Relaxed);
    }

    /// For what has come in: locked once for all of it.
    pub(super) fn session(&self) -> Session<'_> {
        Session { state: self.lock() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection's side.
pub(super) struct Session<'a> {
    state: MutexGuard<'a, State>,
}

impl Session<'_> {
    /// Whether every message is confirmed.
    pub(super) fn is_drained(&self) -> bool {
        self.state.in_flight == 0 && self.state.bytes.is_empty()
    }

    /// The server takes no messages, or does again.
    pub(super) fn set_blocked(&mut self, reason: Option<&str>) {
        self.state.blocked = reason.map(Arc::from);
    }

    /// Appends a method to what is written next.
    pub(super) fn say(&mut self, number: u16, method: AMQPClass) -> Result<(), String> {
        let state = &mut *self.state;
        let before = state.bytes.len();
        push_method(&mut state.bytes, number, method)?;
        state.appended += (state.bytes.len() - before) as u64;
        Ok(())
    }

    /// Appends bytes to what is written next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.state.bytes.extend_from_slice(bytes);
        self.state.appended += bytes.len() as u64;
    }

    pub(super) fn confirm(
        &mut self,
        number: u16,
        (tag, multiple): (u64, bool),
        taken: bool,
        ends: &mut Ends,
    ) -> Result<(), String> {
        let State { lanes, in_flight, held, .. } = &mut *self.state;
        lane(lanes, number)?.confirm(tag, multiple, |pending| {
            *in_flight -= 1;
            *held -= pending.parcel.length();
            pending.confirm(taken, ends);
        })
    }

    /// A message came back. Says whether nobody waits for it.
    pub(super) fn returned(&mut self, number: u16, back: &Returned) -> Result<bool, String> {
        let lane = lane(&mut self.state.lanes, number)?;
        if !lane.confirms {
            return Ok(true);
        }
        lane.returned(back)?;
        Ok(false)
    }

    /// The server has closed a channel. Says whether messages may be lost with it that nobody waits for.
    pub(super) fn closed(
        &mut self,
        number: u16,
        close: &channel::Close,
        written: u64,
        ends: &mut Ends,
    ) -> Result<bool, String> {
        self.say(number, AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})))?;
        if let Some((_, limit)) = too_large(close.reply_text.as_str()) {
            self.state.largest = Some(limit);
        }
        let State { lanes, in_flight, held, .. } = &mut *self.state;
        let lane = lane(lanes, number)?;
        let (messages, bytes) = lane.weight();
        *in_flight -= messages;
        *held -= bytes;
        lane.closed(close, written, ends);
        Ok(!lane.confirms)
    }
}

fn lane(lanes: &mut [Lane], number: u16) -> Result<&mut Lane, String> {
    let lane = usize::from(number).checked_sub(1).and_then(|index| lanes.get_mut(index));
    lane.ok_or_else(|| format!("the server speaks of channel {number}, which was not opened"))
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
