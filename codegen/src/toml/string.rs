//! Strings of TOML: which bytes each of theirs came from.

use toml_parser::decoder::Encoding;

use crate::tree::{Decoded, Escape, Text};

/// The string from `start` to `end`, quotes included. `None` where it is not right.
pub(super) fn text(source: &str, start: usize, end: usize, encoding: Encoding) -> Option<Text> {
    let quotes = match encoding {
        Encoding::BasicString | Encoding::LiteralString => 1,
        Encoding::MlBasicString | Encoding::MlLiteralString => 3,
    };
    let has_escapes = matches!(encoding, Encoding::BasicString | Encoding::MlBasicString);
    let (mut start, end) = (start + quotes, end.checked_sub(quotes)?);
    let inside = source.get(start..end)?;
    if quotes == 3 {
        // A line break behind the opening quotes is none of the text's.
        let text = inside.strip_prefix("\r\n").or_else(|| inside.strip_prefix('\n')).unwrap_or(inside);
        start = end - text.len();
    }
    let mut decoded = Decoded::new(start);
    while decoded.at() < end {
        let rest = &source[decoded.at()..end];
        match rest.find('\\').filter(|_| has_escapes) {
            Some(0) => escape(rest, &mut decoded)?,
            Some(length) => decoded.plain(&rest[..length]),
            None => decoded.plain(rest),
        }
    }
    Some(decoded.finish())
}

/// A text all of which came from all of some bytes.
pub(super) fn coarse(start: usize, end: usize, value: String) -> Text {
    let escape = Escape { decoded: (0, value.len()), source: (start, end) };
    Text { value, start, escapes: Vec::from([escape]) }
}

fn escape(rest: &str, decoded: &mut Decoded) -> Option<()> {
    let letter = rest[1..].chars().next()?;
    let (length, code) = match letter {
        'b' => (2, 8),
        'e' => (2, 0x1b),
        'f' => (2, 0xc),
        'n' => (2, 0xa),
        'r' => (2, 0xd),
        't' => (2, 9),
        '"' | '\\' => (2, letter.into()),
        'x' => (4, u32::from_str_radix(rest.get(2..4)?, 16).ok()?),
        'u' => (6, u32::from_str_radix(rest.get(2..6)?, 16).ok()?),
        'U' => (10, u32::from_str_radix(rest.get(2..10)?, 16).ok()?),
        // The end of a line that goes on in the next one.
        ' ' | '\t' | '\n' | '\r' => {
            let length = rest[1..].find(|letter: char| !matches!(letter, ' ' | '\t' | '\n' | '\r'));
            decoded.escape(length.map_or(rest.len(), |length| length + 1), "");
            return Some(());
        }
        _ => return None,
    };
    decoded.escape(length, char::from_u32(code)?.encode_utf8(&mut [0; 4]));
    Some(())
}
