//! sprig's functions of texts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::print::{plain as print, quoted};
use super::super::value::{Map, Of, Value};
use super::Type::{Any, Int, Text};
use super::{Function, Outcome, bounded, int, plain, text, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    plain("trim", &[Text], |given| Ok(Value::text(text(given, 0).trim()))),
    plain("trimAll", &[Text, Text], trim_all),
    plain("trimall", &[Text, Text], trim_all),
    plain("trimPrefix", &[Text, Text], |given| {
        let whole = text(given, 1);
        Ok(Value::text(whole.strip_prefix(&*text(given, 0)).unwrap_or(&whole)))
    }),
    plain("trimSuffix", &[Text, Text], |given| {
        let whole = text(given, 1);
        Ok(Value::text(whole.strip_suffix(&*text(given, 0)).unwrap_or(&whole)))
    }),
    plain("upper", &[Text], |given| Ok(Value::text(each(&text(given, 0), raised)))),
    plain("lower", &[Text], |given| Ok(Value::text(each(&text(given, 0), lowered)))),
    plain("title", &[Text], |given| Ok(Value::text(title(&text(given, 0))))),
    plain("untitle", &[Text], |given| {
        let mut begins = true;
        Ok(Value::text(each(&text(given, 0), |letter| {
            let was = std::mem::replace(&mut begins, letter.is_whitespace());
            if was { lowered(letter) } else { letter }
        })))
    }),
    plain("swapcase", &[Text], |given| {
        let mut white = true;
        Ok(Value::text(each(&text(given, 0), |letter| {
            let swapped = if letter.is_uppercase() {
                simple(letter, letter.to_lowercase())
            } else if letter.is_lowercase() {
                simple(letter, letter.to_uppercase())
            } else {
                letter
            };
            white = letter.is_whitespace();
            let _ = white;
            swapped
        })))
    }),
    plain("initials", &[Text], |given| {
        let mut begins = true;
        let letters = text(given, 0);
        let first = letters.chars().filter(|letter| {
            let space = letter.is_whitespace();
            std::mem::replace(&mut begins, space) && !space
        });
        Ok(Value::text(first.collect::<String>()))
    }),
    plain("nospace", &[Text], |given| {
        Ok(Value::text(text(given, 0).chars().filter(|letter| !letter.is_whitespace()).collect::<String>()))
    }),
    plain("repeat", &[Int, Text], |given| {
        let count = usize::try_from(int(given, 0)).map_err(|_| "a text cannot be repeated less than 0 times")?;
        bounded(text(given, 1).len().saturating_mul(count))?;
        Ok(Value::text(text(given, 1).repeat(count)))
    }),
    plain("substr", &[Int, Int, Text], substr),
    plain("trunc", &[Int, Text], trunc),
    plain("abbrev", &[Int, Text], |given| {
        let (whole, width) = (text(given, 1), int(given, 0));
        match usize::try_from(width) {
            Ok(width) if width >= 4 => abbreviated(&whole, 0, width),
            _ => Ok(Value::Text(whole)),
        }
    }),
    plain("abbrevboth", &[Int, Int, Text], |given| {
        let (left, width, whole) = (int(given, 0), int(given, 1), text(given, 2));
        if width < 4 || left > 0 && width < 7 {
            return Ok(Value::Text(whole));
        }
        let (left, width) = (usize::try_from(left).unwrap_or(0), usize::try_from(width).unwrap_or(usize::MAX));
        abbreviated(&whole, left, width)
    }),
    plain("contains", &[Text, Text], |given| Ok(Value::Bool(text(given, 1).contains(&*text(given, 0))))),
    plain("hasPrefix", &[Text, Text], |given| Ok(Value::Bool(text(given, 1).starts_with(&*text(given, 0))))),
    plain("hasSuffix", &[Text, Text], |given| Ok(Value::Bool(text(given, 1).ends_with(&*text(given, 0))))),
    plain("replace", &[Text, Text, Text], |given| {
        let (old, new, whole) = (text(given, 0), text(given, 1), text(given, 2));
        let times = if old.is_empty() { whole.len() + 1 } else { whole.len() / old.len() };
        bounded(whole.len().saturating_add(new.len().saturating_mul(times)))?;
        Ok(Value::text(whole.replace(&*old, &new)))
    }),
    variadic("quote", &[], Any, |given| {
        let quoted: Vec<_> = given.iter().filter(|value| !absent(value)).map(|value| quoted(&strval(value))).collect();
        Ok(Value::text(quoted.join(" ")))
    }),
    variadic("squote", &[], Any, |given| {
        let quoted: Vec<_> =
            given.iter().filter(|value| !absent(value)).map(|value| format!("'{}'", strval(value))).collect();
        Ok(Value::text(quoted.join(" ")))
    }),
    variadic("cat", &[], Any, |given| {
        let texts: Vec<_> = given.iter().filter(|value| !absent(value)).map(strval).collect();
        Ok(Value::text(texts.join(" ")))
    }),
    plain("indent", &[Int, Text], |given| indent(given, "")),
    plain("nindent", &[Int, Text], |given| indent(given, "\n")),
    plain("plural", &[Text, Text, Int], |given| Ok(Value::text(text(given, usize::from(int(given, 2) != 1))))),
    plain("toString", &[Any], |given| Ok(Value::text(strval(&given[0])))),
    plain("splitList", &[Text, Text], |given| Ok(Value::texts(pieces(&text(given, 0), &text(given, 1), None)))),
    plain("split", &[Text, Text], |given| Ok(numbered(pieces(&text(given, 0), &text(given, 1), None)))),
    plain("splitn", &[Text, Int, Text], |given| {
        let most = match int(given, 1) {
            0 => return Ok(numbered(Vec::new())),
            most => usize::try_from(most).ok(),
        };
        Ok(numbered(pieces(&text(given, 0), &text(given, 2), most)))
    }),
    plain("hello", &[], |_| Ok(Value::text("Hello!"))),
];

