//! Configs as YAML and TOML, in several styles.

use serde_json::{Map, Value};

/// How a config is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// YAML by indentation; texts without quotes where that can be.
    Block,
    /// The same with single quotes, and keys in double ones.
    Quoted,
    /// The same with texts of several lines, `|-` and `>-`.
    Lines,
    /// YAML in brackets.
    Flow,
    /// TOML with a header for each table.
    Headers,
    /// TOML with tables and arrays in brackets, and texts in single quotes.
    Inline,
    /// TOML with dotted keys, and texts between three quotes.
    Dotted,
}

pub(crate) const YAML: [Style; 4] = [Style::Block, Style::Quoted, Style::Lines, Style::Flow];
pub(crate) const TOML: [Style; 3] = [Style::Headers, Style::Inline, Style::Dotted];

impl Style {
    /// The config, and the name that its file has. `None` where the format has no such value.
    pub(crate) fn write(self, config: &Value) -> Option<(&'static str, String)> {
        let mut out = String::new();
        if YAML.contains(&self) {
            match (self, config) {
                (Self::Flow, _) => flow(config, &mut out),
                (_, Value::Object(_) | Value::Array(_)) => block(config, 0, self, &mut out),
                _ => scalar(config, 0, self, &mut out),
            }
            out.push('\n');
            return Some(("gateway.yaml", out));
        }
        if has_null(config) {
            return None;
        }
        match self {
            Self::Inline => config.as_object()?.iter().for_each(|(name, value)| {
                out.push_str(&format!("{} = ", key(name)));
                inline(value, self, &mut out);
                out.push('\n');
            }),
            Self::Dotted => dotted(config.as_object()?, "", self, &mut out),
            _ => table(config.as_object()?, "", self, &mut out),
        }
        Some(("gateway.toml", out))
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn block(value: &Value, indent: usize, style: Style, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(&format!("\n{margin}"));
                }
                let quoted = style == Style::Quoted || !is_plain(name);
                out.push_str(&if quoted { Value::from(name.as_str()).to_string() } else { name.clone() });
                out.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push_str(&format!("\n{margin}  "));
                        block(value, indent + 2, style, out);
                    }
                    // A list stands as far to the left as its key, or further to the right.
                    Value::Array(inner) if !inner.is_empty() => {
                        let deep = if style == Style::Quoted { indent } else { indent + 2 };
                        out.push_str(&format!("\n{}", " ".repeat(deep)));
                        block(value, deep, style, out);
                    }
                    _ => {
                        out.push(' ');
                        scalar(value, indent, style, out);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(&format!("\n{margin}"));
                }
                out.push_str("- ");
                match item {
                    Value::Object(_) | Value::Array(_) => block(item, indent + 2, style, out),
                    _ => scalar(item, indent, style, out),
                }
            }
        }
        _ => scalar(value, indent, style, out),
    }
}

fn scalar(value: &Value, indent: usize, style: Style, out: &mut String) {
    let Value::String(text) = value else { return out.push_str(&value.to_string()) };
    let is_simple = |letter: char| {
        !letter.is_control() && letter != '\u{feff}' && !matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let margin = " ".repeat(indent + 4);
    match style {
        Style::Quoted if text.chars().all(is_simple) => out.push_str(&format!("'{}'", text.replace('\'', "''"))),
        Style::Lines
            if text.chars().all(|letter| is_simple(letter) || letter == '\n')
                && !text.is_empty()
                && !text.starts_with([' ', '\n'])
                && !text.ends_with(['\n', ' ']) =>
        {
            // Words are put into lines of their own where that changes nothing.
            let can_fold = text.contains(' ') && !text.contains("  ") && !text.contains('\n') && !text.contains('\t');
            let (header, lines) = if can_fold { (">-", text.replace(' ', "\n")) } else { ("|-", text.clone()) };
            let lines: Vec<_> = lines
                .split('\n')
                .map(|line| if line.is_empty() { String::new() } else { format!("{margin}{line}") })
                .collect();
            out.push_str(&format!("{header}\n{}", lines.join("\n")));
        }
        Style::Block if is_plain(text) => out.push_str(text),
        _ => out.push_str(&value.to_string()),
    }
}

fn flow(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push_str("{ ");
            for (name, value) in members {
                out.push_str(&if is_plain(name) { name.clone() } else { Value::from(name.as_str()).to_string() });
                out.push_str(": ");
                flow(value, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                flow(item, out);
            }
            out.push(']');
        }
        Value::String(text) if is_plain(text) => out.push_str(text),
        _ => out.push_str(&value.to_string()),
    }
}

/// Whether a text is one without quotes, even in brackets.
fn is_plain(text: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_' | '-' | '.' | '$');
    let words = ["true", "false", "null", "yes", "no", "on", "off"];
    text.starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '/' | '$' | '_'))
        && text.chars().all(letters)
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { basic(name) }
}

fn basic(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn is_list_of_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_object))
}

fn table(members: &Map<String, Value>, path: &str, style: Style, out: &mut String) {
    for (name, value) in members.iter().filter(|(_, value)| !value.is_object() && !is_list_of_tables(value)) {
        out.push_str(&format!("{} = ", key(name)));
        inline(value, style, out);
        out.push('\n');
    }
    for (name, value) in members {
        let path = if path.is_empty() { key(name) } else { format!("{path}.{}", key(name)) };
        match value {
            Value::Object(inner) => {
                out.push_str(&format!("\n[{path}]\n"));
                table(inner, &path, style, out);
            }
            Value::Array(items) if is_list_of_tables(value) => {
                for item in items {
                    out.push_str(&format!("\n[[{path}]]\n"));
                    table(item.as_object().expect("a table"), &path, style, out);
                }
            }
            _ => {}
        }
    }
}

fn dotted(members: &Map<String, Value>, path: &str, style: Style, out: &mut String) {
    for (name, value) in members {
        let path = if path.is_empty() { key(name) } else { format!("{path} . {}", key(name)) };
        match value {
            Value::Object(inner) if !inner.is_empty() => dotted(inner, &path, style, out),
            _ => {
                out.push_str(&format!("{path} = "));
                inline(value, style, out);
                out.push('\n');
            }
        }
    }
}

fn inline(value: &Value, style: Style, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                out.push_str(&format!("{} = ", key(name)));
                inline(value, style, out);
            }
            out.push_str(" }");
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                out.push_str("\n  ");
                inline(item, style, out);
                out.push(',');
            }
            out.push_str(" # that was the list\n]");
        }
        Value::String(text) => {
            let literal = !text.contains('\'') && !text.chars().any(|letter| letter.is_control() && letter != '\t');
            match style {
                Style::Inline if literal => out.push_str(&format!("'{text}'")),
                Style::Dotted => {
                    let inside = basic(text);
                    let inside = &inside[1..inside.len() - 1];
                    let inside = inside.replace("\\n", "\n").replace("\\\n", "\\\\n");
                    // White space behind the end of a line that goes on is none of the text's.
                    let spaced = ["/ ", "/\t", "/\n"].into_iter().any(|end| inside.contains(end));
                    let broken = match spaced || inside.contains('\\') {
                        true => inside,
                        false => inside.replacen('/', "/\\\n   ", 1),
                    };
                    out.push_str(&format!("\"\"\"\n{broken}\"\"\""));
                }
                _ => out.push_str(&basic(text)),
            }
        }
        Value::Number(number) => out.push_str(&number.to_string()),
        _ => out.push_str(&value.to_string()),
    }
}
