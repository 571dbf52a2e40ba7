//! YAML, as the Go package goccy/go-yaml writes maps: sorted, two spaces, sequences not indented.

use std::borrow::Cow;

use super::sorted;
use crate::encoding::scalar::resolve;
use crate::shape::Tree;

/// Words that YAML 1.1 reads as a truth value.
const YAML_1_1: [&str; 16] =
    ["y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"];

/// Writes an object, or `null`, which is `{}`.
///
/// Numbers are strings, as KrakenD has them (trap 55): their digits reach the client as the backend wrote them. A string
/// is quoted where go-yaml quotes it, and where another reader would take it for something else.
pub(super) fn write(value: &Tree<'_>) -> String {
    let mut output = String::new();
    match value {
        Tree::Object(members) if !members.is_empty() => mapping(members, 0, &mut output),
        _ => output.push_str("{}\n"),
    }
    output
}

/// The members, each on a line of its own; the first one goes where the output is.
fn mapping(members: &[(Cow<'_, str>, Tree<'_>)], indent: usize, output: &mut String) {
    for (index, (key, value)) in sorted(members).into_iter().enumerate() {
        if index > 0 {
            spaces(indent, output);
        }
        word(key, output);
        output.push(':');
        match value {
            Tree::Object(members) if !members.is_empty() => {
                output.push('\n');
                spaces(indent + 2, output);
                mapping(members, indent + 2, output);
            }
            Tree::List(list) if !list.is_empty() => {
                output.push('\n');
                spaces(indent, output);
                sequence(list, indent, output);
            }
            value => {
                output.push(' ');
                atom(value, indent + 2, true, output);
            }
        }
    }
}

fn sequence(list: &[Tree<'_>], indent: usize, output: &mut String) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            spaces(indent, output);
        }
        output.push_str("- ");
        match value {
            Tree::Object(members) if !members.is_empty() => mapping(members, indent + 2, output),
            Tree::List(list) if !list.is_empty() => sequence(list, indent + 2, output),
            value => atom(value, indent + 2, false, output),
        }
    }
}

/// A value on the rest of the line, or on lines below with this indentation, empty ones too where they are padded.
fn atom(value: &Tree<'_>, indent: usize, padded: bool, output: &mut String) {
    match (value.as_text(), value) {
        (Some(text), _) if is_block(&text) => {
            output.push_str(if text.ends_with('\n') { "|" } else { "|-" });
            for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
                output.push('\n');
                if padded || !line.is_empty() {
                    spaces(indent, output);
                }
                output.push_str(line);
            }
        }
        (Some(text), _) => word(&text, output),
        (None, Tree::Leaf(text)) if is_number_to_go(text) => quoted(text, output),
        (None, Tree::Leaf(text)) => output.push_str(text),
        (None, Tree::List(_)) => output.push_str("[]"),
        (None, Tree::Object(_)) => output.push_str("{}"),
    }
    output.push('\n');
}

/// go-yaml takes a number with an exponent and no point for a word that needs no quotes.
fn is_number_to_go(text: &str) -> bool {
    let number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    number && (text.contains('.') || !text.contains(['e', 'E']))
}

fn word(text: &str, output: &mut String) {
    if is_plain(text) { output.push_str(text) } else { quoted(text, output) }
}

fn spaces(count: usize, output: &mut String) {
    output.extend(std::iter::repeat_n(' ', count));
}

/// Whether the text can be a block of lines.
fn is_block(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    text.contains('\n')
        && !text.ends_with("\n\n")
        && !first.is_empty()
        && !first.starts_with([' ', '\t'])
        && is_unquoted(text, |character| character == '\n' || is_printed(character))
}

/// Whether the text can stand as it is, on one line, and is read as text.
fn is_plain(text: &str) -> bool {
    resolve(text).is_none() && !YAML_1_1.contains(&text) && is_unquoted(text, is_printed)
}

fn is_unquoted(text: &str, is_allowed: impl Fn(char) -> bool) -> bool {
    const FIRST: [char; 17] = ['*', '&', '[', '{', '}', ']', ',', '!', '|', '>', '%', '\'', '"', '@', ' ', '\t', '`'];
    let lookalike = ["<<", "---", "...", "-", "?"].contains(&text) || is_number_of_another(text) || is_time(text);
    !lookalike
        && !text.starts_with(FIRST)
        && !text.starts_with("? ")
        && !text.starts_with("?\t")
        && !text.contains(":\t")
        && !text.contains("-\t")
        && !text.ends_with([':', ' ', '\t'])
        && !text.contains(['#', '\\'])
        && !text.contains(": ")
        && !text.contains("- ")
        && text.chars().all(is_allowed)
}

/// A number to readers of YAML 1.1 or of Go: `1_000`, `0b11`, `.inf`.
fn is_number_of_another(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let special = matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan");
    special || digits.starts_with(|first: char| first.is_ascii_digit()) && resolve_go(digits)
}

fn resolve_go(digits: &str) -> bool {
    let digits = digits.replace('_', "");
    match digits.strip_prefix("0b") {
        Some(bits) => !bits.is_empty() && bits.bytes().all(|bit| matches!(bit, b'0' | b'1')),
        None => resolve(&digits).is_some(),
    }
}

/// `2001-01-01`, with or without a time, or `12:30`.
fn is_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    shape.starts_with("0000-00-00") || matches!(shape.as_str(), "0:0" | "00:0" | "0:00" | "00:00")
}

fn is_printed(character: char) -> bool {
    character == '\t'
        || !character.is_control() && !matches!(character, '\u{A0}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// In double quotes, with the escapes that Go and YAML share.
fn quoted(text: &str, output: &mut String) {
    output.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => output.extend(['\\', character]),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\0'..='\u{1F}' | '\u{7F}' => output.push_str(&format!("\\x{:02x}", character as u32)),
            character if !is_printed(character) => output.push_str(&format!("\\u{:04x}", character as u32)),
            character => output.push(character),
        }
    }
    output.push('"');
}
