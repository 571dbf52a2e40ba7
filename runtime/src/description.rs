//! A whole gateway, as generated code describes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::client::ClientOptions;
use crate::router::RouterOptions;
use crate::serve::AnyEndpoint;

/// A gateway, as generated code describes it. It has no state: several gateways can be opened from one.
#[derive(Clone, Copy)]
pub struct Description {
    pub(crate) config: &'static str,
    pub(crate) hash: &'static str,
    pub(crate) name: Option<&'static str>,
    pub(crate) server: Server,
    pub(crate) client: ClientOptions,
    pub(crate) router: RouterOptions,
    pub(crate) logging: Logging,
    pub(crate) baked: &'static [Baked],
    pub(crate) endpoints: &'static [&'static dyn AnyEndpoint],
}

/// A key of the config's first level whose value is in every endpoint, and can be no other when the gateway starts.
#[derive(Clone, Copy, Debug)]
pub struct Baked {
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    pub(crate) source: &'static str,
}

/// Where a gateway listens, and what it allows a connection.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub(crate) port: u16,
    pub(crate) listen_ip: Option<IpAddr>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) read_header_timeout: Option<Duration>,
    pub(crate) max_header_bytes: usize,
    pub(crate) max_shutdown_wait: Option<Duration>,
    pub(crate) h2c: bool,
    pub(crate) tls: Option<Tls>,
}

/// `tls` of the config. Relative paths are looked up in GATEWAY_BASE, or the working directory, when the gateway starts.
#[derive(Clone, Copy, Debug)]
pub struct Tls {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "read with the feature `tls`"))]
    pub(crate) keys: &'static [(&'static str, &'static str)],
    pub(crate) min_version: TlsVersion,
    pub(crate) max_version: TlsVersion,
    pub(crate) curve_preferences: &'static [u16],
    pub(crate) cipher_suites: &'static [u16],
    pub(crate) client_certificates: bool,
    pub(crate) ca_certs: &'static [&'static str],
    pub(crate) disable_system_ca_pool: bool,
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// `telemetry/logging`.
#[derive(Clone, Copy, Debug)]
pub struct Logging {
    pub(crate) level: LogLevel,
    pub(crate) prefix: &'static str,
    pub(crate) stdout: bool,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What a person wants to know of a gateway that works.
    Info,
    /// What may need a person.
    Warning,
    /// What went wrong.
    Error,
}

impl Description {
    /// A gateway with KrakenD's defaults.
    ///
    /// `config` is the file it was generated from, `hash` the SHA-256 of that file.
    #[must_use]
    pub const fn new(config: &'static str, hash: &'static str, endpoints: &'static [&'static dyn AnyEndpoint]) -> Self {
        Self {
            config,
            hash,
            name: None,
            server: Server::DEFAULT,
            client: ClientOptions::DEFAULT,
            router: RouterOptions::DEFAULT,
            logging: Logging::DEFAULT,
            baked: &[],
            endpoints,
        }
    }

    /// The endpoints, in the order of the config.
    #[must_use]
    pub const fn endpoints(&self) -> &'static [&'static dyn AnyEndpoint] {
        self.endpoints
    }

    /// `name`, for people.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Where it listens, and what it allows a connection.
    #[must_use]
    pub const fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// How HTTP backends are connected to.
    #[must_use]
    pub const fn client(mut self, client: ClientOptions) -> Self {
        self.client = client;
        self
    }

    /// How paths are matched, and the router's own answers.
    #[must_use]
    pub const fn router(mut self, router: RouterOptions) -> Self {
        self.router = router;
        self
    }

    /// What is logged.
    #[must_use]
    pub const fn logging(mut self, logging: Logging) -> Self {
        self.logging = logging;
        self
    }

    /// What the endpoints were built with, so that a `KRAKEND_*` variable that says otherwise is refused.
    #[must_use]
    pub const fn baked(mut self, baked: &'static [Baked]) -> Self {
        self.baked = baked;
        self
    }
}

impl Baked {
    /// `value` is as the config writes it, at `source`: `gateway.json:3:14`.
    #[must_use]
    pub const fn new(key: &'static str, value: &'static str, source: &'static str) -> Self {
        Self { key, value, source }
    }
}

