//! One value out of a JSON text, and how it reads where there is no JSON around it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::scan::{Scanner, Separator};
use super::text::decode;

/// The text of the value that `path` leads to in `text`, which is JSON. Only objects are looked into; of duplicate keys
/// the last counts.
pub(crate) fn pick<'a>(text: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    path.iter().try_fold(text, |text, name| member(text, name))
}

fn member<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    members(text, |key, value| {
        if *key == *name.as_bytes() {
            found = Some(value);
        }
    })?;
    found
}

/// The members of an object, in order. `None` for anything else.
fn members<'a>(text: &'a [u8], mut each: impl FnMut(Cow<'a, [u8]>, &'a [u8])) -> Option<()> {
    let mut scanner = Scanner::new(text);
    if scanner.peek() != b'{' {
        return None;
    }
    if !scanner.open_object().ok()? {
        return Some(());
    }
    loop {
        let key = scanner.key().ok()?;
        let start = scanner.pos();
        scanner.value().ok()?;
        each(decode(&text[key.start..key.end]), &text[start..scanner.pos()]);
        match scanner.separator().ok()? {
            Separator::Brace => return Some(()),
            Separator::Comma => scanner.space(),
        }
    }
}

/// The items of an array.
fn items(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = text.strip_prefix(b"[")?.trim_ascii_start();
    let mut items = Vec::new();
    while !rest.starts_with(b"]") {
        let mut scanner = Scanner::new(rest);
        let start = scanner.pos();
        scanner.value().ok()?;
        items.push(&rest[start..scanner.pos()]);
        rest = rest[scanner.pos()..].trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    }
    Some(items)
}

/// How deep a value may be nested that is put in as text.
const MAX_DEPTH: u8 = 100;

/// What lura puts in for `json`, a checked value without space around it (trap 37): strings without quotes, numbers as
/// they came, the items of an array joined with commas. An object reads as Go prints one, `map[a:1 b:<nil>]`, and `null`
/// is `<nil>`.
///
/// `None` for more than a hundred levels of nesting.
pub(crate) fn plain(json: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match json {
        [b'[', ..] => joined(items(json)?, b',', &mut text, MAX_DEPTH)?,
        json => print(json, &mut text, MAX_DEPTH)?,
    }
    Some(text)
}

/// Go's `%v`.
fn print(json: &[u8], text: &mut Vec<u8>, depth: u8) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match json {
        [b'"', inside @ .., b'"'] => text.extend_from_slice(&decode(inside)),
        [b'[', ..] => {
            text.push(b'[');
            joined(items(json)?, b' ', text, depth)?;
            text.push(b']');
        }
        [b'{', ..] => {
            // Sorted, and the last of duplicate keys.
            let mut sorted = BTreeMap::new();
            members(json, |key, value| {
                sorted.insert(key, value);
            })?;
            text.extend_from_slice(b"map[");
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(b' ');
                }
                text.extend_from_slice(&key);
                text.push(b':');
                print(value, text, depth)?;
            }
            text.push(b']');
        }
        b"null" => text.extend_from_slice(b"<nil>"),
        scalar => text.extend_from_slice(scalar),
    }
    Some(())
}

fn joined(items: Vec<&[u8]>, separator: u8, text: &mut Vec<u8>, depth: u8) -> Option<()> {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        print(item, text, depth)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_looked_into() {
        let text = br#" {"a": {"b": [1, {"c": 2}], "\u0063": "x"}, "d": 1, "d": null, "e": {}} "#;
        for (path, expected) in [
            (&["a", "c"][..], Some("\"x\"")),
            (&["a", "b"], Some(r#"[1, {"c": 2}]"#)),
            (&["a", "b", "c"], None),
            (&["d"], Some("null")),
            (&["d", "x"], None),
            (&["e", "x"], None),
            (&["x"], None),
            (&["e"], Some("{}")),
        ] {
            assert_eq!(pick(text, path), expected.map(str::as_bytes), "{path:?}");
        }
        assert_eq!(pick(b"null", &["a"]), None);
        assert_eq!(pick(b"{}", &[]), Some(&b"{}"[..]));
    }

    #[test]
    fn values_read_as_lura_puts_them_in() {
        for (json, expected) in [
            (r#""a b\n\u00e9""#, "a b\n\u{e9}"),
            ("12.50", "12.50"),
            ("1E3", "1E3"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("true", "true"),
            ("null", "<nil>"),
            ("[]", ""),
            (r#"[1,"a",null,1E3,[2,3],{"k":0.10}]"#, "1,a,<nil>,1E3,[2 3],map[k:0.10]"),
            ("[ [ ] , { } ]", "[],map[]"),
            (r#"{"b":[1, 2], "a": {"z":"x","y":false,"\u007a":"w"}}"#, "map[a:map[y:false z:w] b:[1 2]]"),
        ] {
            assert_eq!(plain(json.as_bytes()).as_deref(), Some(expected.as_bytes()), "{json}");
        }
        let deep = |levels| ["[".repeat(levels), "]".repeat(levels)].concat();
        assert!(plain(deep(90).as_bytes()).is_some() && plain(deep(5_000).as_bytes()).is_none());
    }
}
