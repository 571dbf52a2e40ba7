//! The validated gateway: plain data, nothing left to check. Emitting it cannot fail.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub use sluicegate_drivers::Confirm;

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
    /// `extra_config.pubsub/brokers`: those that something uses, in the order of the file.
    pub brokers: Vec<NamedBroker>,
    /// In the order of the file.
    pub endpoints: Vec<Endpoint>,
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

/// One backend.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Where it stands.
    pub place: Place,
    /// Its own `input_headers`, which filter the endpoint's: `None` lets all pass.
    pub input_headers: Option<Vec<String>>,
    /// Its own `input_query_strings`.
    pub input_query_strings: Option<Vec<String>>,
    /// What a sequence puts into its call besides the URL.
    pub set: SetInCall,
    /// What it is.
    pub kind: BackendKind,
}

/// `set_headers` and `set_body` of a backend's `extra_config.proxy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetInCall {
    /// Names in lower case, and values.
    pub headers: Vec<(String, Template)>,
    /// The body; the request's when empty.
    pub body: Vec<BodyPiece>,
}

/// A part of a body that a sequence makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPiece {
    /// Copied: a part of a JSON text.
    Literal(String),
    /// A value as JSON, or the whole of an answer that is not JSON.
    Value(Earlier),
    /// A value as text, inside a JSON string.
    Inside(Earlier),
}

/// A value of an earlier backend's answer in a sequence: `{resp0_user.id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What stands between the braces.
    pub name: String,
    /// The position of the backend among [`Endpoint::backends`].
    pub backend: usize,
    /// Through the objects of its answer, after shaping; empty for the whole of it.
    pub path: Vec<String>,
}

/// What a backend is.
#[derive(Clone, Debug)]
pub enum BackendKind {
    /// An HTTP service.
    Http(HttpBackend),
    /// A topic to publish to.
    Publish(Publish),
    /// A subscription to receive from.
    Subscribe(Subscribe),
}

/// An HTTP service.
#[derive(Clone, Debug)]
pub struct HttpBackend {
    /// `host`: `scheme://authority`, sanitised, or `env:NAME`; one or more. With paths where these differ, under
    /// `disable_host_sanitize`.
    pub hosts: Vec<String>,
    /// `method`, or the endpoint's.
    pub method: Method,
    /// `url_pattern`.
    pub url: UrlTemplate,
    /// `encoding`.
    pub decode: Decode,
    /// How the body is shaped; the plain one for `no-op`.
    pub shape: Shape,
    /// `extra_config.backend/http`.
    pub status: StatusRule,
    /// `sd: dns`, with `sd_scheme`; the one host is then a name of SRV records.
    pub sd_dns: Option<&'static str>,
    /// `extra_config.backend/http/client`: `use_h2c`.
    pub use_h2c: bool,
    /// `extra_config.backend/http/client`: `send_body_on_redirect`.
    pub send_body_on_redirect: bool,
    /// `extra_config.backend/http/client`: `max_response_bytes`.
    pub max_response_bytes: Option<u32>,
    /// `extra_config.backend/graphql`.
    pub graphql: Option<GraphQl>,
}

/// `extra_config.backend/graphql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphQl {
    /// `type`: whether the client's body has the variables.
    pub mutation: bool,
    /// `query`, or the content of `query_path`.
    pub query: String,
    /// `operationName`.
    pub operation_name: Option<String>,
    /// `variables`, in the order of the file.
    pub variables: Vec<(String, Variable)>,
    /// `method`: GET instead of POST.
    pub get: bool,
}

/// One of `variables`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// JSON text.
    Json(String),
    /// `{name}`: the endpoint's path parameter at this position.
    PathParam(usize),
}

/// `url_pattern`: literal text and parameters. The text starts with `/` and is percent-encoded where it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    /// As the config writes it.
    pub text: String,
    /// In order; no two texts follow each other.
    pub pieces: Vec<Piece>,
}

/// A part of a [`UrlTemplate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copied.
    Text(String),
    /// The endpoint's path parameter at this position, percent-encoded when it is put in.
    Param {
        /// Its position in [`EndpointPath::params`].
        index: usize,
        /// Its name.
        name: String,
    },
    /// A value of an earlier answer, percent-encoded when it is put into a URL.
    Earlier(Earlier),
    /// `{+name}`: the same for a value that is a path, whose slashes stay.
    EarlierPath(Earlier),
    /// `{+name}`: a parameter that is a path.
    PathParam {
        /// Its position in [`EndpointPath::params`].
        index: usize,
        /// Its name.
        name: String,
    },
}

