//! A message as the service takes it, or why it would not.

use prost::Message as _;

use super::proto::PubsubMessage;
use crate::gcp_pubsub::MAX_BODY;
use crate::gcp_pubsub::attributes::check_name;
use crate::{Message, PublishError, PublishErrorKind};

/// Of a request as a whole, in bytes: the service counts the topic's name, tags and lengths, too.
pub(super) const MAX_REQUEST: usize = 10_000_000;

const MAX_ATTRIBUTES: usize = 100;
const MAX_VALUE: usize = 1_024;
const MAX_KEY: usize = 1_024;

/// Checks the message by the service's rules, so that one that it would refuse is not sent.
///
/// # Errors
/// The service would not take it.
pub(super) fn outgoing(message: Message, topic: &str) -> Result<PubsubMessage, PublishError> {
    // Its identity is the service's: nothing is deduplicated by another.
    let Message { body, attributes, key, id: _ } = message;
    let invalid = |what: String| Err(PublishError::new(PublishErrorKind::Invalid, what));
    let too_large = |what: String| Err(PublishError::new(PublishErrorKind::TooLarge, what));
    if body.len() > MAX_BODY {
        return too_large(format!("a message has at most {MAX_BODY} bytes, this one has {}", body.len()));
    }
    if body.is_empty() && attributes.is_empty() {
        return invalid("a message without a body has at least one attribute".to_owned());
    }
    if attributes.len() > MAX_ATTRIBUTES {
        return invalid(format!(
            "a message has at most {MAX_ATTRIBUTES} attributes, this one has {}",
            attributes.len()
        ));
    }
    if let Some(key) = key.as_ref().filter(|key| key.len() > MAX_KEY) {
        return invalid(format!("an ordering key has at most {MAX_KEY} bytes, this one has {}", key.len()));
    }
    for attribute in &attributes {
        if let Err(what) = check_name(&attribute.name) {
            return invalid(what);
        }
        if attribute.value.len() > MAX_VALUE {
            let (name, bytes) = (&attribute.name, attribute.value.len());
            return invalid(format!("an attribute has at most {MAX_VALUE} bytes, `{name}` has {bytes}"));
        }
    }
    let names = attributes.len();
    let attributes = attributes.into_iter().map(|attribute| (attribute.name.into_owned(), attribute.value));
    let message = PubsubMessage {
        data: body,
        attributes: attributes.collect(),
        message_id: String::new(),
        publish_time: None,
        ordering_key: key.unwrap_or_default(),
    };
    if message.attributes.len() != names {
        return invalid("an attribute is there twice".to_owned());
    }
    let bytes = size(topic.len()) + size(message.encoded_len());
    match bytes > MAX_REQUEST {
        true => too_large(format!(
            "a message with its attributes and topic has at most {MAX_REQUEST} bytes, this one has {bytes}"
        )),
        false => Ok(message),
    }
}

/// What a field of so many bytes makes of a request, with its tag and length.
pub(super) fn size(bytes: usize) -> usize {
    1 + prost::length_delimiter_len(bytes) + bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    const TOPIC: &str = "projects/project/topics/topic";

    fn with(attributes: impl IntoIterator<Item = (String, String)>) -> Message {
        let attributes = attributes.into_iter().map(|(name, value)| Attribute { name: name.into(), value });
        Message { attributes: attributes.collect(), ..Message::new("hello") }
    }

    fn kind(message: Message) -> Option<PublishErrorKind> {
        outgoing(message, TOPIC).err().map(|error| error.kind)
    }

    #[test]
    fn limits() {
        use PublishErrorKind::{Invalid, TooLarge};
        let numbered = |count: usize| with((0..count).map(|number| (format!("a{number}"), "v".to_owned())));
        let key = |bytes: usize| Message { key: Some("k".repeat(bytes)), ..Message::new("hello") };
        let many = |count: usize, value: usize| {
            let attributes = (0..count).map(|number| (format!("{number:0>256}"), "v".repeat(value)));
            Message { body: vec![0; MAX_BODY].into(), ..with(attributes) }
        };
        for (message, expected) in [
            (Message::new(vec![0; MAX_BODY]), None),
            (Message::new(vec![0; MAX_BODY + 1]), Some(TooLarge)),
            (Message::default(), Some(Invalid)),
            (Message { body: Vec::new().into(), ..numbered(1) }, None),
            (numbered(100), None),
            (numbered(101), Some(Invalid)),
            (key(1024), None),
            (key(1025), Some(Invalid)),
            (with([("n".repeat(256), "v".repeat(1024))]), None),
            (with([("n".repeat(257), "v".to_owned())]), Some(Invalid)),
            (with([("n".to_owned(), "v".repeat(1025))]), Some(Invalid)),
            (with([(String::new(), "v".to_owned())]), Some(Invalid)),
            (with([("googclient_x".to_owned(), "v".to_owned())]), Some(Invalid)),
            (with([("n".to_owned(), "1".to_owned()), ("n".to_owned(), "2".to_owned())]), Some(Invalid)),
            (many(5, 1024), None),
            (many(100, 1024), Some(TooLarge)),
        ] {
            let bytes = message.body.len();
            assert_eq!(kind(message), expected, "{bytes} bytes");
        }
    }
    /// As the service counts it.
    #[test]
    fn the_size_of_a_request() {
        use crate::gcp_pubsub::client::proto::PublishRequest;
        let mut request = PublishRequest { topic: TOPIC.to_owned(), messages: Vec::new() };
        let mut bytes = size(TOPIC.len());
        for length in [1, 100, 127, 128, 20_000, 3_000_000] {
            let message = outgoing(Message::new(vec![0; length]), TOPIC).expect("a message");
            bytes += size(message.encoded_len());
            request.messages.push(message);
            assert_eq!(bytes, request.encoded_len());
        }
        let longest = Message { key: Some("k".repeat(1024)), ..Message::new(vec![0; MAX_BODY]) };
        let topic = format!("projects/{}/topics/{}", "p".repeat(63), "t".repeat(255));
        assert!(outgoing(longest, &topic).is_ok());
    }
}
