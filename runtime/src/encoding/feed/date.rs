//! Dates in feeds: `Mon, 02 Jan 2006 15:04:05 -0700` and its kin, `2006-01-02T15:04:05Z` and its kin.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A time as it was written, and its distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// Since 1970, as the clock shows it there.
    seconds: i64,
    nanoseconds: u32,
    offset_minutes: i64,
}

pub(super) fn parse(text: &str) -> Option<Time> {
    let text = text.trim();
    iso(text).or_else(|| rfc_822(text))
}

fn iso(text: &str) -> Option<Time> {
    let date = text.get(..10)?;
    let [year, month, day] = *date.split('-').collect::<Vec<_>>() else { return None };
    if year.len() != 4 {
        return None;
    }
    let rest = text[10..].trim_start_matches(['T', 't', ' ']);
    time(days(number(year)?, number(month)?, number(day)?)?, rest)
}

fn rfc_822(text: &str) -> Option<Time> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_whitespace();
    let first = words.next()?;
    // Without its comma, the weekday is a word.
    let day = if first.starts_with(|first: char| first.is_ascii_alphabetic()) { words.next()? } else { first };
    let month = words.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| month.starts_with(known))? as i64 + 1;
    let written = words.next()?;
    let year = match (written.len(), number(written)?) {
        (2, year) if year >= 69 => 1900 + year,
        (2, year) => 2000 + year,
        (4, year) => year,
        _ => return None,
    };
    let rest: Vec<_> = words.collect();
    time(days(year, month, number(day)?)?, &rest.join(" "))
}

/// `15:04:05.5 -0700`, with most of it left out.
fn time(days: i64, text: &str) -> Option<Time> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && !matches!(character, ':' | '.'))
        .unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let mut parts = clock.split(':');
    let mut part = |below: i64| match parts.next().filter(|part| !part.is_empty()) {
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, ""));
            number(whole).filter(|number| *number < below).map(|number| (number, fraction))
        }
        None => Some((0, "")),
    };
    let (hours, minutes, (seconds, fraction)) = (part(24)?.0, part(60)?.0, part(61)?);
    if parts.next().is_some() {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let offset_minutes = offset(zone.trim())?;
    Some(Time { seconds: days * 86_400 + hours * 3_600 + minutes * 60 + seconds, nanoseconds, offset_minutes })
}

/// A zone by name is taken for UTC, as gofeed does with names that it cannot look up.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.as_bytes() {
        [b'+', ..] => (1, &zone[1..]),
        [b'-', ..] => (-1, &zone[1..]),
        _ => return zone.chars().all(|character| character.is_ascii_alphabetic()).then_some(0),
    };
    let digits: String = digits.split_whitespace().next()?.chars().filter(|character| *character != ':').collect();
    if digits.len() != 4 {
        return None;
    }
    Some(sign * (number(&digits[..2])? * 60 + number(&digits[2..])?))
}

fn number(digits: &str) -> Option<i64> {
    let all_digits = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    // Years begin in March here, so that the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
            - 719_469,
    )
}

fn month_length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    }
}

impl Time {
    /// RFC 3339, in UTC.
    pub(super) fn in_utc(self) -> String {
        Self { seconds: self.seconds - self.offset_minutes * 60, offset_minutes: 0, ..self }.as_written()
    }

    /// RFC 3339, with the distance from UTC that it was written with.
    pub(super) fn as_written(self) -> String {
        let (day, second) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        let (year, month, day) = date(day);
        let fraction = format!(".{:09}", self.nanoseconds);
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        let zone = match self.offset_minutes {
            0 => "Z".to_owned(),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        };
        let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}{fraction}{zone}")
    }
}

/// The date of a day since 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1).is_some_and(|next| next <= day) {
        year += 1;
    }
    let mut rest = day - days(year, 1, 1).unwrap_or(day);
    let mut month = 1;
    while rest >= month_length(year, month) {
        rest -= month_length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_are_read_as_gofeed_reads_them() {
        for (text, expected) in [
            ("Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02T15:04:05Z"),
            ("Mon, 02 Jan 2006 15:04:05 -0700", "2006-01-02T22:04:05Z"),
            ("Tue, 29 Feb 2000 23:30 +0100", "2000-02-29T22:30:00Z"),
            ("Sat, 31 Dec 2022 23:59:59 -0100", "2023-01-01T00:59:59Z"),
            ("2 January 99", "1999-01-02T00:00:00Z"),
            ("Mon 2 Jan 2006 15:04:05 UT", "2006-01-02T15:04:05Z"),
            ("2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z"),
            ("2006-01-02T15:04:05.250+02:00", "2006-01-02T13:04:05.25Z"),
            ("2006-01-02 15:04", "2006-01-02T15:04:00Z"),
            ("2006-01-02", "2006-01-02T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(parse(text).map(|time| time.in_utc()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("2006-01-02T15:04:05+02:00").unwrap().as_written(), "2006-01-02T15:04:05+02:00");
    }

    #[test]
    fn others_are_not() {
        for text in [
            "",
            "soon",
            "31 Feb 2006",
            "2006-13-01",
            "2006-01-02T25:00:00Z",
            "Mon, 02 Jan 12345",
            "1/2/2006",
            "é006-01-0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
