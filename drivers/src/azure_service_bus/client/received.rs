//! A message as the service hands it out, read as one of ours.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::amqp::{Body, Sections, Value};
use super::properties::{
    CONTENT_TYPE_AT, CORRELATION_ID_AT, GROUP_ID_AT, MESSAGE_ID_AT, REPLY_TO_AT, REPLY_TO_GROUP_ID_AT, SUBJECT_AT,
    TO_AT, TTL_AT, X_PARTITION_KEY, X_SCHEDULED,
};
use super::written::{json, text, time};
use crate::azure_service_bus::{DRIVER, attributes};
use crate::{Attribute, Message};

/// Where a message says how it is packed. Published, it is an application property.
const CONTENT_ENCODING: &str = "Content-Encoding";
const CONTENT_ENCODING_AT: usize = 7;

/// The place of the number of earlier deliveries in a message's header.
const DELIVERY_COUNT_AT: usize = 4;

/// A message, and what is known of it beside.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) message: Message,
    /// How often it was delivered, this time included.
    pub(super) count: Option<u32>,
    /// Its number in the queue or subscription.
    pub(super) sequence: Option<u64>,
    /// When it was stored.
    pub(super) enqueued: Option<SystemTime>,
    /// When its lock ends, by the service's clock.
    pub(super) locked_until: Option<SystemTime>,
}

impl Received {
    /// # Errors
    /// It is nothing that AMQP calls a message.
    pub(super) fn read(payload: Bytes) -> Result<Self, &'static str> {
        let sections = Sections::decode(payload)?;
        let annotation = |name| sections.annotation(name);
        let milliseconds = |name| match annotation(name) {
            Some(Value::Timestamp(milliseconds)) => Some(*milliseconds),
            _ => None,
        };
        let earlier = sections.header.get(DELIVERY_COUNT_AT).and_then(Value::as_u32).unwrap_or_default();
        Ok(Self {
            count: Some(earlier.saturating_add(1)),
            sequence: annotation("x-opt-sequence-number").and_then(Value::as_i64).and_then(|n| u64::try_from(n).ok()),
            enqueued: milliseconds("x-opt-enqueued-time").and_then(at),
            locked_until: milliseconds("x-opt-locked-until").and_then(at),
            message: Message {
                key: property(&sections, GROUP_ID_AT),
                id: property(&sections, MESSAGE_ID_AT),
                attributes: attributes(&sections, milliseconds(X_SCHEDULED)),
                body: body(sections.body),
            },
        })
    }
}

fn at(milliseconds: i64) -> Option<SystemTime> {
    let offset = Duration::from_millis(milliseconds.unsigned_abs());
    match milliseconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(offset),
        _ => SystemTime::UNIX_EPOCH.checked_sub(offset),
    }
}

/// A property, written out where it is no text. One that is empty is none.
fn property(sections: &Sections, index: usize) -> Option<String> {
    Some(text(sections.property(index))).filter(|text| !text.is_empty())
}

