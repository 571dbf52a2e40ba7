//! XML into a tree of JSON values, as `mxj.NewMapXmlReader` of the Go package clbanning/mxj builds its maps.

mod document;
mod tokens;

use serde_json::{Map, Value};

use super::MAX_DEPTH;
pub(super) use document::{Element, parse};
use tokens::{Strictness, Token, Tokens, local};

/// The key of an element's text where it has attributes or elements too.
const TEXT: &str = "#text";

/// An element that is being read.
struct Open {
    key: String,
    /// Its text so far, while it has neither attributes nor elements: the last piece counts.
    text: Option<String>,
    members: Map<String, Value>,
}

/// Reads the first element in `body`; what follows it is ignored, as KrakenD ignores it. Names lose their prefixes.
///
/// Entities are the five that XML has; those of a document type are not read, so nothing can grow by them.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("XML: {error}"))?;
    let mut tokens = Tokens::new(text, Strictness::Strict);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match tokens.next()? {
            None => return Err("XML: no element in it".to_owned()),
            Some(Token::Start(name, attributes)) => {
                if open.len() >= MAX_DEPTH {
                    return Err(format!("XML: more than {MAX_DEPTH} levels"));
                }
                let attributes = attributes.into_iter();
                let members = attributes.map(|(name, value)| (format!("-{}", local(&name)), value.into())).collect();
                open.push(Open { key: local(&name).to_owned(), text: None, members });
            }
            Some(Token::Text(text)) => {
                let text = text.trim_matches(['\t', '\r', '\u{8}', '\n', ' ']);
                match open.last_mut() {
                    Some(element) if !text.is_empty() => element.add_text(text),
                    _ => {}
                }
            }
            Some(Token::End) => {
                let Some(element) = open.pop() else { continue };
                let (key, value) = element.close();
                match open.last_mut() {
                    Some(parent) => parent.add(key, value),
                    None => return Ok(Value::Object(Map::from_iter([(key, value)]))),
                }
            }
        }
    }
}

impl Open {
    fn add_text(&mut self, text: &str) {
        if self.members.is_empty() {
            self.text = Some(text.to_owned());
        } else {
            self.members.insert(TEXT.to_owned(), text.into());
        }
    }

    /// A second element of one name makes an array of both.
    fn add(&mut self, key: String, value: Value) {
        match self.members.get_mut(&key) {
            None => drop(self.members.insert(key, value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }

    fn close(mut self) -> (String, Value) {
        let value = match self.text {
            None if self.members.is_empty() => "".into(),
            Some(text) if self.members.is_empty() => text.into(),
            text => {
                // Text in front of the first element wins over any behind it.
                self.members.extend(text.map(|text| (TEXT.to_owned(), text.into())));
                self.members.into()
            }
        };
        (self.key, value)
    }
}

#[cfg(test)]
mod tests;
