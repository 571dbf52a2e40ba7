//! Publishing: a request, whose answer is the stream's acknowledgement.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use serde::Deserialize;
use tokio::time::sleep;

use super::inbox::{Answered, Unanswered};
use super::link::Link;
use super::outbox::{NotTaken, Outgoing, Reply};
use crate::nats::client::headers;
use crate::{Attribute, Message, PublishError, PublishErrorKind, Receipt};

/// The header with the identity that a stream knows a message by.
pub(super) const ID: &str = "Nats-Msg-Id";

/// How often a message that no stream took is sent again, as NATS' own clients do.
const RETRIES: u32 = 2;
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// An open topic of a [`Broker`](super::Broker).
pub struct Publisher {
    pub(super) link: Arc<Link>,
    pub(super) subject: Arc<str>,
}

impl crate::Publisher for Publisher {
    async fn publish(&self, mut message: Message) -> Result<Receipt, PublishError> {
        if message.key.is_some() {
            return Err(error(
                PublishErrorKind::Invalid,
                "a message of JetStream has no key: its subject takes that place",
            ));
        }
        identify(&mut message)?;
        let headers = headers::length(&message.attributes)?;
        if self.link.is_deaf() {
            return Err(error(PublishErrorKind::Refused, "the server does not let this user hear its answers"));
        }
        let mut retries = 0..RETRIES;
        loop {
            let (token, asked) = self.link.question(&self.subject)?;
            let outgoing = Outgoing {
                subject: &self.subject,
                reply: Reply::Inbox(token),
                attributes: &message.attributes,
                headers,
                body: &message.body,
            };
            self.link.outbox.publish(&self.link.inbox, &outgoing).map_err(|why| self.not_taken(why))?;
            return match asked.await {
                // Nobody has it: the stream may be about to get another leader.
                Ok(Answered { status: Some(503), .. }) if retries.next().is_some() => {
                    Box::pin(sleep(RETRY_WAIT)).await;
                    continue;
                }
                Ok(answer) => receipt(&answer),
                Err(Unanswered::NotSent) => Err(self.unreachable()),
                Err(Unanswered::Denied(reason)) => Err(error(PublishErrorKind::Refused, &reason)),
                Err(unanswered) => Err(PublishError::new(PublishErrorKind::Unknown, unanswered)),
            };
        }
    }
}

impl Publisher {
    #[cold]
    fn not_taken(&self, why: NotTaken) -> PublishError {
        match why {
            NotTaken::Disconnected => self.unreachable(),
            NotTaken::TooLarge { length, max_payload } => PublishError::new(
                PublishErrorKind::TooLarge,
                format!("{length} bytes with its headers, and the server takes {max_payload}"),
            ),
            NotTaken::Full { bytes } => {
                PublishError::new(PublishErrorKind::Full, format!("{bytes} bytes wait to be written"))
            }
        }
    }

    #[cold]
    fn unreachable(&self) -> PublishError {
        PublishError::new(PublishErrorKind::Unreachable, self.link.supervision.failure())
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Makes the message's id the header that JetStream reads.
fn identify(message: &mut Message) -> Result<(), PublishError> {
    let Some(id) = message.id.take() else { return Ok(()) };
    match message.attribute(ID) {
        None => message.attributes.push(Attribute { name: Cow::Borrowed(ID), value: id }),
        Some(same) if *same == id => {}
        Some(_) => {
            let what = format!("the attribute {ID} is another than the message's id");
            return Err(PublishError::new(PublishErrorKind::Invalid, what));
        }
    }
    Ok(())
}

/// What a stream answers, borrowed. async-nats' `PublishAck` takes a refusal that names the stream for an acknowledgement,
/// unless it is read as a `Response`, which copies all of the answer first.
#[derive(Deserialize)]
struct Acknowledgement<'a> {
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(default)]
    err_code: ErrorCode,
    #[serde(borrow, default)]
    description: Cow<'a, str>,
}

