//! sprig's regular expressions. Their grammar is RE2's in Go and here.

use regex::Regex;

use super::super::value::{List, Of, Value};
use super::Type::{Int, Text};
use super::{Function, Outcome, int, plain, text};

pub(super) const FUNCTIONS: &[Function] = &[
    plain("regexMatch", &[Text, Text], matches),
    plain("mustRegexMatch", &[Text, Text], matches),
    plain("regexFind", &[Text, Text], find),
    plain("mustRegexFind", &[Text, Text], find),
    plain("regexFindAll", &[Text, Text, Int], find_all),
    plain("mustRegexFindAll", &[Text, Text, Int], find_all),
    plain("regexReplaceAll", &[Text, Text, Text], |given| {
        Ok(Value::text(compiled(given)?.replace_all(&text(given, 1), &*text(given, 2))))
    }),
    plain("mustRegexReplaceAll", &[Text, Text, Text], |given| {
        Ok(Value::text(compiled(given)?.replace_all(&text(given, 1), &*text(given, 2))))
    }),
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

fn compiled(given: &[Value]) -> Result<Regex, String> {
    let pattern = text(given, 0);
    Regex::new(&pattern).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        format!("`{pattern}` is not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

fn matches(given: &[Value]) -> Outcome {
    Ok(Value::Bool(compiled(given)?.is_match(&text(given, 1))))
}

fn find(given: &[Value]) -> Outcome {
    Ok(Value::text(compiled(given)?.find(&text(given, 1)).map_or("", |found| found.as_str())))
}

fn literal(given: &[Value]) -> Outcome {
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
