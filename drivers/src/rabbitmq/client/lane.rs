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

use super::declaring;
use super::parcel::{Ends, Pending};
use super::wire::push_method;
use crate::{Declaration, PublishErrorKind};

/// How long a message goes alone. One whose queue does not answer is not to hold up the others for good.
const ALONE: Duration = Duration::from_secs(1);

/// How long a refusal of the exchange itself holds, before the server is asked again.
const REFUSAL: Duration = Duration::from_secs(1);

const BASIC: u16 = 60;

pub(super) struct Lane {
    pub(super) exchange: Arc<str>,
    /// Whether its messages are confirmed.
    pub(super) confirms: bool,
    /// Whether several exchanges have it, since there are too many of them. Then each message goes alone.
    pub(super) shared: bool,
    /// What is said on the channel before any message: what exchanges are declared as.
    declarations: Vec<AMQPClass>,
    is_open: bool,
    /// Whether a message has been confirmed since it was opened.
    proven: bool,
    /// When the last message was sent that went alone.
    alone: Option<Instant>,
    /// The number of the first of `pending`.
    first_tag: u64,
    pending: VecDeque<Option<Pending>>,
    refused: Option<(Instant, Arc<str>)>,
    /// For who waits until the message before is confirmed.
    pub(super) turn: Arc<Notify>,
}

impl Lane {
    pub(super) fn new(exchange: &Arc<str>, confirms: bool) -> Self {
        Self {
            exchange: Arc::clone(exchange),
            confirms,
            shared: false,
            declarations: Vec::new(),
            is_open: false,
            proven: false,
            alone: None,
            first_tag: 1,
            pending: VecDeque::new(),
            refused: None,
            turn: Arc::default(),
        }
    }

    /// Declares the exchange whenever the channel is opened, as the first who has it declared says.
    pub(super) fn declare(&mut self, exchange: &str, declaration: &Declaration) {
        if self.shared || self.declarations.is_empty() {
            self.declarations.push(declaring::exchange(exchange, declaration));
        }
    }

    /// Why the exchange is refused for now.
    pub(super) fn refusal(&mut self) -> Option<Arc<str>> {
        let (until, reason) = self.refused.as_ref()?;
        if Instant::now() < *until {
            return Some(Arc::clone(reason));
        }
        self.refused = None;
        None
    }

    /// Whether the next message has to wait for the ones before.
    pub(super) fn is_taken(&self) -> bool {
        self.goes_alone() && !self.pending.is_empty() && self.alone.is_some_and(|since| since.elapsed() < ALONE)
    }

    /// Appends what opens the channel, where it is not open.
    pub(super) fn open(&mut self, bytes: &mut Vec<u8>, number: u16) -> Result<(), String> {
        if self.is_open {
            return Ok(());
        }
        push_method(bytes, number, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})))?;
        if self.confirms {
            let select = confirm::AMQPMethod::Select(confirm::Select { nowait: false });
            push_method(bytes, number, AMQPClass::Confirm(select))?;
        }
        // Where several exchanges have it, one that is missing is not to be the end of all.
        let look = declaring::look_at(&self.exchange).filter(|_| !self.shared && self.declarations.is_empty());
        for declaration in self.declarations.iter().cloned().chain(look) {
            push_method(bytes, number, declaration)?;
        }
        self.is_open = true;
        self.proven = false;
        self.first_tag = 1;
        Ok(())
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
        if !mem::replace(&mut self.proven, true) || self.shared {
            self.turn.notify_waiters();
        }
        Ok(())
    }

    /// A message has come back, which a confirmation will follow. It is known by all that it has: equal ones are the same to
    /// whoever sent them.
    ///
    /// # Errors
    /// There is no such message.
    pub(super) fn returned(&mut self, back: &Returned) -> Result<(), String> {
        let is_it = |pending: &&mut Pending| {
            let parcel = &pending.parcel;
            pending.returned.is_none()
                && parcel.message.body == *back.body
                && parcel.key() == back.key
                && *parcel.exchange == *back.exchange
        };
        let same = |pending: &&mut Pending| is_it(pending) && pending.parcel.properties == back.properties;
        let found = match self.pending.iter_mut().flatten().find(same) {
            Some(pending) => pending,
            // A server might write its properties anew.
            None => match self.pending.iter_mut().flatten().find(is_it) {
                Some(pending) => pending,
                None => return Err("the server gave a message back that was not sent".to_owned()),
            },
        };
        found.returned = Some(back.text.clone());
        Ok(())
    }

    /// The server has closed the channel. Of the bytes before `written`, it has read some, and thrown away all that came
    /// after what it closed the channel for. Returns the messages that end with it.
    pub(super) fn closed(&mut self, close: &channel::Close, written: u64, ends: &mut Ends) {
        let text = format!("{} ({})", close.reply_text, close.reply_code);
        self.is_open = false;
        self.proven = false;
        let pending: Vec<_> = mem::take(&mut self.pending).into_iter().flatten().collect();
        if close.class_id != BASIC {
            // The exchange was looked at before any message.
            self.refused = Some((Instant::now() + REFUSAL, text.as_str().into()));
            for pending in pending {
                pending.end(PublishErrorKind::Refused, &text, ends);
            }
        } else {
            let is_alone = pending.iter().filter(|pending| pending.start < written).count() == 1;
            let too_large = too_large(close.reply_text.as_str());
            for pending in pending {
                let is_size = |(size, _): &(usize, usize)| *size == pending.parcel.message.body.len();
                if pending.start >= written {
                    let what = format!("another message had its channel closed: {text}");
                    pending.end(PublishErrorKind::Unreachable, &what, ends);
                } else if too_large.as_ref().is_some_and(is_size) {
                    pending.end(PublishErrorKind::TooLarge, &text, ends);
                } else if is_alone {
                    pending.end(PublishErrorKind::Refused, &text, ends);
                } else {
                    let what = format!("one of the messages on its channel had that closed: {text}");
                    pending.end(PublishErrorKind::Unknown, &what, ends);
                }
            }
        }
        self.turn.notify_waiters();
    }

    /// The connection is gone, which had written as many bytes.
    pub(super) fn disconnected(&mut self, reason: &str, written: u64, ends: &mut Ends) {
        self.is_open = false;
        self.proven = false;
        self.refused = None;
        for pending in mem::take(&mut self.pending).into_iter().flatten() {
            // One whose end is not written is none to the server.
            let kind = if pending.end > written { PublishErrorKind::Unreachable } else { PublishErrorKind::Unknown };
            pending.end(kind, reason, ends);
        }
        self.turn.notify_waiters();
    }
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
