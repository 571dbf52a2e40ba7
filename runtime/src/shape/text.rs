//! The text of JSON strings: repairing, decoding, writing.

use std::borrow::Cow;

use super::scan::{hex4, is_low_surrogate};

/// A copy of `input` that reads as Go's `encoding/json` reads it: U+FFFD for each byte that is not UTF-8, and `\ufffd`
/// for the escape of half a surrogate pair.
pub(super) fn repair(input: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(input.len() + 16);
    for chunk in input.utf8_chunks() {
        bytes.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            bytes.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[from..]) {
        let pos = from + found;
        from = (pos + 2).min(bytes.len());
        if bytes.get(pos + 1) != Some(&b'u') {
            continue;
        }
        from = match hex4(&bytes, pos + 2) {
            None => from,
            Some(0xD800..=0xDBFF) if is_low_surrogate(&bytes, pos + 6) => pos + 12,
            Some(0xD800..=0xDFFF) => {
                bytes[pos + 2..pos + 6].copy_from_slice(b"fffd");
                pos + 6
            }
            Some(_) => pos + 6,
        };
    }
    bytes
}

/// The position in `input` that became `offset` in what `repair` made of it.
pub(super) fn before_repair(input: &[u8], offset: usize) -> usize {
    let (mut before, mut after) = (0, 0);
    for chunk in input.utf8_chunks() {
        let valid = chunk.valid().len();
        if after + valid >= offset {
            return before + (offset - after);
        }
        (before, after) = (before + valid, after + valid);
        for _ in chunk.invalid() {
            after += '\u{FFFD}'.len_utf8();
            if after > offset {
                return before;
            }
            before += 1;
        }
    }
    before
}

/// What the text between the quotes of a checked JSON string stands for. Allocates only where there is an escape.
pub(super) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut pos = 0;
    while let Some(&byte) = text.get(pos) {
        if byte != b'\\' {
            decoded.push(byte);
            pos += 1;
            continue;
        }
        let (character, length) = decode_escape(text, pos);
        decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        pos += length;
    }
    Cow::Owned(decoded)
}

/// [`decode`] of `text` behind what `into` has.
pub(super) fn decode_into(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (character, length) = decode_escape(rest.as_bytes(), at);
        into.push_str(&rest[..at]);
        into.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    into.push_str(rest);
}

fn decode_escape(text: &[u8], pos: usize) -> (char, usize) {
    let simple = match text.get(pos + 1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let unit = hex4(text, pos + 2).unwrap_or(0xFFFD);
            if (0xD800..0xDC00).contains(&unit) && is_low_surrogate(text, pos + 6) {
                let low = hex4(text, pos + 8).unwrap_or(0xDC00);
                let point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return (char::from_u32(point).unwrap_or('\u{FFFD}'), 12);
            }
            return (char::from_u32(unit).unwrap_or('\u{FFFD}'), 6);
        }
        Some(&other) => other as char,
        None => '\\',
    };
    (simple, 2)
}

/// Appends `text` as a JSON string, with its quotes.
pub(crate) fn write_string(text: &str, output: &mut Vec<u8>) {
    output.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => output.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                output.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => output.push(byte),
        }
    }
    output.push(b'"');
}
