//! What became of a message, by the answer to its request.

use tonic::{Code, Status};

use super::live::Failure;
use crate::{PublishError, PublishErrorKind};

/// What is done about a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing helps.
    None,
    /// It is sent again, as the service asks for.
    Again,
    /// Each of its messages is sent by itself: one of them is not as it should be, and no one was stored.
    Apart,
}

/// The error of each message of a request. Where one before may have been stored, nothing is certain any more.
pub(super) fn error(failure: &Failure, is_doubtful: bool) -> PublishError {
    let (kind, text) = match failure {
        Failure::NotSent(reason) => (PublishErrorKind::Unreachable, reason.clone()),
        Failure::Unanswered(reason) => (PublishErrorKind::Unknown, reason.clone()),
        Failure::Status(status) => (kind(status.code()), text(status)),
    };
    let kind = if is_doubtful { PublishErrorKind::Unknown } else { kind };
    PublishError::new(kind, text)
}

/// By <https://cloud.google.com/pubsub/docs/reference/error-codes>.
fn kind(code: Code) -> PublishErrorKind {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition => PublishErrorKind::Refused,
        Code::ResourceExhausted => PublishErrorKind::Full,
        // Nobody was asked in the name of anybody.
        Code::Unauthenticated => PublishErrorKind::Unreachable,
        // `OUT_OF_RANGE` and `UNIMPLEMENTED` are what an answer becomes here that is too large, or compressed: the service
        // may have stored what it answers.
        Code::Ok
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => PublishErrorKind::Unknown,
    }
}

/// What to do about a request of `messages`.
pub(super) fn remedy(failure: &Failure, messages: usize) -> Remedy {
    match failure {
        Failure::Status(status) => match status.code() {
            Code::Unavailable | Code::Aborted => Remedy::Again,
            Code::InvalidArgument if messages > 1 => Remedy::Apart,
            _ => Remedy::None,
        },
        Failure::NotSent(_) | Failure::Unanswered(_) => Remedy::None,
    }
}

/// The service's words, with its name for them.
pub(super) fn text(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => format!("{:?}: {message}", status.code()),
    }
}
