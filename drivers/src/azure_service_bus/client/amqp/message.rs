//! Messages and their sections, as they are read and written (part 3 of the standard).

use bytes::Bytes;

use super::Value;
use super::frame::{data, described};

const HEADER: u64 = 0x70;
const DELIVERY_ANNOTATIONS: u64 = 0x71;
const MESSAGE_ANNOTATIONS: u64 = 0x72;
const PROPERTIES: u64 = 0x73;
const APPLICATION_PROPERTIES: u64 = 0x74;
const DATA: u64 = 0x75;
const SEQUENCE: u64 = 0x76;
const VALUE: u64 = 0x77;

/// The sections of a message. What is not there is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sections {
    /// durable, priority, ttl, first-acquirer, delivery-count
    pub(crate) header: Vec<Value>,
    pub(crate) delivery_annotations: Vec<(Value, Value)>,
    pub(crate) annotations: Vec<(Value, Value)>,
    /// message-id, user-id, to, subject, reply-to, correlation-id, content-type, content-encoding, absolute-expiry-time,
    /// creation-time, group-id, group-sequence, reply-to-group-id
    pub(crate) properties: Vec<Value>,
    pub(crate) application: Vec<(Value, Value)>,
    pub(crate) body: Body,
}

/// What a message holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Body {
    #[default]
    Empty,
    /// Bytes, in one piece or several.
    Data(Bytes),
    /// Values, which are no bytes.
    Sequence(Vec<Value>),
    Value(Value),
}

impl Sections {
    /// Reads a message.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn decode(mut bytes: Bytes) -> Result<Self, &'static str> {
        let mut sections = Self::default();
        while !bytes.is_empty() {
            let Value::Described(section) = Value::decode(&mut bytes)? else {
                return Err("a message has a part that is no section");
            };
            let (code, value) = *section;
            match (code.as_u64(), value) {
                (Some(HEADER), Value::List(header)) => sections.header = header,
                (Some(DELIVERY_ANNOTATIONS), Value::Map(map)) => sections.delivery_annotations = map,
                (Some(MESSAGE_ANNOTATIONS), Value::Map(map)) => sections.annotations = map,
                (Some(PROPERTIES), Value::List(list)) => sections.properties = list,
                (Some(APPLICATION_PROPERTIES), Value::Map(map)) => sections.application = map,
                (Some(DATA), Value::Binary(bytes)) => {
                    sections.body = Body::Data(match sections.body {
                        Body::Data(before) if !before.is_empty() => [&before[..], &bytes[..]].concat().into(),
                        _ => bytes,
                    });
                }
                (Some(SEQUENCE), Value::List(more)) => {
                    sections.body = Body::Sequence(match sections.body {
                        Body::Sequence(mut before) => {
                            before.extend(more);
                            before
                        }
                        _ => more,
                    });
                }
                (Some(VALUE), value) => sections.body = Body::Value(value),
                // A footer, which says nothing here.
                _ => {}
            }
        }
        Ok(sections)
    }

    /// A field of `properties`; null where it is not there.
    pub(crate) fn property(&self, index: usize) -> &Value {
        self.properties.get(index).unwrap_or(&Value::Null)
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&Value> {
        self.annotations.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    }
}

/// Writes a message. A body of bytes is always there, an empty one as well.
pub(crate) fn encode(sections: &Sections) -> Vec<u8> {
    let body = match &sections.body {
        Body::Data(bytes) => bytes.len(),
        _ => 0,
    };
    let mut out = Vec::with_capacity(body + 256);
    let list = |out: &mut Vec<u8>, code, fields: &[Value]| {
        if let Some(last) = fields.iter().rposition(|field| *field != Value::Null) {
            described(code, fields[..=last].to_vec()).encode(out);
        }
    };
    list(&mut out, HEADER, &sections.header);
    let map = |out: &mut Vec<u8>, code, entries: &[(Value, Value)]| {
        if !entries.is_empty() {
            Value::Described(Box::new((Value::Ulong(code), Value::Map(entries.to_vec())))).encode(out);
        }
    };
    map(&mut out, DELIVERY_ANNOTATIONS, &sections.delivery_annotations);
    map(&mut out, MESSAGE_ANNOTATIONS, &sections.annotations);
    list(&mut out, PROPERTIES, &sections.properties);
    map(&mut out, APPLICATION_PROPERTIES, &sections.application);
    match &sections.body {
        Body::Empty => {}
        Body::Data(bytes) => data(&mut out, bytes),
        Body::Sequence(list) => described(SEQUENCE, list.clone()).encode(&mut out),
        Body::Value(value) => Value::Described(Box::new((Value::Ulong(VALUE), value.clone()))).encode(&mut out),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_and_read() {
        let mut sections = Sections {
            header: vec![Value::Bool(true), Value::Null, Value::Uint(5_000)],
            annotations: vec![(Value::symbol("x-opt-partition-key"), Value::string("p"))],
            properties: vec![Value::string("id"), Value::Null, Value::string("to")],
            application: vec![(Value::string("a"), Value::string("b"))],
            body: Body::Data(Bytes::from_static(b"\0\xff")),
            ..Sections::default()
        };
        assert_eq!(Sections::decode(encode(&sections).into()).unwrap(), sections);
        assert_eq!(sections.property(0).as_text(), Some("id"));
        assert_eq!(*sections.property(12), Value::Null);
        sections.body = Body::Data(vec![7; 1_000].into());
        assert_eq!(Sections::decode(encode(&sections).into()).unwrap(), sections);
        for body in [Body::Value(Value::Null), Body::Sequence(vec![Value::Int(1)]), Body::Data(Bytes::new())] {
            let sections = Sections { body, ..Sections::default() };
            assert_eq!(Sections::decode(encode(&sections).into()).unwrap(), sections);
        }
    }

    #[test]
    fn pieces_are_joined() {
        let mut out = Vec::new();
        data(&mut out, b"ab");
        data(&mut out, b"");
        data(&mut out, b"c");
        assert_eq!(Sections::decode(out.into()).unwrap().body, Body::Data(Bytes::from_static(b"abc")));
        assert!(Sections::decode(Bytes::from_static(&[0x41])).is_err());
    }
}
