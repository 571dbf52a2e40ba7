//! YAML 1.2 into the text of JSON.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::MAX_DEPTH;
use super::scalar::resolve;
use crate::shape::{Tree, unique};

/// What is read is owned: aliases repeat it.
type Value = Tree<'static>;

/// A mapping's key that takes in the members of other mappings.
const MERGE: &str = "<<";

/// Reads the first document in `body`.
///
/// A key that is no text becomes the text that stands there, of equal keys the last counts, `<<` takes in mappings.
/// Numbers keep their digits; those that JSON cannot write (`.inf`, `.nan`) stay text, as dates do.
///
/// What aliases add is at most eight times the size of the document and 64 KiB, so that a small document cannot become
/// a large one.
pub(super) fn decode(body: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("YAML: {error}"))?;
    let mut loader = Loader::new(text.len().saturating_mul(8).saturating_add(64 * 1024));
    let mut parser = Parser::new_from_str(text.trim_start_matches('\u{FEFF}'));
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| format!("YAML: {error}"))?;
        match loader.event(event) {
            Ok(None) => {}
            Ok(Some(document)) => {
                let mut json = Vec::with_capacity(text.len() + 64);
                document.write(&mut json);
                return Ok(json);
            }
            Err(what) => return Err(format!("YAML, line {}: {what}", span.start.line())),
        }
    }
    Err("YAML: no document in it".to_owned())
}

/// A collection that is being read, and its anchor.
enum Open {
    Sequence(Vec<Value>, usize),
    Mapping(Mapping, usize),
}

#[derive(Default)]
struct Mapping {
    members: Vec<(Cow<'static, str>, Value)>,
    key: Option<Key>,
    merged: Vec<Value>,
}

enum Key {
    Name(String),
    Merge,
}

struct Loader {
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    /// How many bytes copies may still add.
    budget: usize,
}

impl Loader {
    fn new(budget: usize) -> Self {
        Self { open: Vec::new(), anchors: HashMap::new(), budget }
    }

    /// The document when this event completes it.
    fn event(&mut self, event: Event<'_>) -> Result<Option<Value>, String> {
        match event {
            Event::SequenceStart(anchor, _) => self.start(Open::Sequence(Vec::new(), anchor)).map(|()| None),
            Event::MappingStart(anchor, _) => self.start(Open::Mapping(Mapping::default(), anchor)).map(|()| None),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Sequence(list, anchor)) => self.complete(Tree::List(list), anchor),
                Some(Open::Mapping(mapping, anchor)) => self.complete(mapping.close()?, anchor),
                None => Ok(None),
            },
            Event::Scalar(text, style, anchor, tag) => {
                let merge = style == ScalarStyle::Plain && tag.is_none() && text == MERGE;
                if let Some(mapping) = self.awaits_key() {
                    mapping.key = Some(if merge { Key::Merge } else { Key::Name(text.clone().into_owned()) });
                    return self.remember(&Tree::of_text(&text), anchor).map(|()| None);
                }
                self.complete(scalar(text, style, tag.as_deref()), anchor)
            }
            Event::Alias(anchor) => {
                // The parser knows the anchor; what it stands for may not be complete yet.
                let value = self.anchors.get(&anchor).ok_or("an alias of what it stands in")?;
                self.budget = spent(self.budget, value, MAX_DEPTH - self.open.len())?;
                let value = value.clone();
                let Some(mapping) = self.awaits_key() else { return self.complete(value, 0) };
                let name = value.as_text().ok_or("a key that is not text")?;
                mapping.key = Some(Key::Name(name.into_owned()));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn start(&mut self, collection: Open) -> Result<(), String> {
        if self.awaits_key().is_some() {
            return Err("a key that is not text".to_owned());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels"));
        }
        self.open.push(collection);
        Ok(())
    }

    /// The innermost mapping, when a key is what comes next in it.
    fn awaits_key(&mut self) -> Option<&mut Mapping> {
        match self.open.last_mut() {
            Some(Open::Mapping(mapping, _)) if mapping.key.is_none() => Some(mapping),
            _ => None,
        }
    }

    /// Puts a value where it belongs. Gives it back when it is the whole document.
    fn complete(&mut self, value: Value, anchor: usize) -> Result<Option<Value>, String> {
        self.remember(&value, anchor)?;
        match self.open.last_mut() {
            None => return Ok(Some(value)),
            Some(Open::Sequence(list, _)) => list.push(value),
            Some(Open::Mapping(mapping, _)) => match mapping.key.take() {
                Some(Key::Name(name)) => mapping.members.push((name.into(), value)),
                Some(Key::Merge) => mapping.merged.push(value),
                None => return Err("a key that is not text".to_owned()),
            },
        }
        Ok(None)
    }

    fn remember(&mut self, value: &Value, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            self.budget = spent(self.budget, value, MAX_DEPTH)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }
}

impl Mapping {
    /// Own members win over those taken in, earlier ones over later ones.
    fn close(self) -> Result<Value, String> {
        let mut members = Vec::new();
        for merged in self.merged.into_iter().rev() {
            let list = match merged {
                Tree::List(list) => list,
                one => vec![one],
            };
            for mapping in list.into_iter().rev() {
                let Tree::Object(mapping) = mapping else {
                    return Err("`<<` takes in mappings only".to_owned());
                };
                members.extend(mapping);
            }
        }
        members.extend(self.members);
        unique(&mut members);
        Ok(Tree::Object(members))
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = match tag {
        None => style != ScalarStyle::Plain,
        Some(tag) if tag.is_yaml_core_schema() => !matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null"),
        Some(_) => true,
    };
    match resolve(&text) {
        Some(json) if !is_text => Tree::Leaf(json),
        _ => Tree::of_text(&text),
    }
}

/// What is left of a budget after a copy of `value`, which may have so many levels.
fn spent(budget: usize, value: &Value, levels: usize) -> Result<usize, String> {
    if levels == 0 && !matches!(value, Tree::Leaf(_)) {
        return Err(format!("more than {MAX_DEPTH} levels"));
    }
    let below = levels.saturating_sub(1);
    let left = match value {
        Tree::List(list) => list.iter().try_fold(budget, |left, value| spent(left, value, below))?,
        Tree::Object(members) => members
            .iter()
            .try_fold(budget, |left, (name, value)| spent(left.saturating_sub(name.len() + 8), value, below))?,
        Tree::Leaf(text) => budget.saturating_sub(text.len()),
    };
    left.checked_sub(8).filter(|left| *left > 0).ok_or_else(|| "its aliases make it too large".to_owned())
}

#[cfg(test)]
mod tests;
