//! JSON as a tree, for the few things that cannot be done while it is copied.

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::{JsonError, Problem};
use super::text::decode;
#[cfg(any(test, feature = "yaml"))]
use super::text::write_string;

/// Arrays and objects inside each other.
const MAX_LEVELS: usize = 128;

/// A JSON value. What is no array or object keeps the text that it is written with: numbers all their digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree<'t> {
    Leaf(Cow<'t, str>),
    List(Vec<Self>),
    /// In the order of the text, every name once.
    Object(Vec<(Cow<'t, str>, Self)>),
}

impl<'t> Tree<'t> {
    /// The tree of a text that is known to be JSON, and UTF-8.
    pub(crate) fn parse(text: &'t [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(text) {
            Ok(text) => Parser { text, pos: 0 }.value(MAX_LEVELS),
            Err(error) => Err(JsonError { offset: error.valid_up_to(), problem: Problem::Value }),
        }
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn of_text(text: &str) -> Self {
        let mut json = Vec::with_capacity(text.len() + 2);
        write_string(text, &mut json);
        Self::Leaf(String::from_utf8_lossy(&json).into_owned().into())
    }

    /// The characters of a string.
    pub(crate) fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Leaf(json) => string(json),
            Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Leaf(text) if text == "null")
    }

    #[cfg(any(test, feature = "yaml"))]
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        match self {
            Self::Leaf(text) => output.extend_from_slice(text.as_bytes()),
            Self::List(list) => separated(list, [b'[', b']'], output, Self::write),
            Self::Object(members) => separated(members, [b'{', b'}'], output, |(name, value), output| {
                write_string(name, output);
                output.push(b':');
                value.write(output);
            }),
        }
    }
}

/// The characters of a JSON string.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    Some(match decode(inside.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(inside),
        Cow::Owned(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
    })
}

/// Writes brackets, and what is between them with commas.
pub(super) fn separated<T>(
    items: &[T],
    [open, close]: [u8; 2],
    output: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>),
) {
    output.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        write(item, output);
    }
    output.push(close);
}

/// Leaves the last of the members with the same name.
pub(crate) fn unique<'t>(members: &mut Vec<(Cow<'t, str>, Tree<'t>)>) {
    let mut known = HashSet::with_capacity(members.len());
    let last: Vec<bool> = members.iter().rev().map(|(name, _)| known.insert(name.clone())).collect();
    let mut last = last.into_iter().rev();
    members.retain(|_| last.next() == Some(true));
}

struct Parser<'t> {
    text: &'t str,
    pos: usize,
}

impl<'t> Parser<'t> {
    fn value(&mut self, levels: usize) -> Result<Tree<'t>, JsonError> {
        match self.next() {
            b'{' | b'[' if levels == 0 => Err(self.error(Problem::TreeDepth)),
            b'{' => {
                let mut members = Vec::new();
                self.items(b'}', |parser| {
                    let name = string(parser.leaf()?).ok_or_else(|| parser.error(Problem::Key))?;
                    if parser.next() == b':' {
                        parser.pos += 1;
                    }
                    members.push((name, parser.value(levels - 1)?));
                    Ok(())
                })?;
                unique(&mut members);
                Ok(Tree::Object(members))
            }
            b'[' => {
                let mut list = Vec::new();
                self.items(b']', |parser| {
                    list.push(parser.value(levels - 1)?);
                    Ok(())
                })?;
                Ok(Tree::List(list))
            }
            _ => Ok(Tree::Leaf(self.leaf()?.into())),
        }
    }

    /// What is between brackets, read by `item` each.
    fn items(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.pos += 1;
        while self.next() != close {
            item(self)?;
            if self.next() == b',' {
                self.pos += 1;
            }
        }
        self.pos += 1;
        Ok(())
    }

    /// The text of what is no array or object.
    fn leaf(&mut self) -> Result<&'t str, JsonError> {
        let rest = &self.text.as_bytes()[self.pos..];
        let length = if rest.first() == Some(&b'"') {
            let mut at = 1;
            while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[at.min(rest.len())..]) {
                at += found + 1;
                if rest[at - 1] == b'"' {
                    break;
                }
                at += 1;
            }
            at.min(rest.len())
        } else {
            rest.iter().position(|byte| b",]} \t\r\n".contains(byte)).unwrap_or(rest.len())
        };
        let text = self.text.get(self.pos..self.pos + length).filter(|text| !text.is_empty());
        self.pos += length;
        text.ok_or_else(|| self.error(Problem::Value))
    }

    /// The next byte that is not white space, which stays; 0 at the end.
    fn next(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.pos.min(self.text.len())..];
        self.pos += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.text.as_bytes().get(self.pos).copied().unwrap_or_default()
    }

    fn error(&self, problem: Problem) -> JsonError {
        JsonError { offset: self.pos, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(text: &str) -> Result<String, Problem> {
        let mut output = Vec::new();
        Tree::parse(text.as_bytes()).map_err(|error| error.problem)?.write(&mut output);
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [
            r#"{"a":[1E3,-0,0.1000,123456789012345678901234567890,"\u00e9\n\/",true,false,null,{},[]],"é":{"":""}}"#,
            "[]",
            r#""a\\""#,
            "1e-400",
            r#"{"$serde_json::private::Number":"1"}"#,
        ] {
            assert_eq!(copied(text).as_deref(), Ok(text));
        }
        assert_eq!(copied(" { \"a\" : [ 1 , 2 ] , \"\\u0061\" : 3 } ").as_deref(), Ok(r#"{"a":3}"#));
    }

    #[test]
    fn levels_are_bounded_and_nothing_panics() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(copied(&nested(MAX_LEVELS)).is_ok());
        assert_eq!(copied(&nested(MAX_LEVELS + 1)), Err(Problem::TreeDepth));
        for text in ["", "{", "[1", "{\"a", "{\"a\"", "{\"a\":", "\"", "\"\\", "[1,,2]", "{1}", "}", "{,}"] {
            let _ = copied(text);
        }
    }
}
