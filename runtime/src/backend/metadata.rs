//! Response headers that tell what a message was besides its body.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use sluicegate_drivers::Delivery;

use crate::opener::OpenFailure;

/// What of a message a response header holds, as generated code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// The attribute of exactly this name.
    Attribute(&'static str),
    /// The identity that the broker knows it by.
    Id,
    /// Its key.
    Key,
    /// How often it was delivered, this time included.
    DeliveryCount,
    /// The topic, subject or routing key that it was published to.
    Topic,
    /// The partition or stream that it was stored in.
    Partition,
    /// Its place in the partition or stream.
    Offset,
    /// When it was published or stored, as RFC 3339 writes it.
    Timestamp,
}

/// The headers of a subscription, and what they hold.
pub(super) type Rules = Box<[(HeaderName, Metadata)]>;

/// Reads names in lower case, which a build has checked.
pub(super) fn rules(metadata: &[(&'static str, Metadata)]) -> Result<Rules, OpenFailure> {
    let header = |&(name, source): &(&str, Metadata)| match HeaderName::from_bytes(name.as_bytes()) {
        Ok(header) => Ok((header, source)),
        Err(error) => Err(OpenFailure::new(format!("{name:?} is not the name of a header: {error}"))),
    };
    metadata.iter().map(header).collect()
}

/// The headers for one message. What it lacks is left out, and so is what no header can hold.
pub(super) fn headers(rules: &Rules, delivery: &impl Delivery, count: Option<u32>) -> Box<HeaderMap> {
    let (message, origin) = (delivery.message(), delivery.origin());
    let mut headers = HeaderMap::with_capacity(rules.len());
    for (name, source) in rules {
        let value = match source {
            Metadata::Attribute(name) => message.attribute(name).map(text),
            Metadata::Id => message.id.as_deref().map(text),
            Metadata::Key => message.key.as_deref().map(text),
            Metadata::DeliveryCount => count.map(|count| Some(HeaderValue::from(count))),
            Metadata::Topic => origin.topic.map(text),
            Metadata::Partition => origin.partition.map(text),
            Metadata::Offset => origin.offset.map(|offset| Some(HeaderValue::from(offset))),
            Metadata::Timestamp => origin.timestamp.map(|time| text(&rfc3339(time)?)),
        };
        match value {
            Some(Some(value)) => drop(headers.insert(name.clone(), value)),
            Some(None) => tracing::debug!(header = name.as_str(), ?source, "left out: not a header's value"),
            None => {}
        }
    }
    Box::new(headers)
}

/// UTF-8 as it is, but for control characters.
fn text(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(value.as_bytes()).ok()
}

/// In UTC, to the millisecond. `None` before 1970 and after 9999.
fn rfc3339(time: SystemTime) -> Option<String> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days are counted from the first of March of year 0, so that leap days end a year: H. Hinnant's algorithm.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let (month, day) = (if march < 10 { march + 3 } else { march - 9 }, day - (153 * march + 2) / 5 + 1);
    let year = era * 400 + year + u64::from(month <= 2);
    if year > 9_999 {
        return None;
    }
    let (hour, minute, second, milli) = (seconds / 3_600, seconds / 60 % 60, seconds % 60, since.subsec_millis());
    let mut text = String::with_capacity(24);
    // Writing to a string cannot fail.
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_does() {
        for (millis, expected) in [
            (0, Some("1970-01-01T00:00:00.000Z")),
            (951_782_399_999, Some("2000-02-28T23:59:59.999Z")),
            (951_782_400_000, Some("2000-02-29T00:00:00.000Z")),
            (951_868_800_001, Some("2000-03-01T00:00:00.001Z")),
            (1_795_772_005_250, Some("2026-11-27T09:33:25.250Z")),
            (4_107_542_400_000, Some("2100-03-01T00:00:00.000Z")),
            (253_402_300_799_000, Some("9999-12-31T23:59:59.000Z")),
            (253_402_300_800_000, None),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(rfc3339(time).as_deref(), expected, "{millis}");
        }
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn control_characters_are_no_header() {
        for (value, expected) in [("a b", true), ("é", true), ("a\nb", false), ("\u{7f}", false), ("", true)] {
            assert_eq!(text(value).is_some(), expected, "{value:?}");
        }
    }
}
