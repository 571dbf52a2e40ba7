//! Which of the client's headers and query parameters a backend sees.

use std::borrow::Cow;

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

use crate::backend::Place;
use crate::endpoint::Names;
use crate::incoming::Incoming;
use crate::version::PRODUCT;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_VIA: HeaderName = HeaderName::from_static("x-forwarded-via");
static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A backend's own allow-lists, which filter the endpoint's once more. The default lets everything pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    headers: Option<&'static [&'static str]>,
    query: Option<&'static [&'static str]>,
}

impl Forward {
    /// Everything that the endpoint lets pass.
    pub const DEFAULT: Self = Self { headers: None, query: None };

    /// Only these headers, the gateway's own additions included (trap 16).
    #[must_use]
    pub const fn headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers = Some(names);
        self
    }

    /// Only these query parameters.
    #[must_use]
    pub const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = Some(names);
        self
    }
}

/// The header rules of one backend, worked out once at start.
#[derive(Debug)]
pub(crate) struct HeaderRules {
    pass: Pass,
    forwarded_for: bool,
    forwarded_host: bool,
    /// Whether the gateway's `User-Agent` is sent, or the client's with `X-Forwarded-Via`.
    user_agent: bool,
    via: bool,
}

#[derive(Debug)]
enum Pass {
    Only(Box<[HeaderName]>),
    All,
}

/// The query rules of one backend.
#[derive(Debug)]
pub(crate) enum QueryRules {
    None,
    Only(Vec<&'static str>),
    All,
}

// === impl HeaderRules ===

impl HeaderRules {
    pub(crate) fn new(place: &Place<'_>, forward: &Forward) -> Self {
        let own = |name: &str| forward.headers.is_none_or(|names| names.contains(&name));
        let pass = match (place.endpoint.input_headers, forward.headers) {
            (Names::All, None) => Pass::All,
            (Names::All, Some(names)) => Pass::Only(header_names(names.iter().copied())),
            // KrakenD's default, when the list is empty (trap 13).
            (Names::Only([]), _) => {
                Pass::Only(header_names(["content-type"].into_iter().filter(|name| own(name))))
            }
            (Names::Only(names), _) => Pass::Only(header_names(names.iter().copied().filter(|name| own(name)))),
        };
        Self {
            pass,
            forwarded_for: own("x-forwarded-for"),
            forwarded_host: own("x-forwarded-host"),
            user_agent: own("user-agent"),
            via: own("x-forwarded-via"),
        }
    }

    /// The headers of the request to an HTTP backend.
    pub(crate) fn request_headers(&self, incoming: &Incoming) -> HeaderMap {
        let sent = &incoming.parts.headers;
        let mut headers = HeaderMap::with_capacity(8);
        match &self.pass {
            Pass::Only(names) => {
                for name in names {
                    for value in sent.get_all(name) {
                        headers.append(name.clone(), value.clone());
                    }
                }
            }
            Pass::All => {
                let named = connection_options(sent);
                for (name, value) in sent {
                    if !is_hop_by_hop(name) && !named.iter().any(|option| option.eq_ignore_ascii_case(name.as_str())) {
                        headers.append(name.clone(), value.clone());
                    }
                }
            }
        }
        // The length is the client's of hyper to know: the body may be re-framed.
        headers.remove(CONTENT_LENGTH);
        if self.forwarded_for
            && let Some(address) = incoming.client_ip().and_then(|ip| HeaderValue::from_str(&ip).ok())
        {
            headers.insert(X_FORWARDED_FOR.clone(), address);
        }
        if self.forwarded_host
            && let Some(host) = incoming.host().and_then(|host| HeaderValue::from_str(host).ok())
        {
            headers.insert(X_FORWARDED_HOST.clone(), host);
        }
        if headers.contains_key(USER_AGENT) {
            if self.via {
                headers.insert(X_FORWARDED_VIA.clone(), PRODUCT.clone());
            }
        } else if self.user_agent {
            headers.insert(USER_AGENT, PRODUCT.clone());
        }
        headers
    }

    /// The attributes of a message: the listed headers under their canonical names, first values only (trap 66). The
    /// gateway adds none of its own.
    ///
    /// # Errors
    /// The name of the first header whose value is not text.
    pub(crate) fn attributes(&self, incoming: &Incoming) -> Result<Vec<(Cow<'static, str>, String)>, HeaderName> {
        let sent = &incoming.parts.headers;
        let text = |name: &HeaderName, value: &HeaderValue| match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => Ok((canonical(name), value.to_owned())),
            Err(_) => Err(name.clone()),
        };
        match &self.pass {
            Pass::Only(names) => {
                names.iter().filter_map(|name| sent.get(name).map(|value| text(name, value))).collect()
            }
            Pass::All => sent
                .keys()
                .filter(|name| !is_hop_by_hop(name))
                .filter_map(|name| sent.get(name).map(|value| text(name, value)))
                .collect(),
        }
    }
}

fn header_names<'a>(names: impl Iterator<Item = &'a str>) -> Box<[HeaderName]> {
    // The build has checked them; a name that is not one could not be sent anyway.
    names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
}

