//! What publishers, subscribers and deliveries of a broker have in common: its connection, and what is asked over it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use super::frame::Frame;
use super::inbox::{Answer, Asked, Inbox, Unanswered};
use super::outbox::{NotTaken, Outbox, Outgoing, Reply};
use super::subscriber::Shared;
use crate::nats::client::connect::Info;
use crate::supervision::{Repeats, Supervision};
use crate::{BrokerState, PublishError, PublishErrorKind};

/// How often deliveries are kept alive, lost pulls are found, and pauses end.
const TICK: Duration = Duration::from_millis(200);

/// The number of the inbox's subscription; the ones of subscribers follow.
pub(super) const INBOX_SID: u64 = 1;

pub(super) struct Link {
    pub(super) supervision: Arc<Supervision>,
    pub(super) outbox: Outbox,
    pub(super) inbox: Arc<Inbox>,
    subscribers: Mutex<HashMap<u64, Weak<Shared>>>,
    last_sid: AtomicU64,
    closed: AtomicBool,
    /// Whether the server refused the inbox, so that nothing is heard.
    deaf: AtomicBool,
    /// Whether the server understands `+TERM` with a reason.
    takes_reasons: AtomicBool,
    /// How many questions may be open before publishes are refused.
    max_pending: usize,
    /// What was in the log lately.
    complaints: Mutex<Repeats>,
}

impl Link {
    pub(super) fn new(supervision: Arc<Supervision>, max_pending: usize) -> Self {
        Self {
            supervision,
            outbox: Outbox::default(),
            inbox: Arc::new(Inbox::new()),
            subscribers: Mutex::default(),
            last_sid: AtomicU64::new(INBOX_SID),
            closed: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            takes_reasons: AtomicBool::new(false),
            max_pending,
            complaints: Mutex::default(),
        }
    }

    /// Takes a slot for a publish to `subject`: its number, and the acknowledgement.
    ///
    /// # Errors
    /// As many are on their way as may be.
    pub(super) fn question(&self, subject: &Arc<str>) -> Result<(u64, Asked), PublishError> {
        self.inbox.question_below(self.max_pending, subject).ok_or_else(|| {
            let what = format!("{} messages are on their way", self.max_pending);
            PublishError::new(PublishErrorKind::Full, what)
        })
    }

