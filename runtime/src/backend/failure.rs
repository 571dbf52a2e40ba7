use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

/// A backend that could not do its work, and what the client is told of it.
#[derive(Debug)]
pub struct Failure {
    /// The status of an endpoint with this backend alone.
    pub(crate) status: StatusCode,
    /// The status of a whole merge that this failure decides: publishers do, others only make it incomplete.
    pub(crate) decides: bool,
    /// One line for the log, and for the client where `return_error_msg` is on and there is nothing else to tell.
    pub(crate) message: String,
    /// The same for the client, where `message` may hold addresses or paths, or leaves out what may be a secret.
    pub(crate) told: Option<Box<str>>,
    /// A body of its own, beside the message.
    pub(crate) body: Option<Box<ErrorBody>>,
    /// Whether a later try may go better: `Retry-After` is sent. Only a broker's failures are like that; an upstream's 503
    /// is passed on as it came.
    pub(crate) retry: bool,
    /// A publisher's URL, and what became of its message.
    pub(crate) publish: Option<(&'static str, PublishOutcome)>,
}

/// The body of an error answer.
#[derive(Debug)]
pub(crate) enum ErrorBody {
    /// An upstream's, with its type: `return_error_code` passes it on where `return_error_msg` is on (trap 23).
    Upstream(Bytes, Option<HeaderValue>),
    /// JSON of the gateway's own, sent in any case.
    Report(String),
}

/// What became of one backend's message in an endpoint with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublishOutcome {
    /// The broker has it.
    Confirmed,
    /// The broker does not have it.
    Refused,
    /// It was sent, and may have been stored.
    Unknown,
}

impl Failure {
    /// A failure that makes a merge incomplete.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, decides: false, message: message.into(), told: None, body: None, retry: false, publish: None }
    }

    /// KrakenD's answer to everything it does not classify: 500 (trap 22).
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The endpoint's time is up.
    pub(crate) fn deadline(after: Duration) -> Self {
        Self::internal(format!("no answer within {after:?}"))
    }

    /// The client took the endpoint's time for sending its body.
    pub(crate) fn body_too_slow(after: Duration) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, format!("the request's body did not arrive within {after:?}"))
    }

    /// A message that was not confirmed.
    pub(crate) fn publish(
        status: StatusCode,
        outcome: PublishOutcome,
        backend: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { decides: true, publish: Some((backend, outcome)), ..Self::new(status, message) }
    }

    /// What the client is told instead of the message.
    pub(crate) fn telling(self, told: String) -> Self {
        Self { told: Some(told.into()), ..self }
    }

    /// What the client may know of it.
    pub(crate) fn told(&self) -> &str {
        self.told.as_deref().unwrap_or(&self.message)
    }

    /// A broker that cannot be reached or has no room: 503, and the client may try again.
    pub(crate) fn unavailable(self) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, retry: true, ..self }
    }
}

/// A URL as it may be logged: without its query, where secrets are.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl PublishOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}
