//! A message as Kafka has it: key, timestamp, headers, value.

use rdkafka::message::{Header, OwnedHeaders};

use crate::kafka::attributes::{TIMESTAMP, TOMBSTONE, milliseconds};
use crate::{Message, PublishError, PublishErrorKind};

/// What of a message is not its body.
pub(super) struct Parts<'m> {
    pub(super) key: Option<&'m str>,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
    pub(super) headers: Option<OwnedHeaders>,
    /// Whether the message has no value at all.
    pub(super) is_tombstone: bool,
    /// Of key and headers.
    pub(super) bytes: usize,
}

/// Takes a message apart.
///
/// # Errors
/// Kafka cannot carry it.
pub(super) fn parts<'m>(
    message: &'m Message,
    key_name: Option<&str>,
    has_tombstones: bool,
) -> Result<Parts<'m>, PublishError> {
    let invalid = |what: String| PublishError::new(PublishErrorKind::Invalid, what);
    let mut parts = Parts {
        key: message.key.as_deref(),
        timestamp: None,
        headers: None,
        is_tombstone: has_tombstones && message.body.is_empty(),
        bytes: 0,
    };
    let mut headers = None;
    for attribute in &message.attributes {
        let (name, value) = (&*attribute.name, attribute.value.as_str());
        if key_name == Some(name) {
            parts.key = parts.key.or(Some(value));
        } else if name == TIMESTAMP {
            let what =
                || invalid(format!("`{TIMESTAMP}` is neither milliseconds since 1970 nor a time as RFC 3339 has it"));
            parts.timestamp = Some(milliseconds(value).ok_or_else(what)?);
        } else if name == TOMBSTONE {
            match value {
                "true" if message.body.is_empty() => parts.is_tombstone = true,
                "true" => return Err(invalid(format!("a message with `{TOMBSTONE}` has no body"))),
                "false" => parts.is_tombstone = false,
                _ => return Err(invalid(format!("`{TOMBSTONE}` is neither `true` nor `false`"))),
            }
        } else if name.is_empty() || name.contains('\0') {
            return Err(invalid("an attribute's name is empty or has a zero byte in it".to_owned()));
        } else {
            parts.bytes += name.len() + value.len();
            let list = headers.take().unwrap_or_else(|| OwnedHeaders::new_with_capacity(message.attributes.len()));
            headers = Some(list.insert(Header { key: name, value: Some(value) }));
        }
    }
    parts.headers = headers;
    parts.bytes += parts.key.map_or(0, str::len);
    Ok(parts)
}
