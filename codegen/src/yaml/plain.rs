//! What a plain scalar is: by the rules of yaml.v3, through which KrakenD reads YAML.
//!
//! They are those of YAML 1.2, and of 1.1 for numbers. Where the two differ, and where JSON has no such value, that is said.

/// What a plain scalar is.
#[derive(Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    /// As JSON writes it.
    Number(String),
    Text,
    /// A text that was a boolean in YAML 1.1.
    FormerBool(bool),
    /// A number with leading zeros: octal in YAML 1.1, decimal in 1.2.
    LeadingZero,
    /// `.inf` and `.nan`.
    NoNumber,
    Date,
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::FormerBool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::FormerBool(false),
        _ => match text.as_bytes()[0] {
            b'+' | b'-' | b'.' | b'0'..=b'9' => number(text),
            _ => Plain::Text,
        },
    }
}

fn number(text: &str) -> Plain {
    if is_date(text) {
        return Plain::Date;
    }
    let (sign, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::NoNumber;
    }
    let digits = unsigned.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
            return match u64::from_str_radix(digits, radix) {
                Ok(number) if plain && (sign.is_empty() || number <= 1 << 63) => {
                    Plain::Number(format!("{sign}{number}"))
                }
                _ => Plain::Text,
            };
        }
    }
    match decimal(&digits) {
        Some((whole, _, "")) if whole.len() > 1 && whole.starts_with('0') && !digits.contains('.') => {
            Plain::LeadingZero
        }
        Some((whole, fraction, exponent)) => {
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
            Plain::Number(format!("{sign}{whole}{fraction}{exponent}"))
        }
        None => Plain::Text,
    }
}

/// The whole, the digits behind the point, and the exponent with its letter, where `text` is a number.
fn decimal(text: &str) -> Option<(&str, &str, &str)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    if !exponent.is_empty() {
        let power = &exponent[1..];
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        if power.is_empty() || !digits(power) {
            return None;
        }
    }
    Some((whole, fraction, exponent))
}

/// A date, or a date and a time.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let mut part = |lengths: std::ops::RangeInclusive<usize>, values: std::ops::RangeInclusive<u32>| {
        let digits = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        digits.is_some_and(|digits| {
            lengths.contains(&digits.len()) && digits.parse().is_ok_and(|number| values.contains(&number))
        })
    };
    let is_date = part(4..=4, 0..=9999) && part(1..=2, 1..=12) && part(1..=2, 1..=31) && parts.next().is_none();
    is_date && time.is_none_or(|time| time.contains(':') && time.starts_with(|letter: char| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_yaml_v3_reads_them() {
        let number = |text: &str| Plain::Number(text.to_owned());
        for (text, expected) in [
            ("~", Plain::Null),
            ("NULL", Plain::Null),
            ("nULL", Plain::Text),
            ("True", Plain::Bool(true)),
            ("off", Plain::FormerBool(false)),
            ("On", Plain::FormerBool(true)),
            ("y", Plain::Text),
            ("8080", number("8080")),
            ("-1_000", number("-1000")),
            ("+5", number("5")),
            ("0x1F", number("31")),
            ("-0o17", number("-15")),
            ("0b11", number("3")),
            ("0xZZ", Plain::Text),
            ("0xffffffffffffffff", number("18446744073709551615")),
            ("-0x8000000000000000", number("-9223372036854775808")),
            ("-0xffffffffffffffff", Plain::Text),
            ("99999999999999999999", number("99999999999999999999")),
            ("0x+1", Plain::Text),
            (".5", number("0.5")),
            ("5.", number("5")),
            ("1e3", number("1e3")),
            ("00.5E-2", number("0.5E-2")),
            ("0", number("0")),
            ("0123", Plain::LeadingZero),
            ("08", Plain::LeadingZero),
            ("30s", Plain::Text),
            ("1.2.3", Plain::Text),
            ("127.0.0.1", Plain::Text),
            ("-", Plain::Text),
            (".", Plain::Text),
            ("-.inf", Plain::NoNumber),
            (".NaN", Plain::NoNumber),
            ("2024-01-31", Plain::Date),
            ("2024-1-3 10:00:00", Plain::Date),
            ("2024-01-31T10:00:00Z", Plain::Date),
            ("2024-13-01", Plain::Text),
            ("2024-01-31Tx", Plain::Text),
            ("12:30", Plain::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
