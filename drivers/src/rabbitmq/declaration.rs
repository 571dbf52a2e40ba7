//! `declare`: what an exchange or a queue is declared as, held against what RabbitMQ knows.
//!
//! A server takes arguments that it does not know without a word, and refuses wrong values of those it knows only when it is
//! connected to. So the known ones are checked by the build, with their types, and what is nearly one of them is taken for a
//! misspelling. What is neither is passed on: plugins have arguments of their own.

use super::{MAX_NAME_BYTES, Subscription, Topic};
use crate::{Argument, Declaration, DeclarationError, Side};

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

struct Known {
    name: &'static str,
    kind: Kind,
    queue: For,
}

const fn known(name: &'static str, kind: Kind, queue: For) -> Known {
    Known { name, kind, queue }
}

/// The type of exchange that is declared where none is named, which is the one that KrakenD declares.
pub const DEFAULT_EXCHANGE_TYPE: &str = "topic";

const EXCHANGE_TYPES: [&str; 4] = ["direct", "fanout", "topic", "headers"];
const QUEUE_TYPES: [&str; 2] = ["classic", "quorum"];
const QUEUE_TYPE: &str = "x-queue-type";

const EXCHANGE_ARGUMENTS: &[Known] = &[
    known("alternate-exchange", Kind::Name, For::Any),
    known("hash-header", Kind::Text, For::Any),
    known("hash-property", Kind::Choice(&["message_id", "correlation_id", "timestamp"]), For::Any),
    known("x-delayed-type", Kind::Text, For::Any),
];

