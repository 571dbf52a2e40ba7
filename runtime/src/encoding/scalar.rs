//! What YAML 1.2's core schema makes of a scalar without quotes.

use std::borrow::Cow;

/// Null, a truth value or a number as JSON writes it, its digits as they are. `None` for text.
pub(super) fn resolve(text: &str) -> Option<Cow<'static, str>> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => "null".into(),
        "true" | "True" | "TRUE" => "true".into(),
        "false" | "False" | "FALSE" => "false".into(),
        _ => number(text)?.into(),
    })
}

fn number(text: &str) -> Option<String> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => ("-", &text[1..]),
        [b'+', ..] => ("", &text[1..]),
        _ => ("", text),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
            let number = all_digits.then(|| u128::from_str_radix(digits, radix).ok()).flatten();
            return number.map(|number| number.to_string());
        }
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    if !exponent.is_empty() {
        let power = exponent[1..].strip_prefix(['-', '+']).unwrap_or(&exponent[1..]);
        if power.is_empty() || !all_digits(power) {
            return None;
        }
    }
    let trimmed = whole.trim_start_matches('0');
    let whole = if trimmed.is_empty() { "0" } else { trimmed };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, expected) in [
            ("1", "1"),
            ("-0", "-0"),
            ("+12", "12"),
            ("007", "7"),
            ("0.1000", "0.1000"),
            (".5", "0.5"),
            ("1.", "1"),
            ("-.5e-3", "-0.5e-3"),
            ("1E3", "1E3"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1e400", "1e400"),
        ] {
            assert_eq!(resolve(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_rest_is_text() {
        for text in [
            ".",
            "-",
            "+",
            "e3",
            "1e",
            "1_000",
            "0x",
            "0xG",
            "-0x1",
            "0o8",
            ".inf",
            ".nan",
            "1.2.3",
            "12:30",
            "yes",
            "2001-01-01",
            "١",
            "0x+1",
        ] {
            assert_eq!(resolve(text), None, "{text}");
        }
        assert_eq!(resolve("~").as_deref(), Some("null"));
        assert_eq!(resolve("TRUE").as_deref(), Some("true"));
    }
}
