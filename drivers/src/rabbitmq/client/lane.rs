//! The channel of an exchange.
//!
//! A server closes a channel for what one message on it did wrong, and does not say which one. So an exchange has a channel
//! of its own, that another's faults do not close; it is opened with a look at the exchange, before any message; and the
//! first message goes alone, until it is confirmed. What is then refused has one cause.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amq_protocol::protocol::{AMQPClass, channel, confirm};
use tokio::sync::Notify;

use super::parcel::{Back, Ends, Pending};
use super::wire::push_method;
use super::{declaring, properties};
use crate::PublishErrorKind;

/// How long a message goes alone. One whose queue does not answer is not to hold up the others for good.
const ALONE: Duration = Duration::from_secs(1);

/// How long a refusal of the exchange itself holds, before the server is asked again.
const REFUSAL: Duration = Duration::from_secs(1);

/// The classes of what a server can close a channel for: before any message, and for a message.
const CHANNEL: u16 = 20;
pub(super) const EXCHANGE: u16 = 40;
const BASIC: u16 = 60;
const CONFIRM: u16 = 85;

pub(super) struct Lane {
    /// Several where it is shared.
    exchanges: Vec<Arc<str>>,
    /// Whether its messages are confirmed.
    pub(super) confirms: bool,
    /// Whether several exchanges have it, since there are too many of them. Then each message goes alone.
    pub(super) shared: bool,
    /// What is said on the channel before any message.
    declarations: Vec<Declared>,
    is_open: bool,
    /// The exchanges that were declared or looked at on this channel and not answered for yet, and where among all bytes of
    /// the connection.
    asked: VecDeque<(Arc<str>, u64)>,
    /// Whether a message has been confirmed since it was opened.
    proven: bool,
    /// When the last message was sent that went alone, or the last exchange was asked for.
    alone: Option<Instant>,
    /// The number of the first of `pending`.
    first_tag: u64,
    pending: VecDeque<Option<Pending>>,
    /// How many messages that nobody waits for are not taken to be written.
    unawaited: u64,
    refused: Vec<Refusal>,
    /// For who waits until the message before is confirmed.
    pub(super) turn: Arc<Notify>,
}

/// What an exchange is declared as.
struct Declared {
    exchange: Arc<str>,
    method: AMQPClass,
    /// Whether it was on the channel as it is.
    is_asked: bool,
}

/// An exchange that is refused for now.
struct Refusal {
    exchange: Arc<str>,
    until: Instant,
    reason: Arc<str>,
}

impl Lane {
    pub(super) fn new(confirms: bool, shared: bool) -> Self {
        Self {
            exchanges: Vec::new(),
            confirms,
            shared,
            declarations: Vec::new(),
            is_open: false,
            asked: VecDeque::new(),
            proven: false,
            alone: None,
            first_tag: 1,
            pending: VecDeque::new(),
            unawaited: 0,
            refused: Vec::new(),
            turn: Arc::default(),
        }
    }

    pub(super) fn has(&self, exchange: &str) -> bool {
        self.exchanges.iter().any(|own| **own == *exchange)
    }

    pub(super) fn add(&mut self, exchange: &Arc<str>) {
        if !self.has(exchange) {
            self.exchanges.push(Arc::clone(exchange));
        }
    }

    /// How many exchanges have it.
    pub(super) fn crowd(&self) -> usize {
        self.exchanges.len()
    }

    /// Declares the exchange whenever the channel is opened.
    pub(super) fn declare(&mut self, exchange: &Arc<str>, method: &AMQPClass) {
        if self.declarations.iter().all(|known| known.exchange != *exchange) {
            let (exchange, method) = (Arc::clone(exchange), method.clone());
            self.declarations.push(Declared { exchange, method, is_asked: false });
        }
    }

    /// Whether the exchange is declared as something else here.
    pub(super) fn differs(&self, exchange: &str, method: &AMQPClass) -> bool {
        self.declarations.iter().any(|known| *known.exchange == *exchange && known.method != *method)
    }

    pub(super) fn has_declarations(&self) -> bool {
        !self.declarations.is_empty()
    }

    /// Why the exchange is refused for now.
    pub(super) fn refusal(&mut self, exchange: &str) -> Option<Arc<str>> {
        if self.refused.is_empty() {
            return None;
        }
        let now = Instant::now();
        self.refused.retain(|refusal| now < refusal.until);
        let refusal = self.refused.iter().find(|refusal| *refusal.exchange == *exchange);
        refusal.map(|refusal| Arc::clone(&refusal.reason))
    }

    fn refuse(&mut self, exchange: &Arc<str>, reason: &str) {
        let (exchange, until) = (Arc::clone(exchange), Instant::now() + REFUSAL);
        self.refused.retain(|refusal| refusal.exchange != exchange);
        self.refused.push(Refusal { exchange, until, reason: reason.into() });
    }

