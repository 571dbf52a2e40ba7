//! A message's metadata, as Service Bus has it.

use azure_core::time::{OffsetDateTime, parse_rfc3339};
use bytes::Bytes;

use super::amqp::{Body, Sections, Value, encode_message};
use crate::azure_service_bus::attributes::{
    self, CONTENT_TYPE, CORRELATION_ID, PARTITION_KEY, REPLY_TO, REPLY_TO_SESSION_ID, SCHEDULED_ENQUEUE_TIME, SUBJECT,
    TIME_TO_LIVE, TO,
};
use crate::{Message, PublishError, PublishErrorKind, parse_duration};

/// Places in a message's properties.
pub(super) const MESSAGE_ID_AT: usize = 0;
pub(super) const TO_AT: usize = 2;
pub(super) const SUBJECT_AT: usize = 3;
pub(super) const REPLY_TO_AT: usize = 4;
pub(super) const CORRELATION_ID_AT: usize = 5;
pub(super) const CONTENT_TYPE_AT: usize = 6;
pub(super) const GROUP_ID_AT: usize = 10;
pub(super) const REPLY_TO_GROUP_ID_AT: usize = 12;

/// The place of the time to live in a message's header.
pub(super) const TTL_AT: usize = 2;

pub(super) const X_PARTITION_KEY: &str = "x-opt-partition-key";
pub(super) const X_SCHEDULED: &str = "x-opt-scheduled-enqueue-time";

/// The service's limit on ids and keys, in characters.
const MAX_ID: usize = 128;

/// The service's limit on all that is not the body.
const MAX_METADATA: usize = 64 << 10;

/// Writes a message.
///
/// # Errors
/// Something of it is nothing that the service or its protocol can carry.
pub(super) fn encode(message: &Message) -> Result<Bytes, PublishError> {
    let mut sections = Sections { body: Body::Data(message.body.clone()), ..Sections::default() };
    let mut properties = vec![Value::Null; REPLY_TO_GROUP_ID_AT + 1];
    if let Some(id) = &message.id {
        properties[MESSAGE_ID_AT] = id_of("the message id", id)?;
    }
    if let Some(key) = &message.key {
        properties[GROUP_ID_AT] = id_of("the session id", key)?;
    }
    let mut partition = None;
    for attribute in &message.attributes {
        let (name, value) = (&*attribute.name, &*attribute.value);
        let text = || Value::string(value);
        match attributes::property(name) {
            None => {
                attributes::check_name(name).map_err(invalid)?;
                sections.application.push((Value::string(name), text()));
            }
            Some(CONTENT_TYPE) => properties[CONTENT_TYPE_AT] = symbol(value)?,
            Some(TO) => properties[TO_AT] = text(),
            Some(SUBJECT) => properties[SUBJECT_AT] = text(),
            Some(REPLY_TO) => properties[REPLY_TO_AT] = text(),
            Some(CORRELATION_ID) => properties[CORRELATION_ID_AT] = text(),
            Some(REPLY_TO_SESSION_ID) => properties[REPLY_TO_GROUP_ID_AT] = id_of(REPLY_TO_SESSION_ID, value)?,
            Some(TIME_TO_LIVE) => sections.header = vec![Value::Null, Value::Null, Value::Uint(time_to_live(value)?)],
            Some(PARTITION_KEY) => partition = Some(value),
            Some(SCHEDULED_ENQUEUE_TIME) => {
                sections.annotations.push((Value::symbol(X_SCHEDULED), Value::Timestamp(time(value)?)));
            }
            Some(_) => {}
        }
    }
    if let Some(partition) = partition {
        if message.key.as_deref().is_some_and(|key| key != partition) {
            return Err(invalid(format!("{PARTITION_KEY} is not the session id, which both have to be")));
        }
        sections.annotations.push((Value::symbol(X_PARTITION_KEY), id_of(PARTITION_KEY, partition)?));
    }
    sections.properties = properties;
    let encoded = encode_message(&sections);
    let metadata = encoded.len() - message.body.len();
    if metadata > MAX_METADATA {
        let what = format!("its attributes have {metadata} bytes, and the service takes {MAX_METADATA}");
        return Err(PublishError::new(PublishErrorKind::TooLarge, what));
    }
    Ok(encoded.into())
}

fn id_of(what: &str, id: &str) -> Result<Value, PublishError> {
    match id.chars().count() {
        0 => Err(invalid(format!("{what} is empty"))),
        1..=MAX_ID => Ok(Value::string(id)),
        length => Err(invalid(format!("{what} has {length} characters, and the service takes {MAX_ID}"))),
    }
}

fn symbol(text: &str) -> Result<Value, PublishError> {
    match text.is_ascii() {
        true => Ok(Value::symbol(text)),
        false => Err(invalid(format!("{CONTENT_TYPE} is not ASCII"))),
    }
}

