//! A message's attributes as NATS' headers, and what a KrakenD writes there.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::index::Index;
use crate::nats::attributes;
use crate::{Attribute, PublishError, PublishErrorKind};

const VERSION: &[u8] = b"NATS/1.0\r\n";

/// The length of the headers that carry `attributes`: 0 where there are none.
///
/// # Errors
/// A name or value that the protocol cannot carry.
pub(crate) fn length(attributes: &[Attribute]) -> Result<usize, PublishError> {
    if attributes.is_empty() {
        return Ok(0);
    }
    let mut length = VERSION.len() + 2;
    for Attribute { name, value } in attributes {
        if !attributes::is_name(name) || value.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(cannot_carry(name));
        }
        length += name.len() + value.len() + 4;
    }
    Ok(length)
}

#[cold]
fn cannot_carry(name: &str) -> PublishError {
    let line_break = || format!("the attribute {name} has a line break in its value");
    PublishError::new(PublishErrorKind::Invalid, attributes::check_name(name).err().unwrap_or_else(line_break))
}

/// Appends the headers that carry `attributes`, whose [`length`] was asked for. Names keep their case.
pub(crate) fn push(buffer: &mut Vec<u8>, attributes: &[Attribute]) {
    buffer.extend_from_slice(VERSION);
    for Attribute { name, value } in attributes {
        buffer.extend_from_slice(name.as_bytes());
        buffer.extend_from_slice(b": ");
        buffer.extend_from_slice(value.as_bytes());
        buffer.extend_from_slice(b"\r\n");
    }
    buffer.extend_from_slice(b"\r\n");
}

/// Reads the headers of a message. A name that stands there several times has its values joined by `, `; bytes that are
/// not UTF-8 are replaced.
pub(crate) fn read(block: &[u8]) -> Vec<Attribute> {
    let text = String::from_utf8_lossy(block);
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut index = Index::default();
    // The first line has the version, and a status that only the server's own messages have.
    for line in text.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match index.find(&attributes, name) {
            Some(place) => {
                attributes[place].value.push_str(", ");
                attributes[place].value.push_str(value);
            }
            None => attributes.push(Attribute { name: Cow::Owned(name.to_owned()), value: value.to_owned() }),
        }
    }
    if is_escaped(&attributes) {
        for attribute in &mut attributes {
            attribute.name = unescape(&attribute.name).into();
            attribute.value = unescape(&attribute.value);
        }
    }
    attributes
}

/// Whether a KrakenD wrote these: its driver escapes names and values as in a query string (Go's `url.QueryEscape`).
/// That is only believed where all of them have that form, and one says so that has none of its own: a content type
/// without a slash, or KrakenD's user agent without spaces.
fn is_escaped(attributes: &[Attribute]) -> bool {
    let says_so = |attribute: &Attribute| match &*attribute.name {
        "Content-Type" => attribute.value.contains("%2F"),
        "User-Agent" => attribute.value.starts_with("KrakenD+Version+"),
        _ => false,
    };
    attributes.iter().any(says_so)
        && attributes.iter().all(|attribute| has_escaped_form(&attribute.name) && has_escaped_form(&attribute.value))
}

/// Whether `text` is what `url.QueryEscape` makes of some text.
fn has_escaped_form(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_right = match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => !is_kept(high << 4 | low) && (high, low) != (2, 0),
                _ => false,
            },
            b'+' => true,
            byte => is_kept(byte),
        };
        if !is_right {
            return false;
        }
    }
    true
}

