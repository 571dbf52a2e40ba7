//! TOML text (1.0, and what 1.1 adds) to the syntax-neutral tree.
//!
//! toml_parser says what there is, byte for byte, and goes on behind a mistake. Headers and dotted keys are put together here
//! (`table`). What TOML does not let one say twice stands in the tree twice, and is told with the keys of JSON that are.

mod errors;
mod string;
mod table;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Raw, Source, Span as Bytes};

use crate::diagnostic::{Diagnostic, Sink};
use crate::json::Read;
use crate::tree::{Node, Span, Text, Value};
use table::{Key, Tables};

/// Tables and arrays inside each other, as for JSON.
const MAX_DEPTH: usize = 127;
/// After so many syntax errors the text is probably not TOML at all.
const MAX_ERRORS: usize = 20;

/// Reads `text`, as far as it can be; every error is in `sink`.
pub(crate) fn read(text: &str, file: u32, sink: &Sink) -> Read {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let (mut events, mut errors) = (Vec::<Event>::new(), Vec::<ParseError>::new());
    let mut checked = ValidateWhitespace::new(&mut events, source);
    let mut guarded = RecursionGuard::new(&mut checked, MAX_DEPTH as u32);
    parse_document(&tokens, &mut guarded, &mut errors);
    let end = text.len();
    let mut reader = Reader {
        text,
        file,
        sink,
        events,
        next: 0,
        reported: 0,
        last: None,
        stopped: false,
        end,
        never_closed: None,
        spoiled: Vec::new(),
    };
    reader.gather(&errors);
    let Some(first) = reader.peek() else {
        if !errors.is_empty() {
            return Read { root: None, whole: false };
        }
        let error = reader.error(0, 0, "the file is empty");
        sink.push(error.help("the smallest config is `version = 3` and, in a line of its own, `endpoints = []`"));
        return Read { root: None, whole: false };
    };
    let start = first.span().start();
    let tables = reader.document();
    let root = tables.finish(reader.span(start, start));
    Read { whole: errors.is_empty() && !reader.stopped, root: Some(root) }
}

