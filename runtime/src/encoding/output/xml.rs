//! XML, as the Go package mxj writes its maps: elements and attributes sorted by name, no declaration, no white space.

use std::borrow::Cow;

use super::sorted;
use crate::shape::Tree;

/// The root where the object is not itself the root element.
const ROOT: &str = "doc";
/// The key of an element's own text.
const TEXT: &str = "#text";

/// Writes an object, or `null`.
///
/// An object with one member is that element, unless it is an array that holds more than objects; any other is `<doc>`.
/// Keys that begin with `-` are attributes, `#text` is text, the elements of an array repeat their key. Unlike mxj, this
/// writes names and characters that XML does not have as `_` and U+FFFD, so that what comes out is XML.
pub(super) fn write(value: &Tree<'_>) -> String {
    let mut output = String::new();
    match value {
        Tree::Object(members) => match members.as_slice() {
            [(name, value)] if can_be_root(value) => element(name, value, &mut output),
            _ => element(ROOT, value, &mut output),
        },
        _ => element(ROOT, &Tree::Object(Vec::new()), &mut output),
    }
    output
}

fn can_be_root(value: &Tree<'_>) -> bool {
    match value {
        Tree::List(list) => list.iter().all(|value| matches!(value, Tree::Object(_))),
        _ => true,
    }
}

fn element(key: &str, value: &Tree<'_>, output: &mut String) {
    if let Tree::List(list) = value
        && !list.is_empty()
    {
        return list.iter().for_each(|value| element(key, value, output));
    }
    output.push('<');
    let start = output.len();
    name(key, output);
    let end = output.len();
    let content = match value {
        Tree::Object(members) => object(members, output),
        Tree::List(_) => false,
        Tree::Leaf(text) if text == "null" || text == "\"\"" => false,
        scalar => {
            output.push('>');
            text(scalar, output);
            true
        }
    };
    if content {
        output.push_str("</");
        output.extend_from_within(start..end);
        output.push('>');
    } else {
        output.push_str("/>");
    }
}

/// Attributes and content. False when there are attributes only.
fn object(members: &[(Cow<'_, str>, Tree<'_>)], output: &mut String) -> bool {
    let members = sorted(members);
    let is_attribute = |key: &str, value: &Tree<'_>| key.len() > 1 && key.starts_with('-') && is_atom(value);
    let (attributes, content): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(key, value)| is_attribute(key, value));
    for (key, value) in attributes {
        output.push(' ');
        name(&key[1..], output);
        output.push_str("=\"");
        text(value, output);
        output.push('"');
    }
    if content.is_empty() {
        return false;
    }
    output.push('>');
    if let Some((_, own)) = content.iter().find(|(key, value)| *key == TEXT && is_text(value)) {
        text(own, output);
    }
    content
        .iter()
        .filter(|(key, value)| *key != TEXT || !is_text(value))
        .for_each(|(key, value)| element(key, value, output));
    true
}

/// What an attribute can hold.
fn is_atom(value: &Tree<'_>) -> bool {
    is_text(value) && !value.is_null()
}

fn is_text(value: &Tree<'_>) -> bool {
    matches!(value, Tree::Leaf(_))
}

fn text(value: &Tree<'_>, output: &mut String) {
    match (value.as_text(), value) {
        (Some(text), _) => text.chars().for_each(|character| match character {
            '&' => output.push_str("&amp;"),
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '"' => output.push_str("&quot;"),
            '\'' => output.push_str("&apos;"),
            '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                output.push('\u{FFFD}');
            }
            character => output.push(character),
        }),
        (None, Tree::Leaf(atom)) if atom != "null" => output.push_str(atom),
        _ => {}
    }
}

/// A key as a name, with one prefix at most.
fn name(key: &str, output: &mut String) {
    if !key.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        output.push('_');
    }
    let prefixed = key.matches(':').count() == 1 && !key.starts_with(':') && !key.ends_with(':');
    let belongs = |character: char| {
        character.is_alphanumeric() || matches!(character, '_' | '-' | '.') || prefixed && character == ':'
    };
    output.extend(key.chars().map(|character| if belongs(character) { character } else { '_' }));
}
