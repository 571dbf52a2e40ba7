//! A message as SQS takes it, checked before it is sent.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use data_encoding::BASE64;

use crate::aws::attributes::{BASE64_ENCODED, MAX_ATTRIBUTES, PLAIN, are_escaped, is_text, may_be_envelope};
use crate::sqs::attributes::{self, DELAY_SECONDS};
use crate::{Attribute, Message, PublishError, PublishErrorKind};

/// The most bytes of a message, its attributes included, and of a request with several.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// The type of texts.
pub(super) const STRING: &str = "String";
/// The type of texts that stand there as they are, though they look as if go-cloud had escaped them.
pub(super) const PLAIN_STRING: &str = "String.plain";

const MAX_DELAY_SECONDS: i32 = 900;
const MAX_ID_BYTES: usize = 128;

/// A message that can be sent.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) body: String,
    pub(super) attributes: Option<HashMap<String, MessageAttributeValue>>,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    pub(super) delay: Option<i32>,
    pub(super) trace: Option<String>,
    pub(super) bytes: usize,
}

/// What a queue makes of messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) fifo: bool,
    /// The most bytes of a message.
    pub(super) max_bytes: usize,
}

impl Parcel {
    /// # Errors
    /// SQS does not take the message.
    pub(super) fn new(message: Message, rules: Rules) -> Result<Self, PublishError> {
        let Message { body, attributes, key, id } = message;
        if body.is_empty() {
            return Err(invalid("SQS takes no message without a body"));
        }
        // Not encoded before: that takes memory as well.
        if body.len() > rules.max_bytes {
            return Err(too_large(body.len(), rules.max_bytes));
        }
        let mut parcel = Self {
            body: String::new(),
            attributes: None,
            group: None,
            deduplication: None,
            delay: None,
            trace: None,
            bytes: 0,
        };
        parcel.set_attributes(attributes, rules)?;
        parcel.set_body(Vec::from(body));
        if parcel.attributes.as_ref().is_some_and(|attributes| attributes.len() > MAX_ATTRIBUTES) {
            return Err(invalid(format!(
                "a message has at most {MAX_ATTRIBUTES} attributes on SQS, a body that is no text counts as one"
            )));
        }
        parcel.set_ids(key, id, rules)?;
        parcel.weigh();
        match parcel.bytes > rules.max_bytes {
            true => Err(too_large(parcel.bytes, rules.max_bytes)),
            false => Ok(parcel),
        }
    }

    /// Of parts that SQS has had before.
    pub(super) fn again(body: String, attributes: Option<HashMap<String, MessageAttributeValue>>) -> Self {
        let mut parcel =
            Self { body, attributes, group: None, deduplication: None, delay: None, trace: None, bytes: 0 };
        parcel.weigh();
        parcel
    }

