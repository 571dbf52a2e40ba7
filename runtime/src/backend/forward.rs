//! Which of the client's headers and query parameters a backend sees.

use std::borrow::Cow;
use std::collections::HashSet;

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

use sluicegate_drivers::Attribute;

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
    /// Whether the client's `User-Agent` may be among what passes.
    passes_user_agent: bool,
    /// Whether a sequence sets headers of its own: [`SetHeaders`].
    sets_headers: bool,
    /// Whether what the client says on compression may be among what passes.
    passes_encoding: bool,
    /// Whether the client's `Content-Length` passes, so that the backend is told the length (trap 14).
    passes_length: bool,
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

/// The headers that a sequence sets in one call, in the extensions of its request. They are put over what passes.
#[derive(Clone, Debug)]
pub(crate) struct SetHeaders(pub(crate) Box<[(HeaderName, HeaderValue)]>);

// === impl HeaderRules ===

impl HeaderRules {
    pub(crate) fn new(place: &Place<'_>, forward: &Forward) -> Self {
        let own = |name: &str| forward.headers.is_none_or(|names| names.contains(&name));
        let pass = match (place.endpoint.input_headers, forward.headers) {
            (Names::All, None) => Pass::All,
            (Names::All, Some(names)) => Pass::Only(header_names(names.iter().copied())),
            // KrakenD's default, when the list is empty (trap 13).
            (Names::Only([]), _) => Pass::Only(header_names(["content-type"].into_iter().filter(|name| own(name)))),
            (Names::Only(names), _) => Pass::Only(header_names(names.iter().copied().filter(|name| own(name)))),
        };
        let mut rules = Self {
            pass,
            forwarded_for: own("x-forwarded-for"),
            forwarded_host: own("x-forwarded-host"),
            user_agent: own("user-agent"),
            via: own("x-forwarded-via"),
            passes_user_agent: false,
            sets_headers: place.sets_headers,
            passes_encoding: false,
            passes_length: false,
        };
        rules.passes_user_agent = rules.passes(&USER_AGENT);
        rules.passes_encoding = rules.passes(&ACCEPT_ENCODING) || rules.passes(&RANGE);
        rules.passes_length = rules.passes(&CONTENT_LENGTH);
        rules
    }

    /// Whether the client's header `name` is among what passes.
    pub(crate) fn passes(&self, name: &HeaderName) -> bool {
        match &self.pass {
            Pass::Only(names) => names.contains(name),
            Pass::All => true,
        }
    }

    /// The headers of the request to an HTTP backend.
    pub(crate) fn request_headers(&self, incoming: &Incoming) -> HeaderMap {
        let sent = &incoming.parts.headers;
        let named = connection_options(sent);
        let passes = |name: &HeaderName, value: &HeaderValue| is_sent_on(name, value) && !is_named(&named, name);
        let mut headers = HeaderMap::with_capacity(8);
        match &self.pass {
            Pass::Only(names) => {
                for name in names {
                    for value in sent.get_all(name) {
                        if passes(name, value) {
                            headers.append(name.clone(), value.clone());
                        }
                    }
                }
            }
            Pass::All => {
                for (name, value) in sent {
                    if passes(name, value) {
                        headers.append(name.clone(), value.clone());
                    }
                }
            }
        }
        if self.forwarded_for
            && let Some(address) = incoming.client_ip_header()
        {
            headers.insert(X_FORWARDED_FOR.clone(), address);
        }
        if self.forwarded_host
            && let Some(host) = incoming.host()
        {
            headers.insert(X_FORWARDED_HOST.clone(), host);
        }
        if self.passes_user_agent && headers.contains_key(USER_AGENT) {
            if self.via {
                headers.insert(X_FORWARDED_VIA.clone(), PRODUCT.clone());
            }
        } else if self.user_agent {
            headers.insert(USER_AGENT, PRODUCT.clone());
        }
        if let Some(set) = self.set_headers(incoming) {
            for (name, value) in set {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers
    }

    fn set_headers<'a>(&self, incoming: &'a Incoming) -> Option<&'a [(HeaderName, HeaderValue)]> {
        self.sets_headers.then(|| incoming.parts.extensions.get::<SetHeaders>().map(|set| &*set.0)).flatten()
    }

