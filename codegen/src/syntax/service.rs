//! The service: the root of a config.

use super::endpoint::{AGENT, ENDPOINT, OUTPUT_ENCODINGS};
use super::kind::{Key, Kind, Record, Scope, described, enterprise, key, later, never};
use super::options::client_tls::CLIENT_TLS;

/// Why Go plugins are refused.
pub(super) const GO_PLUGIN: &str = "a Go plugin (`.so`) cannot be loaded into a Rust program";

/// KrakenD's `krakend.json`.
pub(crate) static SERVICE: Record = Record {
    what: "the service",
    required: &[],
    former: &[],
    keys: described![
        /// The version of the format: 3.
        key("version", Kind::Integer),
        /// What the gateway is called in its logs.
        key("name", Kind::Text),
        /// The port to listen on, 1 to 65535. Default: 8080.
        key("port", Kind::Integer),
        /// The IP address to listen on. Default: all addresses.
        key("listen_ip", Kind::Text),
        /// The hosts of every backend that names none: `http://name`, `https://name:port` or `env:NAME`.
        key("host", Kind::List(&Kind::Text)),
        /// How long an endpoint may take as a whole, unless it has a timeout of its own. Default: `2s`.
        key("timeout", Kind::Duration),
        /// How long clients may cache a complete answer: sets `Cache-Control: public, max-age=...`. Default: no such
        /// header.
        key("cache_ttl", Kind::Duration),
        /// How answers are written, unless an endpoint says otherwise. Default: `json`.
        key("output_encoding", Kind::Text).such_as(OUTPUT_ENCODINGS),
        /// What the gateway offers, each a method and a path.
        key("endpoints", Kind::List(&Kind::Record(&ENDPOINT))),
        /// Consumers of a queue that call backends for each message, without a request of a client.
        later("async_agent", Kind::List(&Kind::Record(&AGENT)), &["[]"]),
        /// Options of the whole gateway, by namespace.
        key("extra_config", Kind::Namespaces(Scope::Service)),
        /// Answers `{"message":"pong"}` below `/__debug/`, for trying a gateway with itself as a backend. Default:
        /// false.
        key("debug_endpoint", Kind::Bool),
        /// Answers below `/__echo/` with what the request was. Default: false.
        key("echo_endpoint", Kind::Bool),
        /// Lets a `{parameter}` of a backend's `url_pattern` stand anywhere, not only behind a slash. Default: false.
        key("disable_rest", Kind::Bool),
        /// Starts async agents one after the other, in the order of the file. Default: false.
        key("sequential_start", Kind::Bool),
        /// Where Go plugins are loaded from.
        never("plugin", Kind::Record(&PLUGIN), GO_PLUGIN),
        /// Serves TLS instead of plain HTTP.
        key("tls", Kind::Record(&TLS)),
        /// How TLS is spoken to backends.
        key("client_tls", Kind::Record(&CLIENT_TLS)),
        /// Accepts any certificate of a backend: whoever is on the way can be the backend. Default: false.
        key("allow_insecure_connections", Kind::Bool),
        /// Takes HTTP/2 without TLS, besides HTTP/1.1. Default: false.
        key("use_h2c", Kind::Bool),
        /// How long reading a whole request may take, body included. Default: `0s`, no limit.
        key("read_timeout", Kind::Duration),
        /// How long writing an answer may take. Default: `0s`, no limit.
        key("write_timeout", Kind::Duration),
        /// How long a connection of a client is kept open between requests. Default: `0s`, as `read_timeout`.
        key("idle_timeout", Kind::Duration),
        /// How long reading the headers of a request may take. Default: `0s`, as `read_timeout`.
        key("read_header_timeout", Kind::Duration),
        /// How many bytes the headers of a request may have. Default: 1000000.
        key("max_header_bytes", Kind::Integer),
        /// How long open requests are waited for when the gateway is stopped. Default: `0s`, as long as they take.
        key("max_shutdown_wait_time", Kind::Duration),
        /// Opens a new connection to a backend for each request. Default: false.
        key("disable_keep_alives", Kind::Bool),
        /// Asks backends for no gzip. Default: false.
        key("disable_compression", Kind::Bool),
        /// How many unused connections to all backends are kept. Has no effect here: they are counted for each host.
        key("max_idle_connections", Kind::Integer),
        /// How many unused connections to each backend host are kept. Default: 250.
        key("max_idle_connections_per_host", Kind::Integer),
        /// After what time an unused connection to a backend is closed. Default: `0s`, never.
        key("idle_connection_timeout", Kind::Duration),
        /// How long the headers of a backend's answer are waited for. Default: `0s`, as long as the endpoint's timeout.
        key("response_header_timeout", Kind::Duration),
        /// How long `100 Continue` is waited for before the body of a request is sent all the same. Default: `0s`.
        key("expect_continue_timeout", Kind::Duration),
        /// How long connecting to a backend may take. Default: `0s`, as long as the endpoint's timeout.
        key("dialer_timeout", Kind::Duration),
        /// How long IPv6 is tried before IPv4 is tried beside it. Default: `300ms`.
        key("dialer_fallback_delay", Kind::Duration),
        /// How often TCP asks whether a backend's host is still there. Default: `15s`.
        key("dialer_keep_alive", Kind::Duration),
        /// How often the SRV records of backends with `"sd": "dns"` are looked up, `1s` at least. Default: `30s`.
        key("dns_cache_ttl", Kind::Duration),
    ],
};

