//! What a message has beside its body, as AMQP writes it.

use amq_protocol::protocol::basic::parse_properties;
use amq_protocol::types::FieldTable;

use super::wire::{push_long, push_short};
use crate::rabbitmq::attributes::{self, check_name, property};
use crate::{Message, PublishError, PublishErrorKind};

/// The most milliseconds that a server takes.
const MAX_EXPIRATION: u64 = u32::MAX as u64;

const PERSISTENT: u8 = 2;

/// A message's properties, where they were found: borrowed from its attributes.
#[derive(Default)]
struct Properties<'a> {
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
    delivery_mode: Option<u8>,
    priority: Option<u8>,
    correlation_id: Option<&'a str>,
    reply_to: Option<&'a str>,
    expiration: Option<&'a str>,
    timestamp: Option<u64>,
    kind: Option<&'a str>,
    user_id: Option<&'a str>,
    app_id: Option<&'a str>,
}

/// The user that a message says it is from.
pub(super) fn user_id(message: &Message) -> Option<&str> {
    let is_it = |name: &str| property(name) == Some(attributes::USER_ID);
    message.attributes.iter().find(|attribute| is_it(&attribute.name)).map(|attribute| &*attribute.value)
}

/// Writes the properties of `message`. The attribute at `key` is its routing key, and no header.
///
/// # Errors
/// An attribute, or the message's id, is nothing that the protocol can carry.
pub(super) fn encode(bytes: &mut Vec<u8>, message: &Message, key: Option<usize>) -> Result<(), PublishError> {
    let mut properties = Properties::default();
    let mut has_headers = false;
    let attributes = || message.attributes.iter().enumerate().filter(|(index, _)| Some(*index) != key);
    for (_, attribute) in attributes() {
        match property(&attribute.name) {
            Some(name) => properties.set(name, &attribute.value)?,
            None => {
                check_name(&attribute.name).map_err(invalid)?;
                has_headers = true;
            }
        }
    }
    if let Some(id) = &message.id {
        short("the id", id)?;
    }
    let flags = properties.flags() | u16::from(has_headers) << 13 | u16::from(message.id.is_some()) << 7;
    bytes.extend_from_slice(&flags.to_be_bytes());
    let push = |bytes: &mut Vec<u8>, text: Option<&str>| {
        if let Some(text) = text {
            push_short(bytes, text);
        }
    };
    push(bytes, properties.content_type);
    push(bytes, properties.content_encoding);
    if has_headers {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        for (_, attribute) in attributes().filter(|(_, attribute)| property(&attribute.name).is_none()) {
            push_short(bytes, &attribute.name);
            bytes.push(b'S');
            push_long(bytes, &attribute.value);
        }
        let length = (bytes.len() - start - 4) as u32;
        bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    bytes.push(properties.delivery_mode.unwrap_or(PERSISTENT));
    bytes.extend(properties.priority);
    push(bytes, properties.correlation_id);
    push(bytes, properties.reply_to);
    push(bytes, properties.expiration);
    push(bytes, message.id.as_deref());
    if let Some(seconds) = properties.timestamp {
        bytes.extend_from_slice(&seconds.to_be_bytes());
    }
    push(bytes, properties.kind);
    push(bytes, properties.user_id);
    push(bytes, properties.app_id);
    Ok(())
}

impl<'a> Properties<'a> {
    fn set(&mut self, name: &'static str, value: &'a str) -> Result<(), PublishError> {
        let place = match name {
            attributes::CONTENT_TYPE => &mut self.content_type,
            attributes::CONTENT_ENCODING => &mut self.content_encoding,
            attributes::CORRELATION_ID => &mut self.correlation_id,
            attributes::REPLY_TO => &mut self.reply_to,
            attributes::TYPE => &mut self.kind,
            attributes::USER_ID => &mut self.user_id,
            attributes::APP_ID => &mut self.app_id,
            attributes::EXPIRATION => {
                number(name, value, MAX_EXPIRATION)?;
                &mut self.expiration
            }
            attributes::PRIORITY => {
                self.priority = Some(number(name, value, u8::MAX.into())? as u8);
                return Ok(());
            }
            attributes::TIMESTAMP => {
                self.timestamp = Some(number(name, value, i64::MAX as u64)?);
                return Ok(());
            }
            _ => {
                self.delivery_mode = Some(match value {
                    "1" => 1,
                    "2" => PERSISTENT,
                    _ => return Err(invalid(format!("{name} is neither 1 (transient) nor 2 (persistent)"))),
                });
                return Ok(());
            }
        };
        short(name, value)?;
        // The first of two that differ in their case alone would be lost.
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(invalid(format!("{name} is given twice"))),
        }
    }

    /// Which ones are there. One always says how the message is kept.
    fn flags(&self) -> u16 {
        let flags = [
            (self.content_type.is_some(), 15),
            (self.content_encoding.is_some(), 14),
            (true, 12),
            (self.priority.is_some(), 11),
            (self.correlation_id.is_some(), 10),
            (self.reply_to.is_some(), 9),
            (self.expiration.is_some(), 8),
            (self.timestamp.is_some(), 6),
            (self.kind.is_some(), 5),
            (self.user_id.is_some(), 4),
            (self.app_id.is_some(), 3),
        ];
        flags.into_iter().map(|(is_there, bit)| u16::from(is_there) << bit).sum()
    }
}