    /// The names of the headers that a sequence sets in this call.
    pub(crate) fn set_names(&self, incoming: &Incoming) -> Vec<HeaderName> {
        self.set_headers(incoming).unwrap_or_default().iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether the gateway may ask for gzip in its own name: as in Go, the client has not said what it takes, and does not
    /// want a part.
    pub(crate) fn may_ask_gzip(&self, headers: &HeaderMap) -> bool {
        let said = self.passes_encoding || self.sets_headers;
        !said || !(headers.contains_key(ACCEPT_ENCODING) || headers.contains_key(RANGE))
    }

    /// Whether the backend is told how long a body is, where that is known. Otherwise it is sent in chunks (trap 14).
    pub(crate) fn tells_length(&self) -> bool {
        self.passes_length
    }

    /// The attributes of a message: the listed headers under their canonical names, first values only (trap 66). The
    /// gateway adds none of its own. Where all headers pass, those do not whose names are `reserved`: a client is not to
    /// tell the broker what to do, unless the config lists the name.
    ///
    /// # Errors
    /// The name of the first header whose value is not text.
    pub(crate) fn attributes(&self, incoming: &Incoming, reserved: &[&str]) -> Result<Vec<Attribute>, HeaderName> {
        let sent = &incoming.parts.headers;
        let named = connection_options(sent);
        let attribute = |name: &HeaderName| {
            let value = sent.get(name).filter(|value| is_end_to_end(name, value) && !is_named(&named, name))?;
            Some(match std::str::from_utf8(value.as_bytes()) {
                Ok(value) => Ok(Attribute { name: canonical(name), value: value.to_owned() }),
                Err(_) => Err(name.clone()),
            })
        };
        let mut attributes: Vec<Attribute> = match &self.pass {
            Pass::Only(names) => names.iter().filter_map(attribute).collect::<Result<_, _>>()?,
            Pass::All if reserved.is_empty() => sent.keys().filter_map(attribute).collect::<Result<_, _>>()?,
            Pass::All => {
                let chosen = |name: &&HeaderName| {
                    let kept_back = is_reserved(name.as_str(), reserved);
                    if kept_back {
                        tracing::debug!(header = name.as_str(), "header not passed on: the broker would act on it");
                    }
                    !kept_back
                };
                sent.keys().filter(chosen).filter_map(attribute).collect::<Result<_, _>>()?
            }
        };
        for (name, value) in self.set_headers(incoming).unwrap_or_default() {
            let value = std::str::from_utf8(value.as_bytes()).map_err(|_| name.clone())?.to_owned();
            let name = canonical(name);
            attributes.retain(|attribute| attribute.name != name);
            attributes.push(Attribute { name, value });
        }
        Ok(attributes)
    }
}

/// Whether an attribute's name begins as one that the driver reserves.
pub(super) fn is_reserved(name: &str, reserved: &[&str]) -> bool {
    reserved.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

fn header_names<'a>(names: impl Iterator<Item = &'a str>) -> Box<[HeaderName]> {
    // The build has checked them; a name that is not one could not be sent anyway.
    let mut names: Vec<_> = names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names.into()
}

/// Whether a header goes into the request to an HTTP backend. The length is hyper's to say: the body may be framed anew.
fn is_sent_on(name: &HeaderName, value: &HeaderValue) -> bool {
    *name != CONTENT_LENGTH && is_end_to_end(name, value)
}

/// Whether a header is for the backend: not for this connection (RFC 9110, section 7.6.1), and not `Host`, which is the
/// backend's own. `TE: trailers` promises what holds for the whole way, and gRPC needs it.
fn is_end_to_end(name: &HeaderName, value: &HeaderValue) -> bool {
    match *name {
        TE => value == "trailers",
        CONNECTION | HOST | TRANSFER_ENCODING | UPGRADE | TRAILER | PROXY_AUTHENTICATE | PROXY_AUTHORIZATION => false,
        _ => *name != KEEP_ALIVE && *name != PROXY_CONNECTION,
    }
}

/// Removes the headers of one connection from an answer that is passed through.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Most answers have none: looking at the names costs less than asking the map for each.
    if headers.iter().all(|(name, value)| is_end_to_end(name, value)) {
        return;
    }
    if headers.contains_key(CONNECTION) {
        let named = connection_options(headers).into_iter();
        let named: Vec<HeaderName> = named.filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
        for name in named {
            headers.remove(name);
        }
    }
    // The chunks were the length that counted (RFC 9112, section 6.3).
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    for name in [&CONNECTION, &UPGRADE, &TRAILER, &KEEP_ALIVE, &PROXY_CONNECTION] {
        headers.remove(name);
    }
}

/// The headers that `Connection` names. Those of nearly every client are no header: nothing is allocated for them.
fn connection_options(headers: &HeaderMap) -> Vec<&[u8]> {
    let options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let plain = |option: &&[u8]| {
        option.is_empty() || option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
    };
    options.map(<[u8]>::trim_ascii).filter(|option| !plain(option)).collect()
}

fn is_named(named: &[&[u8]], name: &HeaderName) -> bool {
    named.iter().any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// Go's canonical form, as KrakenD's consumers know it: `X-Order-Id`.
pub(crate) fn canonical(name: &HeaderName) -> Cow<'static, str> {
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
    /// the client's order, encoded as Go's `url.Values.Encode` does (trap 15).
    pub(crate) fn append(&self, query: &str, url: &mut String) {
        let mut pairs: Vec<_> = query_pairs(query)
            .filter(|(name, _)| match self {
                Self::None => false,
                Self::Only(names) => names.iter().any(|allowed| allowed.as_bytes() == &**name),
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

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The parameters of a query, decoded. A pair with `;` or a bad escape is dropped, as Go's `url.ParseQuery` does.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((query_unescape(name)?, query_unescape(value)?))
    })
}

/// The first value of the parameter `name`, as [`QueryRules::append`] would send it on.
pub(crate) fn first_query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, [u8]>> {
    query.split('&').filter(|pair| !pair.contains(';')).find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if *query_unescape(key)? == *name.as_bytes() { query_unescape(value) } else { None }
    })
}

