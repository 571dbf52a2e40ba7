//! What publishers hand over to the connection: frames that are ready to be written, and who waits for them.
//!
//! While there is no connection nothing is taken, so no message goes out later than its publisher knows.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use amq_protocol::protocol::{AMQPClass, channel};
use tokio::sync::{Notify, oneshot};

use super::declaring;
use super::lane::{Lane, Returned, is_of_another, too_large};
use super::login::Terms;
use super::parcel::{Ends, Parcel, Pending, Published, tell};
use super::properties::invalid;
use super::wire::{OVERHEAD, push_message, push_method};
use crate::{Declaration, PublishError, PublishErrorKind};

/// How many bytes may wait to be written. A larger message is still taken when nothing else waits.
const MOST_BYTES: usize = 16 << 20;

/// How many bytes may wait to be confirmed, as above.
const MOST_HELD: usize = 64 << 20;

/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// How many channels of one exchange each there are at most, and how many there are for all others.
const OWN_LANES: usize = 64;
const SHARED_LANES: usize = 16;

pub(super) struct Outbox {
    most_pending: usize,
    state: Mutex<State>,
    /// Bytes that the connection took and has not written yet.
    unwritten: AtomicUsize,
    /// Who waits for a turn, and their bytes.
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
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
    /// The channel of messages in another user's name, while nobody knows whether the server takes those.
    trial: Option<usize>,
    /// Whether it does.
    impersonates: Option<bool>,
}

/// What becomes of a message that is handed over.
pub(super) enum Handed {
    /// It is on its way; tells of its end, where that is confirmed.
    Over(Option<oneshot::Receiver<Published>>),
    /// It has to be tried again when this says so.
    NotYet(Arc<Notify>),
}

/// Counts who waits for a turn.
pub(super) struct Waiting<'a> {
    outbox: &'a Outbox,
    length: usize,
}

impl Outbox {
    pub(super) fn new(most_pending: usize) -> Self {
        Self {
            most_pending,
            state: Mutex::default(),
            unwritten: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            switched: Arc::default(),
        }
    }

