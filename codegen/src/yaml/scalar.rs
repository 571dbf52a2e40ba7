//! Scalars: what they are, and which bytes they came from.

use saphyr_parser::{ScalarStyle, Tag};

use super::plain::{Plain, resolve};
use super::{Key, Name, Reader, Stop, block, flow};
use crate::diagnostic::{AMBIGUOUS, Diagnostic};
use crate::tree::{Escape, Node, Span, Text, Value};

impl Reader<'_> {
    /// A value; its anchor and tag begin at the first of `bytes`, it itself at the second.
    pub(super) fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        (properties, start, end): (usize, usize, usize),
    ) -> Node {
        if style == ScalarStyle::Plain && value.is_empty() {
            let span = self.nothing(properties);
            let value = match tag {
                None => Value::Null,
                Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "null" => Value::Null,
                Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                    Value::String(Text { start: span.end, ..Text::default() })
                }
                Some(tag) => {
                    self.unknown_tag(properties, tag);
                    Value::Unreadable
                }
            };
            return Node { span, value };
        }
        let (text, span) = self.text_of(value, style, (properties, start, end));
        let value = match tag {
            None if style != ScalarStyle::Plain => Value::String(text),
            None => self.plain(text, span),
            Some(tag) if !tag.is_yaml_core_schema() => {
                self.unknown_tag(properties, tag);
                Value::Unreadable
            }
            Some(tag) => self.tagged(text, span, properties, tag),
        };
        Node { span, value }
    }

    fn plain(&self, text: Text, span: Span) -> Value {
        match resolve(&text.value) {
            Plain::Null => Value::Null,
            Plain::Bool(value) => Value::Bool(value),
            Plain::Number(number) => Value::Number(number),
            Plain::Text => Value::String(text),
            Plain::FormerBool(value) => {
                let word = &text.value;
                let warning = Diagnostic::warning(AMBIGUOUS, span, format!("`{word}` is a text, not a boolean"));
                let warning = warning.label("a boolean in YAML 1.1 only");
                self.sink.push(warning.help(format!("write `{value}`, or `\"{word}\"` where the text is meant")));
                Value::String(text)
            }
            Plain::LeadingZero => {
                let number = &text.value;
                let digits = number.trim_start_matches(['+', '-', '0', '_']);
                let octal = match !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
                    true => format!(" or `0o{digits}`"),
                    false => String::new(),
                };
                let digits = if digits.is_empty() { "0" } else { digits };
                let error = Diagnostic::error(AMBIGUOUS, span, format!("`{number}` has leading zeros"));
                let error = error.label("octal in YAML 1.1 and for KrakenD, decimal in YAML 1.2");
                let help = format!("write `{digits}`{octal}, or `\"{number}\"` where a text is meant");
                self.sink.push(error.help(help));
                Value::Unreadable
            }
            Plain::NoNumber => {
                let error =
                    Diagnostic::error("unsupported-value", span, format!("`{}` is no number of JSON", text.value));
                self.sink.push(error.label("a config holds finite numbers only"));
                Value::Unreadable
            }
            Plain::Date => {
                let message = format!("`{}` is a date, and a config holds none", text.value);
                let error = Diagnostic::error("unsupported-value", span, message);
                let error = error.label("KrakenD reads this as a point in time");
                self.sink.push(error.help(format!("write it as a text: `\"{}\"`", text.value)));
                Value::Unreadable
            }
        }
    }

    /// A value with one of YAML's own tags, `!!str` and the like.
    fn tagged(&self, text: Text, span: Span, properties: usize, tag: &Tag) -> Value {
        let resolved = resolve(&text.value);
        match (tag.suffix.as_str(), resolved) {
            ("str", _) => Value::String(text),
            ("null", Plain::Null) => Value::Null,
            ("bool", Plain::Bool(value)) => Value::Bool(value),
            ("int", Plain::Number(number)) if !number.contains(['.', 'e', 'E']) => Value::Number(number),
            ("float", Plain::Number(number)) => Value::Number(number),
            ("int" | "float" | "bool" | "null", _) => {
                let error = Diagnostic::error("syntax", span, format!("this is no `!!{}`", tag.suffix));
                self.sink.push(error.help("leave the tag out"));
                Value::Unreadable
            }
            _ => {
                self.unknown_tag(properties, tag);
                Value::Unreadable
            }
        }
    }

    pub(super) fn unknown_tag(&self, at: usize, tag: &Tag) {
        let rest = &self.text[at..];
        // No further than the tag: its line may be the whole file.
        let offset = rest.find(['!', '\n', '\r']).filter(|found| rest[*found..].starts_with('!')).unwrap_or(0);
        let end = rest[offset..].find([' ', '\t', ',', ']', '}', '\n', '\r']);
        let end = end.map_or(rest.len(), |end| offset + end);
        let span = self.span(at + offset, at + end);
        let error = match tag.is_yaml_core_schema() {
            true => {
                let message = format!("a config holds no values with the tag `!!{}`", tag.suffix);
                Diagnostic::error("unsupported-value", span, message)
            }
            false => Diagnostic::error("syntax", span, format!("the tag `{}` means nothing here", &rest[offset..end])),
        };
        self.sink.push(error.help("leave the tag out; a text that begins with `!` is written in quotes"));
    }

    pub(super) fn key(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        (start, end): (usize, usize),
    ) -> Result<(), Stop> {
        if let Some(tab) = self.indenting_tab(start) {
            self.sink.push(self.tab(tab));
            return Err(Stop);
        }
        if style == ScalarStyle::Plain && value.is_empty() {
            let span = self.nothing(start);
            self.sink.push(Diagnostic::error("syntax", span, "a key is missing").label("expected a key before this"));
            return self.set_key(Key { span, name: Name::Unreadable });
        }
        let (text, span) = self.text_of(value, style, (start, start, end));
        if anchor != 0 {
            self.anchors.insert(anchor, Node { span, value: Value::String(text.clone()) });
        }
        let is_plain = style == ScalarStyle::Plain && tag.is_none();
        let name = match resolve(&text.value) {
            _ if is_plain && text.value == "<<" => Name::Merge,
            Plain::Null if is_plain => {
                let error = Diagnostic::error("syntax", span, format!("`{}` is no key", text.value));
                self.sink.push(error.label("stands for nothing").help(format!("write `\"{}\"`", text.value)));
                Name::Unreadable
            }
            // KrakenD writes such keys as Go does.
            Plain::Number(number) if is_plain && number.parse::<i64>().is_ok() => {
                Name::Text(number.parse::<i64>().map_or(number, |number| number.to_string()))
            }
            Plain::Number(_) | Plain::LeadingZero | Plain::NoNumber | Plain::Date if is_plain => {
                let error = Diagnostic::error("syntax", span, format!("`{}` is no text, and a key is one", text.value));
                let error = error.label("KrakenD reads this, and writes it in another way");
                self.sink.push(error.help(format!("write `\"{}\"`", text.value)));
                Name::Unreadable
            }
            Plain::Bool(value) if is_plain => Name::Text(value.to_string()),
            _ => Name::Text(text.value),
        };
        self.set_key(Key { span, name })
    }

    /// The text of a scalar that is there, and the bytes it stands at.
    fn text_of(
        &mut self,
        value: &str,
        style: ScalarStyle,
        (properties, start, end): (usize, usize, usize),
    ) -> (Text, Span) {
        let source = self.text;
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let value = if is_block { self.without_added_break(value, end) } else { value };
        let found = match style {
            ScalarStyle::Plain => {
                let text = match source.get(start..end) {
                    Some(same) if same == value => Text { value: value.to_owned(), start, escapes: Vec::new() },
                    _ => flow::plain(source, start, end),
                };
                Some((text, start, end))
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                flow::quoted(source, start).map(|(text, end)| (text, start, end))
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // With an anchor or a tag, the parser begins at these, and otherwise at the first line.
                let text = block::block(source, start, properties != start, value);
                text.map(|text| {
                    let (start, end) = (text.start, text.source_end(value.trim_end_matches('\n').len()));
                    (text, start, end.max(start))
                })
            }
        };
        let (text, start, end) = match found {
            Some(found) if found.0.value == value => found,
            _ => {
                // All of it came from all of it.
                let escape = Escape { decoded: (0, value.len()), source: (start, end) };
                (Text { value: value.to_owned(), start, escapes: Vec::from([escape]) }, start, end)
            }
        };
        self.end = self.end.max(end);
        (text, self.span(start, end))
    }

    /// Where the file ends without a line break, the parser adds one to the block scalar that ends there.
    fn without_added_break<'v>(&self, value: &'v str, end: usize) -> &'v str {
        let last = self.text.rsplit(['\n', '\r']).next().unwrap_or_default().trim_start();
        let is_last = self.text.get(end..).is_none_or(|rest| rest.trim().is_empty());
        match value.strip_suffix('\n') {
            Some(without) if is_last && !last.is_empty() && without.ends_with(last) => without,
            _ => value,
        }
    }

    /// A tab before a key that begins its line, where indentation counts.
    fn indenting_tab(&self, start: usize) -> Option<usize> {
        if self.open.iter().any(|open| open.is_flow) {
            return None;
        }
        let before = &self.text[..start];
        let indentation = &before[before.trim_end_matches([' ', '\t']).len()..];
        let line = start - indentation.len();
        let begins = line == 0 || self.text[..line].ends_with(['\n', '\r', '\u{feff}']);
        indentation.find('\t').filter(|_| begins).map(|offset| line + offset)
    }

    /// Where a value would stand that is not there: behind its colon or dash, which is underlined.
    fn nothing(&mut self, at: usize) -> Span {
        match self.text.as_bytes().get(at) {
            Some(b':' | b'-') => {
                self.end = self.end.max(at + 1);
                self.span(at, at + 1)
            }
            _ => self.span(self.end, self.end),
        }
    }

    /// Where a value begins whose anchor or tag begins at `at`.
    pub(super) fn behind_properties(&self, at: usize) -> usize {
        let mut at = at;
        loop {
            let rest = &self.text[at..];
            let skipped = match rest.as_bytes().first() {
                Some(b'!') if rest.starts_with("!<") => rest.find('>').map_or(rest.len(), |end| end + 1),
                Some(b'&' | b'!') => {
                    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ',' | '[' | ']' | '{' | '}');
                    rest.find(is_end).unwrap_or(rest.len())
                }
                Some(b' ' | b'\t' | b'\n' | b'\r') => 1,
                Some(b'#') => rest.find('\n').unwrap_or(rest.len()),
                _ => return at,
            };
            at += skipped;
        }
    }
}