/// Go's `url.QueryUnescape`: `+` is a space, a bad escape is an error, and the bytes may be anything.
fn query_unescape(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains(['+', '%']) {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit =
                    |at: usize| char::from(*rest.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(0)? << 4 | digit(1)?);
                rest = &rest[2..];
            }
            byte => bytes.push(byte),
        }
    }
    Some(Cow::Owned(bytes))
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &[u8], into: &mut String) {
    for &byte in text {
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
    use std::time::Duration;

    use super::*;
    use crate::backend::Merge;
    use crate::endpoint::{Endpoint, Method};
    use crate::incoming::tests::incoming;
    use crate::router::RouterOptions;

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
            (QueryRules::All, "a=%C3%A9&b=%ff", "/x", "/x?a=%C3%A9&b=%FF"),
            (QueryRules::All, "a=%4", "/x", "/x"),
        ] {
            let mut url = base.to_owned();
            rules.append(query, &mut url);
            assert_eq!(url, expected, "{query}");
        }
    }

    fn rules(names: Names) -> HeaderRules {
        static ROUTER: RouterOptions = RouterOptions::DEFAULT;
        let endpoint = Endpoint::new(Method::Get, "/", "", Merge::new(&[])).input_headers(names);
        let timeout = Duration::from_secs(1);
        let place = Place { endpoint: &endpoint.options, router: &ROUTER, merged: false, sets_headers: false, timeout };
        HeaderRules::new(&place, &Forward::DEFAULT)
    }

    #[test]
    fn headers_of_the_connection_are_not_passed_on() {
        let sent = [
            ("host", "gateway.test"),
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("content-length", "5"),
            ("x-order", "7"),
        ];
        static LISTED: [&str; 8] =
            ["host", "connection", "x-secret", "te", "transfer-encoding", "upgrade", "content-length", "x-order"];
        for names in [Names::All, Names::Only(&LISTED)] {
            let headers = rules(names).request_headers(&incoming("GET", "/", &sent));
            let mut seen: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            seen.sort_unstable();
            assert_eq!(seen, ["te", "user-agent", "x-forwarded-host", "x-order"], "{names:?}");
            assert_eq!(headers[&X_FORWARDED_HOST], "gateway.test");
            let attributes = rules(names).attributes(&incoming("GET", "/", &sent), &[]).unwrap();
            assert!(attributes.iter().all(|attribute| attribute.name != "X-Secret"), "{attributes:?}");
        }
        let gzip = [("te", "gzip")];
        assert!(!rules(Names::All).request_headers(&incoming("GET", "/", &gzip)).contains_key(TE));
    }

    #[test]
    fn attributes_are_first_values_and_text() {
        let sent = [("x-order", "1"), ("x-order", "2"), ("host", "gateway.test")];
        let attributes =
            rules(Names::Only(&["x-order", "host", "x-order"])).attributes(&incoming("POST", "/", &sent), &[]).unwrap();
        assert_eq!(attributes, [Attribute { name: "X-Order".into(), value: "1".to_owned() }]);

        let mut bytes = incoming("POST", "/", &[]);
        bytes.parts.headers.insert("x-order", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(rules(Names::All).attributes(&bytes, &[]).unwrap_err(), "x-order");
    }

    #[test]
    fn what_a_broker_acts_on_is_listed_or_does_not_pass() {
        let sent = [("x-order", "1"), ("nats-rollup", "all"), ("natsy", "2")];
        let names = |names, reserved: &[&str]| {
            let attributes = rules(names).attributes(&incoming("POST", "/", &sent), reserved).unwrap();
            attributes.into_iter().map(|attribute| attribute.name.into_owned()).collect::<Vec<_>>()
        };
        let all = ["X-Order", "Nats-Rollup", "Natsy"];
        assert_eq!(names(Names::All, &[]), all);
        assert_eq!(names(Names::All, &["Other-", "NATS-"]), ["X-Order", "Natsy"]);
        assert_eq!(names(Names::Only(&["x-order", "nats-rollup", "natsy"]), &["Nats-"]), all);
        assert!(!is_reserved("né", &["nat"]), "inside of a character");
    }

    #[test]
    fn names_are_canonical() {
        for (name, expected) in [("x-order-id", "X-Order-Id"), ("content-type", "Content-Type"), ("etag", "Etag")] {
            assert_eq!(canonical(&HeaderName::from_static(name)), expected);
        }
    }
}
