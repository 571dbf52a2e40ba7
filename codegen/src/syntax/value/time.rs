//! RFC 3339.

use std::ops::Range;

/// `2030-04-12T23:20:50.52+02:00`.
pub(super) fn is_time(text: &str) -> Option<()> {
    let number = |range: Range<usize>, least: u32, most: u32| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|value| (least..=most).contains(value))
    };
    let sign = |at: usize, expected: &[u8]| text.as_bytes().get(at).filter(|byte| expected.contains(byte)).map(drop);
    let year = number(0..4, 0, 9999)?;
    let month = number(5..7, 1, 12)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    number(8..10, 1, days)?;
    number(11..13, 0, 23)?;
    number(14..16, 0, 59)?;
    number(17..19, 0, 60)?;
    for (at, expected) in [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")] {
        sign(at, expected.as_bytes())?;
    }
    let rest = text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => rest,
    };
    let start = text.len() - zone.len();
    match zone {
        "Z" | "z" => Some(()),
        _ if zone.len() == 6 => {
            sign(start, b"+-")?;
            sign(start + 3, b":")?;
            number(start + 1..start + 3, 0, 23).and(number(start + 4..start + 6, 0, 59)).map(drop)
        }
        _ => None,
    }
}
