//! From a message to what SNS is sent.

use std::collections::HashMap;

use aws_sdk_sns::types::MessageAttributeValue;
use data_encoding::BASE64;

use crate::aws::attributes::{BASE64_ENCODED, MAX_ATTRIBUTES, PLAIN, is_text, may_be_envelope};
use crate::sns::attributes::{MESSAGE_STRUCTURE, SUBJECT, check_name, check_subject, check_token, parameter};
use crate::sns::{DRIVER, MAX_BYTES};
use crate::{Message, PublishError, PublishErrorKind};

/// The one type of attributes that is used: texts.
const TEXT: &str = "String";

/// A message that SNS can carry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) body: String,
    pub(super) attributes: HashMap<String, MessageAttributeValue>,
    pub(super) subject: Option<String>,
    pub(super) structure: Option<String>,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    /// What counts, as SNS counts it: the body, and the names, types and values of attributes.
    pub(super) bytes: usize,
}

impl Entry {
    /// Checks a message for a topic that is `fifo` or not.
    ///
    /// # Errors
    /// SNS cannot carry it.
    pub(super) fn new(message: Message, fifo: bool) -> Result<Self, PublishError> {
        if message.body.is_empty() {
            return Err(invalid("SNS carries no message without a body"));
        }
        let mut entry = Self {
            body: String::new(),
            attributes: HashMap::with_capacity(message.attributes.len() + 1),
            subject: None,
            structure: None,
            group: message.key,
            // Other topics refuse what they do not compare.
            deduplication: message.id.filter(|_| fifo),
            bytes: 0,
        };
        entry.check_tokens(fifo)?;
        for attribute in message.attributes {
            entry.take(attribute.name.into_owned(), attribute.value)?;
        }
        // Before it is copied.
        too_large(message.body.len())?;
        match String::from_utf8(message.body.into()) {
            Ok(text) if is_text(&text) => {
                // Delivered raw to a queue, it would be taken for an envelope with attributes that nobody has set.
                if entry.attributes.is_empty() && may_be_envelope(&text) {
                    entry.add(PLAIN.to_owned(), "true".to_owned())?;
                }
                entry.body = text;
            }
            Ok(text) => entry.encode(text.as_bytes())?,
            Err(error) => entry.encode(error.as_bytes())?,
        }
        if entry.attributes.len() > MAX_ATTRIBUTES {
            let message = format!(
                "a message has at most {MAX_ATTRIBUTES} attributes, this one has {}: more of them do not reach every queue",
                entry.attributes.len()
            );
            return Err(invalid(message));
        }
        entry.bytes += entry.body.len();
        too_large(entry.bytes)?;
        Ok(entry)
    }

    fn check_tokens(&self, fifo: bool) -> Result<(), PublishError> {
        match &self.group {
            Some(group) => check_token("a message group (the message's key)", group).map_err(invalid)?,
            None if fifo => return Err(invalid("a FIFO topic needs a message group: a key")),
            None => {}
        }
        if let Some(id) = &self.deduplication {
            check_token("a deduplication id", id).map_err(invalid)?;
        }
        Ok(())
    }

    fn take(&mut self, name: String, value: String) -> Result<(), PublishError> {
        check_name(&name).map_err(invalid)?;
        if value.is_empty() {
            return Err(invalid(format!("SNS carries no attribute without a value, as `{name}` is")));
        }
        if !is_text(&value) {
            return Err(invalid(format!("the value of `{name}` has a character that no attribute can have")));
        }
        match parameter(&name) {
            Some(SUBJECT) => {
                check_subject(&value).map_err(invalid)?;
                self.subject = Some(value);
            }
            Some(MESSAGE_STRUCTURE) if value == "json" => self.structure = Some(value),
            Some(MESSAGE_STRUCTURE) => return Err(invalid(format!("`{MESSAGE_STRUCTURE}` can only be `json`"))),
            _ => self.add(name, value)?,
        }
        Ok(())
    }

    fn add(&mut self, name: String, value: String) -> Result<(), PublishError> {
        self.bytes += name.len() + TEXT.len() + value.len();
        let value = MessageAttributeValue::builder().data_type(TEXT).string_value(value).build();
        self.attributes.insert(name, value.map_err(|error| invalid(error.to_string()))?);
        Ok(())
    }

    /// Takes a body that is no text, as go-cloud does.
    fn encode(&mut self, body: &[u8]) -> Result<(), PublishError> {
        self.body = BASE64.encode(body);
        self.add(BASE64_ENCODED.to_owned(), "true".to_owned())
    }
}

fn invalid(message: impl Into<String>) -> PublishError {
    PublishError::new(PublishErrorKind::Invalid, message.into())
}

