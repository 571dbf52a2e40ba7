use std::borrow::Cow;

use bytes::Bytes;

/// What is published to a topic, and what a subscription hands out again.
///
/// A body and an attribute's value pass through a driver unchanged, or the driver refuses the
/// message: nothing is dropped or re-encoded in silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The payload, any bytes. Empty where the driver's [`Capabilities::empty_body`] allows it.
    ///
    /// [`Capabilities::empty_body`]: crate::Capabilities::empty_body
    pub body: Bytes,
    /// Names and values in the order they were added. Names are unique and case-sensitive.
    pub attributes: Vec<Attribute>,
    /// Chooses a partition or a routing path, and the order within it.
    pub key: Option<String>,
    /// The publisher's own identity for the message, for deduplication; on a delivery, the identity that
    /// the broker knows it by.
    pub id: Option<String>,
}

impl Message {
    /// A message of `body` alone.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// The value of the attribute called exactly `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value.as_str())
    }

    /// Adds an attribute, or replaces the value of the one already called `name`.
    pub fn set_attribute(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => attribute.value = value,
            None => self.attributes.push(Attribute { name, value }),
        }
    }
}

/// One named value of a message's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name, exactly as it is on the wire.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: String,
}
