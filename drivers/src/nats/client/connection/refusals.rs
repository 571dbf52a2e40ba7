//! What a server says that it does not do.

use std::sync::Arc;

use super::{Connection, Standing};
use crate::PublishErrorKind;

/// What a server says of each subscription beyond its `max_subscriptions`.
const TOO_MANY_SUBSCRIPTIONS: &str = "maximum subscriptions exceeded";

impl Connection {
    /// An error of the server. Of a message it comes before the PONG that is the next to come.
    pub(super) fn refused(&mut self, text: &str) {
        if let Some((subject, _)) = denied(text, "Permissions Violation for Publish to ") {
            self.refuse_publish(subject, text);
        } else if let Some((subject, queue)) = denied(text, "Permissions Violation for Subscription to ") {
            let is_it = |standing: &&Arc<Standing>| *standing.subject == *subject && standing.queue.as_deref() == queue;
            self.standing.values().filter(is_it).for_each(|standing| standing.refuse(text));
            tracing::error!(subject, queue, reason = text, "subscription refused");
        } else if text.eq_ignore_ascii_case(TOO_MANY_SUBSCRIPTIONS) {
            // One error for each that is too many: the last ones of those the server has seen.
            let sid = self.pings.front_mut().and_then(|batch| batch.opened.pop());
            if let Some(standing) = sid.and_then(|sid| self.standing.get(&sid)) {
                let Standing { subject, queue, .. } = &**standing;
                tracing::error!(subject, queue, reason = text, "subscription refused");
                standing.refuse(text);
            }
        } else {
            // It may be about any of the messages before the next PONG, which does not confirm them then.
            let next = self.next_waiters();
            self.waiters.range_mut(..next).for_each(|waiter| waiter.refuse(PublishErrorKind::Unknown, text));
            if self.refusals.is_due(text) {
                tracing::warn!(driver = "nats", reason = text, "error of the server");
            }
            self.last_error = Some(text.to_owned());
        }
    }

    /// How many wait for the next PONG.
    fn next_waiters(&self) -> usize {
        self.pings.front().map_or(0, |batch| batch.waiters)
    }

    fn refuse_publish(&mut self, subject: &str, text: &str) {
        let next = self.next_waiters();
        let mut sent = self.waiters.range_mut(..next);
        if let Some(waiter) = sent.find(|waiter| waiter.waits() && *waiter.subject == *subject) {
            waiter.refuse(PublishErrorKind::Refused, text);
        } else if subject.contains('\\') {
            // A subject that the server shows with escapes: it may be any of these.
            self.waiters.range_mut(..next).for_each(|waiter| waiter.refuse(PublishErrorKind::Unknown, text));
        } else {
            self.shared.supervision.counters().add_unsent(1);
            if self.refusals.is_due(text) {
                tracing::error!(subject, reason = text, "message refused, which nobody waits for");
            }
        }
    }
}

/// The subject and the queue group in an error: the first text after `what` that stands in quotes, and the one after
/// `using queue`.
fn denied<'a>(text: &'a str, what: &str) -> Option<(&'a str, Option<&'a str>)> {
    let (start, rest) = text.split_at_checked(what.len())?;
    let (subject, rest) = quoted(start.eq_ignore_ascii_case(what).then_some(rest)?)?;
    let queue = rest.strip_prefix(" using queue ").and_then(quoted).map(|(queue, _)| queue);
    Some((subject, queue))
}

/// The text in quotes that `text` begins with, its escapes as they are, and the rest.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::denied;

    #[test]
    fn what_a_server_does_not_allow() {
        const TO: &str = "Permissions Violation for Subscription to ";
        for (text, expected) in [
            ("Permissions Violation for Subscription to \"a.b\"", Some(("a.b", None))),
            ("Permissions Violation for Subscription to \"a\" using queue \"q\"", Some(("a", Some("q")))),
            ("Permissions Violation for Subscription to \"a\" using queue \"q\" by \"u\"", Some(("a", Some("q")))),
            ("Permissions Violation for Subscription to \"a.b\" of \"c\"", Some(("a.b", None))),
            (r#"Permissions Violation for Subscription to "a\"b\\" and more"#, Some((r#"a\"b\\"#, None))),
            (r#"Permissions Violation for Subscription to "a\""#, None),
            ("Permissions Violation for Publish to \"a\"", None),
            ("Permissions Violation for Subscription to a", None),
            ("Stale Connection", None),
        ] {
            assert_eq!(denied(text, TO), expected, "{text}");
        }
    }
}
