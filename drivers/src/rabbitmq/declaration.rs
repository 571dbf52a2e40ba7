//! `declare`: what an exchange or a queue is declared as, held against what RabbitMQ knows.
//!
//! A server takes arguments that it does not know without a word, and refuses wrong values of those it knows only when it is
//! connected to. So the known ones are checked by the build, with their types, and what is nearly one of them is taken for a
//! misspelling. What is neither is passed on: plugins have arguments of their own.

mod arguments;
#[cfg(test)]
mod tests;

use self::arguments::{
    BINDING_ARGUMENTS, EXCHANGE_ARGUMENTS, QUEUE_ARGUMENTS, QUEUE_TYPE, QUEUE_TYPES, arguments, closest,
};
use super::{MAX_NAME_BYTES, Subscription, Topic};
use crate::{Argument, Declaration, DeclarationError, Side};

/// The type of exchange that is declared where none is named, which is the one that KrakenD declares.
pub const DEFAULT_EXCHANGE_TYPE: &str = "topic";

/// The plugin's for delayed messages.
const DELAYED_TYPE: &str = "x-delayed-message";
const DELAYED_ARGUMENT: &str = "x-delayed-type";

const EXCHANGE_TYPES: [&str; 4] = ["direct", "fanout", "topic", "headers"];
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
    if let Some(kind) = declaration.kind {
        found.short("/type", kind, "the type of an exchange");
    }
    if declaration.kind == Some(DELAYED_TYPE) {
        let message = "exchanges of the plugin for delayed messages are not supported: a server gives each delayed message \
                       back as if no queue took it";
        found
            .value("/type", message)
            .help("an `x-message-ttl` and an `x-dead-letter-exchange` of a queue delay messages, too");
    } else if declaration.argument(DELAYED_ARGUMENT).is_some() {
        let message =
            format!("`{DELAYED_ARGUMENT}` is an argument of the type `{DELAYED_TYPE}`, which is not supported");
        found.name(&argument("", DELAYED_ARGUMENT), message);
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