    /// The number of the exchange's channel. What the exchange is declared as is said at once where there is a connection.
    ///
    /// # Errors
    /// Another publisher has it declared as something else.
    pub(super) fn lane(
        &self,
        exchange: &Arc<str>,
        confirms: bool,
        declaration: Option<&Declaration>,
    ) -> Result<usize, String> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let declared = declaration.map(|declaration| declaring::exchange(exchange, declaration));
        let differs = |lane: &Lane| declared.as_ref().is_some_and(|method| lane.differs(exchange, method));
        if state.lanes.iter().any(differs) {
            return Err("the exchange is declared as something else by another publisher".to_owned());
        }
        let index = state.lane(exchange, confirms);
        let lane = &mut state.lanes[index];
        lane.add(exchange);
        if let Some(method) = &declared {
            lane.declare(exchange, method);
            state.open(index);
            let idle = state.idle.take();
            drop(guard);
            idle.into_iter().for_each(Waker::wake);
        }
        Ok(index)
    }

    /// Hands the parcel over, which is gone from its place then. `waits` where the caller is counted among those who do.
    ///
    /// # Errors
    /// The message was not taken.
    pub(super) fn publish(
        &self,
        lane: usize,
        parcel: &mut Option<Parcel>,
        waits: bool,
        unreachable: impl FnOnce() -> String,
    ) -> Result<Handed, PublishError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(own) = parcel.as_ref() else { return Ok(Handed::Over(None)) };
        if state.terms.is_none() && !state.switching {
            drop(guard);
            return Err(PublishError::new(PublishErrorKind::Unreachable, unreachable()));
        }
        let (length, body) = (own.length(), own.message.body.len());
        let others = |counted: &AtomicUsize, own: usize| {
            counted.load(Ordering::Relaxed).saturating_sub(if waits { own } else { 0 })
        };
        let pending = state.in_flight + others(&self.waiting, 1);
        let held = state.held + others(&self.waiting_bytes, length);
        let bytes = state.bytes.len() + self.unwritten.load(Ordering::Relaxed);
        let is_full = |bytes: usize, most: usize| bytes > 0 && bytes + length > most;
        if pending >= self.most_pending || is_full(bytes, MOST_BYTES) || is_full(held, MOST_HELD) {
            let what = format!("{pending} messages are on their way, {bytes} bytes of them not written yet");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        let Some(terms) = state.terms.as_ref().filter(|_| !state.switching) else {
            return Ok(Handed::NotYet(Arc::clone(&self.switched)));
        };
        if let Some(reason) = &state.blocked {
            let what = format!("the server takes no messages: {reason}");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        let (channel_max, frame_max) = (terms.channel_max, terms.frame_max);
        let index = match own.in_the_name_of(terms.user.as_deref()) {
            None => lane,
            Some(_) => match state.impersonates {
                Some(true) => lane,
                Some(false) => {
                    let what = "Amqp-User-Id is another user than the one who is logged in, who is no `impersonator`";
                    return Err(invalid(what.to_owned()));
                }
                // The server would close the channel for it.
                None => *state.trial.get_or_insert_with(|| {
                    state.lanes.push(Lane::new(true, true));
                    state.lanes.len() - 1
                }),
            },
        };
        let number = number_of(index);
        let lane = &mut state.lanes[index];
        if let Some(reason) = lane.refusal(&own.exchange) {
            return Err(PublishError::new(PublishErrorKind::Refused, &*reason));
        }
        if !allows(channel_max, number) {
            let what = format!("the server allows {channel_max} channels, fewer than there are exchanges");
            return Err(PublishError::new(PublishErrorKind::Full, what));
        }
        if let Some(limit) = state.largest.filter(|limit| body > *limit) {
            let what = format!("{body} bytes, and the server takes {limit}");
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        if own.properties.len() + 12 + OVERHEAD > frame_max {
            let what = format!("its attributes have {} bytes, more than a frame", own.properties.len());
            return Err(PublishError::new(PublishErrorKind::TooLarge, what));
        }
        if lane.is_taken() {
            return Ok(Handed::NotYet(Arc::clone(&lane.turn)));
        }
        let before = state.bytes.len();
        lane.open(&mut state.bytes, number, state.appended).map_err(invalid)?;
        state.appended += (state.bytes.len() - before) as u64;
        if lane.is_taken() {
            // Its exchange has just been declared, which may be the end of the channel.
            let turn = Arc::clone(&lane.turn);
            let idle = state.idle.take();
            drop(guard);
            idle.into_iter().for_each(Waker::wake);
            return Ok(Handed::NotYet(turn));
        }
        let before = state.bytes.len();
        let start = state.appended;
        let to = (&*own.exchange, own.key());
        push_message(&mut state.bytes, number, to, &own.properties, &own.message.body, frame_max);
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
                lane.sent_unawaited();
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

    /// Counts the caller among those that are on their way, with as many bytes.
    pub(super) fn wait(&self, length: usize) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        Waiting { outbox: self, length }
    }

    /// Opens for a new connection, and says what is declared. Returns how many channels are too many for the server.
    pub(super) fn connected(&self, terms: Terms) -> usize {
        let mut state = self.lock();
        state.switching = false;
        let most = if terms.channel_max == 0 { usize::MAX } else { terms.channel_max.into() };
        let excess = state.lanes.len().saturating_sub(most);
        if !state.closed {
            state.terms = Some(terms);
            (0..state.lanes.len()).for_each(|index| state.open(index));
        }
        drop(state);
        self.switched.notify_waiters();
        excess
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
        state.impersonates = None;
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
        if state.unawaited > 0 {
            for lane in &mut state.lanes {
                lane.take_unawaited();
            }
        }
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

impl State {
    /// The place of a channel for the exchange, which is a new one where there are few.
    fn lane(&mut self, exchange: &str, confirms: bool) -> usize {
        let trial = self.trial;
        let alike =
            self.lanes.iter().enumerate().filter(|(index, lane)| lane.confirms == confirms && Some(*index) != trial);
        if let Some((index, _)) = alike.clone().find(|(_, lane)| lane.has(exchange)) {
            return index;
        }
        let is_shared = self.lanes.iter().filter(|lane| !lane.shared).count() >= OWN_LANES;
        let shared: Vec<_> = alike.filter(|(_, lane)| lane.shared).collect();
        if is_shared
            && shared.len() >= SHARED_LANES
            && let Some((index, _)) = shared.into_iter().min_by_key(|(_, lane)| lane.crowd())
        {
            return index;
        }
        self.lanes.push(Lane::new(confirms, is_shared));
        self.lanes.len() - 1
    }

    /// Says what the exchanges of a channel are declared as, where there is a connection. What is wrong is told to who publishes.
    fn open(&mut self, index: usize) {
        let number = number_of(index);
        let is_allowed = self.terms.as_ref().is_some_and(|terms| allows(terms.channel_max, number));
        let lane = &mut self.lanes[index];
        if !is_allowed || !lane.has_declarations() {
            return;
        }
        let before = self.bytes.len();
        if lane.open(&mut self.bytes, number, self.appended).is_err() {
            // Checked before: no text is too long.
            self.bytes.truncate(before);
        }
        self.appended += (self.bytes.len() - before) as u64;
    }
}

/// The number of the channel at that place.
fn number_of(index: usize) -> u16 {
    u16::try_from(index + 1).unwrap_or(u16::MAX)
}

/// Whether a server that allows channels up to that has this one.
fn allows(channel_max: u16, number: u16) -> bool {
    channel_max == 0 || number <= channel_max
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
        let State { lanes, in_flight, held, trial, impersonates, terms, .. } = &mut *self.state;
        let is_trial = trial.is_some_and(|index| number_of(index) == number);
        lane(lanes, number)?.confirm(tag, multiple, |pending| {
            *in_flight -= 1;
            *held -= pending.parcel.length();
            if is_trial && let Some(terms) = terms {
                match (&terms.user, pending.parcel.in_the_name_of(terms.user.as_deref())) {
                    // The name in the client's certificate, presumably.
                    (None, Some(claimed)) => terms.user = Some(claimed.to_owned()),
                    (Some(_), Some(_)) => *impersonates = Some(true),
                    (_, None) => {}
                }
            }
            pending.confirm(taken, ends);
        })
    }

    /// An exchange is there.
    pub(super) fn answered(&mut self, number: u16) -> Result<(), String> {
        lane(&mut self.state.lanes, number)?.answered();
        Ok(())
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

    /// The server has closed a channel. Says how many messages are lost with it that nobody waits for, at least.
    pub(super) fn closed(
        &mut self,
        number: u16,
        close: &channel::Close,
        written: u64,
        ends: &mut Ends,
    ) -> Result<u64, String> {
        let state = &mut *self.state;
        if let Some((_, limit)) = too_large(close.reply_text.as_str()) {
            state.largest = Some(limit);
        }
        if is_of_another(close.reply_text.as_str()) && state.trial.is_some_and(|index| number_of(index) == number) {
            state.impersonates = Some(false);
        }
        let State { lanes, in_flight, held, unawaited, .. } = state;
        let lane = lane(lanes, number)?;
        let (messages, bytes) = lane.weight();
        *in_flight -= messages;
        *held -= bytes;
        lane.closed(close, written, ends);
        let (confirms, unsent) = (lane.confirms, lane.take_unawaited());
        *unawaited -= unsent.min(*unawaited);
        self.say(number, AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})))?;
        // The others that share it are still to be declared.
        let index = usize::from(number) - 1;
        if self.state.lanes[index].shared {
            self.state.open(index);
        }
        Ok(if confirms { 0 } else { unsent.max(1) })
    }
}

fn lane(lanes: &mut [Lane], number: u16) -> Result<&mut Lane, String> {
    let lane = usize::from(number).checked_sub(1).and_then(|index| lanes.get_mut(index));
    lane.ok_or_else(|| format!("the server speaks of channel {number}, which was not opened"))
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.outbox.waiting.fetch_sub(1, Ordering::Relaxed);
        self.outbox.waiting_bytes.fetch_sub(self.length, Ordering::Relaxed);
    }
}
