//! What becomes of a delivery, and the service's word on it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::amqp::{Error, Failure, Outcome, Value, accepted, modified, rejected, released};
use super::inbox::{Busy, Inbox};
use super::management::{Unanswered, ask, tokens};
use crate::{SettleError, Settlement};

/// How long the service may take for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const DEAD_LETTER: &str = "com.microsoft:dead-letter";

/// Service Bus keeps at most so many characters of a reason, and of a description.
const MAX_REASON: usize = 4096;

/// What is said of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Complete,
    /// Given back; the service counts it as delivered.
    Abandon,
    /// Given back as if it had not been delivered.
    Release,
    DeadLetter {
        reason: String,
    },
}

/// A message's lock.
pub(super) struct Lock {
    /// Its name, as AMQP writes a UUID.
    pub(super) token: [u8; 16],
    pub(super) until: Option<SystemTime>,
    /// Whether it is the lock of a session, which ends with the link.
    pub(super) is_session: bool,
}

/// A settlement that the service has not answered.
pub(super) struct Pending {
    pub(super) inbox: Arc<Inbox>,
    pub(super) answer: oneshot::Receiver<Result<Outcome, Error>>,
    pub(super) verdict: Verdict,
    pub(super) lock: Lock,
    /// What must not go on before it is settled.
    pub(super) _busy: Option<Busy>,
}

impl From<Settlement> for Verdict {
    /// The service knows no delay.
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Ack => Self::Complete,
            Settlement::Nack { .. } => Self::Abandon,
            Settlement::DeadLetter { reason } => Self::DeadLetter { reason },
        }
    }
}

impl Verdict {
    /// The delivery state that says it.
    pub(super) fn state(&self) -> Value {
        match self {
            Self::Complete => accepted(),
            Self::Abandon => modified(false, false, Vec::new()),
            Self::Release => released(),
            Self::DeadLetter { reason } => {
                let (reason, description) = split(reason);
                let mut info = vec![(Value::symbol("DeadLetterReason"), Value::string(reason))];
                if !description.is_empty() {
                    info.push((Value::symbol("DeadLetterErrorDescription"), Value::string(description)));
                }
                rejected(DEAD_LETTER, reason, info)
            }
        }
    }

    /// What `update-disposition` is asked.
    fn request(&self, token: [u8; 16]) -> Vec<(Value, Value)> {
        let status = match self {
            Self::Complete => "completed",
            Self::Abandon | Self::Release => "abandoned",
            Self::DeadLetter { .. } => "suspended",
        };
        let text = |name, value| (Value::string(name), Value::string(value));
        let mut body = vec![text("disposition-status", status), tokens(&[token])];
        if let Self::DeadLetter { reason } = self {
            let (reason, description) = split(reason);
            body.push(text("deadletter-reason", reason));
            body.push(text("deadletter-description", description));
        }
        body
    }

    /// Whether the service did what was said.
    fn judge(&self, outcome: Outcome) -> Result<(), Failed> {
        match (self, outcome) {
            (Self::Complete, Outcome::Accepted | Outcome::Nothing)
            | (Self::Abandon | Self::Release, Outcome::Modified | Outcome::Released | Outcome::Nothing)
            | (Self::DeadLetter { .. }, Outcome::Rejected(None) | Outcome::Nothing) => Ok(()),
            // Its own words, told back.
            (Self::DeadLetter { .. }, Outcome::Rejected(Some(failure))) if failure.is(DEAD_LETTER) => Ok(()),
            (_, Outcome::Rejected(Some(failure))) => Err(Failed::by(failure)),
            (_, outcome) => Err(Failed::Settle(unreachable(format!("the service decided otherwise: {outcome:?}")))),
        }
    }
}

/// How a settlement has failed.
enum Failed {
    Settle(SettleError),
    /// The link does not know the message any more. Its lock may still be there.
    Unknown(String),
}

impl Failed {
    fn by(failure: Failure) -> Self {
        if is_lost(&failure) {
            return Self::Settle(SettleError::Expired);
        }
        match failure.is("amqp:not-found") {
            true => Self::Unknown(failure.to_string()),
            false => Self::Settle(unreachable(failure.to_string())),
        }
    }
}

/// Whether a lock was lost, by the service's word.
pub(super) fn is_lost(failure: &Failure) -> bool {
    failure.is("com.microsoft:message-lock-lost") || failure.is("com.microsoft:session-lock-lost")
}

fn unreachable(reason: String) -> SettleError {
    SettleError::Unreachable(reason.into())
}

/// The reason in one line, and all of it where it has several or is longer than the service keeps.
fn split(text: &str) -> (&str, &str) {
    let cut = |text: &'_ str, most: usize| text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    let line = text.lines().next().unwrap_or_default();
    let reason = &line[..cut(line, MAX_REASON)];
    match reason.len() == text.len() {
        true => (reason, ""),
        false => (reason, &text[..cut(text, MAX_REASON)]),
    }
}

