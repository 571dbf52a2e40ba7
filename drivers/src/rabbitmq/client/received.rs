//! A message as a server hands it out, read as one of ours.
//!
//! Headers and properties become attributes, whatever their types: a text is itself, numbers and booleans are written out, a
//! timestamp is its seconds since 1970, a list or table is JSON, nothing is an empty text. A text or bytes that are no UTF-8
//! are percent-encoded, as JSON below a list or table too.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, ShortString};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

use crate::rabbitmq::attributes;
use crate::{Attribute, Message};

/// The header of a quorum queue that says how often a message was handed out before.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// How messages are kept by default.
const PERSISTENT: u8 = 2;

/// A message, and what is known of it beside.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) message: Message,
    /// The exchange; the queue's name where it was published to the default exchange.
    pub(super) topic: Box<str>,
    pub(super) timestamp: Option<SystemTime>,
    /// How often it was delivered, this time included, where the queue counts and it came back.
    pub(super) count: Option<u32>,
}

impl Received {
    pub(super) fn new(delivery: Delivery) -> Self {
        let Delivery { exchange, routing_key, properties, data, redelivered, .. } = delivery;
        let topic = if exchange.as_str().is_empty() { routing_key.as_str() } else { exchange.as_str() };
        // To a queue that does not count it is a header as any other, with which a message may come for the first time.
        let headers = properties.headers().as_ref().filter(|_| redelivered);
        let earlier = headers.and_then(|headers| headers.inner().get(DELIVERY_COUNT));
        let count = earlier.and_then(whole).map(|earlier| u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1));
        let timestamp = properties.timestamp().and_then(time);
        let key = routing_key.as_str();
        Self {
            topic: topic.into(),
            timestamp,
            count,
            message: Message {
                body: data.into(),
                key: (!key.is_empty()).then(|| key.to_owned()),
                id: properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
                attributes: attributes(properties),
            },
        }
    }
}

fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Names are unique: a property goes before a header of its name. That a message is kept by the server's disk is not said, as
/// publishing asks for it where nothing else is said.
fn attributes(properties: BasicProperties) -> Vec<Attribute> {
    let mut found = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| {
        found.extend(value.map(|value| Attribute { name: Cow::Borrowed(name), value }));
    };
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
    add(attributes::CONTENT_TYPE, text(properties.content_type()));
    add(attributes::CONTENT_ENCODING, text(properties.content_encoding()));
    let mode = properties.delivery_mode().filter(|mode| *mode != PERSISTENT);
    add(attributes::DELIVERY_MODE, mode.map(|mode| mode.to_string()));
    add(attributes::PRIORITY, properties.priority().map(|priority| priority.to_string()));
    add(attributes::CORRELATION_ID, text(properties.correlation_id()));
    add(attributes::REPLY_TO, text(properties.reply_to()));
    add(attributes::EXPIRATION, text(properties.expiration()));
    add(attributes::TIMESTAMP, properties.timestamp().map(|seconds| seconds.to_string()));
    add(attributes::TYPE, text(properties.kind()));
    add(attributes::USER_ID, text(properties.user_id()));
    add(attributes::APP_ID, text(properties.app_id()));
    let headers = properties.headers().as_ref().map(|headers| headers.inner());
    for (name, value) in headers.into_iter().flatten() {
        let name = name.as_str();
        if found.iter().all(|known| known.name != name) {
            found.push(Attribute { name: Cow::Owned(name.to_owned()), value: written(value) });
        }
    }
    found
}

fn written(value: &AMQPValue) -> String {
    match json(value) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Void => Value::Null,
        AMQPValue::Boolean(value) => (*value).into(),
        AMQPValue::ShortShortInt(value) => (*value).into(),
        AMQPValue::ShortShortUInt(value) => (*value).into(),
        AMQPValue::ShortInt(value) => (*value).into(),
        AMQPValue::ShortUInt(value) => (*value).into(),
        AMQPValue::LongInt(value) => (*value).into(),
        AMQPValue::LongUInt(value) => (*value).into(),
        AMQPValue::LongLongInt(value) => (*value).into(),
        AMQPValue::Timestamp(value) => (*value).into(),
        // Those that JSON has no number for.
        AMQPValue::Float(value) if !value.is_finite() => value.to_string().into(),
        AMQPValue::Double(value) if !value.is_finite() => value.to_string().into(),
        AMQPValue::Float(value) => (*value).into(),
        AMQPValue::Double(value) => (*value).into(),
        AMQPValue::DecimalValue(value) => decimal(value.value, value.scale).into(),
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => bytes(text.as_bytes()).into(),
        AMQPValue::ByteArray(array) => bytes(array.as_slice()).into(),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(json).collect(),
        AMQPValue::FieldTable(table) => {
            table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), json(value))).collect()
        }
    }
}

fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => percent_encode(bytes, NON_ALPHANUMERIC).to_string(),
    }
}

/// `value` with `scale` digits behind the point.
fn decimal(value: u32, scale: u8) -> String {
    let (digits, scale) = (value.to_string(), usize::from(scale));
    if scale == 0 {
        return digits;
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    format!("{whole}.{part}")
}

fn whole(value: &AMQPValue) -> Option<u64> {
    json(value).as_u64()
}

#[cfg(test)]
mod tests {
    use lapin::types::{ByteArray, DecimalValue, FieldArray, FieldTable, LongString};

    use super::*;

    #[test]
    fn headers_of_every_type_are_attributes() {
        let table = |members: Vec<(&str, AMQPValue)>| {
            let mut table = FieldTable::default();
            for (name, value) in members {
                table.insert(name.into(), value);
            }
            table
        };
        let not_text = AMQPValue::LongString(LongString::from(vec![0xff, b'a']));
        let list = FieldArray::from(vec![AMQPValue::LongLongInt(-1), not_text.clone(), AMQPValue::Void]);
        let cases = [
            (AMQPValue::Void, ""),
            (AMQPValue::Boolean(true), "true"),
            (AMQPValue::ShortShortInt(-8), "-8"),
            (AMQPValue::ShortShortUInt(8), "8"),
            (AMQPValue::ShortInt(-16), "-16"),
            (AMQPValue::ShortUInt(16), "16"),
            (AMQPValue::LongInt(-32), "-32"),
            (AMQPValue::LongUInt(32), "32"),
            (AMQPValue::LongLongInt(i64::MIN), "-9223372036854775808"),
            (AMQPValue::Float(0.5), "0.5"),
            (AMQPValue::Double(f64::NAN), "NaN"),
            (AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 5 }), "0.05"),
            (AMQPValue::LongString("zwölf \"12\"".into()), "zwölf \"12\""),
            (not_text, "%FFa"),
            (AMQPValue::ByteArray(ByteArray::from(vec![0])), "\0"),
            (AMQPValue::Timestamp(1_700_000_000), "1700000000"),
            (AMQPValue::FieldArray(list), "[-1,\"%FFa\",null]"),
            (AMQPValue::FieldTable(table(vec![("a", AMQPValue::Boolean(false))])), "{\"a\":false}"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(&value), expected, "{value:?}");
        }
        let headers = table(vec![
            ("Content-Type", AMQPValue::LongString("the header".into())),
            (DELIVERY_COUNT, AMQPValue::LongLongInt(2)),
        ]);
        let properties = BasicProperties::default()
            .with_content_type("the property".into())
            .with_message_id("7".into())
            .with_timestamp(5)
            .with_headers(headers);
        let received = |redelivered| {
            let mut delivery = Delivery::mock(1, "".into(), "billing".into(), redelivered, b"body".to_vec());
            delivery.properties = properties.clone();
            Received::new(delivery)
        };
        assert_eq!(received(false).count, None, "what others wrote there is not believed");
        let received = received(true);
        assert_eq!((&*received.topic, received.count), ("billing", Some(3)));
        assert_eq!(received.timestamp, time(5));
        let message = received.message;
        assert_eq!((message.key.as_deref(), message.id.as_deref()), (Some("billing"), Some("7")));
        let expected = [("Content-Type", "the property"), ("Amqp-Timestamp", "5"), (DELIVERY_COUNT, "2")];
        let found: Vec<_> = message.attributes.iter().map(|found| (&*found.name, &*found.value)).collect();
        assert_eq!(found, expected);
    }
}