fn unescape(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&'static str, &str)]) -> Vec<Attribute> {
        pairs.iter().map(|(name, value)| Attribute { name: (*name).into(), value: (*value).to_owned() }).collect()
    }

    #[test]
    fn written_and_read_again() {
        let attributes = attributes(&[("X-Order-Id", "0042"), ("x-order-id", ""), ("Url", "a:b%2F+c")]);
        let mut block = Vec::new();
        push(&mut block, &attributes);
        assert_eq!(block, b"NATS/1.0\r\nX-Order-Id: 0042\r\nx-order-id: \r\nUrl: a:b%2F+c\r\n\r\n");
        assert_eq!(length(&attributes).ok(), Some(block.len()));
        assert_eq!(read(&block), attributes);
        assert_eq!(length(&[]).ok(), Some(0));
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        for (name, value) in
            [("", "a"), ("a b", "a"), ("a:b", "a"), ("a\r\nb", "a"), ("ä", "a"), ("a", "b\r\nc: d"), ("a", "\n")]
        {
            let error = length(&attributes(&[(name, value)])).unwrap_err();
            assert_eq!(error.kind, PublishErrorKind::Invalid, "{error}");
        }
    }

    #[test]
    fn what_others_write() {
        for (block, expected) in [
            (&b"NATS/1.0\r\nA:b\r\nC:  d \r\n\r\n"[..], &[("A", "b"), ("C", " d ")][..]),
            (b"NATS/1.0 503 No Responders\r\nA: b\r\n\r\n", &[("A", "b")]),
            (b"NATS/1.0\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n", &[("A", "1, 3"), ("B", "2")]),
            (b"NATS/1.0\r\nA: caf\xc3\xa9 \xff\r\n\r\n", &[("A", "café \u{fffd}")]),
            (b"NATS/1.0\r\nno colon\r\n\r\n", &[]),
            (b"", &[]),
        ] {
            assert_eq!(read(block), attributes(expected), "{}", String::from_utf8_lossy(block));
        }
    }

    #[test]
    fn what_a_krakend_escapes() {
        for (escaped, expected) in [
            (
                &[("Content-Type", "application%2Fx-www-form-urlencoded"), ("X-Forwarded-For", "127.0.0.1")][..],
                &[("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", "127.0.0.1")][..],
            ),
            (
                &[("User-Agent", "KrakenD+Version+2.13.8"), ("X-Name", "%C3%A9+%2B%26%25"), ("A%20B", "")],
                // An escaped space is `+`: this one is not Go's, so nothing is.
                &[("User-Agent", "KrakenD+Version+2.13.8"), ("X-Name", "%C3%A9+%2B%26%25"), ("A%20B", "")],
            ),
            (
                &[("User-Agent", "KrakenD+Version+2.13.8"), ("X-Name", "%C3%A9+%2B%26%25"), ("A+B", "")],
                &[("User-Agent", "KrakenD Version 2.13.8"), ("X-Name", "é +&%"), ("A B", "")],
            ),
            // Native ones stay as they are.
            (
                &[("Content-Type", "text/plain"), ("X-Path", "a%2Fb")],
                &[("Content-Type", "text/plain"), ("X-Path", "a%2Fb")],
            ),
            (&[("X-Path", "a%2Fb+c")], &[("X-Path", "a%2Fb+c")]),
            (
                &[("Content-Type", "text%2Fplain"), ("X-Url", "http://a")],
                &[("Content-Type", "text%2Fplain"), ("X-Url", "http://a")],
            ),
            (&[("Content-Type", "text%2fplain")], &[("Content-Type", "text%2fplain")]),
        ] {
            let mut block = Vec::new();
            push(&mut block, &attributes(escaped));
            assert_eq!(read(&block), attributes(expected));
        }
    }

    /// Whoever may publish can send that. Looking through them for each would take minutes.
    #[test]
    fn a_block_of_a_hundred_thousand_names() {
        let mut block = VERSION.to_vec();
        for number in 0..100_000 {
            block.extend_from_slice(format!("{number}:a\r\n").as_bytes());
        }
        block.extend_from_slice(b"16:b\r\n99999:b\r\n\r\n");
        let attributes = read(&block);
        assert_eq!(attributes.len(), 100_000);
        for (place, attribute) in attributes.iter().enumerate() {
            let value = if matches!(place, 16 | 99_999) { "a, b" } else { "a" };
            assert_eq!((attribute.name.parse(), &*attribute.value), (Ok(place), value));
        }
    }
}
