//! `${NAME}` and `${NAME:-default}` in texts, from the environment or the settings.

use std::ops::Range;

use super::Given;
use super::settings::Settings;
use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::Environment;
use crate::suggest::closest;
use crate::syntax::is_comment;
use crate::tree::{Escape, Node, Text, Value};

/// Puts the values into every text below `node` but comments, and says where.
pub(super) fn substitute(
    node: &mut Node,
    environment: &Environment<'_>,
    settings: &Settings,
    sink: &Sink,
) -> Vec<Given> {
    let mut pass = Pass { environment, settings, sink, given: Vec::new(), is_told: false };
    pass.node(node);
    pass.given
}

struct Pass<'a> {
    environment: &'a Environment<'a>,
    settings: &'a Settings,
    sink: &'a Sink,
    given: Vec<Given>,
    /// Whether what is wrong with a variable of the text has been told before.
    is_told: bool,
}

/// What stands at a `$` that means something.
enum Found<'a> {
    /// `$${`: the text `${`.
    Dollar,
    Variable {
        name: &'a str,
        default: Option<&'a str>,
        end: usize,
    },
    /// Neither; what is wrong with it.
    Wrong {
        end: usize,
        label: &'static str,
    },
}

impl Pass<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Object(members) => {
                let meant = members.iter_mut().filter(|member| !is_comment(&member.key));
                meant.for_each(|member| self.node(&mut member.value));
            }
            Value::String(text) if text.value.contains("${") => {
                let told = self.sink.len();
                let text = self.text(node);
                let is_told = std::mem::take(&mut self.is_told);
                match text {
                    // Nothing more can be said of what is not known.
                    _ if is_told || self.sink.len() > told => node.value = Value::Unreadable,
                    Some(text) => node.value = Value::String(text),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// The text with its values; `None` where nothing was replaced.
    fn text(&mut self, node: &Node) -> Option<Text> {
        let old = node.text()?;
        let mut new = Text { value: String::with_capacity(old.value.len()), start: old.start, escapes: Vec::new() };
        let (mut done, mut at) = (0, 0);
        while let Some(found) = old.value[at..].find('$') {
            let start = at + found;
            let (value, end) = match read(&old.value, start) {
                None => {
                    at = start + 1;
                    continue;
                }
                Some(Found::Dollar) => ("${".to_owned(), start + 3),
                Some(Found::Variable { name, default, end }) => {
                    (self.value(node, start..end, name, default).unwrap_or_default(), end)
                }
                Some(Found::Wrong { end, label }) => {
                    let written = &old.value[start..end];
                    let error =
                        Diagnostic::error("bad-variable", node.part(start..end), format!("`{written}` is no variable"));
                    let error = error.label(label).help("variables are written `${NAME}` or `${NAME:-default}`");
                    self.sink.push(error.help("`$${` stands for the text `${`"));
                    at = end;
                    continue;
                }
            };
            copy(old, done..start, &mut new);
            let source = node.part(start..end);
            let decoded = (new.value.len(), new.value.len() + value.len());
            new.escapes.push(Escape { decoded, source: (source.start, source.end) });
            new.value.push_str(&value);
            (done, at) = (end, end);
        }
        if done == 0 {
            return None;
        }
        copy(old, done..old.value.len(), &mut new);
        Some(new)
    }

    fn value(&mut self, node: &Node, range: Range<usize>, name: &str, default: Option<&str>) -> Option<String> {
        let alone = node.text().is_some_and(|text| range == (0..text.value.len()));
        let span = node.part(range);
        let span = if alone { node.span } else { span };
        let mut given = |value: &str, from: String| {
            self.given.push(Given { span, name: name.to_owned(), value: value.to_owned(), from, alone });
        };
        // As shells have it, a default is for a variable that is set to nothing, too.
        let set = self.environment.get(name).filter(|value| default.is_none() || !value.is_empty());
        if let Some(value) = set {
            let Ok(value) = value.into_string() else {
                let error = Diagnostic::error("bad-variable", span, format!("the variable `{name}` is not UTF-8"));
                self.sink.push(error.label("no text can be made of it"));
                return None;
            };
            given(&value, "from the environment".to_owned());
            return Some(value);
        }
        if let Some((value, _)) = self.settings.get(name).filter(|(value, _)| default.is_none() || !value.is_empty()) {
            let file = self.settings.name.as_deref().unwrap_or_default();
            given(&value, format!("from `{file}`"));
            return Some(value);
        }
        if let Some(default) = default {
            given(default, "its default".to_owned());
            return Some(default.to_owned());
        }
        if self.settings.has_told(name) {
            self.is_told = true;
            return None;
        }
        let error = Diagnostic::error("unset-variable", span, format!("the variable `{name}` is not set"));
        let error = match &self.settings.name {
            Some(file) => error.label(format!("neither in the environment nor in `{file}`")),
            None => error.label("not in the environment"),
        };
        let error = error.did_you_mean(closest(name, self.settings.names()));
        self.sink
            .push(error.help(format!("set it, or write `${{{name}:-default}}`; `$${{` stands for the text `${{`")));
        None
    }
}

/// What begins at the `$` at `start`.
fn read(text: &str, start: usize) -> Option<Found<'_>> {
    let rest = &text[start..];
    if rest.starts_with("$${") {
        return Some(Found::Dollar);
    }
    let inner = rest.strip_prefix("${")?;
    let letter = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    // `${1}` and the like are of regular expressions and scripts.
    if !inner.bytes().next().is_some_and(letter) {
        return None;
    }
    let length = inner.bytes().take_while(|byte| letter(*byte) || byte.is_ascii_digit()).count();
    let (name, behind) = inner.split_at(length);
    let at = start + 2 + length;
    if behind.starts_with('}') {
        return Some(Found::Variable { name, default: None, end: at + 1 });
    }
    match (behind.strip_prefix(":-"), behind.find('}')) {
        (Some(_), Some(close)) if behind[..close].contains("${") => {
            Some(Found::Wrong { end: at + close + 1, label: "a default holds no variable" })
        }
        (Some(_), Some(close)) => Some(Found::Variable { name, default: Some(&behind[2..close]), end: at + close + 1 }),
        (None, Some(close)) => Some(Found::Wrong { end: at + close + 1, label: "a name has letters, digits and `_`" }),
        (_, None) => Some(Found::Wrong { end: text.len(), label: "`}` is missing" }),
    }
}

/// Appends bytes of a text with what they know of the file.
fn copy(old: &Text, range: Range<usize>, new: &mut Text) {
    let offset = new.value.len();
    let inside = old.escapes.iter().filter(|escape| escape.decoded.0 >= range.start && escape.decoded.1 <= range.end);
    let moved = inside.filter(|escape| !(escape.decoded.0 == escape.decoded.1 && escape.decoded.1 == range.end));
    new.escapes.extend(moved.map(|escape| Escape {
        decoded: (escape.decoded.0 - range.start + offset, escape.decoded.1 - range.start + offset),
        source: escape.source,
    }));
    new.value.push_str(&old.value[range]);
}
