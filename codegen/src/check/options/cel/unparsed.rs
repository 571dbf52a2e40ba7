//! What the parser of CEL says, in words of its reader.

use std::ops::Range;

use cel::parser::ParseErrors;

use super::MAX_DEPTH;
use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::tree::Node;

/// Reports what the parser says, in fewer words.
pub(super) fn unparsed(context: &Context<'_>, node: &Node, text: &str, errors: &ParseErrors) {
    let fault = errors.errors.first().map_or_else(
        || Fault { range: 0..text.len(), message: "it cannot be read".to_owned(), help: None },
        |error| Fault::of(text, error.pos, &error.msg),
    );
    let message = format!("the CEL expression does not parse: {}", fault.message);
    let error = Diagnostic::error("bad-cel", node.part(fault.range), message).label("not CEL");
    let help = fault.help.unwrap_or("an expression compares: `req_method == 'GET' && size(req_params.Id) > 3`");
    context.push(error.help(help));
}

struct Fault {
    range: Range<usize>,
    message: String,
    help: Option<&'static str>,
}

impl Fault {
    fn of(text: &str, (line, column): (isize, isize), message: &str) -> Self {
        let start = offset(text, line, column);
        if message.contains("Recursion limit") {
            let message = format!("it nests more than {MAX_DEPTH} deep");
            return Self { range: 0..text.len(), message, help: Some("split it into several expressions") };
        }
        let quoted = |prefix: &str| {
            let rest = &message[message.find(prefix)? + prefix.len()..];
            rest.strip_prefix('\'').map(|rest| rest.split("' expecting").next().unwrap_or(rest).trim_end_matches('\''))
        };
        if message.contains("'<EOF>' expecting") || message.contains("'<EOF>'") && !message.contains("expecting") {
            let whole = Self { range: 0..text.len(), message: "it ends too early".to_owned(), help: None };
            return Self {
                help: Some("something is opened and not closed, or an operator has no right side"),
                ..whole
            };
        }
        if let Some(token) = quoted("token recognition error at: ") {
            let sign = token.trim();
            let help = match sign {
                "=" => Some("compare with `==`"),
                "&" => Some("write `&&`"),
                "|" => Some("write `||`"),
                _ if sign.starts_with(['\'', '"']) => Some("close the string with the quote that opens it"),
                _ => None,
            };
            let end = start + token.len().min(text.len() - start);
            let end = if text.is_char_boundary(end) { end.max(start) } else { text.len() };
            let end = start + text[start..end].trim_end().len();
            return Self { range: start..end, message: format!("`{sign}` is no part of CEL"), help };
        }
        let token = quoted("input ").unwrap_or_default();
        let token = if token.is_empty() || !text[start..].starts_with(token) { word(&text[start..]) } else { token };
        let help = match token {
            "and" => Some("write `&&`"),
            "or" => Some("write `||`"),
            "not" => Some("write `!`"),
            _ => None,
        };
        let message = match token {
            "" => "it cannot be read".to_owned(),
            token => format!("`{token}` is not expected here"),
        };
        let end = start + token.len();
        Self { range: if start == end { 0..text.len() } else { start..end }, message, help }
    }
}

/// The byte of a line and a column, both from 1, in characters.
fn offset(text: &str, line: isize, column: isize) -> usize {
    let [line, column] = [line, column].map(|at| usize::try_from(at - 1).unwrap_or_default());
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text[start..].char_indices().nth(column).map_or(text.len(), |(offset, _)| start + offset)
}

/// What stands first: a word, or one sign.
pub(super) fn word(text: &str) -> &str {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    let sign = text.chars().next().map_or(0, char::len_utf8);
    &text[..end.max(sign)]
}