/// Names are unique: what stands for a property goes before an application property of its name.
fn attributes(sections: &Sections, scheduled: Option<i64>) -> Vec<Attribute> {
    let mut found: Vec<Attribute> = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| {
        found.extend(value.map(|value| Attribute { name: Cow::Borrowed(name), value }));
    };
    add(attributes::CONTENT_TYPE, property(sections, CONTENT_TYPE_AT));
    add(CONTENT_ENCODING, property(sections, CONTENT_ENCODING_AT));
    add(attributes::TO, property(sections, TO_AT));
    add(attributes::SUBJECT, property(sections, SUBJECT_AT));
    add(attributes::REPLY_TO, property(sections, REPLY_TO_AT));
    add(attributes::CORRELATION_ID, property(sections, CORRELATION_ID_AT));
    add(attributes::REPLY_TO_SESSION_ID, property(sections, REPLY_TO_GROUP_ID_AT));
    let annotation = |name| sections.annotation(name).map(text).filter(|text| !text.is_empty());
    // That of a message with a session is the session, which is its key.
    let partition = annotation(X_PARTITION_KEY).filter(|key| Some(key) != property(sections, GROUP_ID_AT).as_ref());
    add(attributes::PARTITION_KEY, partition);
    add(attributes::TIME_TO_LIVE, sections.header.get(TTL_AT).and_then(Value::as_u32).map(|ttl| format!("{ttl}ms")));
    add(attributes::SCHEDULED_ENQUEUE_TIME, scheduled.map(time));
    let fixed = found.len();
    let mut names = HashSet::with_capacity(sections.application.len());
    for (name, value) in &sections.application {
        let name = name.as_text().map_or_else(|| Cow::Owned(text(name)), Cow::Borrowed);
        // Whoever reads such a name believes that the property says it.
        if attributes::is_reserved(&name) || found[..fixed].iter().any(|known| known.name.eq_ignore_ascii_case(&name)) {
            tracing::debug!(
                driver = DRIVER.name,
                name = &*name,
                "an application property has the name of another thing"
            );
            continue;
        }
        if names.insert(name.clone()) {
            found.push(Attribute { name: Cow::Owned(name.into_owned()), value: text(value) });
        }
    }
    found
}

