//! `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case, as Go reads them: the first for `http`, the second
//! for `https` through a tunnel (`CONNECT`), the third with names, addresses and networks that need no proxy. Loopback
//! addresses and `localhost` never go through one.
//!
//! A proxy is `http://[USER:PASSWORD@]HOST[:PORT]`, or the same without the scheme. Others that Go knows (`https`,
//! `socks5`) are refused at start.

use std::env;
use std::net::IpAddr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::{ClientError, ClientErrorKind};

/// The proxies of the environment.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
}

impl Proxies {
    /// `None` where there is none.
    pub(super) fn from_env() -> Result<Option<Self>, ClientError> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ClientError> {
        let any = |names: [&str; 2]| {
            let value = |name| variable(name).filter(|value| !value.is_empty());
            names.into_iter().find_map(value).unwrap_or_default()
        };
        // As in Go: under CGI a client chooses HTTP_PROXY with its header `Proxy`.
        let http = if variable("REQUEST_METHOD").is_some() { String::new() } else { any(["HTTP_PROXY", "http_proxy"]) };
        Self::new(http, any(["HTTPS_PROXY", "https_proxy"]), any(["NO_PROXY", "no_proxy"]))
    }

    pub(super) fn new(http: String, https: String, no: String) -> Result<Option<Self>, ClientError> {
        check("HTTP_PROXY", &http)?;
        check("HTTPS_PROXY", &https)?;
        if http.is_empty() && https.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { matcher: Matcher::builder().http(http).https(https).no(no).build() }))
    }

    /// The proxy for `uri`, where it needs one.
    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let loopback = host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if loopback { None } else { self.matcher.intercept(uri) }
    }

    /// `Proxy-Authorization` for a request that the proxy itself reads.
    pub(super) fn authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let plain = uri.scheme() == Some(&Scheme::HTTP);
        self.intercept(uri).filter(|_| plain)?.basic_auth().cloned()
    }
}

/// The message does not show the value, which may hold a password.
fn check(name: &str, value: &str) -> Result<(), ClientError> {
    let failed = |why: &str| Err(ClientError::new(ClientErrorKind::Other, format!("{name}: {why}")));
    let rest = match value.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) => return failed(&format!("a proxy of the scheme `{scheme}` cannot be used, only `http`")),
        None => value,
    };
    match format!("http://{rest}").parse::<Uri>() {
        _ if value.is_empty() => Ok(()),
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(()),
        _ => failed("this is not the URL of a proxy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(http: &str, https: &str, no: &str) -> Result<Option<Proxies>, String> {
        Proxies::new(http.to_owned(), https.to_owned(), no.to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn who_goes_through_a_proxy() {
        let proxies = proxies("http://u:p@plain:3128", "secure:3129", "internal.test, 10.0.0.0/8").unwrap().unwrap();
        for (uri, proxy, authorized) in [
            ("http://a.test/", Some("http://plain:3128/"), true),
            ("https://a.test/", Some("http://secure:3129/"), false),
            ("http://internal.test/", None, false),
            ("http://b.internal.test:81/", None, false),
            ("http://10.1.2.3/", None, false),
            ("http://localhost:80/", None, false),
            ("http://127.0.0.1/", None, false),
            ("http://[::1]/", None, false),
        ] {
            let uri: Uri = uri.parse().unwrap();
            let found = proxies.intercept(&uri).map(|proxy| {
                let uri = proxy.uri();
                format!("{}://{}:{}/", uri.scheme_str().unwrap(), uri.host().unwrap(), uri.port_u16().unwrap())
            });
            assert_eq!(found.as_deref(), proxy, "{uri}");
            assert_eq!(proxies.authorization(&uri).is_some(), authorized, "{uri}");
        }
    }

    #[test]
    fn variables_are_those_of_go() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(Variables, Option<&str>, Option<&str>); 6] = [
            (&[("HTTP_PROXY", "a"), ("https_proxy", "b")], Some("a"), Some("b")),
            (&[("HTTP_PROXY", "a"), ("http_proxy", "b")], Some("a"), None),
            (&[("HTTP_PROXY", ""), ("http_proxy", "b")], Some("b"), None),
            (&[("HTTP_PROXY", "a"), ("no_proxy", "x.test")], None, None),
            (&[("HTTP_PROXY", "a"), ("HTTPS_PROXY", "b"), ("REQUEST_METHOD", "GET")], None, Some("b")),
            (&[("ALL_PROXY", "a")], None, None),
        ];
        for (variables, http, https) in cases {
            let variable =
                |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).into());
            let proxies = Proxies::from_variables(variable).unwrap();
            for (uri, expected) in [("http://x.test/", http), ("https://x.test/", https)] {
                let found = proxies.as_ref().and_then(|proxies| proxies.intercept(&uri.parse().unwrap()));
                assert_eq!(found.as_ref().and_then(|found| found.uri().host()), expected, "{variables:?} {uri}");
            }
        }
    }

    #[test]
    fn what_is_no_proxy() {
        assert!(proxies("", "", "a").unwrap().is_none());
        for (value, error) in [
            ("socks5://a", "request failed: HTTP_PROXY: a proxy of the scheme `socks5` cannot be used, only `http`"),
            (
                "https://u:secret@a",
                "request failed: HTTP_PROXY: a proxy of the scheme `https` cannot be used, only `http`",
            ),
            ("http://", "request failed: HTTP_PROXY: this is not the URL of a proxy"),
            ("secret word", "request failed: HTTP_PROXY: this is not the URL of a proxy"),
        ] {
            assert_eq!(proxies(value, "", "").unwrap_err(), error);
        }
    }
}
