//! What SQS and SNS let an attribute's name, its value and a body be, and how go-cloud (KrakenD's library) writes them.

use std::borrow::Cow;
#[cfg(any(feature = "sns", feature = "sqs"))]
use std::fmt::Write as _;
#[cfg(any(feature = "sns", feature = "sqs"))]
use std::hash::{BuildHasher as _, RandomState};

use percent_encoding::percent_decode_str;

use crate::{Part, Parts};

/// The attribute that says that a body is base64, as go-cloud has it.
pub(crate) const BASE64_ENCODED: &str = "base64encoded";

/// The body is no envelope of SNS, whatever it looks like.
#[cfg_attr(not(any(feature = "sns", feature = "sqs")), allow(dead_code, reason = "for clients"))]
pub(crate) const PLAIN: &str = "Sqs-Plain";

/// How many attributes a message has at most.
pub(crate) const MAX_ATTRIBUTES: usize = 10;

const MAX_NAME_BYTES: usize = 256;

/// Checks the name of an attribute.
///
/// # Errors
/// The services do not take it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    const RULE: &str = "the name of an attribute has letters, digits, `_`, `-` and single `.` inside";
    if name.is_empty() {
        return Err("an attribute has a name".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!(
            "the name of an attribute has at most {MAX_NAME_BYTES} bytes, this one has {}",
            name.len()
        ));
    }
    if let Some(wrong) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
        return Err(format!("{wrong:?} is not allowed in {name:?}: {RULE}"));
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(format!("`.` is not allowed there in `{name}`: {RULE}"));
    }
    if starts_with(name, "AWS.") || starts_with(name, "Amazon.") {
        return Err(format!("`{name}` begins as names of AWS' own do"));
    }
    if name == BASE64_ENCODED {
        return Err(format!("`{BASE64_ENCODED}` says that a body is base64, and is set where it is"));
    }
    Ok(())
}

/// What is wrong with messages of these parts: those of FIFO queues and topics have a key, and only they have an id.
/// `what` is what they are sent to: `queue`.
pub(crate) fn check_parts(what: &str, fifo: bool, parts: &Parts) -> Vec<(Part, String)> {
    let mut wrong = Vec::new();
    if fifo && !parts.key {
        wrong.push((Part::Key, format!("a FIFO {what} takes no message without a key, its message group")));
    }
    if !fifo && parts.id {
        let message =
            format!("only a FIFO {what} deduplicates messages, and the name of this one does not end in `.fifo`");
        wrong.push((Part::Id, message));
    }
    if parts.attributes > MAX_ATTRIBUTES {
        let count = parts.attributes;
        wrong.push((
            Part::Attributes,
            format!("a message has at most {MAX_ATTRIBUTES} attributes, this one has {count}"),
        ));
    }
    wrong
}

/// Whether `name` begins with `start`, in any case.
pub(crate) fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// Whether the services take it as text: it has only characters that XML 1.0 has.
#[cfg_attr(not(any(feature = "sns", feature = "sqs")), allow(dead_code, reason = "for clients"))]
pub(crate) fn is_text(text: &str) -> bool {
    let is_wrong =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    !text.contains(is_wrong)
}

/// A text that is nowhere else.
#[cfg(any(feature = "sns", feature = "sqs"))]
pub(crate) fn unique() -> String {
    let mut text = String::with_capacity(32);
    for half in 0..2 {
        // Each has keys of its own, that are random in a process and count up in it.
        let _ = write!(text, "{:016x}", RandomState::new().hash_one((half, std::time::SystemTime::now())));
    }
    text
}

/// Whether somebody may take `body` for an envelope of SNS: go-cloud's reader of JSON does not tell cases apart.
#[cfg(any(feature = "sns", feature = "sqs"))]
pub(crate) fn may_be_envelope(body: &str) -> bool {
    const KEY: &str = "topicarn";
    // Whatever is written as an escape.
    let may_have = |body: &[u8]| body.windows(KEY.len()).any(|at| at.eq_ignore_ascii_case(KEY.as_bytes()));
    body.trim_start().starts_with('{')
        && (body.contains("\\u") || may_have(body.as_bytes()))
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(body)
            .is_ok_and(|object| object.keys().any(|key| key.eq_ignore_ascii_case(KEY)))
}