fn absent(value: &Value) -> bool {
    matches!(value, Value::Missing | Value::Nil)
}

/// sprig's `strval`: what a value is as a text.
pub(super) fn strval(value: &Value) -> String {
    let mut out = String::new();
    print(value, &mut out);
    out
}

/// sprig's `strslice`: a list of texts, without nothings.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::List(list) => list.items.iter().filter(|item| !absent(item)).map(strval).collect(),
        value if absent(value) => Vec::new(),
        value => vec![strval(value)],
    }
}

pub(super) fn lowered(letter: char) -> char {
    simple(letter, letter.to_lowercase())
}

pub(super) fn raised(letter: char) -> char {
    simple(letter, letter.to_uppercase())
}

/// Go changes a letter into one, where that is possible.
fn simple(letter: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

fn each(text: &str, change: impl FnMut(char) -> char) -> String {
    text.chars().map(change).collect()
}

/// Go's `strings.Title`: a letter begins a word unless a letter, a digit, `_` or `'` stands before it.
fn title(text: &str) -> String {
    let mut previous = ' ';
    each(text, |letter| {
        let begins = is_separator(std::mem::replace(&mut previous, letter));
        if begins { simple(letter, letter.to_uppercase()) } else { letter }
    })
}

fn is_separator(letter: char) -> bool {
    if letter.is_ascii() {
        return !(letter.is_ascii_alphanumeric() || letter == '_');
    }
    letter.is_whitespace()
}

fn trim_all(given: &[Value]) -> Outcome {
    let cut = text(given, 0);
    Ok(Value::text(text(given, 1).trim_matches(|letter| cut.contains(letter))))
}

/// Go counts bytes, and would cut a letter in two.
fn part(whole: &str, start: usize, end: usize) -> Outcome {
    match whole.get(start..end) {
        Some(part) => Ok(Value::text(part)),
        None if start <= end && end <= whole.len() => {
            Err(format!("bytes {start} to {end} begin or end within a character of more than one byte"))
        }
        None => Err(format!("bytes {start} to {end} are out of range: the text has {}", whole.len())),
    }
}

fn substr(given: &[Value]) -> Outcome {
    let whole = text(given, 2);
    let (start, end) = (usize::try_from(int(given, 0)), usize::try_from(int(given, 1)));
    match (start, end) {
        (Err(_), Ok(end)) => part(&whole, 0, end),
        (Err(_), Err(_)) => Err("neither the start nor the end may be left out".into()),
        (Ok(start), Ok(end)) if end <= whole.len() => part(&whole, start, end),
        (Ok(start), _) => part(&whole, start, whole.len()),
    }
}

fn trunc(given: &[Value]) -> Outcome {
    let whole = text(given, 1);
    let count = int(given, 0);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= whole.len() {
        return Ok(Value::Text(whole));
    }
    if count < 0 { part(&whole, whole.len() - size, whole.len()) } else { part(&whole, 0, size) }
}

fn indent(given: &[Value], before: &str) -> Outcome {
    let spaces = usize::try_from(int(given, 0)).map_err(|_| "a text cannot be indented by less than 0")?;
    let whole = text(given, 1);
    bounded(whole.len().saturating_add(spaces.saturating_mul(whole.matches('\n').count() + 1)))?;
    let pad = " ".repeat(spaces);
    Ok(Value::text(format!("{before}{pad}{}", whole.replace('\n', &format!("\n{pad}")))))
}

/// goutils' `AbbreviateFull` in `width` bytes, which are 4 at least: `...` where it was cut off.
fn abbreviated(whole: &str, left: usize, width: usize) -> Outcome {
    if whole.len() <= width {
        return Ok(Value::text(whole));
    }
    let kept = width - 3;
    let left = left.min(whole.len() - kept);
    let (start, end, before, behind) = if left <= 4 {
        (0, kept, "", "...")
    } else if left + kept < whole.len() {
        (left, left + kept.saturating_sub(3), "...", "...")
    } else {
        (whole.len() - kept, whole.len(), "...", "")
    };
    let Value::Text(middle) = part(whole, start, end)? else { return Ok(Value::text("")) };
    Ok(Value::text(format!("{before}{middle}{behind}")))
}

/// Go's `strings.SplitN`.
fn pieces(separator: &str, whole: &str, most: Option<usize>) -> Vec<String> {
    if separator.is_empty() {
        let letters: Vec<_> = whole.chars().collect();
        let most = most.unwrap_or(letters.len()).max(1);
        if letters.is_empty() {
            return Vec::new();
        }
        let cut = (most - 1).min(letters.len() - 1);
        let mut pieces: Vec<String> = letters[..cut].iter().map(ToString::to_string).collect();
        pieces.push(letters[cut..].iter().collect());
        return pieces;
    }
    match most {
        Some(most) => whole.splitn(most, separator).map(Into::into).collect(),
        None => whole.split(separator).map(Into::into).collect(),
    }
}

/// `_0`, `_1`, ...
fn numbered(pieces: Vec<String>) -> Value {
    let entries: BTreeMap<Rc<str>, Value> =
        pieces.into_iter().enumerate().map(|(index, piece)| (format!("_{index}").into(), Value::text(piece))).collect();
    Value::Map(Rc::new(Map { entries: RefCell::new(entries), of: Of::Text }))
}
