//! Subjects: tokens between dots, and wildcards that stand for them.

use crate::UrlError;
use crate::grammar::Value;

/// The most bytes of a subject, and of a queue group: a server takes lines of 4096 bytes.
pub(crate) const MAX_LENGTH: usize = 1_800;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Accepted,
    Refused,
}

/// The rules of NATS' ADR-6: tokens between dots, none empty, wildcards only as whole tokens.
pub(crate) fn check_subject(subject: &Value<'_>, wildcards: Wildcards) -> Result<(), UrlError> {
    subject.check_characters(|c| !c.is_whitespace(), "a subject has no white space")?;
    subject.check_length(MAX_LENGTH, "a subject")?;
    let mut start = 0;
    for token in subject.text.split('.') {
        let end = start + token.len();
        if token.is_empty() {
            // Points at the dot that is too many: the one before, or the first of the subject.
            let dot = start.saturating_sub(1)..start.max(1);
            return Err(subject
                .error_at(dot, "a token of the subject is empty")
                .with_help("a subject is words between single dots: `orders.created`"));
        }
        if let Some(at) = token.find(['*', '>']) {
            let wildcard = &token[at..=at];
            let range = start + at..start + at + 1;
            if wildcards == Wildcards::Refused {
                return Err(subject
                    .error_at(range, format!("the wildcard `{wildcard}` cannot be published to"))
                    .with_help("wildcards are for subscriptions"));
            }
            if token.len() > 1 {
                return Err(subject
                    .error_at(range, format!("the wildcard `{wildcard}` is only part of a token"))
                    .with_help("`*` stands for one whole token, `>` for the rest of the subject"));
            }
            if wildcard == ">" && end < subject.text.len() {
                return Err(subject
                    .error_at(range, "the wildcard `>` is not at the end")
                    .with_help("`>` stands for the rest of the subject, `*` for one token"));
            }
        }
        start = end + 1;
    }
    Ok(())
}

/// Whether what is published to `subject`, which has no wildcards, arrives at a subscription of `pattern`.
pub(crate) fn matches(subject: &str, pattern: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        match tokens.next() {
            Some(_) if wanted == ">" => return true,
            Some(token) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_where() {
        for (subject, pattern, expected) in [
            ("orders.dead", "orders.dead", true),
            ("orders.dead", "orders.>", true),
            ("orders.dead.eu", "orders.>", true),
            ("orders", "orders.>", false),
            ("orders.dead", "orders.*", true),
            ("orders.dead.eu", "orders.*", false),
            ("orders.dead.eu", "*.dead.*", true),
            ("orders.dead", ">", true),
            ("orders.dead", "orders", false),
            ("orders", "orders.dead", false),
            ("orders.Dead", "orders.dead", false),
            ("ordersdead", "orders.dead", false),
        ] {
            assert_eq!(matches(subject, pattern), expected, "{subject} {pattern}");
        }
    }
}
