//! A message as SQS has delivered it, and what is made of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::types::{Message as Wire, MessageAttributeValue, MessageSystemAttributeName as System};
use data_encoding::BASE64;

use super::envelope::{self, Inside};
use super::parcel::PLAIN_STRING;
use crate::Message;
use crate::aws::attributes::{BASE64_ENCODED, are_escaped, unescape_name, unescape_value};
use crate::sqs::attributes::{DEAD_LETTER_SOURCE, SEQUENCE_NUMBER, TRACE_HEADER, is_told};

/// How a subscription reads messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Bodies are taken as they are.
    pub(super) raw: bool,
    /// The topic that feeds the queue, whose word on attributes is taken.
    pub(super) topic: Option<String>,
}

/// A message, and what is needed to settle it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) message: Message,
    pub(super) count: Option<u32>,
    pub(super) sent: Option<SystemTime>,
    pub(super) receipt: Arc<str>,
    pub(super) original: Original,
}

/// What was received, to be sent elsewhere as it was.
#[derive(Debug)]
pub(super) struct Original {
    /// `None` where it is the message's own.
    pub(super) body: Option<String>,
    pub(super) attributes: Option<HashMap<String, MessageAttributeValue>>,
    pub(super) id: Option<String>,
    pub(super) group: Option<String>,
}

impl Original {
    /// The same with its body, whoever has it.
    pub(super) fn with_body(&self, message: &Message) -> Self {
        let Self { body, attributes, id, group } = self;
        let body = body.clone().unwrap_or_else(|| String::from_utf8_lossy(&message.body).into_owned());
        Self { body: Some(body), attributes: attributes.clone(), id: id.clone(), group: group.clone() }
    }
}

impl Received {
    /// `None` where it cannot be settled, which SQS does not do.
    pub(super) fn new(wire: Wire, reading: &Reading) -> Option<Self> {
        let Wire { message_id, receipt_handle, body, attributes, message_attributes, .. } = wire;
        let mut system = attributes.unwrap_or_default();
        let receipt = Arc::from(receipt_handle?);
        let body = body.unwrap_or_default();
        let mut message = Message::default();
        let original_body = read_body(body, message_attributes.as_ref(), reading, &mut message);
        let mut told = |name: &'static str, system_name| {
            if let Some(value) = system.remove(&system_name) {
                message.set_attribute(name, value);
            }
        };
        told(TRACE_HEADER, System::AwsTraceHeader);
        told(SEQUENCE_NUMBER, System::SequenceNumber);
        told(DEAD_LETTER_SOURCE, System::DeadLetterQueueSourceArn);
        message.key = system.remove(&System::MessageGroupId);
        // What the publisher knows it by, where SQS keeps that.
        message.id = system.remove(&System::MessageDeduplicationId).or_else(|| message_id.clone());
        let number = |name| system.get(&name).and_then(|text: &String| text.parse::<u64>().ok());
        let sent = number(System::SentTimestamp).map(Duration::from_millis);
        Some(Self {
            count: number(System::ApproximateReceiveCount).map(|count| count.try_into().unwrap_or(u32::MAX)),
            sent: sent.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
            receipt,
            original: Original {
                body: original_body,
                attributes: message_attributes,
                id: message_id,
                group: message.key.clone(),
            },
            message,
        })
    }
}

/// Returns the body as it was, where it has become another one.
fn read_body(
    body: String,
    attributes: Option<&HashMap<String, MessageAttributeValue>>,
    reading: &Reading,
    message: &mut Message,
) -> Option<String> {
    // SNS has what it delivers in an envelope inside of that; whoever sets attributes is not SNS.
    let found = match attributes.filter(|attributes| !attributes.is_empty()) {
        Some(attributes) => return read_attributes(body, attributes, message),
        None if reading.raw => None,
        None => envelope::open(&body, reading.topic.as_deref()),
    };
    let Some(Inside { body: inside, attributes }) = found else {
        message.body = body.into();
        return None;
    };
    let is_encoded = attributes.contains_key(BASE64_ENCODED);
    message.body = decode(inside, is_encoded).unwrap_or_else(String::into_bytes).into();
    // Whoever chooses a body can write an envelope.
    if reading.topic.is_some() {
        let pairs = attributes.iter().map(|(name, value)| (&**name, &**value));
        let escaped = are_escaped(pairs.clone().filter(|(name, _)| *name != BASE64_ENCODED));
        set(message, pairs, escaped);
    }
    Some(body)
}

fn read_attributes(
    body: String,
    attributes: &HashMap<String, MessageAttributeValue>,
    message: &mut Message,
) -> Option<String> {
    let texts: Vec<(&str, String)> = attributes.iter().map(|(name, value)| (&**name, text(value))).collect();
    let is_plain = attributes.values().any(|value| value.data_type == PLAIN_STRING);
    let pairs = texts.iter().map(|(name, value)| (*name, &**value));
    let escaped = !is_plain && are_escaped(pairs.clone().filter(|(name, _)| *name != BASE64_ENCODED));
    set(message, pairs, escaped);
    match decode(body, attributes.contains_key(BASE64_ENCODED)) {
        Ok(decoded) => {
            message.body = decoded.into();
            let encoded = BASE64.encode(&message.body);
            Some(encoded)
        }
        Err(body) => {
            message.body = body.into();
            None
        }
    }
}

fn set<'a>(message: &mut Message, attributes: impl Iterator<Item = (&'a str, &'a str)>, escaped: bool) {
    for (name, value) in attributes {
        let name = if escaped { unescape_name(name) } else { Cow::Borrowed(name) };
        // What SQS has said of a message is not for its publisher to say, however it is written.
        if name == BASE64_ENCODED || is_told(&name) {
            continue;
        }
        match escaped {
            true => message.set_attribute(name.into_owned(), unescape_value(value)),
            false => message.set_attribute(name.into_owned(), value),
        }
    }
    // In one order, as the protocol has none.
    message.attributes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
}

/// A number is its text, and bytes are base64.
fn text(value: &MessageAttributeValue) -> String {
    match (&value.string_value, &value.binary_value) {
        (Some(text), _) => text.clone(),
        (None, Some(bytes)) => BASE64.encode(bytes.as_ref()),
        (None, None) => String::new(),
    }
}

/// The bytes of a body that is base64, or the body.
fn decode(body: String, is_encoded: bool) -> Result<Vec<u8>, String> {
    if !is_encoded {
        return Err(body);
    }
    BASE64.decode(body.as_bytes()).map_err(|_| body)
}

#[cfg(test)]
mod tests;
