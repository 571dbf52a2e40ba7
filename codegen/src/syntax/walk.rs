//! Holds a tree against the tables.

use sluicegate_drivers::{DurationError, parse_duration};

use super::duplicates::{duplicates, everywhere};
use super::endpoint::{BACKEND, BACKEND_PROXY, ENDPOINT, ENDPOINT_PROXY};
use super::kind::{Key, Kind, Record, Scope, Support};
use super::namespaces::{ALIASES, ENTERPRISE, ENTERPRISE_PLACES, NAMESPACES, canonical, scopes_of};
use super::options::auth::{AUTH_VALIDATOR, AUTH_VALIDATOR_SERVICE};
use super::service::SERVICE;
use super::value;
use crate::diagnostic::{Diagnostic, NOT_YET, Sink};
use crate::suggest::closest;
use crate::tree::{Member, Node, Span, Value};

/// Up to so many keys are listed for who wrote another.
const FEW: usize = 10;

/// Reports everything in `node` that `kind` does not have; `name` is what the value is called in messages.
/// False when the value itself is wrong, whatever is inside it.
pub(crate) fn walk(node: &Node, kind: &Kind, name: &str, sink: &Sink) -> bool {
    let fits = match (kind, &node.value) {
        // Reported where it was read.
        (_, Value::Unreadable) => return false,
        (Kind::Any, _) => {
            everywhere(node, sink);
            true
        }
        (Kind::Bool, Value::Bool(_)) | (Kind::Number, Value::Number(_)) | (Kind::Text, Value::String(_)) => true,
        (Kind::Integer, Value::Number(number)) => number.parse::<i64>().is_ok(),
        (Kind::Duration, Value::String(text)) => return duration(node, &text.value, name, sink),
        (Kind::Choice(choices), Value::String(text)) => {
            if !choices.contains(&text.value.as_str()) {
                unknown_value(node, &text.value, choices, name, sink);
                return false;
            }
            true
        }
        (Kind::Tuple(kinds), Value::Array(items)) => {
            if items.len() != kinds.len() {
                wrong_count(node, items.len(), kinds, name, sink);
                return false;
            }
            for (item, kind) in items.iter().zip(*kinds) {
                walk(item, kind, &format!("an item of {name}"), sink);
            }
            true
        }
        (Kind::OneOf(record), Value::Object(members)) => {
            duplicates(members, is_comment, sink);
            self::record(node, members, record, sink);
            one_of(node, members, record, sink);
            true
        }
        (Kind::List(kind), Value::Array(items)) => {
            let name = format!("an item of {name}");
            for item in items {
                walk(item, kind, &name, sink);
            }
            true
        }
        (Kind::Record(record), Value::Object(members)) => {
            duplicates(members, is_comment, sink);
            self::record(node, members, record, sink);
            true
        }
        (Kind::Map(kind), Value::Object(members)) => {
            duplicates(members, |_| false, sink);
            for member in members {
                walk(&member.value, kind, &format!("`{}` of {name}", member.key), sink);
            }
            true
        }
        (Kind::Namespaces(scope), Value::Object(members)) => {
            duplicates(members, is_comment, sink);
            for (index, member) in members.iter().enumerate() {
                namespace(member, *scope, sink);
                twice(member, &members[..index], sink);
            }
            true
        }
        _ => match value::check(node, kind, name, sink) {
            Some(fits) => return fits,
            None => false,
        },
    };
    if !fits {
        wrong_type(node, kind, name, sink);
    }
    fits
}

/// A key that begins so is a comment, at every level.
pub(crate) fn is_comment(key: &str) -> bool {
    key.starts_with(['@', '$', '_', '#'])
}

