//! YAML text (1.2, with the numbers of 1.1 that KrakenD's yaml.v3 reads) to the syntax-neutral tree.
//!
//! saphyr-parser says what there is and about where. Which bytes a text came from is found here again (`flow`, `block`), and held
//! against what the parser said. Reading ends at the first mistake in the syntax: behind it, indentation means nothing any more.

mod block;
mod errors;
mod flow;
mod offsets;
mod plain;
mod scalar;

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, Span as Marks, StrInput, Tag};

use crate::diagnostic::{Diagnostic, Sink};
use crate::json::Read;
use crate::tree::{Member, Node, Span, Value};
use offsets::Offsets;

/// Objects and lists inside each other, as for JSON.
const MAX_DEPTH: usize = 127;
/// What aliases may add: so many values and keys for each byte of the text, and some for a small one.
const GROWTH: usize = 4;
const FREE_GROWTH: usize = 100_000;

/// Reads `text`, as far as it can be; every error is in `sink`.
pub(crate) fn read(text: &str, file: u32, sink: &Sink) -> Read {
    // A byte order mark may stand at the beginning.
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader {
        text,
        offsets: Offsets::new(&text[skipped..]),
        skipped,
        file,
        sink,
        open: Vec::new(),
        anchors: HashMap::new(),
        growth: text.len() * GROWTH + FREE_GROWTH,
        complex_key: None,
        end: skipped,
        root: None,
    };
    reader.letters();
    let whole = reader.stream(Parser::new_from_str(&text[skipped..])).is_ok();
    reader.abandon();
    // Where keys have no colons, all of it is one text, and that is part of the same mistake.
    let is_something = |root: &Node| whole || matches!(root.value, Value::Object(_) | Value::Array(_));
    let root = reader.root.filter(is_something);
    Read { whole: whole && root.is_some(), root }
}

/// Reading cannot go on; why is in the sink.
struct Stop;

/// A list or an object that is being read.
struct Open {
    /// Its first byte, without anchor and tag.
    start: usize,
    is_flow: bool,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    Items(Vec<Node>),
    Members(Members),
}

#[derive(Default)]
struct Members {
    members: Vec<Member>,
    /// What is to have a value next.
    key: Option<Key>,
    /// The values of `<<`.
    merged: Vec<Node>,
}

struct Key {
    span: Span,
    name: Name,
}

enum Name {
    Text(String),
    Merge,
    /// It was reported.
    Unreadable,
}

struct Reader<'a> {
    text: &'a str,
    offsets: Offsets<'a>,
    /// Bytes before those that `offsets` knows.
    skipped: usize,
    file: u32,
    sink: &'a Sink,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    growth: usize,
    /// Where the last key began that is a list or an object.
    complex_key: Option<usize>,
    /// Where the last value ended.
    end: usize,
    root: Option<Node>,
}

