//! A backend's body into the text of a JSON object.

use bytes::Bytes;

use crate::backend::{Data, shape_json};
use crate::shape::{self, Shape};

/// How the body of a backend's answer, or of a received message, is read: a backend's `encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// A JSON object, or an array where the shape says so.
    Json,
    /// Any JSON: an object as it is, an array under `collection`, anything else under `content` (trap 47).
    SafeJson,
    /// Text, under `content`. Bytes that are not UTF-8 become U+FFFD.
    Text,
    /// XML, as the Go package mxj reads it: attributes begin with `-`, text beside them or beside elements is `#text`,
    /// repeated elements are an array, and no value is anything but text.
    #[cfg(feature = "xml")]
    Xml,
    /// A feed, RSS, Atom or JSON, as the Go package gofeed reads it.
    #[cfg(feature = "xml")]
    Rss,
    /// A YAML mapping, or a sequence where the shape says so.
    #[cfg(feature = "yaml")]
    Yaml,
    /// Not at all.
    NoOp,
}

/// Reads and shapes a body; with `merged`, records where the root's members are. The error is one line.
pub(crate) fn read(decode: Decode, shape: &Shape, body: &Bytes, merged: bool) -> Result<Data, String> {
    match decode {
        Decode::Json => shape_json(shape, body, merged),
        Decode::SafeJson => safe_json(shape, body, merged),
        // Nothing is read of what is passed through; a caller that gets here has nothing to show.
        Decode::NoOp => Ok(Data::Null),
        Decode::Text => content(shape, &serde_json::Value::from(as_go_reads(body)).to_string(), merged),
        #[cfg(feature = "xml")]
        Decode::Xml => {
            let (shape, collection) = shape.of_object();
            let value = super::xml::decode(body)?;
            let value = if collection { serde_json::json!({ "collection": value }) } else { value };
            shape_json(&shape, &Bytes::from(value.to_string()), merged)
        }
        #[cfg(feature = "xml")]
        Decode::Rss => shape_json(&shape.of_object().0, &Bytes::from(super::feed::decode(body)?.to_string()), merged),
        #[cfg(feature = "yaml")]
        Decode::Yaml => shape_json(shape, &Bytes::from(super::yaml::decode(body)?), merged),
    }
}

fn safe_json(shape: &Shape, body: &Bytes, merged: bool) -> Result<Data, String> {
    match body.trim_ascii_start().first() {
        Some(b'{') => shape_json(&shape.of_object().0, body, merged),
        Some(b'[') => shape_json(&shape.of_collection(), body, merged),
        _ => {
            let scalar = shape::validate(body).map_err(|error| error.to_string())?;
            content(shape, &String::from_utf8_lossy(&scalar), merged)
        }
    }
}