fn record(node: &Node, members: &[Member], record: &Record, sink: &Sink) {
    for member in members.iter().filter(|member| !is_comment(&member.key)) {
        match record.keys.iter().find(|key| key.name == member.key) {
            Some(key) => known(member, key, record, sink),
            None => unknown(member, record, sink),
        }
    }
    for required in record.required {
        if members.iter().any(|member| member.key == *required) {
            continue;
        }
        // A key that was meant to be it has its own diagnostic.
        if !is_meant(members, record, required) {
            let message = format!("`{required}` is missing in {}", record.what);
            let error =
                Diagnostic::error("missing-key", node.mark(), message).label(format!("this has no `{required}`"));
            let kind = record.keys.iter().find(|key| key.name == *required).map(|key| &key.kind);
            sink.push(error.help(format!("add `\"{required}\"`: {}", kind.map_or("", wanted))));
        }
    }
}

/// Reports an object that has to hold one of the keys and holds none, or more than one.
fn one_of(node: &Node, members: &[Member], record: &Record, sink: &Sink) {
    let known = |member: &&Member| record.keys.iter().any(|key| key.name == member.key);
    let mut given = members.iter().filter(known);
    match (given.next(), given.next()) {
        // What is there and unknown has its own diagnostic.
        (None, _) if members.iter().all(|member| is_comment(&member.key)) => {
            let error = Diagnostic::error("missing-key", node.mark(), format!("{} is empty", record.what));
            let name = record.keys.first().map_or("", |key| key.name);
            sink.push(error.label("nothing to do").help(format!("write `{{\"{name}\": {{...}}}}`, or another")));
        }
        (Some(first), Some(second)) => {
            let message = format!("{} holds one, and here are `{}` and `{}`", record.what, first.key, second.key);
            let error = Diagnostic::error("more-than-one", second.key_span, message);
            let error = error.label("KrakenD takes any one of them").related(first.key_span, "the first is here");
            sink.push(error.help("put them into the `modifiers` of a `fifo.Group`"));
        }
        _ => {}
    }
}

fn wrong_count(node: &Node, found: usize, kinds: &[Kind], name: &str, sink: &Sink) {
    let message = format!("{name} has {found} items, and needs {}", kinds.len());
    sink.push(Diagnostic::error("wrong-type", node.mark(), message).label(format!("expected {}", kinds.len())));
}

fn known(member: &Member, key: &Key, record: &Record, sink: &Sink) {
    let name = format!("`{}`", key.name);
    let fits = walk(&member.value, &key.kind, &name, sink);
    match key.support {
        Support::Done => {}
        Support::Later(neutral) => {
            let value = member.value.to_json();
            // A value that is wrong need not be said to be unsupported as well.
            if fits && !neutral.contains(&value.as_str()) {
                let what = if std::ptr::eq(record, &SERVICE) { name } else { format!("{name} of {}", record.what) };
                not_yet(member.key_span, &what, sink);
            }
        }
        Support::Enterprise => enterprise(member.key_span, &name, sink),
        Support::Never(why) => never(member.key_span, &name, why, sink),
    }
}

/// The key of `record` that `key` was probably meant to be.
fn meant_by(key: &str, record: &Record) -> Option<&'static str> {
    let former = record.former.iter().find(|(former, _)| *former == key).map(|(_, present)| *present);
    former.or_else(|| closest(key, record.keys.iter().map(|key| key.name)))
}

/// Whether one of `members` is unknown to `record`, and was probably meant to be `key`.
pub(crate) fn is_meant(members: &[Member], record: &Record, key: &str) -> bool {
    let unknown = |member: &&Member| !record.keys.iter().any(|key| key.name == member.key);
    members.iter().filter(unknown).any(|member| meant_by(&member.key, record) == Some(key))
}

