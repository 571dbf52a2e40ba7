//! What a request to AWS failed with.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Attempts;
use crate::{PublishError, PublishErrorKind, ReceiveError, SettleError};

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// Without secrets.
    text: String,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Not sent: there is no connection, or there are no credentials.
    Unreachable,
    /// The service does not know who is asking: wrong credentials, or outdated ones.
    Unknown,
    /// Refused, for there are too many requests.
    Throttled,
    /// Refused: no such topic or queue, not allowed, malformed.
    Refused,
    /// Refused, for it is too large.
    TooLarge,
    /// Sent, and there was no answer, or one that does not tell.
    Unanswered,
    /// The broker was closed.
    Closed,
}

/// Errors of all services that say that there are too many requests.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "KMSThrottling",
    "KMSThrottlingException",
    "KmsThrottled",
    "LimitExceededException",
    "OverLimit",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Errors of all services that say that the credentials are not good.
const UNKNOWN: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSecurityException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthenticated",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

impl Failure {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }

    /// Of a request, whose `attempts` were watched.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, attempts: &Attempts) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        if let SdkError::ServiceError(context) = error
            && let Some(code) = context.err().code()
        {
            let client_error = context.raw().status().is_client_error();
            let mut failure = Self::of_code(code, context.err().message(), client_error);
            // It is the last attempt that was refused: one before it may have been stored.
            if attempts.perhaps_stored() {
                failure.cause = Cause::Unanswered;
            }
            return failure;
        }
        let refused = matches!(error, SdkError::ServiceError(context) if context.raw().status().is_client_error());
        let cause = match attempts.perhaps_stored() {
            true => Cause::Unanswered,
            false if refused => Cause::Refused,
            false => Cause::Unreachable,
        };
        Self::new(cause, chain(error))
    }

    /// Of an entry of a batch, after these `attempts` to send it.
    pub(crate) fn of_entry(code: &str, message: Option<&str>, sender_fault: bool, attempts: &Attempts) -> Self {
        let mut failure = Self::of_code(code, message, sender_fault);
        // An attempt before that may have been stored, whose answer was lost.
        if attempts.perhaps_stored_before() {
            failure.cause = Cause::Unanswered;
        }
        failure
    }

    /// Of an entry of a batch, or of a whole request that was answered with an error.
    pub(crate) fn of_code(code: &str, message: Option<&str>, client_error: bool) -> Self {
        // `AWS.SimpleQueueService.NonExistentQueue`
        let short = code.rsplit('.').next().unwrap_or(code);
        let message = without_request(message.unwrap_or_default());
        let cause = if THROTTLED.contains(&short) {
            Cause::Throttled
        } else if UNKNOWN.contains(&short) {
            Cause::Unknown
        } else if !client_error {
            Cause::Unanswered
        } else if is_too_large(short, message) {
            Cause::TooLarge
        } else {
            Cause::Refused
        };
        let text = if message.is_empty() { short.to_owned() } else { format!("{short}: {message}") };
        Self::new(cause, text)
    }

    /// Whether a FIFO queue or topic did not take a message because it has no identity, and bodies are not compared.
    pub(crate) fn wants_identity(&self) -> bool {
        self.cause == Cause::Refused && self.text.contains("ContentBasedDeduplication")
    }

    /// Whether the next request may well fail of the same.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self.cause, Cause::Unreachable | Cause::Unknown | Cause::Unanswered)
    }

    /// What it means to a message that was published.
    pub(crate) fn publish(self) -> PublishError {
        let kind = match self.cause {
            Cause::Unreachable | Cause::Unknown | Cause::Closed => PublishErrorKind::Unreachable,
            Cause::Throttled => PublishErrorKind::Full,
            Cause::Refused => PublishErrorKind::Refused,
            Cause::TooLarge => PublishErrorKind::TooLarge,
            Cause::Unanswered => PublishErrorKind::Unknown,
        };
        PublishError::new(kind, self.text)
    }

    /// What it means to whoever waits for a message.
    #[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "nothing is received from SNS"))]
    pub(crate) fn receive(self) -> ReceiveError {
        match self.cause {
            Cause::Closed => ReceiveError::Closed,
            Cause::Refused | Cause::TooLarge => ReceiveError::Refused(self.text.into()),
            Cause::Unreachable | Cause::Unknown | Cause::Throttled | Cause::Unanswered => {
                ReceiveError::Unreachable(self.text.into())
            }
        }
    }

    /// What it means to a delivery that was settled.
    #[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "nothing is settled on SNS"))]
    pub(crate) fn settle(self) -> SettleError {
        SettleError::Unreachable(self.text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Failure {}

/// A service that does not agree with a signature tells what it would have signed: the request's headers, and so the session
/// token. It is none of the first line.
fn without_request(message: &str) -> &str {
    let end = message.find("The Canonical String").unwrap_or(message.len());
    message[..end].trim().lines().next().unwrap_or_default()
}

/// Neither service has one code for it alone.
fn is_too_large(code: &str, message: &str) -> bool {
    matches!(code, "BatchRequestTooLong" | "MessageTooLong" | "RequestEntityTooLarge")
        || message.contains("Message too long")
        || message.contains("must be shorter than")
}

/// An error and what has led to it in one line, each text once. Never a debug format: that may hold a request.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    /// What the SDK says of any error that has another one below.
    const SAYS_NOTHING: [&str; 5] = ["dispatch failure", "io error", "other", "service error", "unhandled error"];
    let mut text = String::new();
    let mut last = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let one = error.to_string();
        next = error.source();
        // Many repeat what has led to them.
        let is_new = !one.is_empty() && !last.ends_with(&one);
        if is_new && !(next.is_some() && SAYS_NOTHING.contains(&&*one)) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            // The list of what was tried for credentials.
            let one = match one.contains("The Canonical String") {
                true => without_request(&one),
                false => &one,
            };
            text.push_str(&one.replace(":\n  ", ": ").replace("\n  ", "; ").replace('\n', " "));
        }
        last = one;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for (code, message, client_error, cause) in [
            ("Throttling", "Rate exceeded", true, Cause::Throttled),
            ("ThrottledException", "", false, Cause::Throttled),
            ("InvalidClientTokenId", "The security token included in the request is invalid", true, Cause::Unknown),
            ("ExpiredToken", "", true, Cause::Unknown),
            ("AuthorizationError", "not authorized", true, Cause::Refused),
            ("AccessDenied", "", true, Cause::Refused),
            ("NotFound", "Topic does not exist", true, Cause::Refused),
            ("AWS.SimpleQueueService.NonExistentQueue", "", true, Cause::Refused),
            ("InvalidParameter", "Invalid parameter: Message too long", true, Cause::TooLarge),
            ("InvalidParameterValue", "Reason: Message must be shorter than 262144 bytes.", true, Cause::TooLarge),
            ("AWS.SimpleQueueService.BatchRequestTooLong", "", true, Cause::TooLarge),
            ("InternalError", "", false, Cause::Unanswered),
            ("ServiceUnavailable", "", false, Cause::Unanswered),
        ] {
            let failure = Failure::of_code(code, Some(message), client_error);
            assert_eq!(failure.cause, cause, "{code}");
        }
        let failure = Failure::of_code("AWS.SimpleQueueService.NonExistentQueue", Some("none"), true);
        assert_eq!(failure.to_string(), "NonExistentQueue: none");
    }

    #[test]
    fn the_request_is_not_repeated() {
        const MESSAGE: &str = "The request signature we calculated does not match the signature you provided.\n\n\
            The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:s3same\n'";
        const SAID: &str = "The request signature we calculated does not match the signature you provided.";
        let failure = Failure::of_code("SignatureDoesNotMatch", Some(MESSAGE), true);
        assert_eq!((failure.cause, failure.to_string()), (Cause::Unknown, format!("SignatureDoesNotMatch: {SAID}")));
        let flat = MESSAGE.replace('\n', " ");
        let failure = Failure::of_code("InvalidSignatureException", Some(&flat), true);
        assert_eq!(failure.to_string(), format!("InvalidSignatureException: {SAID}"));
        let below = Layer(MESSAGE, None);
        assert_eq!(chain(&Layer("no credentials", Some(Box::new(below)))), format!("no credentials: {SAID}"));
    }

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|layer| layer as &(dyn StdError + 'static))
        }
    }

    #[test]
    fn errors_are_one_line() {
        let of = |texts: &[&'static str]| {
            let below = texts.iter().rev().fold(None, |below, text| Some(Box::new(Layer(text, below))));
            chain(below.as_deref().expect("a layer"))
        };
        assert_eq!(
            of(&["dispatch failure", "io error", "tcp connect error: refused", "refused"]),
            "tcp connect error: refused"
        );
        assert_eq!(of(&["dispatch failure", "other"]), "other");
        assert_eq!(of(&["none. Attempted:\n  A: not set\n  B: not set"]), "none. Attempted: A: not set; B: not set");
    }
}