impl Server {
    /// Port 8080 on all addresses, no timeouts, one megabyte of headers (trap 1 and Go's `net/http`).
    pub const DEFAULT: Self = Self {
        port: 8080,
        listen_ip: None,
        read_timeout: None,
        write_timeout: None,
        idle_timeout: None,
        read_header_timeout: None,
        max_header_bytes: 1 << 20,
        max_shutdown_wait: None,
        h2c: false,
        tls: None,
    };

    /// The port.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The one address to listen at.
    #[must_use]
    pub const fn listen_ip(mut self, address: IpAddr) -> Self {
        self.listen_ip = Some(address);
        self
    }

    /// The time for a whole request, its body included.
    #[must_use]
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// The time from the end of a request's headers to the end of its response.
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(timeout);
        self
    }

    /// The wait for the next request of a connection.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// The time for a request's headers.
    #[must_use]
    pub const fn read_header_timeout(mut self, timeout: Duration) -> Self {
        self.read_header_timeout = Some(timeout);
        self
    }

    /// The size of a request's line and headers in bytes.
    #[must_use]
    pub const fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes;
        self
    }

    /// How long requests that run may take after SIGTERM.
    #[must_use]
    pub const fn max_shutdown_wait(mut self, wait: Duration) -> Self {
        self.max_shutdown_wait = Some(wait);
        self
    }

    /// HTTP/2 without TLS.
    #[must_use]
    pub const fn h2c(mut self) -> Self {
        self.h2c = true;
        self
    }

    /// TLS, with HTTP/2 for clients that ask for it.
    #[must_use]
    pub const fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Tls {
    /// TLS 1.3 with these certificates and private keys (paths of PEM files).
    #[must_use]
    pub const fn new(keys: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            keys,
            min_version: TlsVersion::Tls13,
            max_version: TlsVersion::Tls13,
            curve_preferences: &[],
            cipher_suites: &[],
            client_certificates: false,
            ca_certs: &[],
            disable_system_ca_pool: false,
        }
    }

    /// The protocol versions.
    #[must_use]
    pub const fn versions(mut self, min: TlsVersion, max: TlsVersion) -> Self {
        self.min_version = min;
        self.max_version = max;
        self
    }

    /// The key exchange groups, as IANA numbers.
    #[must_use]
    pub const fn curve_preferences(mut self, numbers: &'static [u16]) -> Self {
        self.curve_preferences = numbers;
        self
    }

    /// The cipher suites, as IANA numbers.
    #[must_use]
    pub const fn cipher_suites(mut self, numbers: &'static [u16]) -> Self {
        self.cipher_suites = numbers;
        self
    }

    /// Clients must have a certificate.
    #[must_use]
    pub const fn client_certificates(mut self) -> Self {
        self.client_certificates = true;
        self
    }

    /// The authorities that client certificates come from, beside the system's.
    #[must_use]
    pub const fn ca_certs(mut self, paths: &'static [&'static str]) -> Self {
        self.ca_certs = paths;
        self
    }

    /// Without the system's authorities.
    #[must_use]
    pub const fn disable_system_ca_pool(mut self) -> Self {
        self.disable_system_ca_pool = true;
        self
    }
}

impl Logging {
    /// KrakenD's: everything from INFO up, no prefix. To the standard error.
    pub const DEFAULT: Self = Self { level: LogLevel::Info, prefix: "", stdout: false };

    /// How much is logged.
    #[must_use]
    pub const fn level(mut self, level: LogLevel) -> Self {
        self.level = level;
        self
    }

    /// A text before each line.
    #[must_use]
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// To the standard output.
    #[must_use]
    pub const fn stdout(mut self) -> Self {
        self.stdout = true;
        self
    }
}

/// An IPv4 address, for generated code.
#[must_use]
pub const fn ipv4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// An IPv6 address, for generated code.
#[must_use]
pub const fn ipv6(segments: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = segments;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Merge;
    use crate::endpoint::{Endpoint, Method};

    /// Trap 1.
    #[test]
    fn defaults_are_those_of_krakend() {
        let description = Description::new("gateway.json", "", &[]);
        assert_eq!((description.server.port, description.server.listen_ip), (8080, None));
        assert_eq!(description.client.max_idle_connections_per_host, 250);
        let endpoint = Endpoint::new(Method::Get, "/", "", Merge::new(&[]));
        assert_eq!(endpoint.options.timeout, Duration::from_secs(2));
    }
}