fn unknown(member: &Member, record: &Record, sink: &Sink) {
    let key = member.key.as_str();
    let message = format!("unknown key `{key}` in {}", record.what);
    let error = Diagnostic::error("unknown-key", member.key_span, message).label("no such key");
    let levels = [(&ENDPOINT, "an endpoint"), (&BACKEND, "a backend"), (&SERVICE, "the service")];
    let elsewhere = levels.iter().find(|(level, _)| level.keys.iter().any(|known| known.name == key));
    let proxies = [(&ENDPOINT_PROXY, "an endpoint"), (&BACKEND_PROXY, "a backend")];
    let is_proxy = proxies.iter().any(|(proxy, _)| std::ptr::eq(*proxy, record));
    let is_level = levels.iter().any(|(level, _)| std::ptr::eq(*level, record));
    sink.push(if let Some((_, present)) = record.former.iter().find(|(former, _)| *former == key) {
        error.help(format!("write `{present}`"))
    } else if is_level && !scopes_of(canonical(key)).is_empty() {
        error.help("a namespace belongs inside `extra_config`")
    } else if key.starts_with("//") || matches!(key, "comment" | "comments" | "description" | "note") {
        error.help(format!("a comment's key begins with `@`, `$`, `_` or `#`: `\"@{}\"`", key.trim_start_matches('/')))
    } else if let (true, Some((_, owner))) = (is_level, elsewhere) {
        error.help(format!("`{key}` is a key of {owner}"))
    } else if let Some(meant) = meant_by(key, record) {
        error.did_you_mean(Some(meant))
    } else if let Some((_, owner)) =
        proxies.iter().find(|(other, _)| is_proxy && other.keys.iter().any(|known| known.name == key))
    {
        error.help(format!("`{key}` is a key of the `proxy` of {owner}"))
    } else if record.keys.len() <= FEW {
        let list: Vec<_> = record.keys.iter().map(|key| format!("`{}`", key.name)).collect();
        error.help(format!("the keys are {}", list.join(", ")))
    } else {
        error
    });
}

fn namespace(member: &Member, scope: Scope, sink: &Sink) {
    let key = member.key.as_str();
    if is_comment(key) || key.starts_with("documentation/") {
        return;
    }
    let name = canonical(key);
    if let Some(namespace) = NAMESPACES.iter().find(|known| known.name == name && known.scopes.contains(&scope)) {
        let name = format!("`{name}`");
        let support = namespace.support_in(scope);
        if let Support::Never(why) = support {
            return never(member.key_span, &name, why, sink);
        }
        if scope == Scope::Service && is_validator_of_an_endpoint(&member.value, &namespace.kind) {
            let message = format!("{name} does not validate tokens in the service");
            let error = Diagnostic::error("misplaced-namespace", member.key_span, message);
            let error = error.label("only `shared_cache_duration` is read here");
            return sink.push(error.help("put it into the `extra_config` of each endpoint that needs a token"));
        }
        walk(&member.value, &namespace.kind, &name, sink);
        if matches!(support, Support::Later(_)) {
            not_yet(member.key_span, &name, sink);
        }
        return;
    }
    let enterprise_place = ENTERPRISE_PLACES.contains(&(name, scope));
    if enterprise_place || ENTERPRISE.contains(&name) {
        let what = if enterprise_place { format!("`{name}` in {}", scope.owner()) } else { format!("`{name}`") };
        return enterprise(member.key_span, &what, sink);
    }
    let scopes = scopes_of(name);
    if scopes.is_empty() {
        let here = NAMESPACES.iter().filter(|known| known.scopes.contains(&scope)).map(|known| known.name);
        let all = NAMESPACES.iter().map(|known| known.name).chain(ENTERPRISE.iter().copied());
        let error = Diagnostic::error("unknown-namespace", member.key_span, format!("unknown namespace `{key}`"));
        let long = ALIASES.iter().map(|(long, _)| *long).filter(|_| key.starts_with("github"));
        let long = || closest(key, long).map(canonical);
        let error = error.label("nothing reads this");
        // KrakenD's documentation had this name, which its code does not.
        if (scope, name) == (Scope::Service, "auth/jwk-client") {
            return sink.push(error.help("write `auth/validator`, with `shared_cache_duration`"));
        }
        let meant = closest(key, here).or_else(|| closest(key, all)).or_else(long);
        return sink.push(error.did_you_mean(meant));
    }
    let message = format!("`{name}` does nothing in {}", scope.owner());
    let owners: Vec<_> = scopes.iter().map(|scope| scope.owner()).collect();
    let error = Diagnostic::error("misplaced-namespace", member.key_span, message).label("nothing reads this here");
    let its_own = |inner: &Member| SERVICE.keys.iter().any(|key| key.name == inner.key);
    sink.push(match (scope, member.value.members()) {
        (Scope::Service, [first, rest @ ..]) if its_own(first) && rest.iter().all(its_own) => {
            error.help(format!("`{}` and what is beside it are keys of the service itself", first.key))
        }
        _ => error.help(format!("it belongs in the `extra_config` of {}", owners.join(" or of "))),
    });
}

