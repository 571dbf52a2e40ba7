//! sprig's regular expressions. Their grammar is RE2's in Go and here, but for what is translated.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

use super::super::value::{List, Of, Value};
use super::Type::{Int, Text};
use super::{Function, Outcome, bounded, int, plain, text};

pub(super) const FUNCTIONS: &[Function] = &[
    plain("regexMatch", &[Text, Text], matches),
    plain("mustRegexMatch", &[Text, Text], matches),
    plain("regexFind", &[Text, Text], find),
    plain("mustRegexFind", &[Text, Text], find),
    plain("regexFindAll", &[Text, Text, Int], find_all),
    plain("mustRegexFindAll", &[Text, Text, Int], find_all),
    plain("regexReplaceAll", &[Text, Text, Text], replace),
    plain("mustRegexReplaceAll", &[Text, Text, Text], replace),
    plain("regexReplaceAllLiteral", &[Text, Text, Text], literal),
    plain("mustRegexReplaceAllLiteral", &[Text, Text, Text], literal),
    plain("regexSplit", &[Text, Text, Int], split),
    plain("mustRegexSplit", &[Text, Text, Int], split),
    plain("regexQuoteMeta", &[Text], |given| {
        let special = |letter: char| "\\.+*?()|[]{}^$".contains(letter);
        Ok(Value::text(text(given, 0).chars().fold(String::new(), |mut out, letter| {
            if special(letter) {
                out.push('\\');
            }
            out.push(letter);
            out
        })))
    }),
];

thread_local! {
    /// What a loop asks for in every turn is made once.
    static KNOWN: RefCell<HashMap<Rc<str>, Regex>> = RefCell::new(HashMap::new());
}

/// Patterns that are kept.
const MOST_KNOWN: usize = 64;

fn compiled(given: &[Value]) -> Result<Regex, String> {
    let pattern = text(given, 0);
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&pattern).cloned()) {
        return Ok(known);
    }
    let made = Regex::new(&translated(&pattern)).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        format!("`{pattern}` is not a regular expression: {}", last.trim_start_matches("error: "))
    })?;
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(pattern, made.clone());
    });
    Ok(made)
}

/// What the two grammars read in other ways, as Go reads it: its classes are those of ASCII, a class has neither classes nor
/// operators in it, and `{` is itself where it repeats nothing. `\B` alone stays that of all scripts.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        let mut length = letter.len_utf8();
        match letter {
            '\\' => {
                let escaped = behind.chars().next();
                length += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('d') => out.push_str("[0-9]"),
                    Some('D') => out.push_str("[^0-9]"),
                    Some('w') => out.push_str("[0-9A-Za-z_]"),
                    Some('W') => out.push_str("[^0-9A-Za-z_]"),
                    Some('s') => out.push_str("[\\t\\n\\x0c\\r ]"),
                    Some('S') => out.push_str("[^\\t\\n\\x0c\\r ]"),
                    Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                    Some('Q') if !in_class => {
                        let end = behind[1..].find("\\E").map_or(behind.len(), |end| end + 1);
                        out.push_str(&regex::escape(&behind[1..end]));
                        length = (1 + end + 2).min(rest.len());
                    }
                    Some('p' | 'P' | 'x') if behind[1..].starts_with('{') => {
                        length += behind[1..].find('}').map_or(1, |end| end + 1);
                        out.push_str(&rest[..length]);
                    }
                    _ => out.push_str(&rest[..length]),
                }
            }
            '[' if in_class => match behind.strip_prefix(':').and_then(|name| name.find(":]")) {
                Some(end) => {
                    length = 1 + 1 + end + 2;
                    out.push_str(&rest[..length]);
                }
                None => out.push_str("\\["),
            },
            '[' => {
                in_class = true;
                let negated = behind.strip_prefix('^');
                out.push_str(if negated.is_some() { "[^" } else { "[" });
                length += usize::from(negated.is_some());
                if negated.unwrap_or(behind).starts_with(']') {
                    out.push_str("\\]");
                    length += 1;
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(letter);
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            '{' if !in_class && !repeats(behind) => out.push_str("\\{"),
            _ => out.push(letter),
        }
        rest = &rest[length..];
    }
    out
}

/// Whether a `{` goes on as one that repeats: `3}`, `3,}` or `3,5}`.
fn repeats(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

fn matches(given: &[Value]) -> Outcome {
    Ok(Value::Bool(compiled(given)?.is_match(&text(given, 1))))
}

fn find(given: &[Value]) -> Outcome {
    Ok(Value::text(compiled(given)?.find(&text(given, 1)).map_or("", |found| found.as_str())))
}

fn replace(given: &[Value]) -> Outcome {
    fits(given)?;
    Ok(Value::text(compiled(given)?.replace_all(&text(given, 1), &*text(given, 2))))
}

/// Whether what replaces every match may come out.
fn fits(given: &[Value]) -> Result<(), String> {
    let (whole, with) = (text(given, 1), text(given, 2));
    let groups = with.matches('$').count().saturating_mul(whole.len());
    let most = |found: usize| whole.len().saturating_add(found.saturating_mul(with.len())).saturating_add(groups);
    if bounded(most(whole.len() + 1)).is_err() {
        bounded(most(compiled(given)?.find_iter(&whole).count()))?;
    }
    Ok(())
}

fn literal(given: &[Value]) -> Outcome {
    fits(given)?;
    let with = text(given, 2);
    Ok(Value::text(compiled(given)?.replace_all(&text(given, 1), regex::NoExpand(&with))))
}

/// At most so many; below 0 all.
fn most(given: &[Value]) -> usize {
    usize::try_from(int(given, 2)).unwrap_or(usize::MAX)
}

fn find_all(given: &[Value]) -> Outcome {
    let whole = text(given, 1);
    let found: Vec<_> =
        compiled(given)?.find_iter(&whole).take(most(given)).map(|found| Value::text(found.as_str())).collect();
    Ok(Value::List(List { nil: found.is_empty(), items: found, of: Of::Text }.into()))
}

fn split(given: &[Value]) -> Outcome {
    let (whole, most) = (text(given, 1), most(given));
    if most == 0 {
        return Ok(Value::List(List { nil: true, items: Vec::new(), of: Of::Text }.into()));
    }
    if whole.is_empty() && !text(given, 0).is_empty() {
        return Ok(Value::texts([""]));
    }
    let mut parts: Vec<String> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in compiled(given)?.find_iter(&whole).take(most) {
        if parts.len() + 1 == most {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(whole[start..end].into());
        }
        start = found.end();
    }
    if end != whole.len() {
        parts.push(whole[start..].into());
    }
    Ok(Value::texts(parts))
}