fn receipt(answer: &Answered) -> Result<Receipt, PublishError> {
    if answer.status == Some(503) {
        return Err(error(PublishErrorKind::Refused, "no stream has the subject, and a gateway makes none"));
    }
    let acknowledgement: Acknowledgement<'_> = match serde_json::from_slice(&answer.payload) {
        Ok(acknowledgement) => acknowledgement,
        // Another subscriber of the subject may have answered before the stream.
        Err(wrong) => {
            let what = format!("the answer is no acknowledgement of a stream: {wrong}");
            return Err(PublishError::new(PublishErrorKind::Unknown, what));
        }
    };
    match acknowledgement.error {
        Some(refusal) => {
            let what = format!("{} ({})", refusal.description, refusal.err_code.0);
            Err(PublishError::new(refusal.kind(), what))
        }
        None if acknowledgement.stream.is_empty() => {
            Err(error(PublishErrorKind::Unknown, "the answer is no acknowledgement of a stream: it names none"))
        }
        None => Ok(Receipt {
            id: None,
            partition: Some(acknowledgement.stream.into_owned()),
            offset: Some(acknowledgement.seq),
            duplicate: acknowledgement.duplicate,
        }),
    }
}

impl Refusal<'_> {
    fn kind(&self) -> PublishErrorKind {
        match self.err_code {
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::MEMORY_RESOURCES_EXCEEDED
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED
            | ErrorCode::STREAM_TOO_MANY_REQUESTS => PublishErrorKind::Full,
            // The stream's limits, where it refuses what is new, have one code with a disk that fails.
            ErrorCode::STREAM_STORE_FAILED if self.description.contains("maximum") => PublishErrorKind::Full,
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
                PublishErrorKind::TooLarge
            }
            // The cluster has no leader for now.
            ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_NOT_LEADER => PublishErrorKind::Unreachable,
            _ => PublishErrorKind::Refused,
        }
    }
}

#[cold]
fn error(kind: PublishErrorKind, what: &str) -> PublishError {
    PublishError::new(kind, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<u16>, payload: &str) -> Result<Receipt, PublishErrorKind> {
        receipt(&Answered { status, payload: payload.as_bytes().into() }).map_err(|error| error.kind)
    }

    #[test]
    fn acknowledgements() {
        let stored = Receipt { partition: Some("ORDERS".to_owned()), offset: Some(7), ..Receipt::default() };
        assert_eq!(answer(None, r#"{"stream":"ORDERS", "seq":7}"#), Ok(stored.clone()));
        assert_eq!(
            answer(None, r#"{"stream":"ORDERS","domain":"hub","seq":7,"duplicate":true,"later":[1]}"#),
            Ok(Receipt { duplicate: true, ..stored })
        );
    }

    #[test]
    fn refusals() {
        for (payload, kind) in [
            (
                r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"S","seq":0}"#,
                PublishErrorKind::Full,
            ),
            (
                r#"{"error":{"code":503,"err_code":10077,"description":"input/output error"}}"#,
                PublishErrorKind::Refused,
            ),
            (
                r#"{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}"#,
                PublishErrorKind::Full,
            ),
            (
                r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#,
                PublishErrorKind::TooLarge,
            ),
            (
                r#"{"error":{"code":503,"err_code":10008,"description":"system temporarily unavailable"}}"#,
                PublishErrorKind::Unreachable,
            ),
            (
                r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"}}"#,
                PublishErrorKind::Refused,
            ),
            (r#"{"error":{}}"#, PublishErrorKind::Refused),
            ("{}", PublishErrorKind::Unknown),
            ("hello", PublishErrorKind::Unknown),
            ("", PublishErrorKind::Unknown),
        ] {
            assert_eq!(answer(None, payload), Err(kind), "{payload}");
        }
        assert_eq!(answer(Some(503), ""), Err(PublishErrorKind::Refused));
    }

    #[test]
    fn an_id_is_a_header() {
        let mut message = Message { id: Some("one".to_owned()), ..Message::new("x") };
        identify(&mut message).unwrap();
        assert_eq!(message.attribute(ID), Some("one"));
        message.id = Some("one".to_owned());
        identify(&mut message).unwrap();
        assert_eq!(message.attributes.len(), 1);
        message.id = Some("other".to_owned());
        assert_eq!(identify(&mut message).unwrap_err().kind, PublishErrorKind::Invalid);
    }
}