    /// Whether answers would not be heard.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::Relaxed)
    }

    /// What ends a message for good.
    pub(super) fn termination(&self, reason: &str) -> Vec<u8> {
        match self.takes_reasons.load(Ordering::Relaxed) && !reason.is_empty() {
            true => format!("+TERM {reason}").into_bytes(),
            // An older server does not recognise what has more than the word.
            false => b"+TERM".to_vec(),
        }
    }

    /// Whether a line in the log has not been written lately.
    pub(super) fn is_news(&self, text: &str) -> bool {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).is_due(text)
    }

    /// Asks `subject`, and hands over what tells of the answer.
    pub(super) fn ask(&self, subject: &Arc<str>, body: &[u8], until: Option<Instant>) -> Result<Asked, NotTaken> {
        let (token, asked) = self.inbox.question(subject, until);
        let message = Outgoing { subject, reply: Reply::Inbox(token), attributes: &[], headers: 0, body };
        self.outbox.publish(&self.inbox, &message)?;
        Ok(asked)
    }

    /// Asks `subject`, and waits for the answer.
    pub(super) async fn request(&self, subject: &Arc<str>, body: &[u8], until: Option<Instant>) -> Answer {
        match self.ask(subject, body, until) {
            Ok(asked) => asked.await,
            Err(_) => Err(Unanswered::NotSent),
        }
    }

    /// Sends what nobody waits for. Without a connection it is not sent.
    pub(super) fn tell(&self, subject: &str, body: &[u8]) {
        let message = Outgoing { subject, reply: Reply::Nowhere, attributes: &[], headers: 0, body };
        if let Err(why) = self.outbox.publish(&self.inbox, &message) {
            tracing::debug!(subject, ?why, "not sent: the server finds out by itself");
        }
    }

    /// Sends a subscriber's pull, which is answered in its own inbox.
    pub(super) fn pull(&self, subject: &str, prefix: &str, token: u64, body: &[u8]) -> Result<(), NotTaken> {
        let message = Outgoing { subject, reply: Reply::Pull(prefix, token), attributes: &[], headers: 0, body };
        self.outbox.publish(&self.inbox, &message)
    }

    /// Settles a delivery, over and over where the connection is lost meanwhile, until the server has answered or the
    /// time is up.
    pub(super) async fn settle(self: Arc<Self>, subject: Arc<str>, body: Vec<u8>, until: Instant) -> Answer {
        loop {
            match self.request(&subject, &body, Some(until)).await {
                Err(Unanswered::NotSent | Unanswered::Disconnected) if Instant::now() < until => {}
                answer => return answer,
            }
            let ready = |state: &BrokerState| matches!(state, BrokerState::Connected | BrokerState::Closed);
            let waited = timeout_at(until.into(), self.supervision.wait_until(ready)).await;
            if waited.is_err() || self.is_closed() {
                return Err(Unanswered::Disconnected);
            }
            if !self.outbox.is_connected() {
                // The connection is about to be lost again, or only about to be used.
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// A number for a subscriber's subscription.
    pub(super) fn next_sid(&self) -> u64 {
        self.last_sid.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn add(&self, subscriber: &Arc<Shared>) {
        self.lock_subscribers().insert(subscriber.sid, Arc::downgrade(subscriber));
        if self.outbox.is_connected() {
            self.outbox.control(&subscriber.subscription());
            subscriber.connected();
        }
    }

    /// A subscriber is not used any more. What still comes for it goes back.
    pub(super) fn remove(&self, sid: u64) {
        self.lock_subscribers().remove(&sid);
        self.outbox.control(&format!("UNSUB {sid}\r\n"));
    }

    pub(super) fn subscribers(&self) -> Vec<Arc<Shared>> {
        self.lock_subscribers().values().filter_map(Weak::upgrade).collect()
    }

    /// What a connection begins with: every subscription there is.
    pub(super) fn subscriptions(&self) -> String {
        let mut all = format!("SUB {}* {INBOX_SID}\r\n", self.inbox.prefix());
        for subscriber in self.subscribers() {
            all += &subscriber.subscription();
        }
        all
    }

    fn lock_subscribers(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether this is the first call.
    pub(super) fn set_closed(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    /// There is a connection, which has the subscriptions.
    pub(super) fn connected(&self, info: &Info) {
        if self.is_closed() {
            return;
        }
        self.deaf.store(false, Ordering::Relaxed);
        self.takes_reasons.store(info.takes_reasons, Ordering::Relaxed);
        self.outbox.connected(info.max_payload);
        for subscriber in self.subscribers() {
            // One that was opened only now is not among those that the connection began with; twice is once.
            self.outbox.control(&subscriber.subscription());
            subscriber.connected();
        }
    }

    /// The connection is gone.
    pub(super) fn disconnected(&self) {
        let unsent = self.outbox.disconnected().into_iter().collect();
        self.inbox.lose(&unsent);
        for subscriber in self.subscribers() {
            subscriber.disconnected();
        }
    }

    /// A message has come.
    pub(super) fn deliver(&self, sid: u64, frame: &Frame<'_>) {
        if sid == INBOX_SID {
            return self.inbox.deliver(frame);
        }
        let subscriber = self.lock_subscribers().get(&sid).and_then(Weak::upgrade);
        match subscriber {
            Some(subscriber) => subscriber.arrived(frame),
            None if frame.reply.starts_with("$JS.ACK.") => self.tell(frame.reply, b"-NAK"),
            None => {}
        }
    }

    /// The server complains, without ending the connection.
    pub(super) fn complaint(&self, text: &str) {
        if self.is_news(text) {
            tracing::warn!(driver = "jetstream", reason = text, "error of the server");
        }
        let reason: Arc<str> = text.into();
        if denied_subject(text, "Subscription").is_some_and(|subject| subject.starts_with(self.inbox.prefix())) {
            // All subscriptions are inboxes, and have one beginning.
            self.deaf.store(true, Ordering::Relaxed);
            for subscriber in self.subscribers() {
                subscriber.deafened(&reason);
            }
        }
        if let Some(subject) = denied_subject(text, "Publish") {
            self.inbox.deny(subject, &reason);
            for subscriber in self.subscribers() {
                subscriber.denied(subject, &reason);
            }
        }
    }

    /// Does from time to time what no message is the occasion for.
    pub(super) async fn tick(link: Weak<Self>) {
        loop {
            sleep(TICK).await;
            let Some(link) = link.upgrade() else { return };
            if link.is_closed() {
                return;
            }
            let now = Instant::now();
            link.inbox.expire(now);
            for subscriber in link.subscribers() {
                subscriber.tick(now);
            }
        }
    }
}

/// The subject that a client may not use: `Permissions Violation for Publish to "orders"`.
fn denied_subject<'a>(text: &'a str, what: &str) -> Option<&'a str> {
    let rest = text.strip_prefix("Permissions Violation for ")?.strip_prefix(what)?;
    rest.strip_prefix(" to \"")?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_name_the_subject() {
        assert_eq!(denied_subject("Permissions Violation for Publish to \"a.b\"", "Publish"), Some("a.b"));
        let text = "Permissions Violation for Subscription to \"a.b\" using queue \"c\"";
        assert_eq!(denied_subject(text, "Subscription"), Some("a.b"));
        for other in ["", "Permissions Violation for Subscription to \"a\"", "Stale Connection"] {
            assert_eq!(denied_subject(other, "Publish"), None, "{other}");
        }
    }
}