/// A text in which each byte that is not UTF-8 is U+FFFD.
fn as_go_reads(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// `{"content": ...}` of the text of a JSON value.
fn content(shape: &Shape, value: &str, merged: bool) -> Result<Data, String> {
    shape_json(&shape.of_object().0, &Bytes::from(format!("{{\"content\":{value}}}")), merged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::{Field, Fields};

    fn text(decode: Decode, shape: &Shape, body: &str) -> Result<String, String> {
        let data = read(decode, shape, &Bytes::from(body.to_owned()), false)?;
        Ok(match data.as_object() {
            Some(object) if !matches!(data, Data::Null) => String::from_utf8(object.text.to_vec()).unwrap(),
            _ => "null".to_owned(),
        })
    }

    #[test]
    fn any_json_is_safe() {
        static RENAMED: Shape = Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("content", "c")])).group("g");
        for (shape, body, expected) in [
            (&Shape::OBJECT, r#"{"a":1}"#, r#"{"a":1}"#),
            (&Shape::OBJECT, " [1, 2.50] ", r#"{"collection":[1, 2.50]}"#),
            (&Shape::COLLECTION, r#"{"a":1}"#, r#"{"a":1}"#),
            (&Shape::OBJECT, "42 trailing", r#"{"content":42}"#),
            (&Shape::OBJECT, "null", r#"{"content":null}"#),
            (&Shape::OBJECT, r#""text""#, r#"{"content":"text"}"#),
            (&RENAMED, "1E3", r#"{"g":{"c":1E3}}"#),
            (&RENAMED, "[]", r#"{"g":{"collection":[]}}"#),
        ] {
            assert_eq!(text(Decode::SafeJson, shape, body).as_deref(), Ok(expected), "{body}");
        }
        for body in ["", "text", "[1", "\u{FEFF}1"] {
            assert!(text(Decode::SafeJson, &Shape::OBJECT, body).is_err(), "{body}");
        }
    }

    #[test]
    fn text_is_content() {
        static RENAMED: Shape = Shape::COLLECTION.fields(Fields::AllExcept(&[Field::renamed("content", "txt")]));
        for (body, expected) in [
            ("just text, not {json}", r#"{"txt":"just text, not {json}"}"#),
            ("", r#"{"txt":""}"#),
            ("a\"\n\u{1}é", r#"{"txt":"a\"\n\u0001é"}"#),
        ] {
            assert_eq!(text(Decode::Text, &RENAMED, body).as_deref(), Ok(expected), "{body}");
        }
        let data = read(Decode::Text, &Shape::OBJECT, &Bytes::from_static(b"a\xe4\xb8"), false).unwrap();
        assert_eq!(data.as_object().unwrap().text, "{\"content\":\"a\u{FFFD}\u{FFFD}\"}");
    }

    #[cfg(all(feature = "xml", feature = "yaml"))]
    #[test]
    fn the_others_are_shaped_too() {
        static NESTED: Shape = Shape::OBJECT
            .target(&["r"])
            .fields(Fields::Allow(&[Field::keep("a"), Field::inside("c", Fields::Allow(&[Field::keep("d")]))]));
        let xml = "<r><a>1</a><b>true</b><c><d>x</d></c></r>";
        assert_eq!(text(Decode::Xml, &NESTED, xml).as_deref(), Ok(r#"{"a":"1","c":{"d":"x"}}"#));
        assert_eq!(text(Decode::Xml, &Shape::COLLECTION, "<r/>").as_deref(), Ok(r#"{"collection":{"r":""}}"#));
        assert_eq!(text(Decode::Yaml, &NESTED, "r: {a: 1, b: 2}").as_deref(), Ok(r#"{"a":1}"#));
        assert_eq!(text(Decode::Yaml, &Shape::COLLECTION, "- 1").as_deref(), Ok(r#"{"collection":[1]}"#));
        assert!(text(Decode::Yaml, &Shape::OBJECT, "- 1").unwrap_err().ends_with("not an object"));
        static ITEMS: Shape = Shape::COLLECTION.fields(Fields::Allow(&[Field::renamed("title", "t")]));
        let rss = "<rss><channel><title>x</title></channel></rss>";
        assert_eq!(text(Decode::Rss, &ITEMS, rss).as_deref(), Ok(r#"{"t":"x"}"#));
    }

    #[cfg(all(feature = "xml", feature = "yaml"))]
    #[test]
    fn they_merge_like_json() {
        let parts = [
            (Decode::Json, r#"{"a":1,"content":0}"#),
            (Decode::Xml, "<r>x</r>"),
            (Decode::Text, "text"),
            (Decode::Yaml, "a: 2"),
            (Decode::SafeJson, "[1]"),
        ];
        let parts =
            parts.map(|(decode, body)| read(decode, &Shape::OBJECT, &Bytes::from_static(body.as_bytes()), true));
        let objects: Vec<_> = parts.iter().map(|data| data.as_ref().unwrap().as_object().unwrap()).collect();
        let objects: Vec<(&[u8], _)> = objects.iter().map(|object| (&*object.text, object.roots.as_slice())).collect();
        let mut merged = Vec::new();
        shape::merge(&objects, &mut merged);
        assert_eq!(String::from_utf8_lossy(&merged), r#"{"a":2,"content":"text","r":"x","collection":[1]}"#);
    }

    proptest! {
        /// Every reader takes or refuses any bytes, and what it takes is an object.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let body = Bytes::from(bytes);
            for decode in [
                Decode::SafeJson,
                Decode::Text,
                #[cfg(feature = "xml")]
                Decode::Xml,
                #[cfg(feature = "xml")]
                Decode::Rss,
                #[cfg(feature = "yaml")]
                Decode::Yaml,
            ] {
                if let Ok(data) = read(decode, &Shape::OBJECT, &body, true) {
                    let object = data.as_object().expect("not bytes that are passed on");
                    let value: serde_json::Value = serde_json::from_slice(&object.text).expect("it is JSON");
                    prop_assert!(value.is_object());
                }
            }
        }
    }
}
