//! The path and query that an HTTP backend is asked for.

use std::borrow::Cow;
use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::percent_decode_str;

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
    /// A parameter that is a path (`{+name}`): its slashes stay, everything else is percent-encoded, `.` and `..` between
    /// slashes too, so that it can add segments and nothing more.
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
        if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            let text = template.text(None);
            let fixed = PathAndQuery::try_from(text.as_str())
                .map_err(|error| OpenFailure::new(format!("url_pattern {text:?} is not a path: {error}")))?;
            template.fixed = Some(fixed);
        }
        Ok(template)
    }

    /// The URL at `host` for one request. `more` is added to the query as it is.
    pub(crate) fn at(&self, host: &Host, incoming: &Incoming, more: Option<&str>) -> Result<Uri, http::Error> {
        let query = incoming.parts.uri.query().filter(|query| !query.is_empty() && !self.query.is_none());
        let path = match &self.fixed {
            Some(fixed) if query.is_none() && more.is_none() && host.prefix.is_empty() => fixed.clone(),
            _ => {
                let mut text = self.text(Some((host, incoming)));
                if let Some(query) = query {
                    self.query.append(query, &mut text);
                }
                if let Some(more) = more {
                    text.push(if text.contains('?') { '&' } else { '?' });
                    text.push_str(more);
                }
                PathAndQuery::from_maybe_shared(text.into_bytes())?
            }
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(host.scheme.clone());
        parts.authority = Some(host.authority.clone());
        parts.path_and_query = Some(path);
        Ok(Uri::from_parts(parts)?)
    }

    fn text(&self, request: Option<(&Host, &Incoming)>) -> String {
        let mut text = String::with_capacity(96);
        if let Some((host, _)) = request {
            text.push_str(&host.prefix);
        }
        let mut in_query = false;
        for piece in self.pieces {
            match piece {
                Piece::Text(literal) => {
                    in_query |= literal.contains('?');
                    text.push_str(literal);
                }
                Piece::Param(index) | Piece::PathParam(index) => {
                    let value = request.map_or("", |(_, incoming)| incoming.params.get(*index));
                    let value = match self.encoded {
                        true => percent_decode_str(value).into(),
                        false => Cow::Borrowed(value.as_bytes()),
                    };
                    piece.escape(&value, in_query, &mut text);
                }
                Piece::Answer(name) | Piece::AnswerPath(name) => {
                    let value = request.map_or(&[][..], |(_, incoming)| Values::of(incoming, name).unwrap_or_default());
                    piece.escape(value, in_query, &mut text);
                }
            }
        }
        text
    }
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

/// Encodes a value for one segment of a path: what RFC 3986 lets stand in a segment stays, `/`, `?`, `#`, `%` do not. `.`
/// and `..` alone are encoded as well, so that no server on the way resolves them.
fn path_escape(value: &[u8], into: &mut String) {
    if matches!(value, b"." | b"..") {
        return value.iter().for_each(|byte| push_escaped(*byte, into));
    }
    for &byte in value {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => into.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' => into.push(char::from(byte)),
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
            ("..", "%2E%2E"),
            ("...", "..."),
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
        for (value, expected) in [
            ("a/b", "a/b"),
            ("/a//b/", "/a//b/"),
            ("../a/./..", "%2E%2E/a/%2E/%2E%2E"),
            ("a?b#c%2F", "a%3Fb%23c%252F"),
            ("", ""),
        ] {
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
            ("%2E%2e", "/x/%2E%2E?y=.."),
            ("%FF", "/x/%FF?y=%FF"),
        ] {
            request.params = crate::router::Params::from_values([value]);
            assert_eq!(template.at(&host, &request, None).unwrap().path_and_query().unwrap(), expected, "{value}");
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
