//! Texts as Go quotes them.

use std::fmt::Write as _;

/// Go's `strconv.Quote`.
pub(in super::super) fn quoted(text: &str) -> String {
    quote_with(text, is_printed)
}

pub(super) fn quoted_ascii(text: &str) -> String {
    quote_with(text, |letter| letter.is_ascii() && !letter.is_control())
}

/// Go's `unicode.IsPrint`.
pub(in super::super) fn is_printed(letter: char) -> bool {
    !letter.is_control() && !is_invisible(letter)
}

/// What Go's `strconv.IsPrint` says no to, besides control characters: other spaces, marks of direction, private use.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{a0}' | '\u{ad}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{f0000}'..='\u{10ffff}')
}

fn quote_with(text: &str, prints: impl Fn(char) -> bool) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            _ if prints(letter) => out.push(letter),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            _ => {
                let code = u32::from(letter);
                let _ = match code {
                    0..=0x7f => write!(out, "\\x{code:02x}"),
                    0x80..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}