/// Bytes as they are, texts as UTF-8, anything else as JSON.
fn body(body: Body) -> Bytes {
    match body {
        Body::Empty | Body::Value(Value::Null) => Bytes::new(),
        Body::Data(bytes) | Body::Value(Value::Binary(bytes)) => bytes,
        Body::Value(Value::String(text) | Value::Symbol(text)) => text.into(),
        Body::Value(value) => json(&value).to_string().into(),
        Body::Sequence(values) => json(&Value::List(values)).to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure_service_bus::client::amqp::encode_message;

    #[test]
    fn a_message_with_everything() {
        let text = Value::string;
        let sections = Sections {
            header: vec![Value::Bool(true), Value::Ubyte(4), Value::Uint(5_000), Value::Null, Value::Uint(2)],
            annotations: vec![
                (Value::symbol("x-opt-sequence-number"), Value::Long(7)),
                (Value::symbol("x-opt-enqueued-time"), Value::Timestamp(1_700_000_000_123)),
                (Value::symbol("x-opt-locked-until"), Value::Timestamp(1_700_000_030_123)),
                (Value::symbol("x-opt-partition-key"), text("p")),
                (Value::symbol("x-opt-scheduled-enqueue-time"), Value::Timestamp(0)),
            ],
            properties: vec![
                text("id"),
                Value::Binary(vec![1].into()),
                text("to"),
                text("subject"),
                text("reply"),
                Value::Ulong(9),
                Value::symbol("text/plain"),
                Value::symbol("gzip"),
                Value::Null,
                Value::Null,
                text("session"),
                Value::Null,
                text("other"),
            ],
            application: vec![
                (text("Content-Type"), text("not this")),
                (text("X-Long"), Value::Long(1)),
                (text("X-Bytes"), Value::Binary(vec![0xff].into())),
            ],
            body: Body::Data("body".into()),
            ..Sections::default()
        };
        let received = Received::read(encode_message(&sections).into()).unwrap();
        assert_eq!((received.count, received.sequence), (Some(3), Some(7)));
        assert_eq!(received.enqueued, at(1_700_000_000_123));
        assert_eq!(received.locked_until, at(1_700_000_030_123));
        let message = received.message;
        assert_eq!((message.key.as_deref(), message.id.as_deref()), (Some("session"), Some("id")));
        assert_eq!(message.body, "body");
        let found: Vec<_> = message.attributes.iter().map(|found| (&*found.name, &*found.value)).collect();
        let expected = [
            ("Content-Type", "text/plain"),
            ("Content-Encoding", "gzip"),
            ("Servicebus-To", "to"),
            ("Servicebus-Subject", "subject"),
            ("Servicebus-Reply-To", "reply"),
            ("Servicebus-Correlation-Id", "9"),
            ("Servicebus-Reply-To-Session-Id", "other"),
            ("Servicebus-Partition-Key", "p"),
            ("Servicebus-Time-To-Live", "5000ms"),
            ("Servicebus-Scheduled-Enqueue-Time", "1970-01-01T00:00:00Z"),
            ("X-Long", "1"),
            ("X-Bytes", "/w=="),
        ];
        assert_eq!(found, expected);
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            place in 0_usize..100,
        ) {
            let _ = Received::read(bytes.clone().into());
            // A message of which a part is something else.
            let text = Value::string;
            let sections = Sections {
                header: vec![Value::Null, Value::Null, Value::Uint(7)],
                annotations: vec![(Value::symbol("x-opt-enqueued-time"), Value::Timestamp(1))],
                properties: vec![text("id"), Value::Null, text("to")],
                application: vec![(text("a"), Value::Decimal(vec![1; 16].into())), (text("b"), Value::Double(0.5))],
                body: Body::Value(Value::List(vec![text("x"), Value::Timestamp(i64::MIN)])),
                ..Sections::default()
            };
            let mut message = encode_message(&sections);
            for (index, byte) in bytes.into_iter().enumerate().take(4) {
                if let Some(at) = message.get_mut(place + index) {
                    *at = byte;
                }
            }
            let _ = Received::read(message.into());
        }
    }

    /// Nobody can say for the service what it has not said.
    #[test]
    fn properties_cannot_be_forged() {
        let text = Value::string;
        let mut sections = Sections {
            properties: vec![Value::Null, Value::Null, text("to")],
            application: vec![
                (text("servicebus-to"), text("forged")),
                (text("Servicebus-Reply-To"), text("forged")),
                (text("SERVICEBUS-SOMETHING"), text("forged")),
                (text("content-type"), text("its own")),
                (text("X-A"), text("1")),
                (text("X-A"), text("2")),
            ],
            ..Sections::default()
        };
        let found = |sections: &Sections| {
            let message = Received::read(encode_message(sections).into()).unwrap().message;
            let pairs = message.attributes.into_iter().map(|found| format!("{}={}", found.name, found.value));
            pairs.collect::<Vec<_>>()
        };
        // Where the property is not set, another client may say the type in its own way.
        assert_eq!(found(&sections), ["Servicebus-To=to", "content-type=its own", "X-A=1"]);
        sections.properties.resize(CONTENT_TYPE_AT, Value::Null);
        sections.properties.push(text("text/plain"));
        assert_eq!(found(&sections), ["Content-Type=text/plain", "Servicebus-To=to", "X-A=1"]);
    }

    #[test]
    fn very_many_properties_are_read_soon() {
        let application = (0..50_000).map(|number| (Value::string(number.to_string()), Value::Null)).collect();
        let sections = Sections { application, ..Sections::default() };
        let received = Received::read(encode_message(&sections).into()).unwrap();
        assert_eq!(received.message.attributes.len(), 50_000);
    }

    #[test]
    fn bodies_of_every_kind() {
        for (body, expected) in [
            (Body::Empty, ""),
            (Body::Value(Value::Null), ""),
            (Body::Value(Value::string("zwölf")), "zwölf"),
            (Body::Value(Value::Binary("bytes".into())), "bytes"),
            (Body::Value(Value::Long(12)), "12"),
            (Body::Value(Value::Map(vec![(Value::string("a"), Value::List(vec![]))])), "{\"a\":[]}"),
            (Body::Sequence(vec![Value::Int(1), Value::string("b")]), "[1,\"b\"]"),
        ] {
            let sections = Sections { body, ..Sections::default() };
            let received = Received::read(encode_message(&sections).into()).unwrap();
            assert_eq!(received.message.body, expected);
            assert_eq!(received.count, Some(1));
        }
        assert!(Received::read(Bytes::from_static(b"\x00\x53")).is_err());
    }
}
