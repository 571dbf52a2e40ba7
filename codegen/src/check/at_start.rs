//! `env:NAME` and `file:PATH` in a place where nothing is read at start: they would be taken for the value itself.

use crate::diagnostic::{Diagnostic, Sink};
use crate::syntax::is_comment;
use crate::tree::{Member, Node, Value};

/// What holds a person's own data, and what is read when the gateway starts.
const LEFT_OUT: [&str; 6] = ["host", "pubsub/brokers", "static", "error_body", "validation/json-schema", "variables"];

/// Warns of each in what was checked: where it was an error, that says what to write.
pub(super) fn check(sink: &Sink, node: &Node) {
    let mut found = Vec::new();
    look(node, &mut found);
    sink.warn_or_help(found);
}

fn look(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::String(text) => {
            let Some(start) = start(&text.value) else { return };
            let message = format!("`{start}` is not read here");
            let warning = Diagnostic::warning("no-effect", node.span, message).label("this is the value itself");
            let rest = "only hosts, and what drivers are told in `pubsub/brokers`, are read when the gateway starts";
            found.push(match text.value.strip_prefix("env:") {
                Some(name) => warning.help(format!("write `${{{name}}}`, which is replaced when it is built; {rest}")),
                None => warning.help(rest),
            });
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, found)),
        Value::Object(members) => {
            let is_looked_at = |member: &&Member| !is_comment(&member.key) && !LEFT_OUT.contains(&&*member.key);
            members.iter().filter(is_looked_at).for_each(|member| look(&member.value, found));
        }
        Value::Number(_) | Value::Unreadable | Value::Null | Value::Bool(_) => {}
    }
}

/// What a text begins with, where it can hardly be meant otherwise.
fn start(text: &str) -> Option<&'static str> {
    let is_variable = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
            && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let is_path =
        |path: &str| path.contains(['/', '.']) && !path.starts_with("//") && !path.contains(char::is_whitespace);
    match text.split_once(':')? {
        ("env", name) if is_variable(name) => Some("env:"),
        ("file", path) if is_path(path) => Some("file:"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::start;

    #[test]
    fn what_can_hardly_be_meant_otherwise() {
        for text in ["env:ORDERS_TOPIC", "env:_A1"] {
            assert_eq!(start(text), Some("env:"), "{text}");
        }
        for text in ["file:topic.txt", "file:/run/secrets/topic"] {
            assert_eq!(start(text), Some("file:"), "{text}");
        }
        for text in ["env:prod", "env: PROD", "env:", "file:8080", "file:///a", "file: a.txt", "environment", "a:env:A"]
        {
            assert_eq!(start(text), None, "{text}");
        }
    }
}