/// Whether the service's `auth/validator` was written as an endpoint's.
fn is_validator_of_an_endpoint(node: &Node, kind: &Kind) -> bool {
    let Kind::Record(record) = kind else { return false };
    let own = |member: &Member| record.keys.iter().any(|key| key.name == member.key);
    let of_endpoints = |member: &Member| AUTH_VALIDATOR.keys.iter().any(|key| key.name == member.key);
    std::ptr::eq(*record, &AUTH_VALIDATOR_SERVICE)
        && node.members().iter().any(of_endpoints)
        && !node.members().iter().any(own)
}

/// Reports a namespace given under its short and its long name. The same name twice is a duplicate key.
fn twice(member: &Member, before: &[Member], sink: &Sink) {
    let same = |other: &&Member| other.key != member.key && canonical(&other.key) == canonical(&member.key);
    if let Some(first) = before.iter().find(same) {
        let message = format!("the namespace `{}` is given twice", canonical(&member.key));
        let error = Diagnostic::error("duplicate-key", member.key_span, message).label("another name of the same");
        sink.push(error.related(first.key_span, "first given here").help("keep one"));
    }
}

fn not_yet(span: Span, what: &str, sink: &Sink) {
    let error = Diagnostic::error(NOT_YET, span, format!("{what} is not supported yet"));
    sink.push(error.label("this version of Sluicegate cannot do it"));
}

fn enterprise(span: Span, what: &str, sink: &Sink) {
    let message = format!("{what} is a feature of KrakenD's Enterprise edition, and is not supported");
    let error = Diagnostic::error("enterprise", span, message).label("would be ignored without a word");
    let error = error.help("remove it, and see to what it was to do elsewhere");
    sink.push(error.note("the open edition of KrakenD drops it, and with it what it was to protect"));
}

fn never(span: Span, what: &str, why: &str, sink: &Sink) {
    let error = Diagnostic::error("unsupported", span, format!("{what} cannot be supported")).label(why);
    sink.push(error.help("remove it"));
}

fn unknown_value(node: &Node, value: &str, choices: &[&str], name: &str, sink: &Sink) {
    let error = Diagnostic::error("unknown-value", node.span, format!("unknown value `{value}` of {name}"));
    let list: Vec<_> = choices.iter().filter(|choice| !choice.is_empty()).map(|choice| format!("`{choice}`")).collect();
    let error = error.label("not one of the known values").did_you_mean(closest(value, choices.iter().copied()));
    sink.push(error.help(format!("the values are {}", list.join(", "))));
}

fn duration(node: &Node, value: &str, name: &str, sink: &Sink) -> bool {
    let Err(error) = parse_duration(value) else { return true };
    let what = match &error {
        DurationError::MissingUnit => "has no unit".to_owned(),
        DurationError::Negative => "is negative".to_owned(),
        DurationError::TooLong => "is too long".to_owned(),
        DurationError::Empty => "is empty".to_owned(),
        DurationError::UnknownUnit(unit) if unit.contains(' ') => "has a space in it".to_owned(),
        DurationError::UnknownUnit(unit) => format!("has the unknown unit `{unit}`"),
        DurationError::Malformed => "is not a duration".to_owned(),
    };
    let diagnostic = Diagnostic::error("bad-duration", node.span, format!("{name} {what}"));
    let trimmed = value.trim();
    sink.push(match error {
        DurationError::MissingUnit if trimmed.bytes().all(|byte| byte.is_ascii_digit()) => {
            diagnostic.label("seconds or milliseconds?").help(format!("write `\"{trimmed}s\"` or `\"{trimmed}ms\"`"))
        }
        DurationError::TooLong => diagnostic.label("more than 292 years"),
        _ => diagnostic.label("not a duration").help("durations are written `\"250ms\"`, `\"2s\"` or `\"1m30s\"`"),
    });
    false
}

