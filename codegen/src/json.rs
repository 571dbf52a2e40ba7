//! JSON text (RFC 8259, strictly) to the syntax-neutral tree.
//!
//! What people write that is not JSON (comments, trailing commas, single quotes, a missing comma) is
//! an error each, and reading goes on behind it, so that the mistakes further down are seen as well.

mod number;
mod stray;
mod string;

use crate::diagnostic::{Diagnostic, Sink};
use crate::tree::{Member, Node, Span, Value};

/// Objects and arrays inside each other. Bounds the stack; serde_json stops at the same depth.
const MAX_DEPTH: usize = 127;
/// After so many syntax errors the text is probably not JSON at all.
const MAX_ERRORS: usize = 20;

/// Reads `text`. `None` where reading had to stop before the end; every error is in `sink`.
#[cfg(test)]
pub(crate) fn parse(text: &str, file: u32, sink: &Sink) -> Option<Node> {
    let read = read(text, file, sink);
    read.root.filter(|_| read.whole)
}

/// What was read of a text.
pub(crate) struct Read {
    /// `None` where there is nothing at all.
    pub(crate) root: Option<Node>,
    /// Whether reading came to the end. Otherwise objects and arrays lack what stands behind.
    pub(crate) whole: bool,
}

/// Reads `text`, as far as it can be; every error is in `sink`.
pub(crate) fn read(text: &str, file: u32, sink: &Sink) -> Read {
    let before = sink.len();
    let bytes = text.as_bytes();
    let mut parser = Parser {
        text,
        bytes,
        at: 0,
        file,
        depth: 0,
        comment_seen: false,
        stopped: false,
        spoiled: false,
        before,
        sink,
    };
    let root = parser.document().ok();
    Read { whole: root.is_some() && !parser.stopped, root }
}

