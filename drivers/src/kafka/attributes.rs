//! Attributes that stand for what is no header on the wire.

/// When a message was made: milliseconds since 1970, or RFC 3339.
#[cfg(feature = "kafka")]
pub(super) const TIMESTAMP: &str = "Kafka-Timestamp";

/// `true` on a message without a value.
#[cfg(feature = "kafka")]
pub(super) const TOMBSTONE: &str = "Kafka-Tombstone";

/// How the names of both begin.
pub(super) const RESERVED: &[&str] = &["Kafka-"];

/// Checks the name of an attribute.
///
/// # Errors
/// Kafka's protocol, or its client, cannot carry it.
pub(super) fn check(name: &str) -> Result<(), String> {
    match name {
        "" => Err("is empty".to_owned()),
        name if name.contains('\0') => Err("has a zero byte in it".to_owned()),
        _ => Ok(()),
    }
}

/// Reads a time as milliseconds since 1970.
#[cfg(feature = "kafka")]
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    if let Ok(milliseconds) = text.parse::<i64>() {
        // 0 would be taken for none.
        return (milliseconds > 0).then_some(milliseconds);
    }
    rfc3339(text).filter(|milliseconds| *milliseconds > 0)
}

/// `2026-01-31T12:00:00.5+01:00` as milliseconds since 1970. A leap second counts as the one after it.
#[cfg(feature = "kafka")]
fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let digits = &rest[..end];
            let first: i64 = digits.get(..digits.len().min(3))?.parse().ok()?;
            (first * 10_i64.pow(3 - u32::try_from(digits.len().min(3)).ok()?), &rest[end..])
        }
        None => (0, rest),
    };
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))?
        }
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let days = days_since_1970(year, month, day)?;
    let valid = hour <= 23 && minute <= 59 && second <= 60;
    valid.then_some((((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + fraction)
}

#[cfg(feature = "kafka")]
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// In the Gregorian calendar: <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
#[cfg(feature = "kafka")]
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1700000000123", Some(1_700_000_000_123)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T23:13:20.1239+01:00", Some(1_700_000_000_123)),
            ("2023-11-14t22:13:20.5z", Some(1_700_000_000_500)),
            ("2000-02-29 00:00:00Z", Some(951_782_400_000)),
            ("1970-01-01T00:00:01-00:30", Some(1_801_000)),
            ("0", None),
            ("-5", None),
            ("", None),
            ("2023-02-29T00:00:00Z", None),
            ("2023-13-01T00:00:00Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01T00:00:00", None),
            ("2023-01-01T00:00:00.Z", None),
            ("2023-1-01T00:00:00Z", None),
            ("1960-01-01T00:00:00Z", None),
            ("é", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
