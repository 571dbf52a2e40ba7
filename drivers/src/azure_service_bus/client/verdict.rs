//! What the service's words mean for a message that is published.

use super::amqp::{Error, Failure, Outcome};
use super::live::NoToken;
use crate::{PublishError, PublishErrorKind};

/// Of a link that was not made, or ended before a message was sent.
pub(super) fn of_link(error: &Error) -> PublishErrorKind {
    let Error::Refused(failure) = error else { return PublishErrorKind::Unreachable };
    match &*failure.condition {
        // There is no such topic or queue, or it does not take messages, or not from a client like this.
        "amqp:not-found"
        | "amqp:not-allowed"
        | "amqp:not-implemented"
        | "amqp:link:redirect"
        | "amqp:invalid-field"
        | "com.microsoft:entity-disabled"
        | "com.microsoft:not-found" => PublishErrorKind::Refused,
        "amqp:resource-limit-exceeded" | "com.microsoft:server-busy" => PublishErrorKind::Full,
        // Credentials, which may be renewed, and what passes by itself.
        _ => PublishErrorKind::Unreachable,
    }
}

/// Of a token that the service did not take, or that there is none of.
pub(super) fn of_tokens(error: &NoToken) -> PublishErrorKind {
    match error {
        NoToken::Denied(failure) if failure.is("amqp:not-found") => PublishErrorKind::Refused,
        _ => PublishErrorKind::Unreachable,
    }
}

/// Of what became of a message that was sent, and is not accepted.
pub(super) fn of_outcome(outcome: &Outcome) -> PublishError {
    let new = |kind, what: &str| PublishError::new(kind, what);
    match outcome {
        Outcome::Rejected(Some(failure)) => new(of_rejection(failure), &failure.to_string()),
        Outcome::Rejected(None) => new(PublishErrorKind::Refused, "the service rejected it, and does not say why"),
        Outcome::Modified => new(PublishErrorKind::Refused, "the service gave it back as undeliverable"),
        Outcome::Released => new(PublishErrorKind::Full, "the service gave it back, and may take it later"),
        Outcome::Accepted | Outcome::Nothing => {
            new(PublishErrorKind::Unknown, "the service does not say what became of it")
        }
    }
}

fn of_rejection(failure: &Failure) -> PublishErrorKind {
    match &*failure.condition {
        "amqp:link:message-size-exceeded" => PublishErrorKind::TooLarge,
        // Over the quota of the topic or queue, or of the namespace's tier for now.
        "amqp:resource-limit-exceeded" | "com.microsoft:server-busy" => PublishErrorKind::Full,
        "amqp:unauthorized-access" | "com.microsoft:auth-failed" => PublishErrorKind::Unreachable,
        // It was looked at and not taken.
        "amqp:not-allowed"
        | "amqp:not-found"
        | "amqp:not-implemented"
        | "amqp:invalid-field"
        | "amqp:decode-error"
        | "amqp:precondition-failed"
        | "com.microsoft:argument-error"
        | "com.microsoft:argument-out-of-range"
        | "com.microsoft:entity-already-exists"
        | "com.microsoft:entity-disabled"
        | "com.microsoft:not-found"
        | "com.microsoft:partition-not-owned" => PublishErrorKind::Refused,
        // It may have begun to store it: a time-out, an error of its own, and what is not known here.
        _ => PublishErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let refused = |condition| of_link(&Error::Refused(Failure::new(condition, "")));
        assert_eq!(refused("amqp:not-found"), PublishErrorKind::Refused);
        assert_eq!(refused("amqp:unauthorized-access"), PublishErrorKind::Unreachable);
        assert_eq!(refused("amqp:link:detach-forced"), PublishErrorKind::Unreachable);
        assert_eq!(refused("com.microsoft:server-busy"), PublishErrorKind::Full);
        let rejected = |condition| of_outcome(&Outcome::Rejected(Some(Failure::new(condition, "why")))).kind;
        for (condition, kind) in [
            ("amqp:link:message-size-exceeded", PublishErrorKind::TooLarge),
            ("amqp:resource-limit-exceeded", PublishErrorKind::Full),
            ("com.microsoft:timeout", PublishErrorKind::Unknown),
            ("com.microsoft:internal-thing", PublishErrorKind::Unknown),
            ("amqp:illegal-state", PublishErrorKind::Unknown),
            ("amqp:not-allowed", PublishErrorKind::Refused),
            ("com.microsoft:entity-disabled", PublishErrorKind::Refused),
            ("amqp:unauthorized-access", PublishErrorKind::Unreachable),
        ] {
            assert_eq!(rejected(condition), kind, "{condition}");
        }
        assert_eq!(of_outcome(&Outcome::Nothing).kind, PublishErrorKind::Unknown);
        assert_eq!(of_outcome(&Outcome::Released).kind, PublishErrorKind::Full);
        assert!(of_outcome(&Outcome::Rejected(Some(Failure::new("a:b", "why")))).to_string().ends_with("why (a:b)"));
    }
}
