//! sprig's functions that take a text apart into words. Their rules are those of Go's xstrings and goutils.

use super::super::value::Value;
use super::Type::{Int, Text};
use super::{Function, bounded, int, plain, text};

pub(super) const FUNCTIONS: &[Function] = &[
    plain("snakecase", &[Text], |given| Ok(Value::text(joined(&text(given, 0), '_')))),
    plain("kebabcase", &[Text], |given| Ok(Value::text(joined(&text(given, 0), '-')))),
    plain("camelcase", &[Text], |given| Ok(Value::text(camel(&text(given, 0))))),
    plain("wrap", &[Int, Text], |given| wrap(&text(given, 1), int(given, 0), "\n", false).map(Value::text)),
    plain("wrapWith", &[Int, Text, Text], |given| {
        let line = text(given, 1);
        let line = if line.is_empty() { "\n" } else { &*line };
        wrap(&text(given, 2), int(given, 0), line, true).map(Value::text)
    }),
];

/// What a word is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    End,
    Number,
    /// Begins with a capital.
    Capital,
    Letters,
    /// `-`, `_` and spaces.
    Connector,
    Mark,
    Other,
}

fn is_connector(letter: char) -> bool {
    matches!(letter, '-' | '_') || letter.is_whitespace()
}

fn is_mark(letter: char) -> bool {
    letter.is_ascii_punctuation() && !"$+<=>^`|~".contains(letter)
}

/// Letters of a script that has capitals.
fn is_small(letter: char) -> bool {
    letter.is_alphabetic() && !letter.is_uppercase()
}

/// The first word of `text`, and what follows.
fn word(text: &str) -> (Kind, &str, &str) {
    let Some(first) = text.chars().next() else { return (Kind::End, "", "") };
    let while_is = |is: &dyn Fn(char) -> bool| text.len() - text.trim_start_matches(is).len();
    let (kind, length) = if is_connector(first) {
        (Kind::Connector, while_is(&is_connector))
    } else if is_mark(first) {
        (Kind::Mark, while_is(&is_mark))
    } else if first.is_uppercase() {
        (Kind::Capital, capital(text))
    } else if is_small(first) {
        (Kind::Letters, while_is(&is_small))
    } else if first.is_numeric() {
        (Kind::Number, while_is(&char::is_numeric))
    } else {
        let other =
            |letter: char| !is_connector(letter) && !is_mark(letter) && !letter.is_alphabetic() && !letter.is_numeric();
        (Kind::Other, while_is(&other))
    };
    (kind, &text[..length], &text[length..])
}

/// The length of a word that begins with a capital: `Status`, or of `HTTPStatus` the first four.
fn capital(text: &str) -> usize {
    let capitals = text.len() - text.trim_start_matches(char::is_uppercase).len();
    let behind = &text[capitals..];
    let small = behind.len() - behind.trim_start_matches(is_small).len();
    let last = text[..capitals].chars().next_back().map_or(0, char::len_utf8);
    match (capitals == last, small) {
        (true, small) => capitals + small,
        (false, 0) => capitals,
        (false, _) => capitals - last,
    }
}

fn lower(kind: Kind, word: &str, connector: char, out: &mut String) {
    if !matches!(kind, Kind::Capital | Kind::Connector) {
        return out.push_str(word);
    }
    out.extend(word.chars().map(|letter| if is_connector(letter) { connector } else { super::text::lowered(letter) }));
}

/// `FirstName` as `first_name`.
fn joined(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut kind, mut part, mut rest) = word(text);
    while !rest.is_empty() {
        if kind != Kind::Connector {
            lower(kind, part, connector, &mut out);
        }
        let (before, last) = (kind, part);
        (kind, part, rest) = word(rest);
        match before {
            Kind::Number => {
                while matches!(kind, Kind::Letters | Kind::Number) {
                    lower(kind, part, connector, &mut out);
                    (kind, part, rest) = word(rest);
                }
                if !matches!(kind, Kind::End | Kind::Mark | Kind::Connector) {
                    out.push(connector);
                }
            }
            Kind::Connector => lower(before, last, connector, &mut out),
            Kind::Mark => {}
            _ if kind != Kind::Number => {
                if !matches!(kind, Kind::Connector | Kind::Mark) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = part;
                (kind, part, rest) = word(rest);
                if kind != Kind::Letters {
                    // `Bld4Floor`: the number belongs to what stands before it.
                    lower(Kind::Number, number, connector, &mut out);
                    if !matches!(kind, Kind::Connector | Kind::Mark) {
                        out.push(connector);
                    }
                    continue;
                }
                // `HTTP20xOK`: it belongs to what follows.
                out.push(connector);
                lower(Kind::Number, number, connector, &mut out);
                while matches!(kind, Kind::Letters | Kind::Number) {
                    lower(kind, part, connector, &mut out);
                    (kind, part, rest) = word(rest);
                }
                if !matches!(kind, Kind::End | Kind::Connector | Kind::Mark) {
                    out.push(connector);
                }
            }
        }
    }
    lower(kind, part, connector, &mut out);
    out
}

/// `some_words` as `SomeWords`: one connector between two words goes away.
fn camel(text: &str) -> String {
    let body = text.trim_start_matches(is_connector);
    let mut out = text[..text.len() - body.len()].to_owned();
    let mut letters = body.chars();
    let Some(first) = letters.next() else { return out };
    let mut before = super::text::raised(first);
    for letter in letters {
        match (is_connector(letter), is_connector(before)) {
            (true, true) | (true, false) => out.push(before),
            (false, true) => {
                before = super::text::raised(letter);
                continue;
            }
            (false, false) => out.push(before),
        }
        before = letter;
    }
    out.push(before);
    out
}

/// Lines of so many bytes, broken at spaces; with `all` also words that are longer.
fn wrap(text: &str, width: i64, line: &str, all: bool) -> Result<String, String> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    bounded(text.len().saturating_mul(line.len() + 1))?;
    let cut = |start: usize, end: usize| {
        text.get(start..end).ok_or_else(|| format!("a line would end within the character at byte {end}"))
    };
    let mut out = String::new();
    let mut at = 0;
    while text.len() - at > width {
        if text.as_bytes()[at] == b' ' {
            at += 1;
            continue;
        }
        let space = text.as_bytes()[at..=at + width].iter().rposition(|byte| *byte == b' ').map(|found| at + found);
        let (end, next) = match space {
            Some(space) => (space, space + 1),
            None if all => (at + width, at + width),
            None => match text.as_bytes()[at + width..].iter().position(|byte| *byte == b' ') {
                Some(found) => (at + width + found, at + width + found + 1),
                None => break,
            },
        };
        out.push_str(cut(at, end)?);
        out.push_str(line);
        at = next;
    }
    out.push_str(cut(at, text.len())?);
    Ok(out)
}
