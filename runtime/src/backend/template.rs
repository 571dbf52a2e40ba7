//! Values that are made for each request: literal text and what the request has.

use std::borrow::Cow;
use std::fmt;

use http::header::{HOST, HeaderName};
use percent_encoding::percent_decode_str;

use crate::backend::Place;
use crate::backend::earlier::Values;
use crate::backend::forward::first_query_value;
use crate::backend::url::param_names;
use crate::incoming::Incoming;
use crate::opener::OpenFailure;
use crate::shape::{Found, Lookup};

/// A part of a value that is made for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Copied.
    Text(&'static str),
    /// The endpoint's path parameter at this position.
    Param(usize),
    /// The first value of this header.
    Header(&'static str),
    /// The first value of this query parameter.
    Query(&'static str),
    /// What the JSON body has at the end of this path: a string, a number as it is written, or a boolean.
    Body(&'static [&'static str]),
    /// A value from the answer of an earlier backend of the sequence, by the name that the config gives it.
    Answer(&'static str),
}

/// A value of several parts, ready to be made.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Box<[OpenPart]>,
}

/// A [`Part`] with what is worked out once.
#[derive(Debug)]
enum OpenPart {
    Text(&'static str),
    Param {
        index: usize,
        name: &'static str,
        /// Whether it comes as the client encoded it (`router.disable_path_decoding`).
        encoded: bool,
    },
    Header(HeaderName, &'static str),
    Query(&'static str),
    /// Where a lookup in the body puts it.
    Body(usize, &'static [&'static str]),
    Answer(&'static str),
}

/// What becomes of an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Empty {
    /// It is one.
    Kept,
    /// It counts as none: a key or an id that lacks its part would be everybody's.
    Missing,
}

/// A value that cannot be made of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unmade {
    /// Whether the request only lacks a part of it, and has nothing wrong.
    pub(crate) missing: bool,
    /// The part, and what is wrong with it: `` `{query.q}` has no value ``.
    pub(crate) message: String,
}

impl Template {
    /// Makes ready what `parts` say. What is wanted of the body is added to `lookup`.
    pub(crate) fn new(parts: &'static [Part], place: &Place<'_>, lookup: &mut Lookup) -> Result<Self, OpenFailure> {
        let names = param_names(place.endpoint.path);
        let part = |part: &Part| {
            Ok(match *part {
                Part::Text(text) => OpenPart::Text(text),
                Part::Param(index) => OpenPart::Param {
                    index,
                    name: names.get(index).copied().unwrap_or_default(),
                    encoded: place.router.disable_path_decoding,
                },
                Part::Header(name) => {
                    let lower = HeaderName::from_bytes(name.as_bytes());
                    OpenPart::Header(
                        lower.map_err(|error| OpenFailure::new(format!("header {name:?}: {error}")))?,
                        name,
                    )
                }
                Part::Query(name) => OpenPart::Query(name),
                Part::Body(path) => OpenPart::Body(lookup.add(path), path),
                Part::Answer(name) => OpenPart::Answer(name),
            })
        };
        Ok(Self { parts: parts.iter().map(part).collect::<Result<_, OpenFailure>>()? })
    }

    /// The value for one request. Allocates nothing else, unless a part of it is encoded.
    pub(crate) fn make(&self, incoming: &Incoming, body: &Found<'_>, empty: Empty) -> Result<String, Unmade> {
        let mut value = String::with_capacity(48);
        for part in &self.parts {
            let start = value.len();
            if !part.append(incoming, body, &mut value)? || (empty == Empty::Missing && value.len() == start) {
                let because = body.problem().filter(|_| matches!(part, OpenPart::Body(..)));
                let message = match because {
                    Some(problem) => format!("`{part}` has no value: {problem}"),
                    None => format!("`{part}` has no value"),
                };
                return Err(Unmade { missing: true, message });
            }
            // A broker's protocol may end a line or a text at one of these.
            if value[start..].contains(char::is_control) {
                return Err(part.invalid("has a control character in it"));
            }
        }
        Ok(value)
    }
}

impl OpenPart {
    /// Appends its value; false where there is none.
    fn append(&self, incoming: &Incoming, body: &Found<'_>, into: &mut String) -> Result<bool, Unmade> {
        let value = match self {
            Self::Text(text) => {
                into.push_str(text);
                return Ok(true);
            }
            Self::Body(slot, _) => return Ok(body.append(*slot, into)),
            Self::Param { index, encoded: false, .. } => {
                into.push_str(incoming.params.get(*index));
                return Ok(true);
            }
            Self::Param { index, encoded: true, .. } => Some(percent_decode_str(incoming.params.get(*index)).into()),
            Self::Header(name, _) if *name == HOST => {
                incoming.host().map(|host| Cow::Owned(host.as_bytes().to_owned()))
            }
            Self::Header(name, _) => incoming.parts.headers.get(name).map(|value| Cow::Borrowed(value.as_bytes())),
            Self::Answer(name) => Values::of(incoming, name).map(Cow::Borrowed),
            Self::Query(name) => incoming.parts.uri.query().and_then(|query| first_query_value(query, name)),
        };
        let Some(value) = value else { return Ok(false) };
        into.push_str(std::str::from_utf8(&value).map_err(|_| self.invalid("is not UTF-8"))?);
        Ok(true)
    }

    #[cold]
    fn invalid(&self, why: &str) -> Unmade {
        Unmade { missing: false, message: format!("`{self}` {why}") }
    }
}

/// As the config writes it.
impl fmt::Display for OpenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Param { name, .. } => write!(f, "{{{name}}}"),
            Self::Header(_, name) => write!(f, "{{header.{name}}}"),
            Self::Query(name) => write!(f, "{{query.{name}}}"),
            Self::Body(_, path) => write!(f, "{{body.{}}}", path.join(".")),
            Self::Answer(name) => write!(f, "{{{name}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::Merge;
    use crate::endpoint::{Endpoint, Method};
    use crate::incoming::tests::incoming;
    use crate::router::{Params, RouterOptions};

    fn make(parts: &'static [Part], request: &Incoming, body: &[u8], encoded: bool) -> Result<String, Unmade> {
        let endpoint = Endpoint::new(Method::Post, "/{region}/orders/{id}", "", Merge::new(&[]));
        let router = RouterOptions { disable_path_decoding: encoded, ..RouterOptions::DEFAULT };
        let timeout = Duration::from_secs(1);
        let place = Place { endpoint: &endpoint.options, router: &router, merged: false, sets_headers: false, timeout };
        let mut lookup = Lookup::default();
        let template = Template::new(parts, &place, &mut lookup).unwrap();
        template.make(request, &lookup.find(body), Empty::Missing)
    }

    fn request(target: &str) -> Incoming {
        let mut request = incoming("POST", target, &[("x-id", "first"), ("x-id", "second"), ("x-empty", "")]);
        request.params = Params::from_values(["eu", "7"]);
        request
    }

    #[test]
    fn values_of_a_request() {
        static ALL: [Part; 8] = [
            Part::Text("order-"),
            Part::Param(1),
            Part::Text("/"),
            Part::Param(0),
            Part::Text("/"),
            Part::Header("X-Id"),
            Part::Query("q"),
            Part::Body(&["customer", "id"]),
        ];
        let body = br#"{"customer": {"id": 12.50}}"#;
        assert_eq!(make(&ALL, &request("/?q=1&q=2"), body, false).unwrap(), "order-7/eu/first112.50");
        assert_eq!(make(&[Part::Text("fixed")], &request("/"), b"", false).unwrap(), "fixed");
        for (target, expected) in [
            ("/?q=a+b%26%C3%A9", Some("a b&é")),
            ("/?%71=1", Some("1")),
            ("/?p=1&q=2", Some("2")),
            ("/?Q=1", None),
            ("/?q=1;2&q=3", Some("3")),
            ("/?q=%zz", None),
            ("/?q", None),
            ("/", None),
        ] {
            assert_eq!(make(&[Part::Query("q")], &request(target), b"", false).ok().as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn parameters_are_the_same_however_they_were_encoded() {
        let mut encoded = request("/");
        for (sent, expected) in [("a%2Fb", Ok("a/b")), ("a b", Ok("a b")), ("%FF", Err("`{id}` is not UTF-8"))] {
            encoded.params = Params::from_values(["eu", sent]);
            let made = make(&[Part::Param(1)], &encoded, b"", true).map_err(|unmade| unmade.message);
            assert_eq!(made, expected.map(str::to_owned).map_err(str::to_owned), "{sent}");
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        let mut request = request("/?q=a%0Ab&r=%00&t=a%09b&u=%C2%85&v=%FF&w=");
        request.parts.headers.insert("x-bytes", http::HeaderValue::from_bytes(b"\xff").unwrap());
        let control = "has a control character in it";
        for (part, missing, expected) in [
            (Part::Header("X-None"), true, "`{header.X-None}` has no value"),
            (Part::Header("X-Empty"), true, "`{header.X-Empty}` has no value"),
            (Part::Query("w"), true, "`{query.w}` has no value"),
            (Part::Query("x"), true, "`{query.x}` has no value"),
            (Part::Body(&["a", "b"]), true, "`{body.a.b}` has no value"),
            (Part::Body(&["none"]), true, "`{body.none}` has no value"),
            (Part::Header("X-Bytes"), false, "`{header.X-Bytes}` is not UTF-8"),
            (Part::Query("v"), false, "`{query.v}` is not UTF-8"),
            (Part::Query("q"), false, &format!("`{{query.q}}` {control}")),
            (Part::Query("r"), false, &format!("`{{query.r}}` {control}")),
            (Part::Query("t"), false, &format!("`{{query.t}}` {control}")),
            (Part::Query("u"), false, &format!("`{{query.u}}` {control}")),
            (Part::Body(&["line"]), false, &format!("`{{body.line}}` {control}")),
        ] {
            let parts = Box::leak(Box::new([part]));
            let unmade = make(parts, &request, br#"{"a": {"b": null}, "line": "1\r2"}"#, false).unwrap_err();
            assert_eq!(unmade, Unmade { missing, message: expected.to_owned() });
        }
        let unmade = make(&[Part::Body(&["a"])], &request, b"{", false).unwrap_err();
        assert!(unmade.message.starts_with("`{body.a}` has no value: the body is not JSON"), "{unmade:?}");
    }

    #[test]
    fn values_of_earlier_answers() {
        let mut request = request("/");
        request.parts.extensions.insert(Values::from_pairs([("resp0_id", "a b"), ("resp0_line", "1\r\n2")]));
        let made = |part: &'static [Part]| make(part, &request, b"", false).map_err(|unmade| unmade.message);
        assert_eq!(made(&[Part::Text("of "), Part::Answer("resp0_id")]).unwrap(), "of a b");
        let control = "`{resp0_line}` has a control character in it";
        assert_eq!(made(&[Part::Answer("resp0_line")]).unwrap_err(), control);
        assert_eq!(made(&[Part::Answer("resp1")]).unwrap_err(), "`{resp1}` has no value");
    }

    #[test]
    fn the_host_is_the_one_that_was_asked_for() {
        let host =
            |target, headers: &[_]| make(&[Part::Header("Host")], &incoming("POST", target, headers), b"", false);
        assert_eq!(host("/", &[("host", "gateway.test")]).unwrap(), "gateway.test");
        assert_eq!(host("http://other.test/", &[]).unwrap(), "other.test");
    }
}