/// Whether a KrakenD wrote attributes of these names and values: its library escapes both. That is only believed where
/// all of them have that form, and one says so that has none of its own: a content type without a slash, or KrakenD's
/// user agent without spaces.
#[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "for whoever receives"))]
pub(crate) fn are_escaped<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> bool {
    let says_so = |(name, value): (&str, &str)| match name {
        "Content-Type" => value.contains("%2F"),
        "User-Agent" => value.starts_with("KrakenD%20Version%20"),
        _ => false,
    };
    attributes.clone().any(says_so) && attributes.clone().all(|(_, value)| has_escaped_form(value))
}

/// Whether `text` is what Go's `url.PathEscape` makes of some text.
#[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "for whoever receives"))]
fn has_escaped_form(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&byte);
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_right = match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => !is_kept(high << 4 | low),
                _ => false,
            },
            byte => is_kept(byte),
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// The value that was escaped.
#[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "for whoever receives"))]
pub(crate) fn unescape_value(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// The name that was escaped: `__0x2e__` stands for a full stop.
#[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "for whoever receives"))]
pub(crate) fn unescape_name(name: &str) -> Cow<'_, str> {
    const START: &str = "__0x";
    const END: &str = "__";
    if !name.contains(START) {
        return Cow::Borrowed(name);
    }
    let mut unescaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find(START) {
        let digits = &rest[at + START.len()..];
        let character = digits.split_once(END).and_then(|(digits, _)| {
            let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            Some((char::from_u32(code)?, digits.len()))
        });
        match character {
            Some((character, length)) => {
                unescaped.push_str(&rest[..at]);
                unescaped.push(character);
                rest = &digits[length + END.len()..];
            }
            None => {
                // Its first `_` may belong to an escape that begins one later.
                unescaped.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    unescaped.push_str(rest);
    Cow::Owned(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["X-Order-Id", "a.b_c-9", "x", "aws", "Amazonia.b", &"x".repeat(256)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in
            ["", ".a", "a.", "a..b", "with space", "n\u{e4}me", "aws.x", "AMAZON.x", BASE64_ENCODED, &"x".repeat(257)]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn texts() {
        for text in ["", "a\tb\r\nc", "\u{7f}\u{85}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}"] {
            assert!(is_text(text), "{text:?}");
        }
        for text in ["\0", "a\u{8}", "\u{b}", "\u{c}", "\u{e}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_text(text), "{text:?}");
        }
    }

    #[test]
    fn what_krakend_wrote() {
        let krakend = [("Content-Type", "application%2Fjson%3B%20charset=utf-8"), ("X__0x20__A", "caf%C3%A9")];
        assert!(are_escaped(krakend.into_iter()));
        assert_eq!(unescape_value(krakend[0].1), "application/json; charset=utf-8");
        assert_eq!(unescape_name(krakend[1].0), "X A");
        assert!(are_escaped([("User-Agent", "KrakenD%20Version%202.13")].into_iter()));
        for plain in [
            [("Content-Type", "application/json"), ("X", "100%25")],
            [("Content-Type", "application%2Fjson"), ("X", "a b")],
            [("Content-Type", "application%2Fjson"), ("X", "%2f")],
            [("Content-Type", "application%2Fjson"), ("X", "%41")],
            [("X", "caf%C3%A9"), ("Y", "a%20b")],
        ] {
            assert!(!are_escaped(plain.into_iter()), "{plain:?}");
        }
    }

    #[test]
    fn escaped_names() {
        for (escaped, name) in [
            ("plain", "plain"),
            ("__0x2e__a", ".a"),
            ("a__0x1f980__", "a\u{1f980}"),
            ("a__0x__b", "a__0x__b"),
            ("a__0x110000__b", "a__0x110000__b"),
            ("__0x", "__0x"),
            ("___0x20__", "_ "),
            ("__0x__0x20__", "__0x "),
            ("__0x+1__", "__0x+1__"),
        ] {
            assert_eq!(unescape_name(escaped), name, "{escaped}");
        }
    }
}
