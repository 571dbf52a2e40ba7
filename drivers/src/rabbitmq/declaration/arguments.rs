//! The arguments that RabbitMQ knows, with their values.

use super::{Found, argument, quoted};
use crate::Argument;

/// What an argument's value is.
#[derive(Clone, Copy)]
enum Kind {
    Boolean,
    Text,
    /// The name of an exchange.
    Name,
    /// A whole number, at least this.
    AtLeast(i64),
    /// A whole number of these.
    Within(i64, i64),
    /// One of these texts.
    Choice(&'static [&'static str]),
}

/// A queue's type that has an argument.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Any,
    Classic,
    Quorum,
}

pub(super) struct Known {
    name: &'static str,
    kind: Kind,
    queue: For,
}

const fn known(name: &'static str, kind: Kind, queue: For) -> Known {
    Known { name, kind, queue }
}

pub(super) const QUEUE_TYPES: [&str; 2] = ["classic", "quorum"];
pub(super) const QUEUE_TYPE: &str = "x-queue-type";

pub(super) const EXCHANGE_ARGUMENTS: &[Known] = &[
    known("alternate-exchange", Kind::Name, For::Any),
    known("hash-header", Kind::Text, For::Any),
    known("hash-property", Kind::Choice(&["message_id", "correlation_id", "timestamp"]), For::Any),
];

pub(super) const QUEUE_ARGUMENTS: &[Known] = &[
    known(QUEUE_TYPE, Kind::Choice(&QUEUE_TYPES), For::Any),
    known("x-consumer-timeout", Kind::AtLeast(1), For::Any),
    known("x-dead-letter-exchange", Kind::Name, For::Any),
    known("x-dead-letter-routing-key", Kind::Text, For::Any),
    known("x-dead-letter-strategy", Kind::Choice(&["at-most-once", "at-least-once"]), For::Quorum),
    known("x-delivery-limit", Kind::AtLeast(-1), For::Quorum),
    known("x-expires", Kind::AtLeast(1), For::Any),
    known("x-max-length", Kind::AtLeast(0), For::Any),
    known("x-max-length-bytes", Kind::AtLeast(0), For::Any),
    known("x-max-priority", Kind::Within(1, 255), For::Classic),
    known("x-message-ttl", Kind::AtLeast(0), For::Any),
    known("x-overflow", Kind::Choice(&["drop-head", "reject-publish", "reject-publish-dlx"]), For::Any),
    known("x-queue-leader-locator", Kind::Choice(&["client-local", "balanced"]), For::Any),
    known("x-queue-master-locator", Kind::Choice(&["client-local", "min-masters", "random"]), For::Classic),
    known("x-queue-mode", Kind::Choice(&["default", "lazy"]), For::Classic),
    known("x-queue-version", Kind::Within(1, 2), For::Classic),
    known("x-quorum-initial-group-size", Kind::AtLeast(1), For::Quorum),
    known("x-quorum-target-group-size", Kind::AtLeast(1), For::Quorum),
    known("x-single-active-consumer", Kind::Boolean, For::Any),
];

pub(super) const BINDING_ARGUMENTS: &[Known] =
    &[known("x-match", Kind::Choice(&["all", "any", "all-with-x", "any-with-x"]), For::Any)];

/// Checks what is told below `at`. `queue` is the type of queue, where it is known.
pub(super) fn arguments(
    given: &[(&'static str, Argument)],
    at: &str,
    table: &'static [Known],
    queue: Option<&str>,
    found: &mut Found,
) {
    for (name, value) in given {
        let pointer = argument(at, name);
        if let Some(known) = table.iter().find(|known| known.name == *name) {
            let wrong_queue = match (known.queue, queue) {
                (For::Classic, Some("quorum")) => Some(("quorum", "classic")),
                (For::Quorum, Some("classic")) => Some(("classic", "quorum")),
                _ => None,
            };
            if let Some((queue, other)) = wrong_queue {
                found.name(&pointer, format!("a {queue} queue has no `{name}`, only a {other} one has"));
            } else {
                check_value(known, *value, &pointer, found);
            }
        } else if let Some(meant) = closest(name, table.iter().map(|known| known.name)) {
            let message = format!("unknown argument `{name}`, which RabbitMQ would ignore");
            found.name(&pointer, message).help(format!("did you mean `{meant}`?"));
        }
        found.names(&pointer, name, value);
    }
}

fn check_value(known: &Known, value: Argument, pointer: &str, found: &mut Found) {
    let name = known.name;
    let expected = match known.kind {
        Kind::Boolean => "true or false".to_owned(),
        Kind::Text | Kind::Name => "a string".to_owned(),
        Kind::AtLeast(least) => format!("a whole number, at least {least}"),
        Kind::Within(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Choice(choices) => format!("one of {}", quoted(choices)),
    };
    let fits = match (known.kind, value) {
        (Kind::Boolean, Argument::Boolean(_)) | (Kind::Text, Argument::Text(_)) => true,
        (Kind::Name, Argument::Text(text)) => {
            found.short(pointer, text, "the name of an exchange");
            true
        }
        (Kind::AtLeast(least), Argument::Integer(number)) => number >= least,
        (Kind::Within(least, most), Argument::Integer(number)) => (least..=most).contains(&number),
        // Has words of its own.
        (Kind::Choice(_), Argument::Text("stream")) if name == QUEUE_TYPE => true,
        (Kind::Choice(choices), Argument::Text(text)) => {
            if !choices.contains(&text) {
                let error = found.value(pointer, format!("`{name}` cannot be `{text}`"));
                error.help_or_list(closest(text, choices.iter().copied()), "the values are", choices);
            }
            true
        }
        _ => false,
    };
    if !fits {
        let is = match value {
            Argument::Integer(number) => number.to_string(),
            other => other.type_name().to_owned(),
        };
        found.value(pointer, format!("`{name}` must be {expected}, not {is}"));
    }
}

/// The nearest of `names`, if it is near and not the same.
pub(super) fn closest(written: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '.', ' '], "-");
    let written = plain(written);
    // Distance takes the product of the lengths: a long text is no misspelling.
    if written.len() > 64 {
        return None;
    }
    let slips = |name: &'static str| {
        let bare = strsim::osa_distance(&written, name.trim_start_matches("x-"));
        (strsim::osa_distance(&written, name).min(bare), name)
    };
    let near = names.map(slips).filter(|(slips, name)| *slips <= (name.len() / 6).max(1));
    near.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}
