//! Values as they are written in generated code.

use std::net::IpAddr;
use std::time::Duration;

use super::code::Code;
use crate::model::{Method, Names};

/// A whole number in groups of three digits.
pub(super) fn number(value: impl TryInto<u64>) -> Code {
    let digits = value.try_into().unwrap_or(u64::MAX).to_string();
    let mut word = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            word.push('_');
        }
        word.push(digit);
    }
    Code::word(word)
}

/// A string literal. What a person could not see in it is escaped.
pub(super) fn text(value: impl AsRef<str>) -> Code {
    Code::word(format!("{:?}", value.as_ref()))
}

/// Text for a comment. A new line would end it, and rustc refuses characters that change the direction of writing.
pub(super) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, letter| {
        if is_plain(letter) {
            plain.push(letter);
        } else {
            plain.extend(letter.escape_debug());
        }
        plain
    })
}

fn is_plain(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().len() == 1
}

/// In the largest unit that is exact.
pub(super) fn duration(value: Duration) -> Code {
    let nanos = value.as_nanos();
    let (unit, count) = if nanos.is_multiple_of(1_000_000_000) {
        ("secs", nanos / 1_000_000_000)
    } else if nanos.is_multiple_of(1_000_000) {
        ("millis", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        ("micros", nanos / 1_000)
    } else {
        ("nanos", nanos)
    };
    Code::call(format!("Duration::from_{unit}"), [number(count)])
}

/// JSON in a raw string, so that a person can read it. What could not be seen is escaped as JSON escapes it.
pub(super) fn json(json: &str) -> Code {
    let mut visible = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_plain(letter) {
            visible.push(letter);
        } else {
            let units =
                letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            visible.push_str(&units);
        }
    }
    let mut hashes = String::new();
    while visible.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    Code::word(format!("r{hashes}\"{visible}\"{hashes}"))
}

pub(super) fn address(ip: IpAddr) -> Code {
    match ip {
        IpAddr::V4(ip) => Code::call("ipv4", ip.octets().map(|octet| Code::word(octet.to_string()))),
        IpAddr::V6(ip) => {
            let segments: Vec<_> = ip.segments().iter().map(|segment| format!("{segment:#x}")).collect();
            Code::call("ipv6", [Code::word(format!("[{}]", segments.join(", ")))])
        }
    }
}

pub(super) fn method(method: Method) -> Code {
    Code::word(match method {
        Method::Get => "Get",
        Method::Post => "Post",
        Method::Put => "Put",
        Method::Patch => "Patch",
        Method::Delete => "Delete",
        Method::Head => "Head",
        Method::Options => "Options",
    })
}

pub(super) fn names(names: &Names) -> Code {
    match names {
        Names::All => Code::word("All"),
        Names::List(list) => Code::call("Only", [Code::texts(list)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Code {
        Code::word(text)
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, expected) in
            [(0, "0"), (999, "999"), (1_000, "1_000"), (65_536, "65_536"), (1_048_576, "1_048_576")]
        {
            assert_eq!(number(value), word(expected));
        }
    }

    #[test]
    fn durations_keep_their_unit() {
        for (value, unit, count) in [
            (Duration::ZERO, "secs", "0"),
            (Duration::from_secs(3), "secs", "3"),
            (Duration::from_millis(2_500), "millis", "2_500"),
            (Duration::from_micros(1), "micros", "1"),
            (Duration::from_nanos(1_001), "nanos", "1_001"),
        ] {
            assert_eq!(duration(value), Code::call(format!("Duration::from_{unit}"), [word(count)]));
        }
    }

    #[test]
    fn json_is_raw() {
        for (value, expected) in [
            (r#"{"a":1}"#, r##"r#"{"a":1}"#"##),
            (r##"{"a":"#"}"##, r###"r##"{"a":"#"}"##"###),
            ("1", "r\"1\""),
            (r#"{"é":"\n"}"#, r##"r#"{"é":"\n"}"#"##),
            ("\"\u{202e}\u{e0001}\"", r##"r#""\u202e\udb40\udc01""#"##),
        ] {
            assert_eq!(json(value), word(expected));
        }
    }

    #[test]
    fn text_is_escaped_where_it_must_be() {
        for (value, expected) in [("a\"b", r#""a\"b""#), ("é", "\"é\""), ("\n\u{200b}", r#""\n\u{200b}""#)] {
            assert_eq!(text(value), word(expected));
        }
        assert_eq!(plain("it's \"é\" \\\t\u{2066}"), "it's \"é\" \\\\t\\u{2066}");
    }

    #[test]
    fn addresses_are_calls() {
        let printed = |ip: &str| address(ip.parse().expect("an address"));
        assert_eq!(printed("10.0.0.1"), Code::call("ipv4", ["10", "0", "0", "1"].map(word)));
        assert_eq!(printed("fd00::1"), Code::call("ipv6", [word("[0xfd00, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1]")]));
    }
}
