//! Messages and their sections, as they are read and written (part 3 of the standard).

use bytes::Bytes;

use super::Value;
use super::frame::{self, data, described};
use super::value::Limits;

const HEADER: u64 = 0x70;
const DELIVERY_ANNOTATIONS: u64 = 0x71;
const MESSAGE_ANNOTATIONS: u64 = 0x72;
const PROPERTIES: u64 = 0x73;
const APPLICATION_PROPERTIES: u64 = 0x74;
const DATA: u64 = 0x75;
const SEQUENCE: u64 = 0x76;
const VALUE: u64 = 0x77;
const FOOTER: u64 = 0x78;

const UNKNOWN: &str = "a message has a section of an unknown kind";
const SEVERAL: &str = "a message has bodies of several kinds";

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
        // Of all sections together.
        let mut limits = Limits::default();
        let mut pieces: Vec<Bytes> = Vec::new();
        while !bytes.is_empty() {
            let Value::Described(section) = Value::read(&mut bytes, &mut limits)? else {
                return Err("a message has a part that is no section");
            };
            let (descriptor, value) = *section;
            let code = frame::code(&descriptor).ok_or(UNKNOWN)?;
            match (code, value) {
                (HEADER, Value::List(header)) => sections.header = header,
                (DELIVERY_ANNOTATIONS, Value::Map(map)) => sections.delivery_annotations = map,
                (MESSAGE_ANNOTATIONS, Value::Map(map)) => sections.annotations = map,
                (PROPERTIES, Value::List(list)) => sections.properties = list,
                (APPLICATION_PROPERTIES, Value::Map(map)) => sections.application = map,
                // Nothing is lost by that.
                (HEADER..=APPLICATION_PROPERTIES, Value::Null) => {}
                (DATA, Value::Binary(piece)) => pieces.push(piece),
                (SEQUENCE, Value::List(more)) => match &mut sections.body {
                    Body::Empty => sections.body = Body::Sequence(more),
                    Body::Sequence(before) => before.extend(more),
                    _ => return Err(SEVERAL),
                },
                (VALUE, value) if sections.body == Body::Empty => sections.body = Body::Value(value),
                (VALUE, _) => return Err(SEVERAL),
                // It is about the bytes, which were not changed.
                (FOOTER, _) => {}
                (HEADER..=SEQUENCE, _) => return Err("a section of a message is not of its type"),
                _ => return Err(UNKNOWN),
            }
        }
        if !pieces.is_empty() {
            if sections.body != Body::Empty {
                return Err(SEVERAL);
            }
            sections.body = Body::Data(match &mut pieces[..] {
                [one] => std::mem::take(one),
                several => several.concat().into(),
            });
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

    /// A section whose descriptor is a name.
    fn named(name: &str, value: &Value) -> Vec<u8> {
        let mut out = vec![0];
        Value::symbol(name).encode(&mut out);
        value.encode(&mut out);
        out
    }

    #[test]
    fn sections_may_have_names() {
        let map = Value::Map(vec![(Value::string("a"), Value::string("b"))]);
        let message = [
            named("amqp:header:list", &Value::List(vec![Value::Bool(true)])),
            named("amqp:message-annotations:map", &Value::Map(Vec::new())),
            named("amqp:properties:list", &Value::List(vec![Value::string("id")])),
            named("amqp:application-properties:map", &map),
            named("amqp:data:binary", &Value::Binary(Bytes::from_static(b"body"))),
            named("amqp:footer:map", &map),
        ];
        let read = Sections::decode(message.concat().into()).unwrap();
        assert_eq!((read.property(0).as_text(), read.application.len()), (Some("id"), 1));
        assert_eq!(read.body, Body::Data(Bytes::from_static(b"body")));
    }

    /// What would be left out is refused.
    #[test]
    fn no_part_is_dropped_in_silence() {
        let section = |code: u64, value: Value| {
            let mut out = Vec::new();
            Value::Described(Box::new((Value::Ulong(code), value))).encode(&mut out);
            out
        };
        let (bytes, text) = (Value::Binary(Bytes::from_static(b"x")), Value::string("x"));
        for (message, what) in [
            (named("amqp:other:list", &bytes), UNKNOWN),
            (section(0x79, bytes.clone()), UNKNOWN),
            (section(0x24, bytes.clone()), UNKNOWN),
            (section(DATA, text.clone()), "a section of a message is not of its type"),
            (section(PROPERTIES, text.clone()), "a section of a message is not of its type"),
            ([section(DATA, bytes.clone()), section(VALUE, text.clone())].concat(), SEVERAL),
            ([section(VALUE, text.clone()), section(VALUE, text.clone())].concat(), SEVERAL),
            ([section(SEQUENCE, Value::List(vec![text])), section(DATA, bytes)].concat(), SEVERAL),
        ] {
            assert_eq!(Sections::decode(message.into()), Err(what));
        }
        let nothing = [section(HEADER, Value::Null), section(APPLICATION_PROPERTIES, Value::Null)].concat();
        assert_eq!(Sections::decode(nothing.into()), Ok(Sections::default()));
    }

    /// How many values there may be is a limit for all sections together.
    #[test]
    fn many_small_sections_take_no_more_than_one_that_is_large() {
        let list = vec![0xd0, 0, 0, 0x04, 0x04, 0, 0, 0x04, 0];
        let sequence = [vec![0, 0x53, 0x76], list, vec![0x40; 1_024]].concat();
        assert!(Sections::decode(sequence.repeat(100).into()).is_ok());
        assert_eq!(Sections::decode(sequence.repeat(1_000).into()), Err("there are too many values"));
        let empty = [0, 0x53, 0x76, 0x45].repeat(200_000);
        assert_eq!(Sections::decode(empty.into()), Err("there are too many values"));
    }

    /// Each byte is copied once.
    #[test]
    fn many_pieces_are_joined_at_once() {
        let mut out = Vec::new();
        let piece = [7; 200];
        (0..100_000).for_each(|_| data(&mut out, &piece));
        let Ok(Sections { body: Body::Data(joined), .. }) = Sections::decode(out.into()) else { panic!("bytes") };
        assert_eq!(joined.len(), 20_000_000);
    }
}
