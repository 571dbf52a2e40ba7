//! The path and query that an HTTP backend is asked for.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

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
}

/// A `url_pattern` with the query rules of its backend.
#[derive(Debug)]
pub(crate) struct UrlTemplate {
    pieces: &'static [Piece],
    query: QueryRules,
    /// The whole of it, where nothing of the request goes in.
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
    pub(crate) fn new(pieces: &'static [Piece], query: QueryRules) -> Result<Self, OpenFailure> {
        let mut template = Self { pieces, query, fixed: None };
        if matches!(template.query, QueryRules::None) && pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            template.fixed = Some(PathAndQuery::from_maybe_shared(template.text(None).into_bytes()).map_err(|error| {
                OpenFailure::new(format!("url_pattern {:?} is not a path: {error}", template.text(None)))
            })?);
        }
        Ok(template)
    }

    /// The URL at `host` for one request.
    pub(crate) fn at(&self, host: &Host, incoming: &Incoming) -> Result<Uri, http::Error> {
        let path = match &self.fixed {
            Some(fixed) if host.prefix.is_empty() => fixed.clone(),
            Some(fixed) => PathAndQuery::from_maybe_shared(format!("{}{fixed}", host.prefix).into_bytes())?,
            None => {
                let mut text = self.text(Some((host, incoming)));
                self.query.append(incoming.parts.uri.query(), &mut text);
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
                Piece::Param(index) => {
                    let value = request.map_or("", |(_, incoming)| incoming.params.get(*index));
                    if in_query { query_escape(value, &mut text) } else { path_escape(value, &mut text) }
                }
            }
        }
        text
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

/// Encodes a value for one segment of a path: what RFC 3986 lets stand in a segment stays, `/`, `?`, `#`, `%` do not. `.`
/// and `..` alone are encoded as well, so that no server on the way resolves them.
fn path_escape(value: &str, into: &mut String) {
    if value == "." || value == ".." {
        for byte in value.bytes() {
            push_escaped(byte, into);
        }
        return;
    }
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => into.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' => into.push(char::from(byte)),
            byte => push_escaped(byte, into),
        }
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
            path_escape(value, &mut text);
            assert_eq!(text, expected);
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