fn too_large(bytes: usize) -> Result<(), PublishError> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!(
        "a message of {} has at most {MAX_BYTES} bytes, attributes included, this one has {bytes}",
        DRIVER.name
    );
    Err(PublishError::new(PublishErrorKind::TooLarge, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: Message, fifo: bool) -> Result<(), PublishErrorKind> {
        Entry::new(message, fifo).map(drop).map_err(|error| error.kind)
    }

    fn with(name: &'static str, value: &str) -> Message {
        let mut message = Message::new("body");
        message.set_attribute(name, value);
        message
    }

    #[test]
    fn what_is_sent() {
        let mut message = with("X-Order-Id", "7");
        message.set_attribute("sns-subject", "Your order");
        message.key = Some("customer-7".to_owned());
        message.id = Some("id".to_owned());
        let entry = Entry::new(message, true).unwrap();
        assert_eq!((&*entry.body, entry.subject.as_deref()), ("body", Some("Your order")));
        assert_eq!((entry.group.as_deref(), entry.deduplication.as_deref()), (Some("customer-7"), Some("id")));
        assert_eq!(entry.attributes.len(), 1);
        assert_eq!(entry.attributes["X-Order-Id"].string_value(), Some("7"));
        assert_eq!(entry.bytes, "bodyX-Order-IdString7".len());
    }

    #[test]
    fn a_body_that_is_no_text_is_base64() {
        for body in [&b"\xff\xfe"[..], b"a\0b", b"\x1b[1m"] {
            let entry = Entry::new(Message::new(body.to_vec()), false).unwrap();
            assert_eq!(entry.body, BASE64.encode(body));
            assert_eq!(entry.attributes[BASE64_ENCODED].string_value(), Some("true"));
        }
        let entry = Entry::new(Message::new("caf\u{e9}\r\n\t"), false).unwrap();
        assert_eq!((&*entry.body, entry.attributes.len()), ("caf\u{e9}\r\n\t", 0));
    }

    #[test]
    fn what_looks_like_an_envelope_is_marked() {
        let body = r#"{"TopicArn":"x","Message":"y","MessageAttributes":{"X":{"Value":"z"}}}"#;
        let entry = Entry::new(Message::new(body), false).unwrap();
        assert_eq!((&*entry.body, entry.attributes[PLAIN].string_value()), (body, Some("true")));
        let mut message = Message::new(body);
        message.set_attribute("X", "1");
        assert!(!Entry::new(message, false).unwrap().attributes.contains_key(PLAIN));
    }

    #[test]
    fn what_cannot_be_carried() {
        use PublishErrorKind::{Invalid, TooLarge};
        assert_eq!(kind(Message::default(), false), Err(Invalid));
        for (name, value) in [
            ("a b", "v"),
            ("empty", ""),
            ("bell", "\u{7}"),
            ("base64encoded", "true"),
            ("Sns-Nothing", "v"),
            ("Sns-Subject", "a\nb"),
            ("Sns-Message-Structure", "xml"),
        ] {
            assert_eq!(kind(with(name, value), false), Err(Invalid), "{name}");
        }
        let key = |key: &str| Message { key: Some(key.to_owned()), ..Message::new("body") };
        assert_eq!(kind(Message::new("body"), true), Err(Invalid));
        assert_eq!(kind(key("a b"), false), Err(Invalid));
        assert_eq!(kind(key("a"), false), Ok(()));
        let identified = Message { id: Some("id".to_owned()), ..key("a") };
        assert_eq!(kind(identified.clone(), true), Ok(()));
        assert_eq!(Entry::new(identified, false).unwrap().deduplication, None);
        let wrong = Message { id: Some("a b".to_owned()), ..key("a") };
        assert_eq!(kind(wrong, true), Err(Invalid));

        let mut ten = Message::new("body");
        for number in 0..10 {
            ten.set_attribute(format!("a{number}"), "v");
        }
        assert_eq!(kind(ten.clone(), false), Ok(()));
        let binary = Message { body: b"\xff"[..].into(), ..ten.clone() };
        assert_eq!(kind(binary, false), Err(Invalid));
        ten.set_attribute("a10", "v");
        assert_eq!(kind(ten, false), Err(Invalid));

        let whole = |length: usize| Message::new("x".repeat(length));
        assert_eq!(kind(whole(MAX_BYTES), false), Ok(()));
        assert_eq!(kind(whole(MAX_BYTES + 1), false), Err(TooLarge));
        let mut message = whole(MAX_BYTES - 8);
        message.set_attribute("a", "b");
        assert_eq!(kind(message.clone(), false), Ok(()));
        message.set_attribute("a", "bc");
        assert_eq!(kind(message, false), Err(TooLarge));
        // It is base64 that counts.
        assert_eq!(kind(Message::new(vec![0xff; MAX_BYTES - 100]), false), Err(TooLarge));
    }
}
