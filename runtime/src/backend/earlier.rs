//! What a backend of a sequence takes over from the answers before it.

use bytes::Bytes;
use http::HeaderValue;

use crate::backend::Failure;
use crate::backend::reply::{Data, Reply};
use crate::incoming::Incoming;
use crate::shape;

/// A value of an earlier backend's answer, as the config names it: `{resp0_user.id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    pub(crate) name: &'static str,
    pub(crate) backend: usize,
    pub(crate) path: &'static [&'static str],
}

/// A part of a body that a sequence makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPiece {
    /// Copied: a part of a JSON text.
    Literal(&'static str),
    /// A value as JSON, or the whole of an answer that is not JSON.
    Value(&'static str),
    /// A value as text, inside a JSON string.
    Inside(&'static str),
}

impl Earlier {
    /// `name` is what the config writes between the braces, `backend` the position of the one that answered, and `path`
    /// leads through the objects of its answer after shaping. An empty one is the whole answer.
    #[must_use]
    pub const fn new(name: &'static str, backend: usize, path: &'static [&'static str]) -> Self {
        Self { name, backend, path }
    }
}

/// The outcome of one backend of a sequence.
pub(crate) struct Answered {
    pub(crate) result: Result<Reply, Failure>,
    /// The body of an answer that is not JSON, where a later backend reads it.
    pub(crate) whole: Option<Whole>,
    /// Whether it is an answer that says that all went well.
    pub(crate) accepted: bool,
    /// Whether it is a message that no answer has in it: a later backend has to take it.
    pub(crate) unmerged: bool,
}

/// A body that was not decoded.
pub(crate) struct Whole {
    pub(crate) body: Bytes,
    pub(crate) content_type: Option<HeaderValue>,
}

/// The values that one backend reads, found.
#[derive(Default)]
pub(crate) struct Found<'a> {
    values: Vec<(&'static str, Raw<'a>)>,
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    Json(&'a [u8]),
    Whole(&'a Whole),
}

/// The values that one backend's URL and templates read, as text, in the extensions of its request.
#[derive(Clone, Debug)]
pub(crate) struct Values(Vec<(&'static str, Vec<u8>)>);

// === impl Found ===

impl<'a> Found<'a> {
    /// # Errors
    /// A value that is not there: nothing is sent with a placeholder in it.
    pub(crate) fn new(reads: &[Earlier], answers: &'a [Answered]) -> Result<Self, String> {
        let find = |read: &Earlier| {
            let answered = answers.get(read.backend)?;
            let raw = match (&answered.whole, &answered.result) {
                (Some(whole), _) if read.path.is_empty() => Raw::Whole(whole),
                (_, Ok(Reply { data: Data::Object(object), .. })) => Raw::Json(shape::pick(&object.text, read.path)?),
                _ => return None,
            };
            Some((read.name, raw))
        };
        let missing = |read: &Earlier| format!("`{{{}}}` is not in the answer of backend {}", read.name, read.backend);
        let values = reads.iter().map(|read| find(read).ok_or_else(|| missing(read))).collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    fn raw(&self, name: &str) -> Result<Raw<'a>, String> {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map(|(_, raw)| *raw).ok_or_else(|| format!("`{{{name}}}` was not read"))
    }

    pub(crate) fn values(&self) -> Result<Values, String> {
        self.values.iter().map(|(name, raw)| Ok((*name, raw.text(name)?))).collect::<Result<_, _>>().map(Values)
    }

    /// A body, and its type where that is known.
    pub(crate) fn body(&self, pieces: &[BodyPiece]) -> Result<(Bytes, Option<HeaderValue>), String> {
        if let [BodyPiece::Value(name)] = pieces
            && let Raw::Whole(whole) = self.raw(name)?
        {
            return Ok((whole.body.clone(), whole.content_type.clone()));
        }
        let mut body = Vec::new();
        for piece in pieces {
            match piece {
                BodyPiece::Literal(text) => body.extend_from_slice(text.as_bytes()),
                BodyPiece::Value(name) => match self.raw(name)? {
                    Raw::Json(json) => body.extend_from_slice(json),
                    Raw::Whole(whole) => {
                        let json = shape::validate(&whole.body).map_err(|error| format!("`{{{name}}}`: {error}"))?;
                        body.extend_from_slice(&json);
                    }
                },
                BodyPiece::Inside(name) => {
                    let text = self.raw(name)?.text(name)?;
                    let quoted = serde_json::Value::from(String::from_utf8_lossy(&text)).to_string();
                    body.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
                }
            }
        }
        Ok((body.into(), Some(HeaderValue::from_static("application/json"))))
    }
}

impl Raw<'_> {
    fn text(self, name: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Json(json) => shape::plain(json).ok_or_else(|| format!("`{{{name}}}` is nested too deep")),
            Self::Whole(whole) => Ok(whole.body.to_vec()),
        }
    }
}

// === impl Values ===

impl Values {
    #[cfg(test)]
    pub(crate) fn from_pairs<const N: usize>(pairs: [(&'static str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name, value.as_bytes().to_vec())).into())
    }

    /// The value called `name` in a request that a sequence made; it has all that its backend reads.
    pub(crate) fn of<'a>(incoming: &'a Incoming, name: &str) -> Option<&'a [u8]> {
        let values = incoming.parts.extensions.get::<Self>()?;
        values.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::shape_json;
    use crate::shape::Shape;

    fn json(text: &'static str) -> Answered {
        let data = shape_json(&Shape::OBJECT, &Bytes::from_static(text.as_bytes()), true).unwrap();
        Answered { result: Ok(Reply::new(data, true)), whole: None, accepted: true, unmerged: false }
    }

    fn whole(text: &'static str) -> Answered {
        let whole = Whole { body: Bytes::from_static(text.as_bytes()), content_type: None };
        Answered { whole: Some(whole), ..json("{}") }
    }

    static READS: [Earlier; 3] = [
        Earlier::new("resp0_id", 0, &["id"]),
        Earlier::new("resp0_who.name", 0, &["who", "name"]),
        Earlier::new("resp1", 1, &[]),
    ];

    #[test]
    fn a_value_cannot_break_out_of_the_body() {
        let answers = [json(r#"{"id":[1, 2.50],"who":{"name":"\"},{\u0007\\"}}"#), whole(r#"{"a":1} "#)];
        let found = Found::new(&READS, &answers).unwrap();
        use BodyPiece::{Inside, Literal, Value};
        for (pieces, expected) in [
            (&[Literal("{\"id\":"), Value("resp0_id"), Literal("}")][..], r#"{"id":[1, 2.50]}"#),
            (&[Literal("[\"for "), Inside("resp0_who.name"), Literal("!\"]")], r#"["for \"},{\u0007\\!"]"#),
            (&[Literal("["), Value("resp0_who.name"), Literal("]")], r#"["\"},{\u0007\\"]"#),
            (&[Literal("["), Inside("resp0_id"), Literal("]")], "[1,2.50]"),
            (&[Literal("["), Value("resp1"), Literal("]")], r#"[{"a":1}]"#),
            (&[Value("resp1")], "{\"a\":1} "),
        ] {
            assert_eq!(found.body(pieces).unwrap().0, expected, "{pieces:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for (answer, expected) in [
            (r#"{"id":1,"who":{}}"#, "`{resp0_who.name}` is not in the answer of backend 0"),
            (r#"{"id":1,"who":[{"name":1}]}"#, "`{resp0_who.name}` is not in the answer of backend 0"),
            ("null", "`{resp0_id}` is not in the answer of backend 0"),
        ] {
            let answers = [json(answer), whole("x")];
            assert_eq!(Found::new(&READS, &answers).err().as_deref(), Some(expected), "{answer}");
        }
    }
}