/// `30s`, or a number of milliseconds.
fn time_to_live(text: &str) -> Result<u32, PublishError> {
    let wrong = |what: String| invalid(format!("{TIME_TO_LIVE}: {what}"));
    let milliseconds = match text.parse::<u64>() {
        Ok(milliseconds) => u128::from(milliseconds),
        Err(_) => parse_duration(text).map_err(|error| wrong(error.to_string()))?.as_millis(),
    };
    match u32::try_from(milliseconds) {
        Ok(milliseconds) if milliseconds > 0 => Ok(milliseconds),
        _ => Err(wrong("it is not from one millisecond to 49 days".to_owned())),
    }
}

/// `2026-01-31T12:00:00Z`, or a number of milliseconds since 1970.
fn time(text: &str) -> Result<i64, PublishError> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let wrong = || invalid(format!("{SCHEDULED_ENQUEUE_TIME} is no time like 2026-01-31T12:00:00Z"));
    let time: OffsetDateTime = parse_rfc3339(text).map_err(|_| wrong())?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).map_err(|_| wrong())
}

pub(super) fn invalid(what: String) -> PublishError {
    PublishError::new(PublishErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &[(&'static str, &str)]) -> Message {
        let mut message = Message::new("hi");
        for (name, value) in attributes {
            message.set_attribute(*name, *value);
        }
        message
    }

    fn sections(message: &Message) -> Sections {
        Sections::decode(encode(message).expect("a message")).expect("sections")
    }

    #[test]
    fn metadata_has_its_places() {
        let mut message = message(&[
            ("X-Name", "é"),
            ("content-type", "application/json"),
            ("Servicebus-Subject", "s"),
            ("servicebus-to", "t"),
            ("Servicebus-Reply-To", "r"),
            ("Servicebus-Reply-To-Session-Id", "rs"),
            ("Servicebus-Correlation-Id", "c"),
            ("Servicebus-Time-To-Live", "1m30s"),
            ("Servicebus-Partition-Key", "k"),
            ("Servicebus-Scheduled-Enqueue-Time", "2026-01-31T12:00:00.5Z"),
        ]);
        (message.key, message.id) = (Some("k".to_owned()), Some("i".to_owned()));
        let sections = sections(&message);
        let texts = [
            (MESSAGE_ID_AT, "i"),
            (TO_AT, "t"),
            (SUBJECT_AT, "s"),
            (REPLY_TO_AT, "r"),
            (CORRELATION_ID_AT, "c"),
            (CONTENT_TYPE_AT, "application/json"),
            (GROUP_ID_AT, "k"),
            (REPLY_TO_GROUP_ID_AT, "rs"),
        ];
        for (place, text) in texts {
            assert_eq!(sections.property(place).as_text(), Some(text), "{place}");
        }
        assert_eq!(sections.application, [(Value::string("X-Name"), Value::string("é"))]);
        assert_eq!(sections.header[TTL_AT], Value::Uint(90_000));
        assert_eq!(sections.annotation(X_PARTITION_KEY), Some(&Value::string("k")));
        assert_eq!(sections.annotation(X_SCHEDULED), Some(&Value::Timestamp(1_769_860_800_500)));
        assert_eq!(sections.body, Body::Data(Bytes::from_static(b"hi")));
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let kind = |message: &Message| encode(message).unwrap_err().kind;
        let long = "x".repeat(129);
        for (name, value) in [
            ("Servicebus-Nothing", "x"),
            ("", "x"),
            ("Servicebus-Time-To-Live", "soon"),
            ("Servicebus-Time-To-Live", "0"),
            ("Servicebus-Time-To-Live", "2000h"),
            ("Servicebus-Scheduled-Enqueue-Time", "tomorrow"),
            ("Servicebus-Partition-Key", &long),
            ("Content-Type", "é"),
        ] {
            assert_eq!(kind(&message(&[(name, value)])), PublishErrorKind::Invalid, "{name}: {value}");
        }
        let mut other = message(&[("Servicebus-Partition-Key", "a")]);
        other.key = Some("b".to_owned());
        assert_eq!(kind(&other), PublishErrorKind::Invalid);
        for id in ["", &long] {
            let with_id = Message { id: Some(id.to_owned()), ..Message::new("") };
            assert_eq!(kind(&with_id), PublishErrorKind::Invalid);
            let with_key = Message { key: Some(id.to_owned()), ..Message::new("") };
            assert_eq!(kind(&with_key), PublishErrorKind::Invalid);
        }
        assert_eq!(kind(&message(&[("X", &"x".repeat(70_000))])), PublishErrorKind::TooLarge);
    }
}