impl Lock {
    /// The service names deliveries by their locks, in the order of bytes that .NET writes a GUID in.
    pub(super) fn new(tag: &[u8], until: Option<SystemTime>, is_session: bool) -> Self {
        let mut token = [0; 16];
        if let Some(tag) = tag.first_chunk::<16>() {
            token = *tag;
            token[..4].reverse();
            token[4..6].reverse();
            token[6..8].reverse();
        }
        Self { token, until, is_session }
    }
}

impl Pending {
    /// Nobody waits for the service's word, but what must not go on before it is settled.
    pub(super) fn leave(self) {
        if self.lock.is_session
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // One for a session, for a moment: its next message must not overtake this one.
            runtime.spawn(self.end());
        }
    }

    /// Waits for the service's word.
    pub(super) async fn end(self) -> Result<(), SettleError> {
        let Self { inbox, answer, verdict, lock, _busy } = self;
        let reason = match timeout(PATIENCE, answer).await {
            Ok(Ok(Ok(outcome))) => match verdict.judge(outcome) {
                Ok(()) => return Ok(()),
                Err(Failed::Settle(error)) => return Err(error),
                Err(Failed::Unknown(reason)) => reason,
            },
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the connection is gone".to_owned(),
            Err(_) => return Err(unreachable(format!("no answer within {PATIENCE:?}"))),
        };
        if lock.is_session {
            return Err(unreachable(reason));
        }
        by_token(&inbox, &verdict, &lock, &reason).await
    }
}

/// Settles by the name of the lock, which outlives the link that the message came over.
async fn by_token(inbox: &Inbox, verdict: &Verdict, lock: &Lock, reason: &str) -> Result<(), SettleError> {
    let left = lock.until.and_then(|until| until.duration_since(SystemTime::now()).ok()).unwrap_or_default();
    let until = Instant::now() + left.clamp(Duration::from_secs(1), PATIENCE);
    let mut connections = inbox.shared.watch();
    let mut last = reason.to_owned();
    let tried = timeout_at(until, async {
        loop {
            let live = match connections.wait_for(Option::is_some).await {
                Ok(live) => live.clone(),
                Err(_) => return Err(unreachable(reason.to_owned())),
            };
            let Some(live) = live else { continue };
            match ask(inbox, &live, "com.microsoft:update-disposition", verdict.request(lock.token)).await {
                Ok(_) => return Ok(()),
                // Perhaps because the first word was obeyed, and its answer lost.
                Err(Unanswered::Said(failure)) if is_lost(&failure) => {
                    return Err(unreachable(format!(
                        "{reason}; whether it was settled before is not known: {failure}"
                    )));
                }
                Err(Unanswered::Said(failure)) => return Err(unreachable(failure.to_string())),
                Err(Unanswered::Lost(why)) => {
                    last = why;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
    .await;
    tried.unwrap_or_else(|_| Err(unreachable(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_word_is_heard() {
        let dead = Verdict::DeadLetter { reason: "not JSON".to_owned() };
        let rejected = |condition: &str| Outcome::Rejected(Some(Failure::new(condition, "")));
        for (verdict, outcome) in [
            (&Verdict::Complete, Outcome::Accepted),
            (&Verdict::Abandon, Outcome::Modified),
            (&Verdict::Release, Outcome::Released),
            (&dead, Outcome::Rejected(None)),
            (&dead, rejected(DEAD_LETTER)),
        ] {
            assert!(verdict.judge(outcome).is_ok(), "{verdict:?}");
        }
        for verdict in [&Verdict::Complete, &Verdict::Abandon, &dead] {
            let lost = verdict.judge(rejected("com.microsoft:message-lock-lost"));
            assert!(matches!(lost, Err(Failed::Settle(SettleError::Expired))), "{verdict:?}");
            let unknown = verdict.judge(rejected("amqp:not-found"));
            assert!(matches!(unknown, Err(Failed::Unknown(_))), "{verdict:?}");
            let other = verdict.judge(rejected("amqp:internal-error"));
            assert!(matches!(other, Err(Failed::Settle(SettleError::Unreachable(_)))), "{verdict:?}");
        }
        assert!(Verdict::Complete.judge(Outcome::Rejected(None)).is_err());
        assert!(Verdict::Complete.judge(Outcome::Released).is_err());
    }

    #[test]
    fn tokens_and_reasons() {
        let tag: Vec<u8> = (0..16).collect();
        let lock = Lock::new(&tag, None, false);
        assert_eq!(lock.token, [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(split("not JSON"), ("not JSON", ""));
        assert_eq!(split("not JSON\nat line 7"), ("not JSON", "not JSON\nat line 7"));
        let long = "é".repeat(MAX_REASON + 1);
        let (reason, description) = split(&long);
        assert_eq!((reason.chars().count(), description.chars().count()), (MAX_REASON, MAX_REASON));
        assert_eq!(split(""), ("", ""));
    }
}
