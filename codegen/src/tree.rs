//! The syntax-neutral tree: every value knows its file and its bytes.

mod decoded;
mod pointers;
mod write;

use std::ops::Range;

pub(crate) use decoded::Decoded;
pub(crate) use pointers::pointers;

/// Bytes of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which of the files that were read, 0 for the config itself.
    pub file: u32,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A value and where it stands.
///
/// The span of an object or an array goes from its first byte to its last, or is that of what stands for it: a header of TOML,
/// a key in YAML, an alias. What is inside then stands elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a config can hold.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Something that could not be read, and was reported.
    Unreadable,
    Null,
    Bool(bool),
    /// The number as it is written.
    Number(String),
    String(Text),
    Array(Vec<Node>),
    /// In the order of the file; a key given twice stands here twice.
    Object(Vec<Member>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) key_span: Span,
    pub(crate) key: String,
    pub(crate) value: Node,
}

/// A decoded string that knows which bytes of the file each of its bytes came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) value: String,
    /// Where the text begins in the file, behind the opening quote.
    pub(crate) start: usize,
    /// One entry per escape, in order. Between escapes the bytes are the same.
    pub(crate) escapes: Vec<Escape>,
}

/// One escape sequence of a [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// The decoded bytes.
    pub(crate) decoded: (usize, usize),
    /// The bytes of the file.
    pub(crate) source: (usize, usize),
}

// === impl Span ===

impl Span {
    pub(crate) fn at(self, start: usize, end: usize) -> Self {
        Self { file: self.file, start, end }
    }

    /// Whether a byte is in both.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.file == other.file && self.start < other.end && other.start < self.end
    }

    /// The opening bracket of an object or array, so that an underline stays on one line.
    pub(crate) fn first_byte(self) -> Self {
        Self { end: self.end.min(self.start + 1), ..self }
    }
}

// === impl Node ===

impl Node {
    /// The type's name with its article, for messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Unreadable => "nothing",
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// What to underline: the whole of a scalar, the opening bracket of the rest, or what stands for it where it has none.
    pub(crate) fn mark(&self) -> Span {
        let within = |node: &Self| {
            node.span.file == self.span.file && self.span.start <= node.span.start && node.span.end <= self.span.end
        };
        let has_brackets = match &self.value {
            Value::Array(items) => items.is_empty() || items.iter().any(within),
            Value::Object(members) => members.is_empty() || members.iter().any(|member| within(&member.value)),
            _ => false,
        };
        if has_brackets { self.span.first_byte() } else { self.span }
    }

    /// Whether both hold the same, wherever that stands.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(two)) => one == two,
            (Value::Number(one), Value::Number(two)) => one == two,
            (Value::String(one), Value::String(two)) => one.value == two.value,
            (Value::Array(one), Value::Array(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
            }
            (Value::Object(one), Value::Object(two)) => {
                let same = |(one, two): (&Member, &Member)| one.key == two.key && one.value.is_same(&two.value);
                one.len() == two.len() && one.iter().zip(two).all(same)
            }
            _ => false,
        }
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self.value, Value::Array(_))
    }

    pub(crate) fn text(&self) -> Option<&Text> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The last member with this key, as every JSON parser takes it.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    /// The bytes of the file that the bytes `range` of a string came from; the whole value for anything else.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        let Value::String(text) = &self.value else { return self.span };
        let (start, end) = (text.source_start(range.start), text.source_end(range.end));
        self.span.at(start, end.max(start))
    }

    /// The value that an RFC 6901 pointer names, or the deepest one on the way to it.
    pub(crate) fn resolve(&self, pointer: &str) -> &Self {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Value::Array(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
                Value::Object(_) => node.member(&token).map(|member| &member.value),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return node,
            }
        }
        node
    }
}

/// A JSON string of `text`.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

// === impl Text ===

impl Text {
    /// Where in the file the decoded byte `offset` starts.
    fn source_start(&self, offset: usize) -> usize {
        let index = self.escapes.partition_point(|escape| escape.decoded.1 <= offset);
        match self.escapes.get(index) {
            Some(escape) if escape.decoded.0 <= offset => escape.source.0,
            _ => self.plain(index, offset),
        }
    }

    /// Where in the file the decoded bytes before `offset` end.
    pub(crate) fn source_end(&self, offset: usize) -> usize {
        let index = self.escapes.partition_point(|escape| escape.decoded.1 < offset);
        match self.escapes.get(index) {
            Some(escape) if escape.decoded.0 < offset => escape.source.1,
            _ => self.plain(index, offset),
        }
    }

    /// The file offset of `offset` when the first `index` escapes lie before it.
    fn plain(&self, index: usize, offset: usize) -> usize {
        match index.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some(escape) => escape.source.1 + offset.saturating_sub(escape.decoded.1),
            None => self.start + offset,
        }
    }
}