/// Headers that belong to one connection (RFC 9110, section 7.6.1), and `Host`, which is the backend's.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    name == CONNECTION
        || name == HOST
        || name == TRANSFER_ENCODING
        || name == UPGRADE
        || name == TE
        || name == TRAILER
        || name == PROXY_AUTHENTICATE
        || name == PROXY_AUTHORIZATION
        || name == KEEP_ALIVE
        || name == PROXY_CONNECTION
}

/// Removes the headers of one connection from an answer that is passed through.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<String> = connection_options(headers).into_iter().map(str::to_owned).collect();
        for name in named {
            headers.remove(name.as_str());
        }
    }
    for name in [&CONNECTION, &TRANSFER_ENCODING, &UPGRADE, &TRAILER, &KEEP_ALIVE, &PROXY_CONNECTION] {
        headers.remove(name);
    }
}

fn connection_options(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|option| !option.is_empty())
        .collect()
}

/// Go's canonical form, as KrakenD's consumers know it: `X-Order-Id`.
fn canonical(name: &HeaderName) -> Cow<'static, str> {
    if name == CONTENT_TYPE {
        return Cow::Borrowed("Content-Type");
    }
    let mut canonical = String::with_capacity(name.as_str().len());
    let mut start = true;
    for letter in name.as_str().chars() {
        canonical.push(if start { letter.to_ascii_uppercase() } else { letter });
        start = letter == '-';
    }
    Cow::Owned(canonical)
}

// === impl QueryRules ===

impl QueryRules {
    pub(crate) fn new(place: &Place<'_>, forward: &Forward) -> Self {
        let names: Vec<&'static str> = match (place.endpoint.input_query_strings, forward.query) {
            (Names::All, None) => return Self::All,
            (Names::All, Some(names)) => names.to_vec(),
            (Names::Only(names), None) => names.to_vec(),
            (Names::Only(names), Some(own)) => names.iter().copied().filter(|name| own.contains(name)).collect(),
        };
        if names.is_empty() { Self::None } else { Self::Only(names) }
    }

    /// Appends the allowed parameters of `query` to `url`, after the ones it has: sorted by name, the values of one name in
    /// the client's order, encoded as Go's `url.Values.Encode` does (trap 15). A pair with `;` or a bad escape is dropped,
    /// as Go's `url.ParseQuery` does.
    pub(crate) fn append(&self, query: Option<&str>, url: &mut String) {
        let Some(query) = query.filter(|query| !query.is_empty()) else { return };
        if matches!(self, Self::None) {
            return;
        }
        let mut pairs: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((query_unescape(name)?, query_unescape(value)?))
            })
            .filter(|(name, _)| match self {
                Self::None => false,
                Self::Only(names) => names.contains(&name.as_str()),
                Self::All => true,
            })
            .collect();
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut separator = if url.contains('?') { '&' } else { '?' };
        for (name, value) in &pairs {
            if !url.ends_with('?') {
                url.push(separator);
            }
            separator = '&';
            query_escape(name, url);
            url.push('=');
            query_escape(value, url);
        }
    }
}

/// Go's `url.QueryUnescape`: `+` is a space, and a bad escape is an error.
fn query_unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            byte => bytes.push(byte),
        }
    }
    // Go keeps any bytes; they are only compared and encoded again, so a lossy copy would change them.
    String::from_utf8(bytes).ok()
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => into.push(char::from(byte)),
            b' ' => into.push('+'),
            byte => push_escaped(byte, into),
        }
    }
}

pub(crate) fn push_escaped(byte: u8, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    into.push('%');
    into.push(char::from(DIGITS[usize::from(byte >> 4)]));
    into.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_filtered_and_sorted() {
        let only = |names: &[&'static str]| QueryRules::Only(names.to_vec());
        for (rules, query, base, expected) in [
            (QueryRules::None, "a=1", "/x", "/x"),
            (QueryRules::All, "b=2&a=1", "/x", "/x?a=1&b=2"),
            (QueryRules::All, "b=2&a=1&b=1", "/x?z=0", "/x?z=0&a=1&b=2&b=1"),
            (only(&["a"]), "b=2&a=1&A=3", "/x", "/x?a=1"),
            (only(&["a"]), "b=2", "/x", "/x"),
            (QueryRules::All, "a=1;b=2&c=3", "/x", "/x?c=3"),
            (QueryRules::All, "a=%zz&c=3", "/x", "/x?c=3"),
            (QueryRules::All, "a=%+1&c=3", "/x", "/x?c=3"),
            (QueryRules::All, "a=b+c&d=%26", "/x", "/x?a=b+c&d=%26"),
            (QueryRules::All, "a", "/x", "/x?a="),
            (QueryRules::All, "a=1", "/x?", "/x?a=1"),
            (QueryRules::All, "a=%C3%A9", "/x", "/x?a=%C3%A9"),
        ] {
            let mut url = base.to_owned();
            rules.append(Some(query), &mut url);
            assert_eq!(url, expected, "{query}");
        }
    }

    #[test]
    fn names_are_canonical() {
        for (name, expected) in [("x-order-id", "X-Order-Id"), ("content-type", "Content-Type"), ("etag", "Etag")] {
            assert_eq!(canonical(&HeaderName::from_static(name)), expected);
        }
    }
}