    /// Takes an attribute out, and says whether there was one.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        let had_it = self.attributes.as_mut().and_then(|attributes| attributes.remove(name)).is_some();
        if self.attributes.as_ref().is_some_and(HashMap::is_empty) {
            self.attributes = None;
        }
        had_it
    }

    /// One of several in a request.
    ///
    /// # Errors
    /// The SDK misses something, which it does not.
    pub(super) fn entry(&self, id: usize) -> Result<SendMessageBatchRequestEntry, PublishError> {
        let Self { body, attributes, group, deduplication, delay, .. } = self.clone();
        SendMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .message_body(body)
            .set_message_attributes(attributes)
            .set_message_system_attributes(self.system_attributes())
            .set_message_group_id(group)
            .set_message_deduplication_id(deduplication)
            .set_delay_seconds(delay)
            .build()
            .map_err(|error| PublishError::new(PublishErrorKind::Invalid, error))
    }

    pub(super) fn system_attributes(
        &self,
    ) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
        let trace = MessageSystemAttributeValue::builder().data_type(STRING).string_value(self.trace.clone()?);
        Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, trace.build().ok()?)]))
    }

    fn set_attributes(&mut self, attributes: Vec<Attribute>, rules: Rules) -> Result<(), PublishError> {
        let pairs = attributes.iter().map(|attribute| (&*attribute.name, &*attribute.value));
        // As whoever receives them sees them: without what stands elsewhere.
        let pairs = pairs.filter(|(name, _)| attributes::sent(name).is_none());
        let data_type = if are_escaped(pairs) { PLAIN_STRING } else { STRING };
        for Attribute { name, value } in attributes {
            attributes::check_name(&name).map_err(invalid)?;
            if value.is_empty() {
                return Err(invalid(format!("the attribute `{name}` is empty, which SQS does not take")));
            }
            if !is_text(&value) {
                return Err(invalid(format!(
                    "the attribute `{name}` holds a control character, which SQS does not take"
                )));
            }
            match attributes::sent(&name) {
                Some(DELAY_SECONDS) => self.delay = Some(delay(&value, rules)?),
                Some(_) => self.trace = Some(value),
                None => self.add(&name, data_type, value)?,
            }
        }
        Ok(())
    }

    fn set_body(&mut self, body: Vec<u8>) {
        match String::from_utf8(body) {
            Ok(body) if is_text(&body) => {
                // Or whoever receives would find attributes in it that nobody has set.
                if self.attributes.is_none() && may_be_envelope(&body) {
                    self.insert(PLAIN, STRING, "true".to_owned());
                }
                self.body = body;
            }
            Ok(body) => self.set_encoded_body(body.as_bytes()),
            Err(error) => self.set_encoded_body(error.as_bytes()),
        }
    }

    fn set_encoded_body(&mut self, body: &[u8]) {
        self.body = BASE64.encode(body);
        self.insert(BASE64_ENCODED, STRING, "true".to_owned());
    }

    fn set_ids(&mut self, key: Option<String>, id: Option<String>, rules: Rules) -> Result<(), PublishError> {
        if let Some(key) = &key {
            check_id("key", key)?;
        }
        if rules.fifo {
            if key.is_none() {
                return Err(invalid("a message of a FIFO queue has a key (its message group)"));
            }
            if let Some(id) = &id {
                check_id("id", id)?;
            }
            self.deduplication = id;
        }
        self.group = key;
        Ok(())
    }

    fn add(&mut self, name: &str, data_type: &str, value: String) -> Result<(), PublishError> {
        match self.insert(name, data_type, value) {
            None => Ok(()),
            Some(_) => Err(invalid(format!("there are two attributes `{name}`"))),
        }
    }

    fn insert(&mut self, name: &str, data_type: &str, value: String) -> Option<MessageAttributeValue> {
        let value = MessageAttributeValue::builder().data_type(data_type).string_value(value).build().ok()?;
        self.attributes.get_or_insert_default().insert(name.to_owned(), value)
    }

    fn weigh(&mut self) {
        let weight = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value.as_ref().map_or(0, String::len);
            let binary = value.binary_value.as_ref().map_or(0, |value| value.as_ref().len());
            name.len() + value.data_type.len() + text + binary
        };
        self.bytes = self.body.len() + self.attributes.iter().flatten().map(weight).sum::<usize>();
    }
}

fn delay(value: &str, rules: Rules) -> Result<i32, PublishError> {
    if rules.fifo {
        return Err(invalid(format!("a FIFO queue holds no single message back: it takes no `{DELAY_SECONDS}`")));
    }
    match value.parse() {
        Ok(seconds @ 0..=MAX_DELAY_SECONDS) => Ok(seconds),
        _ => Err(invalid(format!("`{DELAY_SECONDS}` is a whole number from 0 to {MAX_DELAY_SECONDS}"))),
    }
}

/// What SQS lets a message group and an identity for deduplication be.
fn check_id(what: &str, id: &str) -> Result<(), PublishError> {
    if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let rule = format!("1 to {MAX_ID_BYTES} printable characters of ASCII, without spaces");
        return Err(invalid(format!("the message's {what} is nothing that SQS takes: {rule}")));
    }
    Ok(())
}

fn invalid(what: impl Into<String>) -> PublishError {
    PublishError::new(PublishErrorKind::Invalid, what.into())
}

fn too_large(bytes: usize, most: usize) -> PublishError {
    let what = format!("the message has {bytes} bytes with its attributes, and the queue takes {most}");
    PublishError::new(PublishErrorKind::TooLarge, what)
}

#[cfg(test)]
mod tests;
