//! One subscription for everything that is answered: the streams' acknowledgements, the API, and settlements. The last
//! token of the subject tells which question an answer is for.
//!
//! Pulled messages come through a subscription per subscriber instead: they have the subject that they were published
//! to, so only the subscription's number tells whose they are.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::sync::oneshot;

use super::frame::Frame;

/// The subscription's slots: who waits for which answer.
pub(super) struct Inbox {
    prefix: Box<str>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    next: u64,
    taken: HashMap<u64, Slot>,
}

struct Slot {
    /// The subject that was asked.
    subject: Arc<str>,
    sender: oneshot::Sender<Answer>,
    /// When nobody waits any longer; the asker's own affair where there is none.
    until: Option<Instant>,
}

/// What becomes of a question.
pub(super) type Answer = Result<Answered, Unanswered>;

/// An answer.
#[derive(Debug)]
pub(super) struct Answered {
    /// A status instead of a payload: 503 where nobody listens.
    pub(super) status: Option<u16>,
    pub(super) payload: Box<[u8]>,
}

/// Why a question was not answered.
#[derive(Clone, Debug)]
pub(super) enum Unanswered {
    /// There was no connection to ask over.
    NotSent,
    /// The connection was lost after that.
    Disconnected,
    /// The server does not allow it.
    Denied(Arc<str>),
    /// It took too long.
    Late,
}

/// A question that was asked; ends with its answer. Forgotten when it is dropped.
pub(super) struct Asked {
    inbox: Arc<Inbox>,
    token: u64,
    receiver: oneshot::Receiver<Answer>,
    answered: bool,
}

// === impl Inbox ===

impl Inbox {
    /// An inbox of its own.
    pub(super) fn new() -> Self {
        // Unique, and not to be guessed by other clients of the account: the standard library's keys are random.
        let random = || RandomState::new().hash_one(0);
        Self { prefix: format!("_INBOX.{:016x}{:016x}.", random(), random()).into(), slots: Mutex::default() }
    }

    /// What to subscribe to, without the wildcard.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Takes a slot for a question to `subject`: its number, and the answer.
    pub(super) fn question(self: &Arc<Self>, subject: &Arc<str>, until: Option<Instant>) -> (u64, Asked) {
        let (sender, receiver) = oneshot::channel();
        let token = self.lock().take(Slot { subject: Arc::clone(subject), sender, until });
        (token, Asked { inbox: Arc::clone(self), token, receiver, answered: false })
    }

