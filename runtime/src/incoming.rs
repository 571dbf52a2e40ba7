//! The client's request.

use http::header::{COOKIE, HOST, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Version};
use tokio::time::Instant;

use crate::client_ip::{self, Proxies};
use crate::router::Params;
use crate::server::Peer;

/// The client's request without its body.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub(crate) parts: Parts,
    pub(crate) params: Params,
    /// When the endpoint's time is up.
    pub(crate) deadline: Instant,
    /// Who is believed about the client's address, when it is not everybody.
    proxies: Option<&'static Proxies>,
}

impl Incoming {
    pub(crate) fn new(mut parts: Parts, params: Params, deadline: Instant) -> Self {
        if parts.version == Version::HTTP_2 {
            join_cookies(&mut parts.headers);
        }
        Self { parts, params, deadline, proxies: None }
    }

    /// Believes these about the client's address, and not everybody.
    pub(crate) fn believing(mut self, proxies: Option<&'static Proxies>) -> Self {
        self.proxies = proxies;
        self
    }

    /// The client's address as KrakenD sees it (gin's `Context.ClientIP`): what the proxies that are believed say, or the
    /// connection's peer. Absent where the router was called without a connection.
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
        let headers = &self.parts.headers;
        match self.proxies {
            None => client_ip::believed(headers),
            Some(proxies) => proxies.listed(headers, self.peer().map(|peer| peer.address.ip())),
        }
    }

    fn peer_ip(&self) -> Option<&HeaderValue> {
        self.peer()?.ip.as_ref()
    }

    fn peer(&self) -> Option<&Peer> {
        self.parts.extensions.get()
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

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use http::header::COOKIE;
    use tokio::time::Instant;

    use super::Incoming;
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
}
