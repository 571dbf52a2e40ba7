//! Plain and quoted scalars (YAML 1.2, 7.3): escapes and folded lines, and which bytes each came from.

use crate::tree::{Decoded, Text};

/// The quoted scalar that begins at `start`, and where it ends. `None` where there is none.
pub(super) fn quoted(source: &str, start: usize) -> Option<(Text, usize)> {
    let quote = *source.as_bytes().get(start)?;
    let mut decoded = Decoded::new(start + 1);
    loop {
        let rest = source.get(decoded.at()..)?;
        let mut letters = rest.chars();
        match letters.next()? {
            '\'' if quote == b'\'' => {
                if letters.next() != Some('\'') {
                    break;
                }
                decoded.escape(2, "'");
            }
            '"' if quote == b'"' => break,
            '\\' if quote == b'"' => escape(rest, &mut decoded)?,
            ' ' | '\t' | '\n' | '\r' => space(rest, &mut decoded),
            _ => decoded.plain(&rest[..rest.len() - letters.as_str().len()]),
        }
    }
    let end = decoded.at() + 1;
    Some((decoded.finish(), end))
}

/// The plain scalar from `start` to `end`.
pub(super) fn plain(source: &str, start: usize, end: usize) -> Text {
    let mut decoded = Decoded::new(start);
    while decoded.at() < end {
        let rest = &source[decoded.at()..end];
        match rest.find([' ', '\t', '\n', '\r']) {
            Some(0) => space(rest, &mut decoded),
            Some(length) => decoded.plain(&rest[..length]),
            None => decoded.plain(rest),
        }
    }
    decoded.finish()
}

/// Reads white space: line breaks are folded, with what stands around them.
fn space(rest: &str, decoded: &mut Decoded) {
    let length = rest.find(|letter| !is_space(letter)).unwrap_or(rest.len());
    match breaks(&rest[..length]) {
        0 => decoded.plain(&rest[..length]),
        1 => decoded.escape(length, " "),
        count => decoded.escape(length, &"\n".repeat(count - 1)),
    }
}

/// Reads an escape sequence of double quotes.
fn escape(rest: &str, decoded: &mut Decoded) -> Option<()> {
    let letter = rest[1..].chars().next()?;
    if matches!(letter, '\n' | '\r') {
        let length = rest[1..].find(|letter| !is_space(letter)).map_or(rest.len(), |length| length + 1);
        decoded.escape(length, &"\n".repeat(breaks(&rest[1..length]) - 1));
        return Some(());
    }
    let (length, code) = match letter {
        'x' => (4, u32::from_str_radix(rest.get(2..4)?, 16).ok()?),
        'u' => (6, u32::from_str_radix(rest.get(2..6)?, 16).ok()?),
        'U' => (10, u32::from_str_radix(rest.get(2..10)?, 16).ok()?),
        _ => (2, named(letter)?.into()),
    };
    decoded.escape(length, char::from_u32(code)?.encode_utf8(&mut [0; 4]));
    Some(())
}

/// What a letter behind a backslash stands for.
pub(super) fn named(letter: char) -> Option<char> {
    Some(match letter {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => letter,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// How many lines end in `space`.
fn breaks(space: &str) -> usize {
    let (feeds, returns) = (space.matches('\n').count(), space.matches('\r').count());
    feeds + returns - space.matches("\r\n").count()
}
