use std::time::Duration;

use crate::description::TlsVersion;

/// How backends are connected to: the outbound keys of a gateway.json's first level, with KrakenD's defaults.
///
/// Every field has a builder function of its name, so that it can be written as a `static`:
///
/// ```
/// use std::time::Duration;
/// use sluicegate_runtime::client::ClientOptions;
/// static OPTIONS: ClientOptions = ClientOptions::DEFAULT.dialer_timeout(Some(Duration::from_secs(1)));
/// assert_eq!(OPTIONS.max_idle_connections_per_host, 250);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientOptions {
    /// How many unused connections are kept for each scheme, host and port. 0 keeps none.
    pub max_idle_connections_per_host: usize,
    /// How long an unused connection is kept; `None`: until the backend closes it.
    pub idle_connection_timeout: Option<Duration>,
    /// Use every connection once and say `Connection: close`.
    pub disable_keep_alives: bool,
    /// The time for name resolution and the TCP handshake together; `None`: the operating system's.
    pub dialer_timeout: Option<Duration>,
    /// How long the preferred address family is tried alone (RFC 8305); `None`: until it has failed.
    pub dialer_fallback_delay: Option<Duration>,
    /// The unused time after which the operating system asks whether the backend is still there, and between
    /// two such questions; `None`: it never asks.
    pub dialer_keep_alive: Option<Duration>,
    /// The time from handing over the request, connecting included, to the response's headers; `None`: no limit
    /// but the endpoint's.
    pub response_header_timeout: Option<Duration>,
    /// How long a body waits for `100 Continue` where the client's `Expect: 100-continue` is passed on; `None`: it does
    /// not wait, as the client's side was answered already. Only with HTTP/1.
    pub expect_continue_timeout: Option<Duration>,
    /// Do not ask for gzip where the client's `Accept-Encoding` is not passed on.
    pub disable_compression: bool,
    /// How often the hosts of service discovery are looked up.
    pub dns_cache_ttl: Duration,
    /// How TLS is spoken.
    pub tls: ClientTls,
}

/// `client_tls` of the config. Relative paths are looked up in GATEWAY_BASE, or the working directory, when the gateway
/// starts.
///
/// Without it, TLS 1.2 and 1.3 are spoken to whoever has a certificate that the system's authorities signed (the bundled
/// ones where the system has none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientTls {
    /// Do not check certificates at all.
    pub allow_insecure_connections: bool,
    /// PEM files with authorities, beside the system's.
    pub ca_certs: &'static [&'static str],
    /// Leave the system's authorities out.
    pub disable_system_ca_pool: bool,
    /// The least version.
    pub min_version: TlsVersion,
    /// The greatest version.
    pub max_version: TlsVersion,
    /// By IANA number; empty means the defaults.
    pub curve_preferences: &'static [u16],
    /// By IANA number; empty means all. As in Go, TLS 1.3's suites are always on.
    pub cipher_suites: &'static [u16],
    /// PEM files: a certificate with its chain, and its private key. A handshake looks whether they have changed, at most
    /// once a second. The first that the backend's list of authorities and algorithms allows is used.
    pub client_certs: &'static [(&'static str, &'static str)],
}

macro_rules! builders {
    ($options:ident: $($name:ident: $type:ty),* $(,)?) => {
        impl $options {
            $(
                #[doc = concat!("Sets [`Self::", stringify!($name), "`](struct@", stringify!($options), ").")]
                #[must_use]
                pub const fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

builders! { ClientOptions:
    max_idle_connections_per_host: usize,
    idle_connection_timeout: Option<Duration>,
    disable_keep_alives: bool,
    dialer_timeout: Option<Duration>,
    dialer_fallback_delay: Option<Duration>,
    dialer_keep_alive: Option<Duration>,
    response_header_timeout: Option<Duration>,
    expect_continue_timeout: Option<Duration>,
    disable_compression: bool,
    dns_cache_ttl: Duration,
    tls: ClientTls,
}

builders! { ClientTls:
    allow_insecure_connections: bool,
    ca_certs: &'static [&'static str],
    disable_system_ca_pool: bool,
    min_version: TlsVersion,
    max_version: TlsVersion,
    curve_preferences: &'static [u16],
    cipher_suites: &'static [u16],
    client_certs: &'static [(&'static str, &'static str)],
}

impl ClientTls {
    /// The system's authorities, TLS 1.2 and 1.3.
    pub const DEFAULT: Self = Self {
        allow_insecure_connections: false,
        ca_certs: &[],
        disable_system_ca_pool: false,
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
        curve_preferences: &[],
        cipher_suites: &[],
        client_certs: &[],
    };
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ClientOptions {
    /// KrakenD's defaults.
    pub const DEFAULT: Self = Self {
        max_idle_connections_per_host: 250,
        idle_connection_timeout: None,
        disable_keep_alives: false,
        dialer_timeout: None,
        dialer_fallback_delay: Some(Duration::from_millis(300)),
        dialer_keep_alive: Some(Duration::from_secs(15)),
        response_header_timeout: None,
        expect_continue_timeout: None,
        disable_compression: false,
        dns_cache_ttl: Duration::from_secs(30),
        tls: ClientTls::DEFAULT,
    };
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
