//! A tree as JSON text.

use super::{Node, Value, quote};

/// A step of an indented document.
const STEP: usize = 2;

impl Node {
    /// The value as compact JSON: members in their order (of a key given twice, the last), numbers as they are written.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        write(self, None, &mut out);
        out
    }

    /// The same for people, a member a line.
    pub(crate) fn to_document(&self) -> String {
        let mut out = String::new();
        write(self, Some(0), &mut out);
        out.push('\n');
        out
    }
}

/// Writes `node` behind `indent` spaces; on one line without.
fn write(node: &Node, indent: Option<usize>, out: &mut String) {
    match &node.value {
        Value::Null | Value::Unreadable => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number),
        Value::String(text) => out.push_str(&quote(&text.value)),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, indent, out);
                write(item, indent.map(|indent| indent + STEP), out);
            }
            close(items.is_empty(), indent, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                separate(index, indent, out);
                out.push_str(&quote(&member.key));
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(&member.value, indent.map(|indent| indent + STEP), out);
            }
            close(members.is_empty(), indent, out);
            out.push('}');
        }
    }
}

fn separate(index: usize, indent: Option<usize>, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    if let Some(indent) = indent {
        line(indent + STEP, out);
    }
}

fn close(is_empty: bool, indent: Option<usize>, out: &mut String) {
    if let (Some(indent), false) = (indent, is_empty) {
        line(indent, out);
    }
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}