struct Reader<'a> {
    text: &'a str,
    file: u32,
    sink: &'a Sink,
    events: Vec<Event>,
    next: usize,
    reported: usize,
    /// The line of the last error: one mistake often gives several.
    last: Option<usize>,
    /// Something was not read.
    stopped: bool,
    /// What stands behind is inside of a bracket that is never closed, and says nothing.
    end: usize,
    /// That bracket.
    never_closed: Option<usize>,
    /// Brackets with a mistake between them, by where they begin.
    spoiled: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Tables {
        let mut tables = Tables::new(self.span(0, 0));
        while let Some(event) = self.peek() {
            let start = event.span().start();
            match event.kind() {
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    let is_list = event.kind() == EventKind::ArrayTableOpen;
                    self.next += 1;
                    let path = self.keys();
                    self.stopped |= is_fake(&path);
                    let mut end = path.last().map_or(event.span().end(), |key| key.span.end);
                    if let Some(close) = self.peek()
                        && matches!(close.kind(), EventKind::StdTableClose | EventKind::ArrayTableClose)
                    {
                        self.next += 1;
                        end = close.span().end();
                    }
                    if self.fits(2 * path.len(), start) && !is_fake(&path) {
                        tables.open(path, is_list, self.span(start, end));
                    }
                }
                EventKind::SimpleKey => {
                    let path = self.keys();
                    let depth = 2 * tables.depth() + path.len();
                    let value = self.member(&path, depth);
                    self.put(&mut tables, path, value, depth);
                }
                _ => self.next += 1,
            }
        }
        tables
    }

    /// Sets a key, unless it is none or stands where nothing means anything.
    fn put(&mut self, tables: &mut Tables, path: Vec<Key>, value: Node, depth: usize) {
        let start = path.first().map_or(0, |key| key.span.start);
        let is_fake = is_fake(&path);
        self.stopped |= is_fake;
        if self.fits(depth, start) && !is_fake && start <= self.end {
            tables.set(path, value);
        }
    }

    /// The value of a key, with its `=`.
    fn member(&mut self, path: &[Key], depth: usize) -> Node {
        if let Some(event) = self.peek()
            && event.kind() == EventKind::KeyValSep
        {
            self.next += 1;
        }
        if let Some(value) = self.value(depth) {
            return value;
        }
        let end = path.last().map_or(0, |key| key.span.end);
        Node { span: self.span(end, end), value: Value::Unreadable }
    }

    /// The value that comes next, if one does.
    fn value(&mut self, depth: usize) -> Option<Node> {
        let event = self.peek()?;
        let start = event.span().start();
        match event.kind() {
            EventKind::Scalar => {
                self.next += 1;
                Some(self.scalar(event.span(), event.encoding()))
            }
            EventKind::ArrayOpen => {
                self.next += 1;
                let mut items = Vec::new();
                let end = self.inside(EventKind::ArrayClose, |reader| {
                    let item = reader.value(depth + 1);
                    items.extend(item);
                });
                let is_right = self.fits(depth + 1, start) && !self.spoiled.contains(&start);
                let value = if is_right { Value::Array(items) } else { Value::Unreadable };
                Some(Node { span: self.span(start, end), value })
            }
            EventKind::InlineTableOpen => {
                self.next += 1;
                let mut tables = Tables::new(self.span(start, start));
                let end = self.inside(EventKind::InlineTableClose, |reader| {
                    let before = reader.next;
                    let path = reader.keys();
                    if path.is_empty() {
                        reader.next = before + 1;
                        return;
                    }
                    let depth = depth + path.len();
                    let value = reader.member(&path, depth);
                    reader.put(&mut tables, path, value, depth);
                });
                let node = tables.finish(self.span(start, end));
                let is_right = self.fits(depth + 1, start) && !self.spoiled.contains(&start);
                let value = if is_right { node.value } else { Value::Unreadable };
                Some(Node { span: node.span, value })
            }
            _ => None,
        }
    }

    /// Calls `read` for whatever stands before `close`, and tells where that ends.
    fn inside(&mut self, close: EventKind, mut read: impl FnMut(&mut Self)) -> usize {
        let mut end = self.text.len();
        while let Some(event) = self.peek() {
            end = event.span().end();
            if event.kind() == close {
                self.next += 1;
                break;
            }
            let before = self.next;
            read(self);
            if self.next == before {
                self.next += 1;
            }
        }
        end
    }

    /// The keys that come next, with dots between them.
    fn keys(&mut self) -> Vec<Key> {
        let mut path = Vec::new();
        while let Some(event) = self.events.get(self.next).copied() {
            match event.kind() {
                EventKind::SimpleKey => path.push(self.key(event)),
                EventKind::KeySep | EventKind::Whitespace => {}
                _ => break,
            }
            self.next += 1;
        }
        path
    }

    fn key(&mut self, event: Event) -> Key {
        let mut name = String::new();
        self.decode(event.span(), event.encoding(), |raw, errors| raw.decode_key(&mut name, errors));
        let (start, end) = (event.span().start(), event.span().end());
        if event.encoding().is_none() && name.ends_with(':') {
            // `key: value` was reported.
            name.pop();
        }
        Key { span: self.span(start, end), name }
    }

    fn scalar(&mut self, bytes: Bytes, encoding: Option<Encoding>) -> Node {
        let span = self.span(bytes.start(), bytes.end());
        let mut decoded = String::new();
        let (kind, is_right) = self.decode(bytes, encoding, |raw, errors| raw.decode_scalar(&mut decoded, errors));
        let value = match kind {
            _ if !is_right => Value::Unreadable,
            None => Value::Unreadable,
            Some(ScalarKind::Boolean(value)) => Value::Bool(value),
            Some(ScalarKind::String) => Value::String(self.text_of(bytes, encoding, decoded)),
            Some(ScalarKind::Integer(radix)) => match i128::from_str_radix(&decoded.replace('_', ""), radix.value()) {
                // As far as KrakenD reads them.
                Ok(number) if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number) => {
                    Value::Number(number.to_string())
                }
                _ => self.unsupported(span, "is too large a number", "beyond every whole number of TOML", None),
            },
            Some(ScalarKind::Float) if decoded.ends_with("inf") || decoded.ends_with("nan") => {
                self.unsupported(span, "is no number of JSON", "a config holds finite numbers only", None)
            }
            Some(ScalarKind::Float) => Value::Number(decoded.trim_start_matches('+').replace('_', "")),
            Some(ScalarKind::DateTime) => {
                let help = format!("write it as a text: `\"{}\"`", &self.text[bytes.start()..bytes.end()]);
                self.unsupported(span, "is a date or a time, and a config holds none", "not a text", Some(help))
            }
        };
        Node { span, value }
    }

    fn unsupported(&self, span: Span, what: &str, label: &str, help: Option<String>) -> Value {
        let message = format!("`{}` {what}", &self.text[span.start..span.end]);
        let mut error = Diagnostic::error("unsupported-value", span, message).label(label);
        error.help.extend(help);
        self.sink.push(error);
        Value::Unreadable
    }

    fn text_of(&self, bytes: Bytes, encoding: Option<Encoding>, decoded: String) -> Text {
        let (start, end) = (bytes.start(), bytes.end());
        match encoding.and_then(|encoding| string::text(self.text, start, end, encoding)) {
            Some(text) if text.value == decoded => text,
            // All of it came from all of it.
            _ => string::coarse(start, end, decoded),
        }
    }

    /// Decodes what stands at `bytes`; whether nothing is wrong with it.
    fn decode<T>(
        &mut self,
        bytes: Bytes,
        encoding: Option<Encoding>,
        decode: impl FnOnce(Raw<'a>, &mut Vec<ParseError>) -> T,
    ) -> (Option<T>, bool) {
        let Some(raw) = self.text.get(bytes.start()..bytes.end()) else { return (None, false) };
        let mut errors = Vec::new();
        let decoded = decode(Raw::new_unchecked(raw, encoding, bytes), &mut errors);
        // What follows the first is its doing.
        if let Some(error) = errors.first().filter(|_| bytes.start() <= self.end) {
            self.report(error);
        }
        (Some(decoded), errors.is_empty())
    }

    /// Whether something is not too deep. Reports it where it is.
    fn fits(&mut self, depth: usize, at: usize) -> bool {
        if depth > MAX_DEPTH && !self.stopped {
            self.stopped = true;
            let message = format!("tables and arrays are nested more than {MAX_DEPTH} deep");
            self.sink.push(self.error(at, at + 1, message));
        }
        depth <= MAX_DEPTH
    }

    /// The next event that is no space and no comment.
    fn peek(&mut self) -> Option<Event> {
        while let Some(event) = self.events.get(self.next) {
            match event.kind() {
                EventKind::Whitespace
                | EventKind::Comment
                | EventKind::Newline
                | EventKind::ValueSep
                | EventKind::Error => self.next += 1,
                _ => return Some(*event),
            }
        }
        None
    }

    fn error(&self, start: usize, end: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("syntax", self.span(start, end), message)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start, end }
    }
}

/// Whether a part of a key is missing, which was reported.
fn is_fake(path: &[Key]) -> bool {
    path.is_empty() || path.iter().any(|key| key.span.start == key.span.end)
}

#[cfg(test)]
mod tests;
