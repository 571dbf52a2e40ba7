//! The path and query that an HTTP backend is asked for.

use std::borrow::Cow;
use std::fmt;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;

use crate::backend::Failure;
use crate::backend::earlier::Values;
use crate::backend::forward::{QueryRules, push_escaped, query_escape};
use crate::incoming::Incoming;
use crate::opener::OpenFailure;

/// A part of a backend's `url_pattern`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copied: already percent-encoded where it must be.
    Text(&'static str),
    /// The endpoint's path parameter at this position, percent-encoded when it is put in, so that a value can never
    /// become part of the path or the query around it (traps 18 and 19 are not followed).
    Param(usize),
    /// A value from the answer of an earlier backend of the sequence, by the name that the config gives it, put in as a
    /// parameter is.
    Answer(&'static str),
    /// A parameter that is a path (`{+name}`): its slashes stay, everything else is percent-encoded, and no `..` between
    /// them is sent, so that it can add segments and nothing more.
    PathParam(usize),
    /// A value from an earlier answer that is a path, put in as such a parameter is.
    AnswerPath(&'static str),
}

/// A `url_pattern` with the query rules of its backend.
#[derive(Debug)]
pub(crate) struct UrlTemplate {
    pieces: &'static [Piece],
    query: QueryRules,
    /// Whether parameters come as the client encoded them (`router.disable_path_decoding`).
    encoded: bool,
    /// The whole of it, where no parameter goes in: for requests without a query.
    fixed: Option<PathAndQuery>,
}

/// One host of a backend, parsed.
#[derive(Debug)]
pub(crate) struct Host {
    scheme: Scheme,
    authority: Authority,
    /// A path before the template's, without a final slash.
    prefix: String,
}

impl UrlTemplate {
    pub(crate) fn new(pieces: &'static [Piece], query: QueryRules, encoded: bool) -> Result<Self, OpenFailure> {
        let mut template = Self { pieces, query, encoded, fixed: None };
        let literal = |piece: &Piece| if let Piece::Text(literal) = piece { Some(*literal) } else { None };
        if let Some(text) = pieces.iter().map(literal).collect::<Option<String>>() {
            let fixed = PathAndQuery::try_from(text.as_str())
                .map_err(|error| OpenFailure::new(format!("url_pattern {text:?} is not a path: {error}")))?;
            template.fixed = Some(fixed);
        }
        Ok(template)
    }

    /// What is wrong with the parameters that the client sent: see [`climbs`].
    pub(crate) fn refuse(&self, incoming: &Incoming) -> Result<(), Failure> {
        if self.fixed.is_some() {
            return Ok(());
        }
        for piece in self.pieces {
            match piece {
                Piece::Text(literal) if literal.contains('?') => break,
                Piece::Param(index) | Piece::PathParam(index) if climbs(&self.param(incoming, *index)) => {
                    return Err(climbing(false));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The URL at `host` for one request. `more` is added to the query as it is.
    ///
    /// # Errors
    /// A value that would lead out of its place: 400 where the client sent it. Text that is no URL.
    pub(crate) fn at(&self, host: &Host, incoming: &Incoming, more: Option<&str>) -> Result<Uri, Failure> {
        let query = incoming.parts.uri.query().filter(|query| !query.is_empty() && !self.query.is_none());
        let path = match &self.fixed {
            Some(fixed) if query.is_none() && more.is_none() && host.prefix.is_empty() => fixed.clone(),
            _ => {
                let mut text = self.text(host, incoming)?;
                if let Some(query) = query {
                    self.query.append(query, &mut text);
                }
                if let Some(more) = more {
                    text.push(if text.contains('?') { '&' } else { '?' });
                    text.push_str(more);
                }
                PathAndQuery::from_maybe_shared(text.into_bytes()).map_err(|error| no_url(&error))?
            }
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(host.scheme.clone());
        parts.authority = Some(host.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|error| no_url(&error))
    }

    fn text(&self, host: &Host, incoming: &Incoming) -> Result<String, Failure> {
        let mut text = String::with_capacity(96);
        text.push_str(&host.prefix);
        let mut in_query = false;
        // Where the segments begin that values went into, and whether an earlier answer's are among them.
        let mut filled: Option<(usize, bool)> = None;
        for piece in self.pieces {
            let answer = match piece {
                Piece::Text(literal) => {
                    if let Some(end) = literal.find(['/', '?']) {
                        text.push_str(&literal[..end]);
                        checked(filled.take(), &text)?;
                        text.push_str(&literal[end..]);
                        in_query |= literal.contains('?');
                    } else {
                        text.push_str(literal);
                    }
                    continue;
                }
                Piece::Param(_) | Piece::PathParam(_) => false,
                Piece::Answer(_) | Piece::AnswerPath(_) => true,
            };
            if !in_query {
                let (from, earlier) = filled.unwrap_or_else(|| (text.rfind('/').map_or(0, |slash| slash + 1), false));
                filled = Some((from, earlier || answer));
            }
            match piece {
                Piece::Param(index) | Piece::PathParam(index) => {
                    piece.escape(&self.param(incoming, *index), in_query, &mut text);
                }
                Piece::Answer(name) | Piece::AnswerPath(name) => {
                    piece.escape(Values::of(incoming, name).unwrap_or_default(), in_query, &mut text);
                }
                Piece::Text(_) => {}
            }
        }
        checked(filled, &text)?;
        Ok(text)
    }

    fn param<'a>(&self, incoming: &'a Incoming, index: usize) -> Cow<'a, [u8]> {
        let value = incoming.params.get(index);
        match self.encoded {
            true => percent_decode_str(value).into(),
            false => Cow::Borrowed(value.as_bytes()),
        }
    }
}

/// Whether a server could take a part of `path`, percent-decoded, for `.` or `..`, which lead out of the place that the
/// config gives a value. Encoding does not help: `%2E%2E` means `..` (RFC 3986, section 6.2.2.2). Some servers decode
/// slashes first, to others a backslash is one, and some read `..;x` as `..`.
fn climbs(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

/// Looks at the segments that values went into, with what the config writes beside them.
fn checked(filled: Option<(usize, bool)>, text: &str) -> Result<(), Failure> {
    match filled {
        Some((from, answer)) if climbs(&Cow::from(percent_decode_str(&text[from..]))) => Err(climbing(answer)),
        _ => Ok(()),
    }
}

fn climbing(answer: bool) -> Failure {
    match answer {
        true => Failure::internal("a value of an earlier answer would lead out of its place in the backend's path"),
        false => Failure::new(StatusCode::BAD_REQUEST, "a parameter would lead out of its place in the backend's path"),
    }
}

fn no_url(error: &dyn fmt::Display) -> Failure {
    Failure::internal(error.to_string())
}

impl Piece {
    fn escape(self, value: &[u8], in_query: bool, into: &mut String) {
        match self {
            _ if in_query => query_escape(value, into),
            Self::PathParam(_) | Self::AnswerPath(_) => path_escape_segments(value, into),
            Self::Text(_) | Self::Param(_) | Self::Answer(_) => path_escape(value, into),
        }
    }
}

impl Host {
    /// `scheme://authority` and an optional path.
    pub(crate) fn parse(host: &str) -> Result<Self, OpenFailure> {
        let invalid = |why: String| OpenFailure::new(format!("host {host:?} is not a URL: {why}"));
        let parts = host.parse::<Uri>().map_err(|error| invalid(error.to_string()))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid("scheme or address is missing".to_owned()));
        };
        let prefix = parts.path_and_query.map(|path| path.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Ok(Self { scheme, authority, prefix })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// A `url_pattern` as KrakenD writes it in errors: parameters with a capital letter (trap 7).
pub(crate) fn describe(pieces: &[Piece], endpoint: &str) -> String {
    let names = param_names(endpoint);
    pieces.iter().fold(String::new(), |mut text, piece| {
        let name = match piece {
            Piece::Text(literal) => return text + literal,
            Piece::Param(index) | Piece::PathParam(index) => names.get(*index).copied().unwrap_or_default(),
            Piece::Answer(name) | Piece::AnswerPath(name) => name,
        };
        let mut letters = name.chars();
        text.push_str("{{.");
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(letters.as_str());
        text + "}}"
    })
}

/// The names of the parameters of an endpoint's path, by position.
pub(crate) fn param_names(endpoint: &str) -> Vec<&str> {
    endpoint
        .split('/')
        .filter_map(|segment| segment.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')))
        .collect()
}

/// Encodes a value for one segment of a path: what RFC 3986 lets stand in a segment stays, but for `;`, which begins
/// a parameter of the segment for some servers. `/`, `?`, `#`, `%` do not.
fn path_escape(value: &[u8], into: &mut String) {
    for &byte in value {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => into.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':'
            | b'@' => into.push(char::from(byte)),
            byte => push_escaped(byte, into),
        }
    }
}

/// The same for a path: each of its segments by itself.
fn path_escape_segments(value: &[u8], into: &mut String) {
    for (index, segment) in value.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            into.push('/');
        }
        path_escape(segment, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_segment() {
        for (value, expected) in [
            ("42", "42"),
            ("a b", "a%20b"),
            ("a/b?c#d%e", "a%2Fb%3Fc%23d%25e"),
            ("...", "..."),
            ("a;b,c", "a%3Bb,c"),
            ("caf\u{e9}", "caf%C3%A9"),
            ("a:b@c", "a:b@c"),
        ] {
            let mut text = String::new();
            path_escape(value.as_bytes(), &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_path_stays_a_path() {
        for (value, expected) in [("a/b", "a/b"), ("/a//b/", "/a//b/"), ("a?b#c%2F", "a%3Fb%23c%252F"), ("", "")] {
            let mut text = String::new();
            path_escape_segments(value.as_bytes(), &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn what_the_client_encoded_is_not_encoded_twice() {
        static PIECES: [Piece; 4] = [Piece::Text("/x/"), Piece::Param(0), Piece::Text("?y="), Piece::Param(0)];
        let template = UrlTemplate::new(&PIECES, QueryRules::None, true).unwrap();
        let host = Host::parse("http://127.0.0.1:8081").unwrap();
        let mut request = crate::incoming::tests::incoming("GET", "/", &[]);
        for (value, expected) in [
            ("a%2Fb", "/x/a%2Fb?y=a%2Fb"),
            ("a%3Fb", "/x/a%3Fb?y=a%3Fb"),
            ("a?b", "/x/a%3Fb?y=a%3Fb"),
            ("100%", "/x/100%25?y=100%25"),
            ("%zz%4", "/x/%25zz%254?y=%25zz%254"),
            ("%FF", "/x/%FF?y=%FF"),
        ] {
            request.params = crate::router::Params::from_values([value]);
            assert_eq!(template.at(&host, &request, None).unwrap().path_and_query().unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn no_value_leads_out_of_its_place() {
        static PARAM: [Piece; 3] = [Piece::Text("/a/"), Piece::Param(0), Piece::Text("/z?q=")];
        static PATH: [Piece; 2] = [Piece::Text("/a/"), Piece::PathParam(0)];
        static BESIDE: [Piece; 4] = [Piece::Text("/a/."), Piece::Param(0), Piece::Text(";v=1/z?q="), Piece::Param(0)];
        static QUERY: [Piece; 2] = [Piece::Text("/a/../z?q="), Piece::Param(0)];
        static ANSWER: [Piece; 2] = [Piece::Text("/a/"), Piece::AnswerPath("resp0_x")];
        let host = Host::parse("http://127.0.0.1:8081/base/..").unwrap();
        let mut request = crate::incoming::tests::incoming("GET", "/", &[]);
        let status = |pieces, encoded, request: &Incoming| {
            let template = UrlTemplate::new(pieces, QueryRules::None, encoded).unwrap();
            let at = template.at(&host, request, None).map_err(|failure| failure.status.as_u16()).err();
            (at, template.refuse(request).is_err())
        };
        for value in ["..", ".", "../x", "x/..", r"x\..\y", "..;x", "x/.;", "/../x"] {
            request.params = crate::router::Params::from_values([value]);
            assert_eq!(status(&PARAM, false, &request), (Some(400), true), "{value}");
            assert_eq!(status(&PATH, false, &request), (Some(400), true), "{value}");
            assert_eq!(status(&QUERY, false, &request), (None, false), "{value}");
            request.parts.extensions.insert(Values::from_pairs([("resp0_x", value)]));
            assert_eq!(status(&ANSWER, false, &request), (Some(500), false), "{value}");
        }
        for value in ["%2E%2e", "x%2F%2E.", "..%3bx", ".%2e%5Cx"] {
            request.params = crate::router::Params::from_values([value]);
            assert_eq!(status(&PARAM, true, &request), (Some(400), true), "{value}");
            assert_eq!(status(&PARAM, false, &request), (None, false), "{value}");
        }
        for (value, beside) in [("", Some(400)), ("x", None), ("...", None), (".x", None), ("x..", None), ("%2E", None)]
        {
            request.params = crate::router::Params::from_values([value]);
            assert_eq!(status(&PARAM, false, &request), (None, false), "{value}");
            assert_eq!(status(&PATH, false, &request), (None, false), "{value}");
            assert_eq!(status(&BESIDE, false, &request), (beside, false), "{value}");
        }
    }

    #[test]
    fn a_pattern_is_described_as_krakend_does() {
        static PIECES: [Piece; 4] = [Piece::Text("/u/"), Piece::Param(1), Piece::Text("/x?y="), Piece::Param(0)];
        assert_eq!(describe(&PIECES, "/a/{id}/{userName}"), "/u/{{.UserName}}/x?y={{.Id}}");
    }

    #[test]
    fn the_query_is_appended_where_there_is_one() {
        static FIXED: [Piece; 1] = [Piece::Text("/x?z=0")];
        let host = Host::parse("http://127.0.0.1:8081").unwrap();
        let template = UrlTemplate::new(&FIXED, QueryRules::All, false).unwrap();
        for (target, expected) in [("/a", "/x?z=0"), ("/a?", "/x?z=0"), ("/a?b=1", "/x?z=0&b=1")] {
            let url = template.at(&host, &crate::incoming::tests::incoming("GET", target, &[]), None).unwrap();
            assert_eq!(url.to_string(), format!("http://127.0.0.1:8081{expected}"), "{target}");
        }
    }

    #[test]
    fn hosts_are_parsed_once() {
        let host = Host::parse("http://127.0.0.1:8081/base/").unwrap();
        assert_eq!(host.authority.as_str(), "127.0.0.1:8081");
        assert_eq!(host.prefix, "/base");
        assert!(Host::parse("127.0.0.1:8081").is_err());
    }
}
