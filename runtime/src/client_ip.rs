//! Whose word counts for the client's address: `trusted_proxies` and its neighbours of `router`.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;

/// Where the client's address is read from, when not all of it is as KrakenD has it by default (gin's
/// `Context.ClientIP`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxies {
    forwarded: bool,
    headers: &'static [&'static str],
    trusted: &'static [(IpAddr, u8)],
    app_engine: bool,
}

/// gin's `RemoteIPHeaders`.
const DEFAULT_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// Google's App Engine writes the address here.
const APP_ENGINE: HeaderName = HeaderName::from_static("x-appengine-remote-addr");

/// The first entry of `X-Forwarded-For` where all of its entries are addresses, otherwise that of `X-Real-IP`: every proxy is
/// believed.
pub(crate) fn believed(headers: &HeaderMap) -> Option<&str> {
    DEFAULT_HEADERS.iter().find_map(|name| first_address(headers.get(name)?.to_str().ok()?))
}

impl Proxies {
    /// KrakenD's: every proxy is believed in `X-Forwarded-For` and `X-Real-IP`.
    pub const DEFAULT: Self = Self { forwarded: true, headers: &[], trusted: &[], app_engine: false };

    /// `forwarded_by_client_ip: false`: the connection's peer is the client.
    #[must_use]
    pub const fn nobody(mut self) -> Self {
        self.forwarded = false;
        self
    }

    /// `remote_ip_headers`, in lower case.
    #[must_use]
    pub const fn headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers = names;
        self
    }

    /// `trusted_proxies`: networks, each an address and the number of its bits that count.
    #[must_use]
    pub const fn trusted(mut self, networks: &'static [(IpAddr, u8)]) -> Self {
        self.trusted = networks;
        self
    }

    /// `app_engine`: `X-Appengine-Remote-Addr` is believed before anything else.
    #[must_use]
    pub const fn app_engine(mut self) -> Self {
        self.app_engine = true;
        self
    }

    /// The client's address as the headers say it, when `peer` may say it. Otherwise the peer is the client.
    pub(crate) fn listed<'a>(&self, headers: &'a HeaderMap, peer: Option<IpAddr>) -> Option<&'a str> {
        let text = |value: &'a http::HeaderValue| value.to_str().ok();
        if self.app_engine
            && let Some(address) = headers.get(&APP_ENGINE).and_then(text)
            && address.parse::<IpAddr>().is_ok()
        {
            return Some(address);
        }
        if !self.forwarded || !peer.is_none_or(|peer| self.trusts(peer)) {
            return None;
        }
        match self.headers {
            [] => DEFAULT_HEADERS.iter().find_map(|name| self.address(text(headers.get(name)?)?)),
            names => names.iter().find_map(|name| self.address(text(headers.get(*name)?)?)),
        }
    }

    /// The last of a list that is no trusted proxy, or the first of all: each proxy has appended whom it was asked by, and
    /// what stands before an address that is not trusted could have been made up.
    fn address<'a>(&self, list: &'a str) -> Option<&'a str> {
        if self.trusted.is_empty() {
            return first_address(list);
        }
        let mut items = list.rsplit(',').map(str::trim).peekable();
        while let Some(item) = items.next() {
            let address: IpAddr = item.parse().ok()?;
            if items.peek().is_none() || !self.trusts(address) {
                return Some(item);
            }
        }
        None
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.is_empty() || self.trusted.iter().any(|network| contains(*network, address))
    }
}

fn contains((network, bits): (IpAddr, u8), address: IpAddr) -> bool {
    let same = |one: u128, other: u128, size: u32| {
        let ignored = size.saturating_sub(bits.into());
        // Shifting by all bits is an overflow.
        one.checked_shr(ignored).unwrap_or(0) == other.checked_shr(ignored).unwrap_or(0)
    };
    match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => same(one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
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
mod tests {
    use super::*;
    use crate::description::{ipv4, ipv6};

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
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

    #[test]
    fn proxies_that_are_trusted_are_passed_over_from_the_right() {
        static NETWORKS: [(IpAddr, u8); 3] =
            [(ipv4(10, 0, 0, 0), 8), (ipv4(192, 0, 2, 7), 32), (ipv6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]), 32)];
        let proxies = Proxies::DEFAULT.trusted(&NETWORKS);
        for (list, expected) in [
            ("203.0.113.9", Some("203.0.113.9")),
            ("198.51.100.1, 203.0.113.9, 10.1.2.3", Some("203.0.113.9")),
            ("198.51.100.1, 203.0.113.9, 192.0.2.8", Some("192.0.2.8")),
            ("10.0.0.1, 10.0.0.2", Some("10.0.0.1")),
            ("unknown, 203.0.113.9, 10.0.0.1", Some("203.0.113.9")),
            ("203.0.113.9, unknown, 10.0.0.1", None),
            ("203.0.113.9, ::ffff:10.0.0.1", Some("203.0.113.9")),
            ("203.0.113.9, 2001:db8:5::1", Some("203.0.113.9")),
            ("", None),
        ] {
            assert_eq!(proxies.address(list), expected, "{list:?}");
        }
        let sent = headers(&[("x-forwarded-for", "203.0.113.9")]);
        for (peer, expected) in [
            (Some(ipv4(10, 9, 9, 9)), Some("203.0.113.9")),
            (Some("::ffff:10.9.9.9".parse().unwrap()), Some("203.0.113.9")),
            (Some(ipv4(11, 0, 0, 1)), None),
            (None, Some("203.0.113.9")),
        ] {
            assert_eq!(proxies.listed(&sent, peer), expected, "{peer:?}");
        }
    }

    #[test]
    fn headers_are_those_of_the_list() {
        let sent = headers(&[
            ("x-forwarded-for", "203.0.113.1"),
            ("x-real-ip", "203.0.113.2"),
            ("cf-connecting-ip", "203.0.113.3"),
            ("x-appengine-remote-addr", "203.0.113.4"),
        ]);
        let peer = Some(ipv4(127, 0, 0, 1));
        for (proxies, expected) in [
            (Proxies::DEFAULT, Some("203.0.113.1")),
            (Proxies::DEFAULT.headers(&["cf-connecting-ip", "x-real-ip"]), Some("203.0.113.3")),
            (Proxies::DEFAULT.headers(&["x-other", "x-real-ip"]), Some("203.0.113.2")),
            (Proxies::DEFAULT.headers(&["x-other"]), None),
            (Proxies::DEFAULT.nobody(), None),
            (Proxies::DEFAULT.nobody().app_engine(), Some("203.0.113.4")),
        ] {
            assert_eq!(proxies.listed(&sent, peer), expected, "{proxies:?}");
        }
        assert_eq!(believed(&sent), Some("203.0.113.1"));
        assert_eq!(believed(&headers(&[("x-forwarded-for", "unknown"), ("x-real-ip", "10.9.9.9")])), Some("10.9.9.9"));
    }

    #[test]
    fn networks_may_be_everything() {
        for (network, address, expected) in [
            ((ipv4(0, 0, 0, 0), 0), ipv4(203, 0, 113, 1), true),
            ((ipv6([0; 8]), 0), ipv6([0x2001, 0, 0, 0, 0, 0, 0, 1]), true),
            ((ipv6([0; 8]), 0), ipv4(203, 0, 113, 1), false),
            ((ipv4(203, 0, 113, 128), 25), ipv4(203, 0, 113, 127), false),
        ] {
            assert_eq!(contains(network, address), expected, "{network:?} {address}");
        }
    }
}