fn wrong_type(node: &Node, kind: &Kind, name: &str, sink: &Sink) {
    let expected = type_of(kind);
    let found = match (kind, &node.value) {
        (Kind::Integer | Kind::Between(..), Value::Number(number)) => format!("`{number}`"),
        _ => node.type_name().to_owned(),
    };
    let error = Diagnostic::error("wrong-type", node.mark(), format!("{name} must be {expected}, not {found}"));
    let error = error.label(format!("expected {expected}, found {found}"));
    sink.push(match (kind, &node.value) {
        (_, Value::Null) => error.help("leave the key out to have its default"),
        (
            Kind::Bool
            | Kind::Integer
            | Kind::Number
            | Kind::Between(..)
            | Kind::Inside(..)
            | Kind::Share
            | Kind::NotNegative,
            Value::String(text),
        ) if unquoted(kind, &text.value) => error.help(format!("remove the quotes: `{}`", text.value)),
        (Kind::Bool, Value::String(text)) if former_bool(&text.value).is_some() => {
            error.help(format!("write `{}`", former_bool(&text.value) == Some(true)))
        }
        (Kind::Duration, Value::Number(number)) => {
            error.help(format!("a duration is a string with a unit: `\"{number}s\"` or `\"{number}ms\"`"))
        }
        (Kind::Text | Kind::Filled, Value::Number(_) | Value::Bool(_)) => {
            error.help(format!("add quotes: `\"{}\"`", node.to_json()))
        }
        (Kind::List(_), Value::String(_)) => error.help(format!("write a list of one: `[{}]`", node.to_json())),
        (Kind::List(Kind::Record(_)), Value::Object(_)) => error.help("put it into brackets: `[{...}]`"),
        _ => error,
    });
}

/// What a word was in YAML 1.1.
fn former_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" => Some(true),
        "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a string would fit if it had no quotes.
fn unquoted(kind: &Kind, text: &str) -> bool {
    match kind {
        Kind::Bool => matches!(text, "true" | "false"),
        Kind::Integer | Kind::Between(..) => text.parse::<i64>().is_ok(),
        _ => text.parse::<f64>().is_ok_and(f64::is_finite),
    }
}

/// What to write for a key that is missing.
fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Url(_) => "a URL",
        Kind::Regex => "a regular expression",
        Kind::HeaderName => "the name of a header",
        Kind::Address => "`host:port`",
        Kind::Base64 => "a text in Base64",
        Kind::Choice([first, second]) if (*first, *second) == ("query", "mutation") => "`\"query\"` or `\"mutation\"`",
        _ => type_of(kind),
    }
}

fn type_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Any => "anything",
        Kind::Bool => "`true` or `false`",
        Kind::Integer | Kind::Between(..) => "a whole number",
        Kind::Number | Kind::Inside(..) | Kind::Share | Kind::NotNegative => "a number",
        Kind::Text | Kind::Choice(_) | Kind::Filled | Kind::HeaderName | Kind::Base64 => "a string",
        Kind::Url(_) | Kind::Address | Kind::Regex | Kind::Mime | Kind::Time => "a string",
        Kind::Duration => "a duration like `\"2s\"`",
        Kind::List(Kind::Text | Kind::Choice(_) | Kind::Filled | Kind::HeaderName | Kind::Base64 | Kind::Regex) => {
            "a list of strings"
        }
        Kind::List(Kind::Record(_) | Kind::Map(_) | Kind::OneOf(_)) => "a list of objects",
        Kind::List(_) | Kind::Tuple(_) => "a list",
        Kind::OneOf(_) | Kind::Record(_) | Kind::Map(_) | Kind::Namespaces(_) => "an object",
    }
}