/// AMQP keeps most properties, and routing keys, as short strings.
pub(super) fn short(what: &str, text: &str) -> Result<(), PublishError> {
    match text.len() {
        0..=255 => Ok(()),
        length => Err(invalid(format!("{what} has {length} bytes, and AMQP carries at most 255"))),
    }
}

/// Whether properties that came back can be those that were sent: a server may write them anew, and add headers.
pub(super) fn is_kept(sent: &[u8], back: &[u8]) -> bool {
    let (Ok((_, mut sent)), Ok((_, mut back))) = (parse_properties(sent), parse_properties(back)) else { return false };
    let headers = (sent.headers().clone().unwrap_or_default(), back.headers().clone().unwrap_or_default());
    // Compared below.
    sent = sent.with_headers(FieldTable::default());
    back = back.with_headers(FieldTable::default());
    sent == back && headers.0.inner().iter().all(|(name, value)| headers.1.inner().get(name) == Some(value))
}

fn number(name: &str, text: &str, most: u64) -> Result<u64, PublishError> {
    let has_zeros = text.len() > 1 && text.starts_with('0');
    match text.parse() {
        // RabbitMQ writes a number anew, and what comes back is to be known.
        Ok(number) if number <= most && text.bytes().all(|byte| byte.is_ascii_digit()) && !has_zeros => Ok(number),
        _ => Err(invalid(format!("{name} is not a whole number from 0 to {most}"))),
    }
}

#[cold]
pub(super) fn invalid(what: String) -> PublishError {
    PublishError::new(PublishErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests {
    use amq_protocol::protocol::BasicProperties;
    use amq_protocol::types::AMQPValue;

    use super::*;

    fn encoded(message: &Message, key: Option<usize>) -> BasicProperties {
        let mut bytes = Vec::new();
        encode(&mut bytes, message, key).unwrap();
        let (rest, properties) = parse_properties(&bytes[..]).unwrap();
        assert!(rest.is_empty());
        properties
    }

    #[test]
    fn properties_and_headers() {
        let mut message = Message { id: Some("seven".to_owned()), ..Message::new("x") };
        assert_eq!(
            encoded(&message, None),
            BasicProperties::default().with_delivery_mode(2).with_message_id("seven".into())
        );
        for (name, value) in [
            ("X-One", "1"),
            ("Rk", "eu"),
            ("content-type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("Amqp-Expiration", "60000"),
            ("Amqp-Priority", "9"),
            ("Amqp-Timestamp", "1700000000"),
            ("Amqp-Correlation-Id", "c"),
            ("Amqp-Reply-To", "r"),
            ("Amqp-Type", "t"),
            ("Amqp-App-Id", "a"),
            ("Amqp-User-Id", "guest"),
            ("Amqp-Delivery-Mode", "1"),
            ("X-Two", "zwei ü"),
        ] {
            message.set_attribute(name, value);
        }
        let mut headers = FieldTable::default();
        headers.insert("X-One".into(), AMQPValue::LongString("1".into()));
        headers.insert("X-Two".into(), AMQPValue::LongString("zwei ü".into()));
        let expected = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("gzip".into())
            .with_headers(headers)
            .with_delivery_mode(1)
            .with_priority(9)
            .with_correlation_id("c".into())
            .with_reply_to("r".into())
            .with_expiration("60000".into())
            .with_message_id("seven".into())
            .with_timestamp(1_700_000_000)
            .with_type("t".into())
            .with_user_id("guest".into())
            .with_app_id("a".into());
        assert_eq!(encoded(&message, Some(1)), expected);
        assert_eq!(user_id(&message), Some("guest"));
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let long = "x".repeat(256);
        for (name, value) in [
            ("Amqp-Expiration", "1s"),
            ("Amqp-Expiration", "4294967296"),
            ("Amqp-Expiration", "+1"),
            ("Amqp-Expiration", "0060000"),
            ("Amqp-Priority", "256"),
            ("Amqp-Timestamp", "yesterday"),
            ("Amqp-Delivery-Mode", "3"),
            ("Amqp-Nothing", "1"),
            ("Content-Type", &*long),
            ("", "1"),
        ] {
            let mut message = Message::new("x");
            message.set_attribute(name.to_owned(), value);
            let error = encode(&mut Vec::new(), &message, None).unwrap_err();
            assert_eq!(error.kind, PublishErrorKind::Invalid, "{name}");
        }
        let message = Message { id: Some(long.clone()), ..Message::new("x") };
        assert_eq!(encode(&mut Vec::new(), &message, None).unwrap_err().kind, PublishErrorKind::Invalid);
    }
}
