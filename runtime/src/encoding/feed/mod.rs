//! Feeds, as krakend-rss and the Go package gofeed (1.1) turn them into one form.
//!
//! What differs: relative links are not resolved with `xml:base`, a feed must be well-formed UTF-8, and dates are read
//! in the forms of RFC 822 and ISO 8601 only.

mod atom;
mod date;
mod extensions;
mod json;
mod rss;
mod text;

use serde_json::{Map, Value, json};

use super::xml;

/// What KrakenD takes of a feed.
#[derive(Default)]
struct Feed {
    kind: &'static str,
    title: String,
    description: String,
    language: String,
    copyright: String,
    published: String,
    updated: String,
    author: Option<Value>,
    categories: Vec<Value>,
    image: Option<String>,
    items: Vec<Value>,
}

/// Reads RSS (0.9 to 2.0), Atom (0.3 and 1.0) or JSON Feed.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("feed: {error}"))?;
    let text = text.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n', '\0']);
    if text.starts_with('{') {
        return Ok(json::feed(text)?.into());
    }
    let root = xml::parse(text)?;
    match root.local().to_ascii_lowercase().as_str() {
        "rss" | "rdf" => Ok(rss::feed(&root).into()),
        "feed" => Ok(atom::feed(&root).into()),
        other => Err(format!("feed: `{other}` is neither RSS nor Atom")),
    }
}

impl From<Feed> for Value {
    fn from(feed: Feed) -> Self {
        let mut members = json!({
            "items": feed.items,
            "author": feed.author,
            "categories": Some(feed.categories).filter(|list| !list.is_empty()),
            "custom": null,
            "copyright": feed.copyright,
            "description": feed.description,
            "type": feed.kind,
            "language": feed.language,
            "title": feed.title,
            "published": feed.published,
            "updated": feed.updated,
        });
        if let Some(url) = feed.image {
            members["img_url"] = url.into();
        }
        members
    }
}

/// An object whose empty members are left out.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if !empty {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// Also when it is empty.
    fn put_some(&mut self, name: &str, value: Option<Value>) {
        self.0.extend(value.map(|value| (name.to_owned(), value)));
    }

    fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A person of a name and an address.
fn person(name: &str, email: &str) -> Value {
    let mut person = Members::default();
    person.put("name", name);
    person.put("email", email);
    person.into_value()
}

/// A date as text and, where it can be read, as a time.
fn put_date(item: &mut Members, name: &str, text: &str, show: fn(date::Time) -> String) {
    item.put(name, text);
    item.put(&format!("{name}Parsed"), date::parse(text).map(show).unwrap_or_default());
}

#[cfg(test)]
mod tests;
