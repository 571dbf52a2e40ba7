//! Where tokens are asked for: the URL of an OAuth 2.0 token endpoint.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::addresses;

/// A token endpoint.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "kafka-tls"), allow(dead_code, reason = "checked by a build that has no client"))]
pub(super) struct Endpoint {
    pub(super) is_tls: bool,
    /// An IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What a request's `Host` says.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

impl Endpoint {
    /// Reads `https://HOST[:PORT]/PATH`. Without TLS the secret would be seen by whoever is in between, so `http://` is for this
    /// machine alone.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let (is_tls, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("does not begin with `https://`"),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("has a login: `client_id` and `client_secret` are settings of their own");
        }
        let (host, port) = addresses::host_and_port(authority)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
        if !target.bytes().all(valid) {
            return Err("has a character that no path or query of a URL has");
        }
        if !is_tls && !is_loopback(&host) {
            return Err("shows the secret on its way: `http://` is for this machine alone, so write `https://`");
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let port = port.unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { is_tls, host, port, authority: authority.to_owned(), target })
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
        || host.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (url, is_tls, host, port, target) in [
            ("https://id.example.com/oauth/token", true, "id.example.com", 443, "/oauth/token"),
            ("https://id.example.com", true, "id.example.com", 443, "/"),
            ("https://a:8443?tenant=a%20b", true, "a", 8443, "/?tenant=a%20b"),
            ("http://localhost/t", false, "localhost", 80, "/t"),
            ("http://127.0.0.2:1/t", false, "127.0.0.2", 1, "/t"),
            ("http://[::1]:8080/t", false, "::1", 8080, "/t"),
        ] {
            let endpoint = Endpoint::parse(url).expect(url);
            let Endpoint { is_tls: tls, host: name, port: number, target: rest, .. } = &endpoint;
            assert_eq!((*tls, &**name, *number, &**rest), (is_tls, host, port, target), "{url}");
            assert!(url.contains(&format!("//{}", endpoint.authority)), "{url}");
        }
        for (url, expected) in [
            ("id.example.com/token", "does not begin with"),
            ("ftp://a/", "does not begin with"),
            ("https://bob:hunter2@a/", "has a login"),
            ("https:///token", "no valid host"),
            ("https://a:0/", "no valid port"),
            ("https://a:hunter2/", "no valid port"),
            ("https://a/#hunter2", "has a character"),
            ("https://a/b c", "has a character"),
            ("https://a/\r\nX: y", "has a character"),
            ("http://id.example.com/token", "shows the secret"),
            ("http://localhost.example.com/token", "shows the secret"),
            ("http://10.0.0.1/token", "shows the secret"),
        ] {
            let error = Endpoint::parse(url).expect_err(url);
            assert!(error.contains(expected) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
