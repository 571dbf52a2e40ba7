//! The validated gateway: plain data, nothing left to check. Emitting it cannot fail.

mod backend;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

pub use sluicegate_drivers::Confirm;

pub use self::backend::*;
pub use crate::middleware::Step;
pub use crate::template::{Part, Template};

/// A whole gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// `name`, for logs.
    pub name: Option<String>,
    /// The config file as it is shown: relative to the package where it lies inside, with `/`.
    pub config: String,
    /// SHA-256 of the config's bytes, lower-case hex.
    pub hash: String,
    /// Listening and per-connection limits.
    pub server: Server,
    /// The HTTP client for all backends.
    pub client: Client,
    /// `extra_config.router`.
    pub router: Router,
    /// `extra_config.telemetry/logging`.
    pub logging: Logging,
    /// What is in every endpoint and cannot be changed at start, where the config says it.
    pub baked: Vec<Baked>,
    /// `extra_config.pubsub/brokers`: those that something uses, in the order of the file.
    pub brokers: Vec<NamedBroker>,
    /// In the order of the file.
    pub endpoints: Vec<Endpoint>,
}

/// A key of the service that endpoints inherit, as the config writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baked {
    /// Its name.
    pub key: &'static str,
    /// Its value: a duration, an encoding, a flag.
    pub value: String,
    /// Where the value stands.
    pub place: Place,
}

/// Where something stands in the config: `gateway.json:9:5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(pub String);

/// Service keys about listening. `None` is KrakenD's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// `port`.
    pub port: Option<u16>,
    /// `listen_ip`.
    pub listen_ip: Option<IpAddr>,
    /// `read_timeout`.
    pub read_timeout: Option<Duration>,
    /// `write_timeout`.
    pub write_timeout: Option<Duration>,
    /// `idle_timeout`.
    pub idle_timeout: Option<Duration>,
    /// `read_header_timeout`.
    pub read_header_timeout: Option<Duration>,
    /// `max_header_bytes`.
    pub max_header_bytes: Option<usize>,
    /// `max_shutdown_wait_time`.
    pub max_shutdown_wait: Option<Duration>,
    /// `use_h2c`.
    pub use_h2c: bool,
    /// `tls`, unless `disabled`.
    pub tls: Option<Tls>,
}

/// `tls`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// `keys`: certificate and private key, paths absolute or relative to the config's folder as `base_relative` in [`FilePath`].
    pub keys: Vec<(FilePath, FilePath)>,
    /// `min_version`; TLS 1.3 when absent.
    pub min_version: Option<TlsVersion>,
    /// `max_version`.
    pub max_version: Option<TlsVersion>,
    /// `curve_preferences`, as Go's numbers.
    pub curve_preferences: Vec<u16>,
    /// `cipher_suites`, as IANA numbers.
    pub cipher_suites: Vec<u16>,
    /// `enable_mtls`.
    pub enable_mtls: bool,
    /// `ca_certs`.
    pub ca_certs: Vec<FilePath>,
    /// `disable_system_ca_pool`.
    pub disable_system_ca_pool: bool,
}

/// A protocol version that both KrakenD and rustls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// `TLS12`.
    Tls12,
    /// `TLS13`.
    Tls13,
}

/// A file that the binary reads at start, as the config writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(pub String);

/// Service keys about calling HTTP backends. `None` is KrakenD's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `max_idle_connections_per_host`.
    pub max_idle_connections_per_host: Option<usize>,
    /// `idle_connection_timeout`.
    pub idle_connection_timeout: Option<Duration>,
    /// `disable_keep_alives`.
    pub disable_keep_alives: bool,
    /// `dialer_timeout`.
    pub dialer_timeout: Option<Duration>,
    /// `dialer_fallback_delay`.
    pub dialer_fallback_delay: Option<Duration>,
    /// `dialer_keep_alive`.
    pub dialer_keep_alive: Option<Duration>,
    /// `response_header_timeout`.
    pub response_header_timeout: Option<Duration>,
    /// `expect_continue_timeout`.
    pub expect_continue_timeout: Option<Duration>,
    /// `disable_compression`.
    pub disable_compression: bool,
    /// `dns_cache_ttl`.
    pub dns_cache_ttl: Option<Duration>,
    /// `client_tls` and `allow_insecure_connections`.
    pub tls: Option<ClientTls>,
}