impl<'a> Reader<'a> {
    fn stream(&mut self, mut parser: Parser<'a, StrInput<'a>>) -> Result<(), Stop> {
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::DocumentStart(_), marks)) if self.root.is_some() => return Err(self.second_document(marks)),
                Ok((event, marks)) => self.event(event, marks)?,
                Err(error) => return Err(self.syntax(&error)),
            }
        }
        let is_empty = match &self.root {
            None => true,
            Some(root) => matches!(root.value, Value::Null) && root.span.start == root.span.end,
        };
        if is_empty {
            self.root = None;
            let error = self.error(0, 0, "the file is empty");
            self.sink.push(error.help("the smallest config is `{version: 3, endpoints: []}`"));
            return Err(Stop);
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, marks: Marks) -> Result<(), Stop> {
        let (start, end) = self.bytes(marks);
        match event {
            Event::SequenceStart(anchor, tag) => self.start(start, anchor, tag.as_deref(), Inside::Items(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                self.start(start, anchor, tag.as_deref(), Inside::Members(Members::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.as_deref();
                let at = if anchor != 0 || tag.is_some() { self.behind_properties(start) } else { start };
                if self.awaits_key() {
                    return self.key(&value, style, anchor, tag, (at, end));
                }
                let node = self.scalar(&value, style, tag, (start, at, end));
                self.complete(node, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, start, end),
            _ => Ok(()),
        }
    }

    fn start(&mut self, at: usize, anchor: usize, tag: Option<&Tag>, inside: Inside) -> Result<(), Stop> {
        let start = if anchor != 0 || tag.is_some() { self.behind_properties(at) } else { at };
        if let Some(tag) = tag {
            let known = tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq");
            if !known {
                self.unknown_tag(at, tag);
            }
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("objects and lists are nested more than {MAX_DEPTH} deep");
            self.sink.push(self.error(start, start + self.letter(start), message));
            return Err(Stop);
        }
        let is_flow = matches!(self.text.as_bytes().get(start), Some(b'[' | b'{'))
            && (matches!(inside, Inside::Items(_)) || self.text.as_bytes()[start] == b'{');
        self.open.push(Open { start, is_flow, anchor, inside });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let end = if open.is_flow { end } else { self.end.max(open.start) };
        self.end = self.end.max(end);
        let is_key = self.awaits_key();
        let span = self.extent(&open, end);
        let value = match open.inside {
            Inside::Items(items) => Value::Array(items),
            Inside::Members(members) => Value::Object(self.merge(members)),
        };
        if is_key && self.complex_key.is_some_and(|inner| inner >= open.start) {
            return self.set_key(Key { span, name: Name::Unreadable });
        }
        if is_key {
            self.complex_key = Some(open.start);
            let error = self.error(
                open.start,
                open.start + self.letter(open.start),
                "a key is a text, not a list or an object",
            );
            self.sink.push(error.help("a text that begins with `{` or `[` is written in quotes"));
            return self.set_key(Key { span, name: Name::Unreadable });
        }
        self.complete(Node { span, value }, open.anchor)
    }

    /// The bytes of a list or an object. One that is written by indentation has no bracket to point at: below a key it has
    /// the key's, in a list it begins at its dash, and the whole config is at its beginning.
    fn extent(&self, open: &Open, end: usize) -> Span {
        if open.is_flow {
            return self.span(open.start, end);
        }
        match self.open.last().map(|outer| &outer.inside) {
            Some(Inside::Members(Members { key: Some(key), .. })) => key.span,
            Some(Inside::Items(_)) => {
                let before = self.text[..open.start].trim_end_matches([' ', '\n', '\r']);
                self.span(if before.ends_with('-') { before.len() - 1 } else { open.start }, end)
            }
            // The first key is not the whole.
            _ => self.span(open.start, open.start),
        }
    }

    /// Puts a value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::Items(items)) => items.push(node),
            Some(Inside::Members(members)) => match members.key.take() {
                Some(Key { span, name: Name::Text(key) }) => {
                    members.members.push(Member { key_span: span, key, value: node });
                }
                Some(Key { name: Name::Merge, .. }) => members.merged.push(node),
                Some(Key { name: Name::Unreadable, .. }) | None => {}
            },
        }
        Ok(())
    }

    /// The members of an object, with those that `<<` takes in: its own win, and earlier ones over later ones.
    fn merge(&mut self, members: Members) -> Vec<Member> {
        let Members { mut members, merged, .. } = members;
        if let [_, second, ..] = &merged[..] {
            let error = Diagnostic::error("duplicate-key", second.mark(), "the key `<<` is given twice");
            self.sink.push(error.label("given again here").help("one takes in several objects: `<<: [*a, *b]`"));
        }
        if merged.is_empty() {
            return members;
        }
        let mut names: HashSet<String> = members.iter().map(|member| member.key.clone()).collect();
        for node in merged {
            let objects = match node.value {
                Value::Array(items) => items,
                _ => vec![node],
            };
            for object in objects {
                let span = object.mark();
                let Value::Object(taken) = object.value else {
                    let error = Diagnostic::error("syntax", span, "`<<` takes in the keys of objects");
                    let error = error.label(format!("expected an object, found {}", object.type_name()));
                    self.sink.push(error.help("write `<<: *name`, where `&name` stands before an object"));
                    continue;
                };
                members.extend(taken.into_iter().filter(|member| names.insert(member.key.clone())));
            }
        }
        members
    }

    fn alias(&mut self, anchor: usize, start: usize, end: usize) -> Result<(), Stop> {
        self.end = self.end.max(end);
        let span = self.span(start, end);
        let Some(node) = self.anchors.get(&anchor) else {
            let error =
                self.error(start, end, format!("`{}` stands inside of what it repeats", &self.text[start..end]));
            self.sink.push(error.label("it would have no end"));
            return Err(Stop);
        };
        if let Some(left) = grown(node, MAX_DEPTH - self.open.len().min(MAX_DEPTH), self.growth) {
            self.growth = left;
        } else {
            let error = self.error(start, end, "aliases make the config too large");
            self.sink.push(error.label("what this repeats is too large, or too deep"));
            return Err(Stop);
        }
        let node = Node { span, ..node.clone() };
        if !self.awaits_key() {
            return self.complete(node, 0);
        }
        let name = match node.value {
            Value::String(text) => Name::Text(text.value),
            _ => {
                self.sink.push(self.error(start, end, "a key is a text"));
                Name::Unreadable
            }
        };
        self.set_key(Key { span, name })
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Members(Members { key: None, .. }), .. }))
    }

    fn set_key(&mut self, key: Key) -> Result<(), Stop> {
        if let Some(Open { inside: Inside::Members(members), .. }) = self.open.last_mut() {
            members.key = Some(key);
        }
        Ok(())
    }

    /// Closes what is open where reading had to stop.
    fn abandon(&mut self) {
        while let Some(open) = self.open.pop() {
            let end = self.end.max(open.start);
            let span = self.extent(&open, end);
            let value = match open.inside {
                Inside::Items(items) => Value::Array(items),
                Inside::Members(mut members) => {
                    // A key without its value may have a mistake too.
                    if let Some(Key { span, name: Name::Text(key) }) = members.key.take() {
                        let value = Node { span: span.at(span.end, span.end), value: Value::Unreadable };
                        members.members.push(Member { key_span: span, key, value });
                    }
                    Value::Object(self.merge(members))
                }
            };
            // An error here would be one too many.
            let _ = self.complete(Node { span, value }, 0);
        }
    }

    fn bytes(&self, marks: Marks) -> (usize, usize) {
        let start = self.byte(marks.start.index());
        (start, self.byte(marks.end.index()).max(start))
    }

    fn byte(&self, index: usize) -> usize {
        self.skipped + self.offsets.byte(index)
    }

    /// How many bytes the character at `at` has.
    fn letter(&self, at: usize) -> usize {
        self.text[at..].chars().next().map_or(0, char::len_utf8)
    }

    fn error(&self, start: usize, end: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("syntax", self.span(start, end), message)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start, end }
    }
}

/// What is left of `budget` after a copy of `node`, which may have so many levels.
fn grown(node: &Node, levels: usize, budget: usize) -> Option<usize> {
    let budget = budget.checked_sub(1)?;
    match &node.value {
        Value::Array(items) => {
            let levels = levels.checked_sub(1)?;
            items.iter().try_fold(budget, |left, item| grown(item, levels, left))
        }
        Value::Object(members) => {
            let levels = levels.checked_sub(1)?;
            members
                .iter()
                .try_fold(budget, |left, member| grown(&member.value, levels, left.checked_sub(member.key.len() / 64)?))
        }
        Value::String(text) => budget.checked_sub((text.value.len() + size_of_val(&text.escapes[..])) / 64),
        _ => Some(budget),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::in_bounds;