const QUEUE_ARGUMENTS: &[Known] = &[
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

const BINDING_ARGUMENTS: &[Known] =
    &[known("x-match", Kind::Choice(&["all", "any", "all-with-x", "any-with-x"]), For::Any)];

/// What is wrong with `declaration`.
pub(crate) fn check(url: &str, side: Side, declaration: &Declaration) -> Vec<DeclarationError> {
    let mut found = Found::default();
    match side {
        Side::Topic => exchange(url, declaration, &mut found),
        Side::Subscription => queue(url, declaration, &mut found),
    }
    found.0
}

fn exchange(url: &str, declaration: &Declaration, found: &mut Found) {
    let name = Topic::parse(url).map(|topic| topic.exchange.into_owned()).unwrap_or_default();
    if name.is_empty() {
        found.value("", "the default exchange cannot be declared").help("it is always there; leave `declare` out");
    } else if name.starts_with("amq.") {
        let message = format!("`{name}` cannot be declared: names that begin with `amq.` are RabbitMQ's own");
        found.value("", message).help("the exchanges of these names are always there; leave `declare` out");
    }
    if let Some(kind) = declaration.kind.filter(|kind| !kind.starts_with("x-") && !EXCHANGE_TYPES.contains(kind)) {
        let error = found.value("/type", format!("there is no type of exchange `{kind}`"));
        error.help_or_list(closest(kind, EXCHANGE_TYPES.iter().copied()), "the types are", &EXCHANGE_TYPES);
    }
    arguments(declaration.arguments, "", EXCHANGE_ARGUMENTS, None, found);
    for (name, elsewhere) in [(QUEUE_TYPE, "a queue"), ("x-max-length", "a queue"), ("x-message-ttl", "a queue")] {
        if declaration.argument(name).is_some() {
            found.name(&argument("", name), format!("`{name}` is an argument of {elsewhere}, not of an exchange"));
        }
    }
    if !declaration.bindings.is_empty() {
        found.name("/bindings", "a publisher's exchange has no bindings").help("they are the queue's: a subscriber's");
    }
}

fn queue(url: &str, declaration: &Declaration, found: &mut Found) {
    let name = Subscription::parse(url).map(|subscription| subscription.queue.into_owned()).unwrap_or_default();
    if name.starts_with("amq.") {
        let message = format!("`{name}` cannot be declared: names that begin with `amq.` are RabbitMQ's own");
        found.value("", message).help("call the queue something else");
    }
    let argued = match declaration.argument(QUEUE_TYPE) {
        Some(Argument::Text(text)) => Some(text),
        _ => None,
    };
    if declaration.kind.is_some() && declaration.argument(QUEUE_TYPE).is_some() {
        found.name(&argument("", QUEUE_TYPE), format!("`type` and `{QUEUE_TYPE}` are two names of one option"));
    }
    let kind = declaration.kind.or(argued);
    let pointer = if declaration.kind.is_some() { "/type".to_owned() } else { argument("", QUEUE_TYPE) };
    match kind {
        Some("stream") => {
            let message = "a stream is not supported: its messages are neither acknowledged nor given back one by one";
            found.value(&pointer, message).help("the types are `classic` and `quorum`");
        }
        Some(kind) if declaration.kind.is_some() && !QUEUE_TYPES.contains(&kind) => {
            let error = found.value(&pointer, format!("there is no type of queue `{kind}`"));
            error.help_or_list(closest(kind, QUEUE_TYPES.iter().copied()), "the types are", &QUEUE_TYPES);
        }
        _ => {}
    }
    if kind == Some("quorum") && !declaration.durable {
        found.value("/durable", "a quorum queue is always durable").help("remove the key");
    }
    if kind == Some("quorum") && declaration.auto_delete {
        found.value("/auto_delete", "a quorum queue cannot be deleted by itself when nothing uses it");
    }
    arguments(declaration.arguments, "", QUEUE_ARGUMENTS, kind, found);
    for (index, binding) in declaration.bindings.iter().enumerate() {
        let at = format!("/bindings/{index}");
        if binding.exchange.is_empty() {
            let message = "a queue cannot be bound to the default exchange";
            found.value(&format!("{at}/exchange"), message).help("that one knows every queue by its name already");
        }
        found.short(&format!("{at}/exchange"), binding.exchange, "the name of an exchange");
        found.short(&format!("{at}/routing_key"), binding.routing_key, "a routing key");
        arguments(binding.arguments, &at, BINDING_ARGUMENTS, None, found);
    }
}

/// Checks what is told below `at`. `queue` is the type of queue, where it is known.
fn arguments(
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
fn closest(written: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
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

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn argument(at: &str, name: &str) -> String {
    format!("{at}/arguments/{}", escaped(name))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is wrong so far.
#[derive(Default)]
struct Found(Vec<DeclarationError>);

impl Found {
    fn value(&mut self, pointer: &str, message: impl Into<String>) -> &mut DeclarationError {
        self.push(pointer, false, message.into())
    }

    fn name(&mut self, pointer: &str, message: impl Into<String>) -> &mut DeclarationError {
        self.push(pointer, true, message.into())
    }

    fn push(&mut self, pointer: &str, of_name: bool, message: String) -> &mut DeclarationError {
        let index = self.0.len();
        self.0.push(DeclarationError { pointer: pointer.to_owned(), of_name, message, help: None });
        &mut self.0[index]
    }

    /// AMQP 0-9-1 keeps names and keys as short strings.
    fn short(&mut self, pointer: &str, text: &str, what: &str) {
        if text.len() > MAX_NAME_BYTES {
            let message = format!("{what} has at most {MAX_NAME_BYTES} bytes, this one has {}", text.len());
            self.value(pointer, message);
        }
    }

    /// The same of names in tables, at any depth.
    fn names(&mut self, pointer: &str, name: &str, value: &Argument) {
        if name.len() > MAX_NAME_BYTES {
            let message =
                format!("the name of an argument has at most {MAX_NAME_BYTES} bytes, this one has {}", name.len());
            self.name(pointer, message);
        }
        match value {
            Argument::Table(members) => {
                for (name, value) in *members {
                    self.names(&format!("{pointer}/{}", escaped(name)), name, value);
                }
            }
            Argument::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.names(&format!("{pointer}/{index}"), "", item);
                }
            }
            _ => {}
        }
    }
}

impl DeclarationError {
    fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    fn help_or_list(&mut self, meant: Option<&str>, list: &str, names: &[&str]) {
        self.help(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("{list} {}", quoted(names)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Binding;

    fn said(url: &str, side: Side, declaration: Declaration) -> Vec<String> {
        let line = |error: DeclarationError| {
            let help = error.help.map_or(String::new(), |help| format!(" ({help})"));
            format!("{}{}: {}{help}", error.pointer, if error.of_name { " name" } else { "" }, error.message)
        };
        check(url, side, &declaration).into_iter().map(line).collect()
    }

    fn of_queue(arguments: &'static [(&'static str, Argument)]) -> Vec<String> {
        said("rabbit://q", Side::Subscription, Declaration::new().arguments(arguments))
    }

    #[test]
    fn what_rabbitmq_takes() {
        const ALL: Declaration = Declaration::new()
            .kind("quorum")
            .arguments(&[
                ("x-delivery-limit", Argument::Integer(-1)),
                ("x-dead-letter-exchange", Argument::Text("")),
                ("x-overflow", Argument::Text("reject-publish")),
                ("x-single-active-consumer", Argument::Boolean(true)),
                ("x-somebodys-plugin", Argument::Table(&[("a/b", Argument::List(&[Argument::Null]))])),
            ])
            .bindings(&[Binding::new("orders").routing_key("eu.#").arguments(&[("x-match", Argument::Text("any"))])]);
        assert_eq!(said("rabbit://q", Side::Subscription, ALL), [""; 0]);
        let plugin = Declaration::new()
            .kind("x-delayed-message")
            .arguments(&[("x-delayed-type", Argument::Text("topic")), ("alternate-exchange", Argument::Text("rest"))])
            .transient()
            .auto_delete();
        assert_eq!(said("rabbit://orders", Side::Topic, plugin), [""; 0]);
        assert_eq!(said("rabbit://q", Side::Subscription, Declaration::new().transient().auto_delete()), [""; 0]);
    }

    #[test]
    fn arguments_are_known_by_name_and_type() {
        for (arguments, expected) in [
            (
                &[("x-max-lenght", Argument::Integer(1))],
                "/arguments/x-max-lenght name: unknown argument `x-max-lenght`, which RabbitMQ would ignore (did you mean \
                 `x-max-length`?)",
            ),
            (
                &[("message-ttl", Argument::Integer(1))],
                "/arguments/message-ttl name: unknown argument `message-ttl`, which RabbitMQ would ignore (did you mean \
                 `x-message-ttl`?)",
            ),
            (
                &[("x-message-ttl", Argument::Text("60000"))],
                "/arguments/x-message-ttl: `x-message-ttl` must be a whole number, at least 0, not a string",
            ),
            (
                &[("x-max-priority", Argument::Integer(256))],
                "/arguments/x-max-priority: `x-max-priority` must be a whole number from 1 to 255, not 256",
            ),
            (
                &[("x-overflow", Argument::Text("reject-publsh"))],
                "/arguments/x-overflow: `x-overflow` cannot be `reject-publsh` (did you mean `reject-publish`?)",
            ),
            (
                &[("x-queue-type", Argument::Text("stream"))],
                "/arguments/x-queue-type: a stream is not supported: its messages are neither acknowledged nor given back \
                 one by one (the types are `classic` and `quorum`)",
            ),
            (
                &[("x-single-active-consumer", Argument::Integer(1))],
                "/arguments/x-single-active-consumer: `x-single-active-consumer` must be true or false, not 1",
            ),
        ] {
            assert_eq!(of_queue(arguments), [expected]);
        }
        let long: &'static str = "x".repeat(256).leak();
        let nested: &'static [(&'static str, Argument)] = vec![(long, Argument::Null)].leak();
        let arguments = vec![("plugin", Argument::List(vec![Argument::Table(nested)].leak()))].leak();
        assert_eq!(
            of_queue(arguments),
            [format!(
                "/arguments/plugin/0/{long} name: the name of an argument has at most 255 bytes, this one has 256"
            )]
        );
    }

    #[test]
    fn what_depends_on_the_type() {
        let quorum = Declaration::new().kind("quorum");
        for (declaration, expected) in [
            (quorum.transient(), "/durable: a quorum queue is always durable (remove the key)"),
            (quorum.auto_delete(), "/auto_delete: a quorum queue cannot be deleted by itself when nothing uses it"),
            (
                quorum.arguments(&[("x-max-priority", Argument::Integer(5))]),
                "/arguments/x-max-priority name: a quorum queue has no `x-max-priority`, only a classic one has",
            ),
            (
                Declaration::new().kind("classic").arguments(&[("x-delivery-limit", Argument::Integer(5))]),
                "/arguments/x-delivery-limit name: a classic queue has no `x-delivery-limit`, only a quorum one has",
            ),
            (
                quorum.arguments(&[("x-queue-type", Argument::Text("quorum"))]),
                "/arguments/x-queue-type name: `type` and `x-queue-type` are two names of one option",
            ),
            (Declaration::new().kind("quorom"), "/type: there is no type of queue `quorom` (did you mean `quorum`?)"),
        ] {
            assert_eq!(said("rabbit://q", Side::Subscription, declaration), [expected]);
        }
    }

    #[test]
    fn names_that_cannot_be_declared() {
        let topic = |url: &str, declaration| said(url, Side::Topic, declaration);
        let plain = Declaration::new();
        assert_eq!(
            topic("rabbit://?key_name=k", plain),
            [": the default exchange cannot be declared (it is always there; leave `declare` out)"]
        );
        assert!(topic("rabbit://amq.topic", plain)[0].contains("names that begin with `amq.` are RabbitMQ's own"));
        assert!(said("rabbit://amq.q", Side::Subscription, plain)[0].contains("are RabbitMQ's own"));
        assert_eq!(
            topic("rabbit://orders", plain.kind("Topic")),
            ["/type: there is no type of exchange `Topic` (did you mean `topic`?)"]
        );
        assert_eq!(
            topic("rabbit://orders", plain.kind("queue").bindings(const { &[Binding::new("a")] })),
            [
                "/type: there is no type of exchange `queue` (the types are `direct`, `fanout`, `topic`, `headers`)",
                "/bindings name: a publisher's exchange has no bindings (they are the queue's: a subscriber's)"
            ]
        );
        assert_eq!(
            topic("rabbit://orders", plain.arguments(&[(QUEUE_TYPE, Argument::Text("quorum"))])),
            ["/arguments/x-queue-type name: `x-queue-type` is an argument of a queue, not of an exchange"]
        );
        const BOUND: &[Binding] = &[Binding::new("a"), Binding::new("").arguments(&[("x-mach", Argument::Null)])];
        let bound = plain.bindings(BOUND);
        assert_eq!(
            said("rabbit://q", Side::Subscription, bound),
            [
                "/bindings/1/exchange: a queue cannot be bound to the default exchange (that one knows every queue by its \
                 name already)",
                "/bindings/1/arguments/x-mach name: unknown argument `x-mach`, which RabbitMQ would ignore (did you mean \
                 `x-match`?)"
            ]
        );
    }
}