/// Reading cannot go on; why is in the sink.
struct Stop;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    file: u32,
    depth: usize,
    comment_seen: bool,
    /// Reading had to stop within the value that is returned.
    stopped: bool,
    /// The string that was read last is not what was meant.
    spoiled: bool,
    before: usize,
    sink: &'a Sink,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Node, Stop> {
        if self.text.starts_with('\u{feff}') {
            self.at = 3;
            let message = "the file begins with a byte order mark";
            self.report(self.error(0, 3, message).help("save it as UTF-8 without a byte order mark (BOM)"))?;
        }
        self.space()?;
        if self.at == self.bytes.len() {
            let smallest = r#"the smallest config is `{"version": 3, "endpoints": []}`"#;
            self.report(self.error(0, 0, "the file is empty").help(smallest))?;
            return Err(Stop);
        }
        let root = self.value()?;
        if self.stopped {
            return Ok(root);
        }
        self.space()?;
        if self.at < self.bytes.len() {
            let end = self.token_end();
            let error = self.error(self.at, end, "there is more after the end of the config");
            self.report(error.label("expected the end of the file"))?;
        }
        Ok(root)
    }

    fn value(&mut self) -> Result<Node, Stop> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"' | b'\'') => match self.string(false)? {
                text if std::mem::take(&mut self.spoiled) => {
                    drop(text);
                    Value::Unreadable
                }
                text => Value::String(text),
            },
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number()?,
            Some(byte) if is_word(byte) => self.word()?,
            Some(b',' | b'}' | b']' | b':') => {
                self.report(self.error(start, start + 1, "a value is missing").label("expected a value before this"))?;
                Value::Unreadable
            }
            // What a template of Go's writes for nothing.
            Some(_) if self.text[start..].starts_with("<no value>") => {
                self.at += "<no value>".len();
                self.report(self.error(start, self.at, "a value is missing").label("a template found none"))?;
                Value::Unreadable
            }
            Some(_) => return Err(self.unexpected("a value")),
            None => return Err(self.ends_early("a value")),
        };
        Ok(Node { span: self.span(start, self.at), value })
    }

    fn object(&mut self) -> Result<Value, Stop> {
        let open = self.enter()?;
        let mut members: Vec<Member> = Vec::new();
        let read = self.members(open, &mut members);
        self.stopped |= read.is_err();
        self.depth -= 1;
        Ok(Value::Object(members))
    }

    fn members(&mut self, open: usize, members: &mut Vec<Member>) -> Result<(), Stop> {
        loop {
            self.space()?;
            if self.closes(open, b'}')? {
                return Ok(());
            }
            let key_start = self.at;
            let key = self.key(open)?;
            let key_span = self.span(key_start, self.at);
            self.space()?;
            self.colon()?;
            self.space()?;
            let start = self.at;
            let value = self.value();
            let stopped = self.stopped || value.is_err();
            // A key without its value may have a mistake too.
            let unread = Node { span: self.span(start, start), value: Value::Unreadable };
            members.push(Member { key_span, key, value: value.unwrap_or(unread) });
            if stopped {
                return Err(Stop);
            }
            let last = self.separator(open, b'}')?;
            if let (true, Some(member)) = (std::mem::take(&mut self.spoiled), members.last_mut()) {
                member.value.value = Value::Unreadable;
            }
            if last {
                return Ok(());
            }
        }
    }

    fn array(&mut self) -> Result<Value, Stop> {
        let open = self.enter()?;
        let mut items = Vec::new();
        let read = self.items(open, &mut items);
        self.stopped |= read.is_err();
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    fn items(&mut self, open: usize, items: &mut Vec<Node>) -> Result<(), Stop> {
        loop {
            self.space()?;
            if self.closes(open, b']')? {
                return Ok(());
            }
            items.push(self.value()?);
            if self.stopped {
                return Err(Stop);
            }
            let last = self.separator(open, b']')?;
            if let (true, Some(item)) = (std::mem::take(&mut self.spoiled), items.last_mut()) {
                item.value = Value::Unreadable;
            }
            if last {
                return Ok(());
            }
        }
    }

    /// Consumes an opening bracket and gives its offset.
    fn enter(&mut self) -> Result<usize, Stop> {
        let open = self.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("objects and arrays are nested more than {MAX_DEPTH} deep");
            self.report(self.error(open, open + 1, message))?;
            return Err(Stop);
        }
        self.at += 1;
        Ok(open)
    }

    /// Consumes `close` where it stands right behind the opening bracket.
    fn closes(&mut self, open: usize, close: u8) -> Result<bool, Stop> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(byte @ (b'}' | b']')) => Err(self.mismatch(open, byte)),
            Some(_) => Ok(false),
            None => Err(self.unclosed(open)),
        }
    }

    /// Consumes what follows a member or item: true when it was the last.
    fn separator(&mut self, open: usize, close: u8) -> Result<bool, Stop> {
        let value_end = self.at;
        self.space()?;
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.space()?;
                while self.peek() == Some(b',') {
                    let error = self.error(self.at, self.at + 1, "two commas follow each other");
                    self.report(error.label("one too many").help("remove it"))?;
                    self.at += 1;
                    self.space()?;
                }
                if self.peek() != Some(close) {
                    return Ok(false);
                }
                let error =
                    self.error(comma, comma + 1, "JSON has no trailing commas").label("nothing follows this comma");
                self.report(error.help("remove the comma"))?;
                self.at += 1;
                Ok(true)
            }
            Some(b';') => {
                let error = self.error(self.at, self.at + 1, "values are separated by `,`, not by `;`");
                self.report(error.label("expected `,`"))?;
                self.at += 1;
                Ok(false)
            }
            Some(byte @ (b'}' | b']')) => Err(self.mismatch(open, byte)),
            Some(byte) if is_word(byte) && self.at == value_end && self.quotes(value_end)? => Ok(false),
            Some(byte) if is_word(byte) || matches!(byte, b'"' | b'\'' | b'{' | b'[' | b'-') => {
                let error = self.error(value_end, value_end, "a comma is missing");
                self.report(error.label("expected `,` here"))?;
                Ok(false)
            }
            Some(_) => Err(self.unexpected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" })),
            None => Err(self.unclosed(open)),
        }
    }

    fn key(&mut self, open: usize) -> Result<String, Stop> {
        let start = self.at;
        match self.peek() {
            Some(b'"' | b'\'') => Ok(self.string(true)?.value),
            Some(byte) if is_word(byte) => {
                self.at = self.token_end();
                let key = self.text[start..self.at].trim_matches(['“', '”', '„', '‘', '’']).to_owned();
                let error = self.error(start, self.at, "keys are written in double quotes");
                self.report(error.help(format!("write `\"{key}\"`")))?;
                Ok(key)
            }
            Some(b',') => {
                self.report(self.error(start, start + 1, "a key is missing").label("expected a key before this"))?;
                Err(Stop)
            }
            Some(_) => Err(self.unexpected("a key in double quotes")),
            None => Err(self.unclosed(open)),
        }
    }

    fn colon(&mut self) -> Result<(), Stop> {
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                let error = self.error(self.at, self.at + 1, "a key is followed by `:`, not by `=`");
                self.report(error.label("expected `:`"))?;
                self.at += 1;
            }
            Some(byte) if is_word(byte) || matches!(byte, b'"' | b'\'' | b'{' | b'[' | b'-' | b',' | b'}') => {
                let end = self.bytes[..self.at].trim_ascii_end().len();
                self.report(self.error(end, end, "a colon is missing").label("expected `:` and a value here"))?;
                if matches!(byte, b',' | b'}') {
                    // `{"a"}`: the missing value is part of the same mistake.
                    return Err(Stop);
                }
            }
            Some(_) => return Err(self.unexpected("`:`")),
            None => return Err(self.ends_early("`:`")),
        }
        Ok(())
    }

    /// `true`, `false`, `null`, or a word that is none of them.
    fn word(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        self.at = self.token_end();
        let word = &self.text[start..self.at];
        match word {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "null" => return Ok(Value::Null),
            _ => {}
        }
        let error = self.error(start, self.at, format!("`{word}` is not a JSON value"));
        let lower = word.to_ascii_lowercase();
        let error = match lower.as_str() {
            "true" | "false" | "null" => error.help(format!("did you mean `{lower}`?")),
            "yes" | "on" => error.help("did you mean `true`?"),
            "no" | "off" => error.help("did you mean `false`?"),
            "none" | "nil" | "undefined" => error.help("did you mean `null`?"),
            _ => error.help(format!("a string is written in double quotes: `\"{word}\"`")),
        };
        self.report(error)?;
        Ok(Value::Unreadable)
    }

    /// Skips white space, and comments after reporting the first.
    fn space(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/' | b'#') => {
                    if !self.comment()? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<bool, Stop> {
        let start = self.at;
        let rest = &self.text[start..];
        let line = rest.find('\n').unwrap_or(rest.len());
        let (mark, end) = match rest.as_bytes() {
            [b'/', b'*', ..] => match rest.find("*/") {
                Some(end) => (2, start + end + 2),
                None => {
                    self.report(self.error(start, start + 2, "this comment is never closed"))?;
                    return Err(Stop);
                }
            },
            [b'/', b'/', ..] => (2, start + line),
            [b'#', ..] => (1, start + line),
            _ => return Ok(false),
        };
        if !self.comment_seen {
            self.comment_seen = true;
            let error = self.error(start, start + mark, "JSON has no comments").label("a comment begins here");
            self.report(
                error.help("put it into a key that begins with `@`, `$`, `_` or `#`: `\"@comment\": \"...\"`"),
            )?;
        }
        self.at = end;
        Ok(true)
    }

    fn report(&self, error: Diagnostic) -> Result<(), Stop> {
        self.sink.push(error);
        if self.sink.len() - self.before > MAX_ERRORS { Err(Stop) } else { Ok(()) }
    }

    fn error(&self, start: usize, end: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("syntax", self.span(start, end), message)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start, end }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The end of the word at the cursor; at least one character further on.
    fn token_end(&self) -> usize {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take_while(|byte| is_word(**byte) || matches!(byte, b'-' | b'.')).count();
        match self.text[self.at..].chars().next() {
            Some(first) => self.at + length.max(first.len_utf8()),
            None => self.at,
        }
    }
}

/// A byte that words are made of. Bytes of other than ASCII characters count: such a word is an error as a whole.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte == b'@' || !byte.is_ascii()
}

#[cfg(test)]
mod tests;
