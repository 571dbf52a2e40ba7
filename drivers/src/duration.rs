use std::fmt;
use std::time::Duration;

/// The longest duration: Go keeps one as nanoseconds in an `i64`, about 292 years.
const MAX_NANOSECONDS: u128 = i64::MAX as u128;

/// Reads a duration as Go's `time.ParseDuration` does: `250ms`, `2s`, `1m30s`, `1.5h`, `0`.
///
/// Units are `ns`, `us` (also `µs`), `ms`, `s`, `m` and `h`. What is finer than a nanosecond is cut off.
///
/// # Errors
/// The text is no duration, has no unit, is negative, or is over Go's limit of about 292 years.
///
/// ```
/// use std::time::Duration;
/// use sluicegate_drivers::{DurationError, parse_duration};
///
/// assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(parse_duration("90"), Err(DurationError::MissingUnit));
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if unsigned.is_empty() {
        return Err(DurationError::Malformed);
    }
    // Go takes a bare zero, and no other number, without a unit.
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (nanoseconds, after) = term(rest)?;
        total += nanoseconds;
        if total > MAX_NANOSECONDS {
            return Err(DurationError::TooLong);
        }
        rest = after;
    }
    if negative && total > 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(total).map(Duration::from_nanos).map_err(|_| DurationError::TooLong)
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// There is no text.
    Empty,
    /// A number without a unit.
    MissingUnit,
    /// A unit that Go does not know.
    UnknownUnit(String),
    /// Neither numbers nor units.
    Malformed,
    /// Less than zero.
    Negative,
    /// Over about 292 years.
    TooLong,
}

/// The nanoseconds of the number and unit that `text` begins with, and what follows them.
fn term(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Malformed);
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let unit: u128 = match unit {
        "ns" => 1,
        // U+00B5, the micro sign, and U+03BC, the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err(DurationError::MissingUnit),
        unknown => return Err(DurationError::UnknownUnit(unknown.to_owned())),
    };
    let whole: u128 = match whole.trim_start_matches('0') {
        "" => 0,
        significant => significant.parse().map_err(|_| DurationError::TooLong)?,
    };
    let nanoseconds = whole.checked_mul(unit).filter(|n| *n <= MAX_NANOSECONDS).ok_or(DurationError::TooLong)?;
    Ok((nanoseconds + fraction_of(unit, fraction), rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `unit` times the decimal fraction `digits`, rounded down.
fn fraction_of(unit: u128, digits: &str) -> u128 {
    // Go stops where its integer is full as well: a digit after the 20th is worth less than a
    // ten-millionth of a nanosecond, even of an hour.
    let mut numerator: u128 = 0;
    let mut denominator: u128 = 1;
    for digit in digits.bytes().take(20) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    numerator * unit / denominator
}

// === impl DurationError ===

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the duration is empty"),
            Self::MissingUnit => f.write_str("the duration has no unit"),
            Self::UnknownUnit(unit) => write!(f, "`{unit}` is not a unit of time"),
            Self::Malformed => f.write_str("this is not a duration"),
            Self::Negative => f.write_str("the duration is negative"),
            Self::TooLong => f.write_str("the duration is too long"),
        }
    }
}

impl std::error::Error for DurationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("-0s", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.0s", 1_000_000_000),
            ("1.004s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("13ms", 13_000_000),
            ("14s", 14_000_000_000),
            ("15m", 900_000_000_000),
            ("16h", 57_600_000_000_000),
            ("3h30m", 12_600_000_000_000),
            ("10.5s4m", 250_500_000_000),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("0.3333333333333333333h", 1_199_999_999_999),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
            ("9223372036854775.807us", 9_223_372_036_854_775_807),
            ("00000000000000000000000000000000000000000000001s", 1_000_000_000),
            ("0.9999999999999999999999999999999ns", 0),
            ("0.100000000000000000000h", 360_000_000_000),
            ("1.5ns", 1),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn no_durations() {
        for (text, error, message) in [
            ("", DurationError::Empty, "the duration is empty"),
            ("3", DurationError::MissingUnit, "the duration has no unit"),
            ("00", DurationError::MissingUnit, "the duration has no unit"),
            ("1.5", DurationError::MissingUnit, "the duration has no unit"),
            ("1s5", DurationError::MissingUnit, "the duration has no unit"),
            ("1d", DurationError::UnknownUnit("d".into()), "`d` is not a unit of time"),
            ("1S", DurationError::UnknownUnit("S".into()), "`S` is not a unit of time"),
            ("1 s", DurationError::UnknownUnit(" s".into()), "` s` is not a unit of time"),
            ("1é2s", DurationError::UnknownUnit("é".into()), "`é` is not a unit of time"),
            ("-", DurationError::Malformed, "this is not a duration"),
            ("s", DurationError::Malformed, "this is not a duration"),
            (".", DurationError::Malformed, "this is not a duration"),
            (".s", DurationError::Malformed, "this is not a duration"),
            ("+-1s", DurationError::Malformed, "this is not a duration"),
            ("-1s", DurationError::Negative, "the duration is negative"),
            ("-.5s", DurationError::Negative, "the duration is negative"),
            ("9223372036854775808ns", DurationError::TooLong, "the duration is too long"),
            ("9223372036854775.808us", DurationError::TooLong, "the duration is too long"),
            ("2562048h", DurationError::TooLong, "the duration is too long"),
            ("99999999999999999999999999999999999999999h", DurationError::TooLong, "the duration is too long"),
            ("340282366920938463463374607431768211455h", DurationError::TooLong, "the duration is too long"),
        ] {
            assert_eq!(parse_duration(text), Err(error.clone()), "{text}");
            assert_eq!(error.to_string(), message, "{text}");
        }
    }
}
