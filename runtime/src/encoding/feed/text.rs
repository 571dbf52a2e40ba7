//! The text of an element, and the people named in it.

use serde_json::Value;

use super::person;
use crate::encoding::xml::Element;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// What stands in an element, markup inside included, with its entities resolved: HTML's too.
pub(super) fn text(element: &Element<'_>) -> String {
    of_markup(element.inner.trim())
}

/// CDATA as it is, and entities elsewhere resolved.
pub(super) fn of_markup(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once(CDATA) {
        let Some((inside, after)) = after.split_once(CDATA_END) else { break };
        resolve(before, &mut text);
        text.push_str(inside);
        rest = after;
    }
    resolve(rest, &mut text);
    text
}

fn resolve(markup: &str, text: &mut String) {
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        match after.split_once(';').and_then(|(name, after)| Some((character(name)?, after))) {
            Some((characters, after)) => {
                text.push_str(&characters);
                rest = after;
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    text.push_str(rest);
}

fn character(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else {
        return quick_xml::escape::resolve_html5_entity(name).map(str::to_owned);
    };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    number.ok().map(|number| char::from_u32(number).filter(|char| *char != '\0').unwrap_or('\u{FFFD}').to_string())
}

/// `ada@example.com (Ada)`, `Ada (ada@example.com)`, a name, or an address.
pub(super) fn named_person(text: &str) -> Value {
    let inside = text.strip_suffix(')').and_then(|text| text.split_once('('));
    let Some((outside, inside)) = inside.filter(|(outside, _)| outside.ends_with(char::is_whitespace)) else {
        return match text.matches('@').count() {
            _ if text.contains(['(', ')']) => person("", ""),
            0 => person(text, ""),
            1 => person("", text),
            _ => person("", ""),
        };
    };
    match (outside.trim_end(), inside) {
        (email, name) if email.contains('@') && !name.contains('@') => person(name, email),
        (name, email) if !name.contains('@') && email.contains('@') => person(name, email),
        _ => person("", ""),
    }
}