/// How TLS is spoken to backends. Without it, TLS 1.2 and 1.3 with the system's authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// `allow_insecure_connections`, of either place.
    pub allow_insecure_connections: bool,
    /// `ca_certs`.
    pub ca_certs: Vec<FilePath>,
    /// `disable_system_ca_pool`.
    pub disable_system_ca_pool: bool,
    /// `min_version`; TLS 1.3 where `client_tls` is there without it.
    pub min_version: TlsVersion,
    /// `max_version`; TLS 1.3.
    pub max_version: TlsVersion,
    /// `curve_preferences`, as Go's numbers.
    pub curve_preferences: Vec<u16>,
    /// `cipher_suites`, as IANA numbers.
    pub cipher_suites: Vec<u16>,
    /// `client_certs`: certificate and private key.
    pub client_certs: Vec<(FilePath, FilePath)>,
}

/// `extra_config.router`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Router {
    /// `return_error_msg`.
    pub return_error_msg: bool,
    /// `error_body.404`, as compact JSON text.
    pub error_body_404: Option<String>,
    /// `error_body.405`, as compact JSON text.
    pub error_body_405: Option<String>,
    /// `hide_version_header`.
    pub hide_version_header: bool,
    /// `health_path`.
    pub health_path: Option<String>,
    /// `disable_health`.
    pub disable_health: bool,
    /// `auto_options`.
    pub auto_options: bool,
    /// `disable_redirect_trailing_slash`.
    pub disable_redirect_trailing_slash: bool,
    /// `disable_redirect_fixed_path`.
    pub disable_redirect_fixed_path: bool,
    /// `disable_handle_method_not_allowed`.
    pub disable_handle_method_not_allowed: bool,
    /// `disable_path_decoding`.
    pub disable_path_decoding: bool,
    /// `remove_extra_slash`.
    pub remove_extra_slash: bool,
    /// Who is believed about the client's address.
    pub proxies: Proxies,
    /// Whether a line is logged for each request, but for those to these paths.
    pub access_log: Option<Vec<String>>,
    /// The service's `debug_endpoint`.
    pub debug_endpoint: bool,
    /// The service's `echo_endpoint`.
    pub echo_endpoint: bool,
}

/// The keys of `router` about the client's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `forwarded_by_client_ip` is false.
    pub nobody: bool,
    /// `remote_ip_headers`, in lower case. Empty is KrakenD's default.
    pub headers: Vec<String>,
    /// `trusted_proxies`: networks, each an address and the number of its bits that count. Empty is everybody.
    pub trusted: Vec<(IpAddr, u8)>,
    /// `app_engine`.
    pub app_engine: bool,
}

/// `extra_config.telemetry/logging`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// `level`.
    pub level: Option<LogLevel>,
    /// `prefix`.
    pub prefix: Option<String>,
    /// `stdout`.
    pub stdout: bool,
}