    /// Whether the next message has to wait for what is before.
    pub(super) fn is_taken(&self) -> bool {
        let waits = self.goes_alone() && !self.pending.is_empty() || self.shared && !self.asked.is_empty();
        waits && self.alone.is_some_and(|since| since.elapsed() < ALONE)
    }

    /// Appends what opens the channel, where it is not open, and what the exchanges are declared as that it has not been told
    /// of. `at` is where that stands among all bytes of the connection.
    pub(super) fn open(&mut self, bytes: &mut Vec<u8>, number: u16, at: u64) -> Result<(), String> {
        if !self.is_open {
            push_method(bytes, number, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})))?;
            if self.confirms {
                let select = confirm::AMQPMethod::Select(confirm::Select { nowait: false });
                push_method(bytes, number, AMQPClass::Confirm(select))?;
            }
            self.is_open = true;
            self.proven = false;
            self.first_tag = 1;
            // Where several exchanges have it, one that is missing is not to be the end of all.
            if !self.shared && self.declarations.is_empty() {
                for exchange in &self.exchanges {
                    let Some(look) = declaring::look_at(exchange) else { continue };
                    push_method(bytes, number, look)?;
                    self.asked.push_back((Arc::clone(exchange), at));
                }
            }
        }
        for index in 0..self.declarations.len() {
            let Declared { exchange, is_asked, .. } = &self.declarations[index];
            if *is_asked {
                continue;
            }
            let exchange = Arc::clone(exchange);
            if self.refusal(&exchange).is_some() {
                continue;
            }
            let declared = &mut self.declarations[index];
            push_method(bytes, number, declared.method.clone())?;
            declared.is_asked = true;
            self.asked.push_back((exchange, at));
            self.alone = Some(Instant::now());
        }
        Ok(())
    }

    /// An exchange is there.
    pub(super) fn answered(&mut self) {
        self.asked.pop_front();
        if self.shared && self.asked.is_empty() {
            self.next_turn();
        }
    }

    /// One message that is confirmed lets one go; where none is confirmed, nothing would call the others.
    fn next_turn(&self) {
        match self.confirms {
            true => self.turn.notify_one(),
            false => self.turn.notify_waiters(),
        }
    }

    /// Counts a message that nobody waits for.
    pub(super) fn sent_unawaited(&mut self) {
        self.unawaited += 1;
    }

    /// Those are on their way now. Returns how many there were.
    pub(super) fn take_unawaited(&mut self) -> u64 {
        mem::take(&mut self.unawaited)
    }

    /// How many messages are not confirmed, and their bytes.
    pub(super) fn weight(&self) -> (usize, usize) {
        let pending = || self.pending.iter().flatten();
        (pending().count(), pending().map(|pending| pending.parcel.length()).sum())
    }

    fn goes_alone(&self) -> bool {
        self.confirms && (self.shared || !self.proven)
    }

    pub(super) fn push(&mut self, pending: Pending) {
        if self.goes_alone() {
            self.alone = Some(Instant::now());
        }
        self.pending.push_back(Some(pending));
    }

    /// The server has messages, or does not take them: the one numbered `tag`, or all up to that.
    ///
    /// # Errors
    /// There is no such message.
    pub(super) fn confirm(
        &mut self,
        tag: u64,
        multiple: bool,
        mut confirmed: impl FnMut(Pending),
    ) -> Result<(), String> {
        let wrong = || Err(format!("the server confirmed message {tag} of a channel, which was not sent"));
        let next = self.first_tag + self.pending.len() as u64;
        if multiple {
            let end = if tag == 0 { next } else { tag.saturating_add(1) };
            if end > next {
                return wrong();
            }
            while self.first_tag < end {
                self.first_tag += 1;
                self.pending.pop_front().flatten().into_iter().for_each(&mut confirmed);
            }
        } else {
            let index = tag.checked_sub(self.first_tag).and_then(|index| usize::try_from(index).ok());
            match index.and_then(|index| self.pending.get_mut(index)?.take()) {
                Some(pending) => confirmed(pending),
                None => return wrong(),
            }
        }
        while let Some(None) = self.pending.front() {
            self.pending.pop_front();
            self.first_tag += 1;
        }
        if !mem::replace(&mut self.proven, true) && !self.shared {
            self.turn.notify_waiters();
        } else if self.shared {
            self.next_turn();
        }
        Ok(())
    }

    /// A message has come back, which a confirmation will follow. It is known by all that it has: equal ones are the same to
    /// whoever sent them.
    ///
    /// # Errors
    /// There is no such message.
    pub(super) fn returned(&mut self, back: &Returned) -> Result<(), String> {
        let is_it = |pending: &Pending| {
            let parcel = &pending.parcel;
            pending.returned.is_none()
                && parcel.message.body == *back.body
                && parcel.key() == back.key
                && *parcel.exchange == *back.exchange
        };
        let mut alike: Vec<_> = self.pending.iter_mut().flatten().filter(|pending| is_it(pending)).collect();
        if let Some(same) = alike.iter().position(|pending| pending.parcel.properties == back.properties) {
            alike.swap(0, same);
            alike.truncate(1);
        } else if alike.len() > 1 {
            // A server might write its properties anew.
            let close: Vec<_> =
                alike.iter().map(|pending| properties::is_kept(&pending.parcel.properties, &back.properties)).collect();
            if close.contains(&true) {
                let mut close = close.into_iter();
                alike.retain(|_| close.next().unwrap_or(true));
            }
            let properties = alike.first().map(|pending| pending.parcel.properties.clone()).unwrap_or_default();
            if alike.iter().all(|pending| pending.parcel.properties == properties) {
                alike.truncate(1);
            }
        }
        match &mut *alike {
            [] => Err("the server gave a message back that was not sent".to_owned()),
            [one] => {
                one.returned = Some(one.parcel.came_back(&back.text));
                Ok(())
            }
            several => {
                for pending in several {
                    let what =
                        format!("the server gave this message back or one that is nearly the same: {}", back.text);
                    pending.returned = Some(Back::Doubt(what));
                }
                Ok(())
            }
        }
    }

    /// The server has closed the channel. Of the bytes before `written`, it has read some, and thrown away all that came
    /// after what it closed the channel for. Returns the messages that end with it.
    pub(super) fn closed(&mut self, close: &channel::Close, written: u64, ends: &mut Ends) {
        let text = format!("{} ({})", close.reply_text, close.reply_code);
        let is_opening = !self.proven || !self.asked.is_empty();
        let asked = mem::take(&mut self.asked);
        self.shut();
        let pending: Vec<_> = mem::take(&mut self.pending).into_iter().flatten().collect();
        match close.class_id {
            // What is said on the channel before messages is answered in its order.
            EXCHANGE if !asked.is_empty() => {
                let (exchange, at) = &asked[0];
                self.refuse(exchange, &text);
                for pending in pending {
                    let is_own = pending.parcel.exchange == *exchange;
                    let kind = match pending.start >= *at {
                        true if is_own => PublishErrorKind::Refused,
                        true => PublishErrorKind::Unreachable,
                        false => PublishErrorKind::Unknown,
                    };
                    pending.end(kind, &text, ends);
                }
            }
            CHANNEL | CONFIRM if is_opening => {
                for exchange in self.exchanges.clone() {
                    self.refuse(&exchange, &text);
                }
                for pending in pending {
                    pending.end(PublishErrorKind::Refused, &text, ends);
                }
            }
            class => {
                let is_alone = pending.iter().filter(|pending| pending.start < written).count() == 1;
                let of_one = class == BASIC && is_alone;
                let too_large = too_large(close.reply_text.as_str()).filter(|_| class == BASIC);
                for pending in pending {
                    let is_size = |(size, _): &(usize, usize)| *size == pending.parcel.message.body.len();
                    if pending.start >= written {
                        let what = format!("another message had its channel closed: {text}");
                        pending.end(PublishErrorKind::Unreachable, &what, ends);
                    } else if too_large.as_ref().is_some_and(is_size) {
                        pending.end(PublishErrorKind::TooLarge, &text, ends);
                    } else if of_one && is_of_another(close.reply_text.as_str()) {
                        pending.end(PublishErrorKind::Invalid, &text, ends);
                    } else if of_one {
                        pending.end(PublishErrorKind::Refused, &text, ends);
                    } else {
                        let what = format!("the server closed its channel: {text}");
                        pending.end(PublishErrorKind::Unknown, &what, ends);
                    }
                }
            }
        }
        self.turn.notify_waiters();
    }

    /// The connection is gone, which had written as many bytes.
    pub(super) fn disconnected(&mut self, reason: &str, written: u64, ends: &mut Ends) {
        self.shut();
        self.asked.clear();
        self.refused.clear();
        self.unawaited = 0;
        for pending in mem::take(&mut self.pending).into_iter().flatten() {
            // One whose end is not written is none to the server.
            let kind = if pending.end > written { PublishErrorKind::Unreachable } else { PublishErrorKind::Unknown };
            pending.end(kind, reason, ends);
        }
        self.turn.notify_waiters();
    }

    fn shut(&mut self) {
        self.is_open = false;
        self.proven = false;
        self.declarations.iter_mut().for_each(|declared| declared.is_asked = false);
    }
}

/// Whether a channel was closed for a message in another user's name, as RabbitMQ says it.
pub(super) fn is_of_another(text: &str) -> bool {
    text.contains("user_id property set to")
}

/// A message that the server gave back.
pub(super) struct Returned {
    /// Why.
    pub(super) text: String,
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) properties: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// The size of a message that is too large, and the limit, as RabbitMQ says it: `message size 20 is larger than configured
/// max size 10`, or `than max size 10`.
pub(super) fn too_large(text: &str) -> Option<(usize, usize)> {
    let (before, after) = text.split_once(" is larger than ")?;
    let size = before.rsplit_once("message size ")?.1;
    let limit = after.split_once("max size ")?.1;
    let limit = limit.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((size.parse().ok()?, limit.parse().ok()?))
}

#[cfg(test)]
mod tests;