/// `encoding` of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// `json` or `fast-json`.
    Json,
    /// `safejson`.
    SafeJson,
    /// `string`.
    Text,
    /// `xml`.
    Xml,
    /// `rss`.
    Rss,
    /// `yaml`.
    Yaml,
    /// `no-op`.
    NoOp,
}

/// `extra_config.backend/http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusRule {
    /// KrakenD's default: 200, 201 (and here 202, 204) succeed.
    Default,
    /// `return_error_code`.
    ReturnCode,
    /// `return_error_details`, with its alias.
    ReturnDetails(String),
}

/// How a JSON body is shaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `is_collection`.
    pub is_collection: bool,
    /// `target`, split at dots.
    pub target: Vec<String>,
    /// `allow` or `deny`, and `mapping`, joined into one trie.
    pub fields: Fields,
    /// `extra_config.proxy.flatmap_filter`.
    pub flatmap: Vec<FlatmapOp>,
    /// `group`.
    pub group: Option<String>,
}

/// An operation of `flatmap_filter`. Paths are split at dots and not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlatmapOp {
    /// `move`: from, to.
    Move(Vec<String>, Vec<String>),
    /// `del`, one path of it.
    Delete(Vec<String>),
    /// `append`: what, behind what.
    Append(Vec<String>, Vec<String>),
}

/// What becomes of an object's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// All are kept.
    #[default]
    All,
    /// Only the listed ones are kept.
    Allow(Vec<Field>),
    /// The listed ones are treated as they say, all others are kept.
    Deny(Vec<Field>),
}

/// One named member. Names within a list are unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the input.
    pub name: String,
    /// Its name in the output, where `mapping` gives another (first level only).
    pub rename: Option<String>,
    /// What becomes of its value.
    pub rule: FieldRule,
}

/// What becomes of a named member's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldRule {
    /// Kept as it is.
    Keep,
    /// Left out.
    Drop,
    /// An object is filtered. Anything else is left out under [`Fields::Allow`] and kept under [`Fields::Deny`].
    Inside(Fields),
}

/// A topic to publish to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The driver's name, which is its module's and its feature's.
    pub driver: &'static str,
    /// `broker`: the name of one of [`Gateway::brokers`].
    pub broker: Option<String>,
    /// `host` and `topic_url` joined: `mem://orders`.
    pub url: String,
    /// The rest of `extra_config.backend/pubsub/publisher`.
    pub options: PublishOptions,
}

/// What a publisher has besides its topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// `key`, or `ordering_key`.
    pub key: Option<Template>,
    /// `dedup_id`.
    pub dedup_id: Option<Template>,
    /// `attributes`: exact names, in the order of the file.
    pub attributes: Vec<(String, Template)>,
    /// `confirm`.
    pub confirm: Confirm,
    /// `respond`.
    pub respond: Respond,
}

/// `respond`: what the client is told of a message that was confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Respond {
    /// An empty object.
    #[default]
    Empty,
    /// `receipt`: what the broker said.
    Receipt {
        /// The backend's `group`, which it is put under.
        group: Option<String>,
    },
}

/// A subscription to receive from.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// The driver's name, which is its module's and its feature's.
    pub driver: &'static str,
    /// `broker`: the name of one of [`Gateway::brokers`].
    pub broker: Option<String>,
    /// `host` and `subscription_url` joined: `mem://orders`.
    pub url: String,
    /// `encoding`.
    pub decode: Decode,
    /// How the body is shaped; the plain one for `no-op`.
    pub shape: Shape,
    /// `wait`; the endpoint's timeout less 10 % when absent.
    pub wait: Option<Duration>,
    /// `on_failure`.
    pub on_failure: OnFailure,
    /// `max_deliveries`; 5 when absent.
    pub max_deliveries: Option<u32>,
    /// `dead_letter`, as the whole URL of a topic.
    pub dead_letter: Option<String>,
    /// `metadata`: response headers (lower case), and what of the message they hold. Names are unique.
    pub metadata: Vec<(String, Metadata)>,
}

