//! The client's request.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, HeaderName};
use http::request::Parts;

use crate::router::Params;
use crate::server::Peer;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The client's request without its body.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) parts: Parts,
    pub(crate) params: Params,
}

impl Incoming {
    /// The address the request came from, absent where the router was called without a connection.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.parts.extensions.get::<Peer>().map(|peer| peer.0)
    }

    /// The client's address as KrakenD sees it while `trusted_proxies` is not set: every proxy is believed, so the first
    /// entry of `X-Forwarded-For` where all entries are addresses, then `X-Real-IP`, then the connection's peer (gin's
    /// `Context.ClientIP`).
    pub(crate) fn client_ip(&self) -> Option<Cow<'_, str>> {
        for name in [&X_FORWARDED_FOR, &X_REAL_IP] {
            let listed = self.parts.headers.get(name).and_then(|value| value.to_str().ok()).and_then(first_address);
            if let Some(address) = listed {
                return Some(Cow::Borrowed(address));
            }
        }
        self.peer().map(|peer| Cow::Owned(peer.ip().to_canonical().to_string()))
    }

    /// The `Host` header, or HTTP/2's `:authority`.
    pub(crate) fn host(&self) -> Option<&str> {
        match self.parts.headers.get(HOST) {
            Some(value) => value.to_str().ok(),
            None => self.parts.uri.authority().map(http::uri::Authority::as_str),
        }
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
    use super::{Incoming, first_address};
    use crate::router::Params;

    /// A request without a connection or path parameters.
    pub(crate) fn incoming(method: &str, uri: &str, headers: &[(&str, &str)]) -> Incoming {
        let request = headers
            .iter()
            .fold(http::Request::builder().method(method).uri(uri), |request, (name, value)| request.header(*name, *value));
        Incoming { parts: request.body(()).unwrap().into_parts().0, params: Params::default() }
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
