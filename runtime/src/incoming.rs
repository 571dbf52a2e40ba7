//! The client's request.

use std::net::IpAddr;

use http::header::{COOKIE, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Version};
use tokio::time::Instant;

use crate::router::Params;
use crate::server::Peer;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The client's request without its body.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub(crate) parts: Parts,
    pub(crate) params: Params,
    /// When the endpoint's time is up.
    pub(crate) deadline: Instant,
}

impl Incoming {
    pub(crate) fn new(mut parts: Parts, params: Params, deadline: Instant) -> Self {
        if parts.version == Version::HTTP_2 {
            join_cookies(&mut parts.headers);
        }
        Self { parts, params, deadline }
    }

    /// The client's address as KrakenD sees it while `trusted_proxies` is not set: every proxy is believed, so the first
    /// entry of `X-Forwarded-For` where all entries are addresses, then `X-Real-IP`, then the connection's peer (gin's
    /// `Context.ClientIP`). Absent where the router was called without a connection.
    #[cfg(any(test, feature = "rate-limit"))]
    pub(crate) fn client_ip(&self) -> Option<&str> {
        self.listed_ip().or_else(|| self.peer_ip()?.to_str().ok())
    }

    /// [`client_ip`](Self::client_ip) as a header. Does not allocate where it is the connection's peer.
    pub(crate) fn client_ip_header(&self) -> Option<HeaderValue> {
        match self.listed_ip() {
            Some(ip) => HeaderValue::from_str(ip).ok(),
            None => self.peer_ip().cloned(),
        }
    }

    fn listed_ip(&self) -> Option<&str> {
        [&X_FORWARDED_FOR, &X_REAL_IP]
            .into_iter()
            .find_map(|name| self.parts.headers.get(name).and_then(|value| value.to_str().ok()).and_then(first_address))
    }

    fn peer_ip(&self) -> Option<&HeaderValue> {
        self.parts.extensions.get::<Peer>()?.ip.as_ref()
    }

    /// The host that the client asked for: HTTP/2's `:authority` or the authority of an absolute target, which count
    /// before `Host` (RFC 9112, section 3.2.2).
    pub(crate) fn host(&self) -> Option<HeaderValue> {
        match self.parts.uri.authority() {
            Some(authority) => {
                let host = authority.as_str();
                HeaderValue::from_str(host.rsplit_once('@').map_or(host, |(_, host)| host)).ok()
            }
            None => self.parts.headers.get(HOST).cloned(),
        }
    }
}

/// HTTP/2 may send cookies one by one; what comes next knows only one list (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    if cookies.nth(1).is_none() {
        return;
    }
    let values: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&values.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// The first of a comma-separated list of addresses, if all of them are addresses.
fn first_address(list: &str) -> Option<&str> {
    let mut first = None;
    for item in list.split(',') {
        let item = item.trim();
        item.parse::<IpAddr>().ok()?;
        first = first.or(Some(item));
    }
    first
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use http::header::COOKIE;
    use tokio::time::Instant;

    use super::{Incoming, first_address};
    use crate::router::Params;

    /// A request without a connection or path parameters, and with all the time of a test.
    pub(crate) fn incoming(method: &str, uri: &str, headers: &[(&str, &str)]) -> Incoming {
        let request =
            headers.iter().fold(http::Request::builder().method(method).uri(uri), |request, (name, value)| {
                request.header(*name, *value)
            });
        let deadline = Instant::now() + Duration::from_secs(60);
        Incoming::new(request.body(()).unwrap().into_parts().0, Params::default(), deadline)
    }

    #[test]
    fn proxies_are_believed() {
        for (headers, expected) in [
            (&[("x-forwarded-for", "203.0.113.7, 10.0.0.1"), ("x-real-ip", "10.9.9.9")][..], Some("203.0.113.7")),
            (&[("x-forwarded-for", "unknown"), ("x-real-ip", "10.9.9.9")], Some("10.9.9.9")),
            (&[], None),
        ] {
            assert_eq!(incoming("GET", "/", headers).client_ip(), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_target_says_the_host_before_the_header() {
        for (uri, expected) in [
            ("/", "gateway.test"),
            ("http://other.test:81/", "other.test:81"),
            ("http://user:password@other.test/", "other.test"),
            ("http://[::1]:8080/", "[::1]:8080"),
        ] {
            let host = incoming("GET", uri, &[("host", "gateway.test")]).host().unwrap();
            assert_eq!(host, expected, "{uri}");
        }
    }

    #[test]
    fn cookies_of_http_2_become_one_list() {
        let cookies = |version, sent: &[(&'static str, &'static str)]| {
            let mut parts = incoming("GET", "/", sent).parts;
            parts.version = version;
            let incoming = Incoming::new(parts, Params::default(), Instant::now());
            incoming
                .parts
                .headers
                .get_all(COOKIE)
                .iter()
                .map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let sent = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")];
        assert_eq!(cookies(http::Version::HTTP_2, &sent), ["a=1; b=2; c=3"]);
        assert_eq!(cookies(http::Version::HTTP_2, &sent[..1]), ["a=1"]);
        assert_eq!(cookies(http::Version::HTTP_11, &sent), ["a=1", "b=2", "c=3"]);
    }

    #[test]
    fn the_first_address_counts_when_all_are_addresses() {
        for (list, expected) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7, 10.0.0.1", Some("203.0.113.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("unknown, 10.0.0.1", None),
            ("10.0.0.1, unknown", None),
            ("", None),
        ] {
            assert_eq!(first_address(list), expected, "{list:?}");
        }
    }
}