/// What of a message a response header holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// `attribute.NAME`.
    Attribute(String),
    /// `id`.
    Id,
    /// `key`.
    Key,
    /// `delivery_count`.
    DeliveryCount,
    /// `topic`.
    Topic,
    /// `partition`.
    Partition,
    /// `offset`.
    Offset,
    /// `timestamp`.
    Timestamp,
}

/// One of `pubsub/brokers`.
#[derive(Clone, Debug)]
pub struct NamedBroker {
    /// Where it stands.
    pub place: Place,
    /// Its name: letters, digits, `_` and `-`. No two differ only in case or in these two.
    pub name: String,
    /// The driver's name.
    pub driver: &'static str,
    /// `required`.
    pub required: bool,
    /// `max_in_flight`.
    pub max_in_flight: Option<u32>,
    /// What the driver is told, in the order of the file.
    pub settings: Vec<BrokerSetting>,
}

/// A setting of a [`NamedBroker`], which its driver declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSetting {
    /// With dots for objects: `tls.ca_certs`.
    pub name: &'static str,
    /// One or more.
    pub values: Vec<Source>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The config.
    Literal(String),
    /// The config, which should not hold it.
    Secret(Secret),
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`.
    File(String),
}

/// A text that is written to generated code and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

/// `on_failure`: what becomes of a message that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Given back with growing delay, until `max_deliveries`.
    #[default]
    Nack,
    /// Acknowledged and logged.
    Drop,
    /// Dead-lettered at once.
    DeadLetter,
}

impl Gateway {
    /// The cargo features of the runtime that this gateway needs, sorted.
    #[must_use]
    pub fn features(&self) -> BTreeSet<&'static str> {
        let mut features = BTreeSet::new();
        if self.server.tls.is_some() || self.client.tls.is_some() {
            features.insert("tls");
        }
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

/// What `env:NAME` holds is not known before the gateway starts.
fn may_be_tls(host: &str) -> bool {
    host.starts_with("https://") || host.starts_with("env:")
}

// === impl Secret ===

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Endpoint {
    /// What it calls in any way.
    pub fn all_backends(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().chain(self.shadows.iter().map(|shadow| &shadow.backend))
    }
}

impl Backend {
    /// The values of earlier answers that its call needs, each once.
    #[must_use]
    pub fn reads(&self) -> Vec<&Earlier> {
        let (mut url, mut options) = (&[][..], None);
        match &self.kind {
            BackendKind::Http(http) => url = http.url.pieces.as_slice(),
            BackendKind::Publish(publish) => options = Some(&publish.options),
            BackendKind::Subscribe(_) => {}
        }
        let url = url.iter().filter_map(|piece| match piece {
            Piece::Earlier(earlier) | Piece::EarlierPath(earlier) => Some(earlier),
            Piece::Text(_) | Piece::Param { .. } | Piece::PathParam { .. } => None,
        });
        let options = options.into_iter().flat_map(|options| {
            let attributes = options.attributes.iter().map(|(_, template)| template);
            options.key.iter().chain(&options.dedup_id).chain(attributes)
        });
        let templates = self.set.headers.iter().map(|(_, template)| template).chain(options);
        let templates = templates.flat_map(|template| &template.parts).filter_map(|part| match part {
            Part::Earlier(earlier) => Some(earlier),
            Part::Text(_) | Part::Param { .. } | Part::Header(_) | Part::Query(_) | Part::Body(_) => None,
        });
        let body = self.set.body.iter().filter_map(|piece| match piece {
            BodyPiece::Value(earlier) | BodyPiece::Inside(earlier) => Some(earlier),
            BodyPiece::Literal(_) => None,
        });
        let mut reads: Vec<&Earlier> = Vec::new();
        for earlier in url.chain(templates).chain(body) {
            if !reads.contains(&earlier) {
                reads.push(earlier);
            }
        }
        reads
    }
}

impl Backend {
    /// How what it answers is read.
    #[must_use]
    pub fn decode(&self) -> Option<Decode> {
        match &self.kind {
            BackendKind::Http(http) => Some(http.decode),
            BackendKind::Subscribe(subscribe) => Some(subscribe.decode),
            BackendKind::Publish(_) => None,
        }
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
