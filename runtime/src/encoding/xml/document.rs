//! A document as a tree of elements, for feeds.

use super::MAX_DEPTH;
use super::tokens::{Strictness, Token, Tokens, local};

/// An element.
#[derive(Debug)]
pub(in crate::encoding) struct Element<'a> {
    /// Its name with the prefix.
    pub(in crate::encoding) name: String,
    /// Names without their prefixes, but for those that declare one.
    pub(in crate::encoding) attributes: Vec<(String, String)>,
    pub(in crate::encoding) children: Vec<Self>,
    /// The text that is directly in it.
    pub(in crate::encoding) text: String,
    /// All that stands between its tags.
    pub(in crate::encoding) inner: &'a str,
}

/// The first element in `text`. Unknown entities stay as they are written: feeds are full of HTML's.
pub(in crate::encoding) fn parse(text: &str) -> Result<Element<'_>, String> {
    let mut tokens = Tokens::new(text, Strictness::Lenient);
    let mut open: Vec<(Element<'_>, usize)> = Vec::new();
    loop {
        match tokens.next()? {
            None => return Err("XML: no element in it".to_owned()),
            Some(Token::Start(..)) if open.len() >= MAX_DEPTH => {
                return Err(format!("XML: more than {MAX_DEPTH} levels"));
            }
            Some(Token::Start(name, attributes)) => {
                let attributes = attributes.into_iter().map(|(name, value)| match name.starts_with("xmlns") {
                    true => (name, value),
                    false => (local(&name).to_owned(), value),
                });
                let attributes = attributes.collect();
                let element = Element { name, attributes, children: Vec::new(), text: String::new(), inner: "" };
                open.push((element, tokens.position()));
            }
            Some(Token::Text(text)) => {
                if let Some((element, _)) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Some(Token::End) => {
                let Some((mut element, start)) = open.pop() else { continue };
                let inside = text.get(start..tokens.position()).unwrap_or_default();
                element.inner = &inside[..inside.rfind("</").unwrap_or(0)];
                match open.last_mut() {
                    Some((parent, _)) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
        }
    }
}

impl<'a> Element<'a> {
    /// The value of an attribute, or nothing.
    pub(in crate::encoding) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(in crate::encoding) fn prefix(&self) -> &str {
        self.name.strip_suffix(self.local()).and_then(|prefix| prefix.strip_suffix(':')).unwrap_or_default()
    }

    pub(in crate::encoding) fn local(&self) -> &str {
        local(&self.name)
    }
}
