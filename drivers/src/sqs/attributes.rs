//! The names that attributes can have, and those that stand for what is no attribute on SQS.

use crate::aws::attributes::{self, PLAIN};

/// How the names of attributes begin that SQS acts on, or that say what it did.
pub(crate) const RESERVED: &[&str] = &["Sqs-"];

/// How many seconds SQS holds the message back before it can be received.
pub(crate) const DELAY_SECONDS: &str = "Sqs-Delay-Seconds";
/// The header of AWS X-Ray that goes with the message.
pub(crate) const TRACE_HEADER: &str = "Sqs-Trace-Header";
/// The place of a delivery in a FIFO queue.
pub(crate) const SEQUENCE_NUMBER: &str = "Sqs-Sequence-Number";
/// The queue that a redrive policy moved the delivery from.
pub(crate) const DEAD_LETTER_SOURCE: &str = "Sqs-Dead-Letter-Queue-Source-Arn";

/// Those that a message may be published with.
const SENT: [&str; 2] = [DELAY_SECONDS, TRACE_HEADER];
/// Those that only deliveries have.
const RECEIVED: [&str; 2] = [SEQUENCE_NUMBER, DEAD_LETTER_SOURCE];

/// Checks the name of an attribute.
///
/// # Errors
/// SQS does not take it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    attributes::check_name(name)?;
    if !attributes::starts_with(name, RESERVED[0]) || sent(name).is_some() {
        return Ok(());
    }
    if RECEIVED.iter().any(|received| received.eq_ignore_ascii_case(name)) {
        return Err(format!("`{name}` is what SQS says of a delivery, and cannot be published"));
    }
    Err(format!("`{name}` is nothing that SQS knows (known: `{}`)", SENT.join("`, `")))
}

/// Whether a delivery has it by SQS alone, whatever a publisher says.
#[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "for the client"))]
pub(crate) fn is_told(name: &str) -> bool {
    SENT.iter().chain(&RECEIVED).chain(&[PLAIN]).any(|told| told.eq_ignore_ascii_case(name))
}

/// What an attribute of that name stands for, under the name above; in any case.
pub(crate) fn sent(name: &str) -> Option<&'static str> {
    SENT.into_iter().find(|sent| sent.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["X-Order-Id", "sqs", "Sqs-Delay-Seconds", "sqs-delay-seconds", "Sqs-Trace-Header"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["Sqs-Sequence-Number", "sqs-dead-letter-queue-source-arn", "Sqs-Plain", "Sqs-", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