    /// As [`question`](Self::question), unless `most` slots are taken already.
    pub(super) fn question_below(self: &Arc<Self>, most: usize, subject: &Arc<str>) -> Option<(u64, Asked)> {
        let mut slots = self.lock();
        if slots.taken.len() >= most {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let token = slots.take(Slot { subject: Arc::clone(subject), sender, until: None });
        drop(slots);
        Some((token, Asked { inbox: Arc::clone(self), token, receiver, answered: false }))
    }

    /// Appends the subject for the answer to `token`.
    pub(super) fn push_subject(&self, buffer: &mut Vec<u8>, token: u64) {
        buffer.extend_from_slice(self.prefix.as_bytes());
        push_token(buffer, token);
    }

    /// Whether questions are open.
    pub(super) fn is_waiting(&self) -> bool {
        !self.lock().taken.is_empty()
    }

    /// Whether no other questions are open than these.
    pub(super) fn waits_only_for(&self, unsent: &HashSet<u64>) -> bool {
        self.lock().taken.keys().all(|token| unsent.contains(token))
    }

    /// Brings an answer to whoever waits for it.
    pub(super) fn deliver(&self, frame: &Frame<'_>) {
        let token = frame.subject.strip_prefix(&*self.prefix).and_then(|token| u64::from_str_radix(token, 16).ok());
        let slot = token.and_then(|token| self.lock().taken.remove(&token));
        if let Some(slot) = slot {
            let answered = Answered { status: frame.status.map(|(code, _)| code), payload: frame.body.into() };
            // Who does not listen any more does not need it.
            let _ = slot.sender.send(Ok(answered));
        }
    }

    /// The connection is gone, and every question with it. It never took the `unsent` ones.
    pub(super) fn lose(&self, unsent: &HashSet<u64>) {
        let lost = mem::take(&mut self.lock().taken);
        for (token, slot) in lost {
            let why = if unsent.contains(&token) { Unanswered::NotSent } else { Unanswered::Disconnected };
            let _ = slot.sender.send(Err(why));
        }
    }

    /// The server does not allow to publish to `subject`: so it will not answer.
    pub(super) fn deny(&self, subject: &str, reason: &Arc<str>) {
        self.end(|slot| *slot.subject == *subject, &Unanswered::Denied(Arc::clone(reason)));
    }

    /// Ends what is waited for longer than was wanted.
    pub(super) fn expire(&self, now: Instant) {
        self.end(|slot| slot.until.is_some_and(|until| until <= now), &Unanswered::Late);
    }

    fn end(&self, which: impl Fn(&Slot) -> bool, how: &Unanswered) {
        let ended: Vec<Slot> = self.lock().taken.extract_if(|_, slot| which(slot)).map(|(_, slot)| slot).collect();
        for slot in ended {
            let _ = slot.sender.send(Err(how.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn take(&mut self, slot: Slot) -> u64 {
        let token = self.next;
        self.next += 1;
        self.taken.insert(token, slot);
        token
    }
}

/// Appends a token of 16 digits.
pub(super) fn push_token(buffer: &mut Vec<u8>, token: u64) {
    for shift in (0..16).rev() {
        buffer.push(b"0123456789abcdef"[(token >> (4 * shift)) as usize & 15]);
    }
}

// === impl Asked ===

impl Future for Asked {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let answer = ready!(Pin::new(&mut self.receiver).poll(context));
        self.answered = true;
        Poll::Ready(answer.unwrap_or(Err(Unanswered::Disconnected)))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.answered {
            self.inbox.lock().taken.remove(&self.token);
        }
    }
}

// === impl Unanswered ===

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent => f.write_str("there is no connection"),
            Self::Disconnected => f.write_str("the connection was lost before the server answered"),
            Self::Denied(reason) => f.write_str(reason),
            Self::Late => f.write_str("the server did not answer in time"),
        }
    }
}

impl std::error::Error for Unanswered {}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(subject: &str) -> Frame<'_> {
        Frame { subject, reply: "", status: None, headers: b"", body: b"answer" }
    }

    fn subject(inbox: &Inbox, token: u64) -> String {
        let mut subject = Vec::new();
        inbox.push_subject(&mut subject, token);
        String::from_utf8(subject).expect("a subject")
    }

    #[tokio::test]
    async fn an_answer_finds_its_question() {
        let inbox = Arc::new(Inbox::new());
        let (first, asked_first) = inbox.question(&"a".into(), None);
        let (second, asked_second) = inbox.question(&"b".into(), None);
        let (first, second) = (subject(&inbox, first), subject(&inbox, second));
        inbox.deliver(&frame(&second));
        assert_eq!(&*asked_second.await.unwrap().payload, b"answer");
        drop(asked_first);
        assert!(!inbox.is_waiting());
        // Too late, twice, and not even ours.
        for reply in [&first, &second, "_INBOX.x.zz", "elsewhere", inbox.prefix()] {
            inbox.deliver(&frame(reply));
        }
    }

    #[tokio::test]
    async fn what_will_not_be_answered_ends() {
        let inbox = Arc::new(Inbox::new());
        let now = Instant::now();
        let (_, late) = inbox.question(&"a".into(), Some(now));
        let (_, denied) = inbox.question(&"a".into(), None);
        let (_, lost) = inbox.question(&"b".into(), None);
        let (token, unsent) = inbox.question(&"b".into(), None);
        inbox.expire(now);
        inbox.deny("a", &"no".into());
        inbox.lose(&HashSet::from([token]));
        assert!(matches!(late.await, Err(Unanswered::Late)));
        assert!(matches!(denied.await, Err(Unanswered::Denied(_))));
        assert!(matches!(lost.await, Err(Unanswered::Disconnected)));
        assert!(matches!(unsent.await, Err(Unanswered::NotSent)));
        assert!(!inbox.is_waiting());
    }
}