static PLUGIN: Record = Record {
    what: "`plugin`",
    required: &[],
    former: &[],
    keys: described![
        /// The folder of the plugins.
        key("folder", Kind::Text),
        /// How the names of the plugins' files end: `.so`.
        key("pattern", Kind::Text),
    ],
};

static TLS: Record = Record {
    what: "`tls`",
    required: &[],
    former: &[],
    keys: described![
        /// The certificates to serve, each with its key. The name that a client asks for chooses one.
        key("keys", Kind::List(&Kind::Record(&TLS_KEY))),
        // Before `keys`, one pair; KrakenD still takes it.
        /// The path of the certificate, in PEM. The older form of `keys` with one pair.
        key("public_key", Kind::Text),
        /// The path of its key, in PEM. The older form of `keys` with one pair.
        key("private_key", Kind::Text),
        /// Serves plain HTTP, whatever else stands here. Default: false.
        key("disabled", Kind::Bool),
        /// The oldest version of TLS that is spoken: `TLS12` or `TLS13`. Default: `TLS13`.
        key("min_version", Kind::Choice(TLS_VERSIONS)),
        /// The newest version of TLS that is spoken: `TLS12` or `TLS13`. Default: `TLS13`.
        key("max_version", Kind::Choice(TLS_VERSIONS)),
        /// The curves for the key exchange by their numbers: 23 (P-256), 24 (P-384), 25 (P-521), 29 (X25519), 4588
        /// (X25519 with ML-KEM-768).
        key("curve_preferences", Kind::List(&Kind::Integer)),
        /// The cipher suites by their IANA numbers: 4865, 4866 and 4867 for TLS 1.3; 49195, 49196, 49199, 49200, 52392
        /// and 52393 for TLS 1.2.
        key("cipher_suites", Kind::List(&Kind::Integer)),
        /// Takes only clients that show a certificate of a trusted authority. Default: false.
        key("enable_mtls", Kind::Bool),
        /// The paths of authorities that sign clients' certificates, in PEM, for `enable_mtls`.
        key("ca_certs", Kind::List(&Kind::Text)),
        /// Trusts only `ca_certs`, and not the system's authorities. Default: false.
        key("disable_system_ca_pool", Kind::Bool),
    ],
};

static TLS_KEY: Record = Record {
    what: "one of `tls.keys`",
    required: &["public_key", "private_key"],
    former: &[],
    keys: described![
        /// The path of the certificate, in PEM, with the chain to its authority.
        key("public_key", Kind::Text),
        /// The path of the certificate's key, in PEM.
        key("private_key", Kind::Text),
    ],
};

const TLS_VERSIONS: &[&str] = &["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"];

