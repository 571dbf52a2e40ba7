//! The file of GATEWAY_SETTINGS: values for `${NAME}` that are not in the environment.

use std::ops::Range;

use super::Loader;
use crate::diagnostic::Diagnostic;
use crate::location::Location;
use crate::syntax::{duplicates, is_comment};
use crate::tree::{Node, Span, Value};

const VARIABLE: &str = "GATEWAY_SETTINGS";

/// What the file holds; nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// As it is shown.
    pub(super) name: Option<String>,
    root: Option<Node>,
}

impl Settings {
    /// Reads the file that the environment names: from the folder of the package, as the config itself.
    pub(super) fn read(loader: &mut Loader<'_>, location: &Location) -> Self {
        let Some(named) = loader.environment.path(VARIABLE) else { return Self::default() };
        let path = location.folder.join(&named);
        let shown_as = named.display().to_string();
        let file = match loader.add(&path, shown_as.clone(), None) {
            Ok(file) => file,
            Err(reason) => {
                let message = format!("cannot read `{shown_as}`, which {VARIABLE} asks for: {reason}");
                let error = Diagnostic::error("bad-settings", Span { file: 0, start: 0, end: 0 }, message);
                loader.push(error.label(format!("looked for `{}`", path.display())));
                return Self { name: Some(shown_as), root: None };
            }
        };
        let source = loader.file(file);
        source.conceal(values(source.text()));
        let root = loader.tree(file, &mut vec![path]);
        if let Some(root) = &root {
            check(root, loader);
        }
        Self { name: Some(shown_as), root }
    }

    /// A value as text, and where it stands.
    pub(super) fn get(&self, name: &str) -> Option<(String, Span)> {
        let value = &self.root.as_ref()?.member(name)?.value;
        let text = match &value.value {
            Value::String(text) => text.value.clone(),
            Value::Number(number) => number.clone(),
            Value::Bool(value) => value.to_string(),
            _ => return None,
        };
        Some((text, value.span))
    }

    /// Whether there is something that is no value, which was told.
    pub(super) fn has_told(&self, name: &str) -> bool {
        self.root.as_ref().is_some_and(|root| root.member(name).is_some()) && self.get(name).is_none()
    }

    /// The names that there are.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.root.iter().flat_map(Node::members).map(|member| member.key.as_str())
    }
}

/// What may be a value, and with that a secret: every word of a line behind its first key, but for JSON's other keys.
fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut at = line.find([':', '=']).unwrap_or(0);
        while let Some(word) = line[at..].split(SIGNS).next() {
            let (begin, end) = (at, at + word.len());
            let rest = &line[end..];
            let is_key = rest.strip_prefix('"').is_some_and(|rest| rest.trim_start().starts_with(':'));
            if !word.is_empty() && (!is_key || word.ends_with('\\')) {
                found.push(start + begin..start + end);
            }
            match rest.chars().next() {
                Some(sign) => at = end + sign.len_utf8(),
                None => break,
            }
        }
        start += line.len();
    }
    found
}

/// What stands between values.
const SIGNS: [char; 12] = ['"', '\'', '[', ']', '{', '}', ',', ':', '=', ' ', '\r', '\n'];

/// Reports what is no setting.
fn check(root: &Node, loader: &mut Loader<'_>) {
    if !matches!(root.value, Value::Object(_)) {
        let message = format!("settings must be an object, not {}", root.type_name());
        return loader.push(Diagnostic::error("bad-settings", root.mark(), message).label("expected an object"));
    }
    duplicates(root.members(), is_comment, loader.sink);
    for member in root.members().iter().filter(|member| !is_comment(&member.key)) {
        if !matches!(member.value.value, Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Unreadable) {
            let message = format!("the setting `{}` is {}", member.key, member.value.type_name());
            let error = Diagnostic::error("bad-settings", member.value.mark(), message);
            loader.push(error.label("expected a string, a number, `true` or `false`"));
        }
    }
}
