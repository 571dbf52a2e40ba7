//! Values as Go's `encoding/json` writes them.

use std::fmt::Write as _;

use super::print::json_number;
use super::value::Value;

/// How JSON is written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// `<`, `>` and `&` as `\u003c`, which Go does unless told not to.
    pub(super) html: bool,
    /// Two spaces for each level.
    pub(super) pretty: bool,
}

pub(super) const COMPACT: Style = Style { html: true, pretty: false };
pub(super) const RAW: Style = Style { html: false, pretty: false };
pub(super) const PRETTY: Style = Style { html: true, pretty: true };

pub(super) fn to_json(value: &Value, style: Style) -> Result<String, String> {
    let mut out = String::new();
    write_value(value, style, 0, &mut out)?;
    Ok(out)
}

/// Deeper is probably a map that holds itself.
const MAX_DEPTH: usize = 200;

fn write_value(value: &Value, style: Style, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("it is too deep, or holds itself".into());
    }
    match value {
        Value::Missing | Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value, _) => {
            let _ = write!(out, "{value}");
        }
        Value::Float(value) if value.is_finite() => out.push_str(&json_number(*value)),
        Value::Float(_) => return Err("JSON has no such number".into()),
        Value::Text(text) => write_text(text, style, out),
        Value::List(list) if list.nil => out.push_str("null"),
        Value::List(list) => {
            let items: Vec<_> = list.items.iter().map(|item| (None, item)).collect();
            write_items(&items, ['[', ']'], style, depth, out)?;
        }
        Value::Map(map) => {
            let entries = map.entries.borrow();
            let items: Vec<_> = entries.iter().map(|(key, item)| (Some(&**key), item)).collect();
            write_items(&items, ['{', '}'], style, depth, out)?;
        }
    }
    Ok(())
}

fn write_items(
    items: &[(Option<&str>, &Value)],
    [open, close]: [char; 2],
    style: Style,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    let line = |depth: usize, out: &mut String| {
        if style.pretty {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    out.push(open);
    for (index, (key, item)) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(depth + 1, out);
        if let Some(key) = key {
            write_text(key, style, out);
            out.push_str(if style.pretty { ": " } else { ":" });
        }
        write_value(item, style, depth + 1, out)?;
    }
    if !items.is_empty() {
        line(depth, out);
    }
    out.push(close);
    Ok(())
}

fn write_text(text: &str, style: Style, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if style.html => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}