/// `extra_config.router`.
pub(super) static ROUTER: Record = Record {
    what: "`router`",
    required: &[],
    former: &[],
    keys: described![
        /// Tells clients what went wrong, in the body of an error. Default: false, an empty body.
        key("return_error_msg", Kind::Bool),
        /// The bodies of errors that the router answers itself.
        key("error_body", Kind::Record(&ERROR_BODY)),
        /// Answers `X-Krakend: Version undefined` instead of the version. Default: false.
        key("hide_version_header", Kind::Bool),
        /// The path that says whether the gateway lives. Default: `/__health`.
        key("health_path", Kind::Text),
        /// Offers no health path. Default: false.
        key("disable_health", Kind::Bool),
        /// Answers OPTIONS of each path with its methods in `Allow`. Default: false.
        key("auto_options", Kind::Bool),
        /// Does not lead `/path/` to `/path`, or the other way round. Default: false.
        key("disable_redirect_trailing_slash", Kind::Bool),
        /// Does not lead a path in another case or with `..` or `//` to the right one. Default: false.
        key("disable_redirect_fixed_path", Kind::Bool),
        /// Answers 404 instead of 405 for a method that a path does not have. Default: false.
        key("disable_handle_method_not_allowed", Kind::Bool),
        /// Hands parameters of the path on as they came. Otherwise one with an encoded `/`, `?` or `#` is answered 400.
        /// Default: false.
        key("disable_path_decoding", Kind::Bool),
        /// Reads `//` in a path as `/`. Default: false.
        key("remove_extra_slash", Kind::Bool),
        /// How many bytes the body of a request may have, in all endpoints without a limit of their own; more is
        /// answered 413. Default: 0, no limit.
        key("max_payload", Kind::Integer),
        /// Takes the client's address from Google App Engine's `X-Appengine-Remote-Addr`. Default: false.
        key("app_engine", Kind::Bool),
        /// Writes no line for each request. `false` turns the access log on, which is off unless the config speaks of
        /// it.
        key("disable_access_log", Kind::Bool),
        /// Believes `trusted_proxies` about the client's address. Default: true.
        key("forwarded_by_client_ip", Kind::Bool),
        /// Paths that the access log leaves out. Turns the access log on.
        key("logger_skip_paths", Kind::List(&Kind::Text)),
        /// How much of an uploaded form is kept in memory, in bytes. Has no effect here: bodies are handed on as they
        /// come.
        key("max_multipart_memory", Kind::Integer),
        /// The headers that hold the client's address, the first that is there. Default: `X-Forwarded-For`,
        /// `X-Real-IP`.
        key("remote_ip_headers", Kind::List(&Kind::Text)),
        /// The addresses and networks whose `remote_ip_headers` are believed: `10.0.0.0/8`. Default: everybody's.
        key("trusted_proxies", Kind::List(&Kind::Text)),
        /// Decompresses the bodies of requests.
        enterprise("decompress_gzip", Kind::Any),
        /// Does not compress answers.
        enterprise("disable_gzip", Kind::Any),
    ],
};

static ERROR_BODY: Record = Record {
    what: "`router.error_body`",
    required: &[],
    former: &[],
    keys: described![
        /// The JSON body where no endpoint has the path.
        key("404", Kind::Map(&Kind::Any)),
        /// The JSON body where no endpoint of the path has the method.
        key("405", Kind::Map(&Kind::Any)),
    ],
};

/// `extra_config.telemetry/logging`.
pub(super) static LOGGING: Record =
    Record { what: "`telemetry/logging`", required: &["level"], former: &[], keys: LOGGING_KEYS };

const FACILITIES: &[&str] = &["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

const LOGGING_KEYS: &[Key] = described![
    /// The least serious messages that are logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
    key("level", Kind::Text).such_as(&["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
    /// A text before each message.
    key("prefix", Kind::Text),
    /// Logs to stdout instead of stderr. Default: false.
    key("stdout", Kind::Bool),
    /// Logs to the system's log as well. Default: false.
    later("syslog", Kind::Bool, &["false"]),
    /// The facility of the system's log, `local0` to `local7`. Default: `local3`.
    later("syslog_facility", Kind::Choice(FACILITIES), &["\"local3\""]),
    /// How lines are written: `default`, `logstash` or `custom`. Default: `default`.
    later("format", Kind::Choice(&["default", "logstash", "custom"]), &["\"default\""]),
    /// The pattern of a line, for `"format": "custom"`.
    later("custom_format", Kind::Text, &["\"\""]),
    /// How lines of the access log are written.
    enterprise("access_log_format", Kind::Any),
    /// The pattern of a line of the access log.
    enterprise("access_log_custom_format", Kind::Any),
    /// What stands for what a line of the access log lacks.
    enterprise("access_log_missing_key_marker", Kind::Any),
    /// Logs requests to backends.
    enterprise("backend", Kind::Any),
];