/// `telemetry/logging.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `DEBUG`.
    Debug,
    /// `INFO`.
    Info,
    /// `WARNING`.
    Warning,
    /// `ERROR`.
    Error,
    /// `CRITICAL`.
    Critical,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it stands.
    pub place: Place,
    /// `endpoint`.
    pub path: EndpointPath,
    /// `method`.
    pub method: Method,
    /// `timeout`, or the service's.
    pub timeout: Duration,
    /// `cache_ttl`, or the service's; never zero.
    pub cache_ttl: Option<Duration>,
    /// `output_encoding`, or the service's.
    pub output: Output,
    /// `input_headers`.
    pub input_headers: Names,
    /// `input_query_strings`.
    pub input_query_strings: Names,
    /// `extra_config.proxy.max_payload`, or `router`'s; bytes.
    pub max_body_bytes: Option<usize>,
    /// Middleware, in the order of the file; the runtime orders it.
    pub steps: Vec<Step>,
    /// One or more, in the order of the file.
    pub backends: Vec<Backend>,
    /// Whether `backends` are called one after the other.
    pub sequential: bool,
    /// `concurrent_calls` above 1.
    pub concurrent_calls: Option<usize>,
    /// Backends that get a copy of each request.
    pub shadows: Vec<Shadow>,
}

/// A backend with `extra_config.proxy.shadow`.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// What gets the copies.
    pub backend: Backend,
    /// `shadow_timeout`; the endpoint's timeout when absent.
    pub timeout: Option<Duration>,
}

/// An endpoint's path: `/users/{id}/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPath {
    /// As the config writes it.
    pub text: String,
    /// The names of its parameters by position.
    pub params: Vec<String>,
}

/// A method that an endpoint or an HTTP backend can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the methods")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

/// `output_encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `json` or `fast-json`.
    Json,
    /// `json-collection`.
    Collection,
    /// `string`.
    Text,
    /// `xml`.
    Xml,
    /// `yaml`.
    Yaml,
    /// `negotiate`.
    Negotiate,
    /// `no-op`: the one backend's answer, passed through.
    NoOp,
}

/// An allow-list of header names (lower case) or of query parameters (as written).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// These.
    List(Vec<String>),
    /// `*`.
    All,
}

impl Gateway {
    /// The cargo features of the runtime that this gateway needs, sorted.
    #[must_use]
    pub fn features(&self) -> BTreeSet<&'static str> {
        let mut features = BTreeSet::new();
        if self.server.tls.is_some() || self.client.tls.is_some() {
            features.insert("tls");
        }
        features.extend(self.brokers.iter().filter_map(NamedBroker::feature));
        for endpoint in &self.endpoints {
            for backend in endpoint.all_backends() {
                match backend.decode() {
                    Some(Decode::Xml | Decode::Rss) => drop(features.insert("xml")),
                    Some(Decode::Yaml) => drop(features.insert("yaml")),
                    Some(Decode::Json | Decode::SafeJson | Decode::Text | Decode::NoOp) | None => {}
                }
                match &backend.kind {
                    BackendKind::Http(http) => {
                        if http.hosts.iter().any(|host| may_be_tls(host)) || http.sd_dns == Some("https") {
                            features.insert("tls");
                        }
                        if http.sd_dns.is_some() {
                            features.insert("dns");
                        }
                    }
                    BackendKind::Publish(publish) => drop(features.insert(publish.driver)),
                    BackendKind::Subscribe(subscribe) => drop(features.insert(subscribe.driver)),
                }
            }
            features.extend(endpoint.steps.iter().filter_map(Step::feature));
        }
        features
    }

    /// The same without the secrets that the config holds in plain text, for people to look at.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut shown = self.clone();
        let values = shown.brokers.iter_mut().flat_map(|broker| &mut broker.settings).flat_map(|it| &mut it.values);
        for value in values.filter(|value| matches!(value, Source::Secret(_))) {
            *value = Source::Literal("(a secret, not shown)".to_owned());
        }
        shown
    }
}

/// What `env:NAME` and `file:PATH` hold is not known before the gateway starts.
fn may_be_tls(host: &str) -> bool {
    ["https://", "env:", "file:"].iter().any(|start| host.starts_with(start))
}

impl Endpoint {
    /// What it calls in any way.
    pub fn all_backends(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().chain(self.shadows.iter().map(|shadow| &shadow.backend))
    }
}

// === impl Method ===

impl Method {
    /// As it is on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }
}
