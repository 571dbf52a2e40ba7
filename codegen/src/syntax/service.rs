//! The service: the root of a config.

use super::endpoint::{AGENT, ENDPOINT};
use super::kind::{Key, Kind, Record, Scope, enterprise, key, later, never};
use super::options::client_tls::CLIENT_TLS;

/// Why Go plugins are refused.
pub(super) const GO_PLUGIN: &str = "a Go plugin (`.so`) cannot be loaded into a Rust program";

/// KrakenD's `krakend.json`.
pub(crate) static SERVICE: Record = Record {
    what: "the service",
    required: &[],
    former: &[],
    keys: &[
        key("version", Kind::Integer),
        key("name", Kind::Text),
        key("port", Kind::Integer),
        key("listen_ip", Kind::Text),
        key("host", Kind::List(&Kind::Text)),
        key("timeout", Kind::Duration),
        key("cache_ttl", Kind::Duration),
        key("output_encoding", Kind::Text),
        key("endpoints", Kind::List(&Kind::Record(&ENDPOINT))),
        later("async_agent", Kind::List(&Kind::Record(&AGENT)), &["[]"]),
        key("extra_config", Kind::Namespaces(Scope::Service)),
        key("debug_endpoint", Kind::Bool),
        key("echo_endpoint", Kind::Bool),
        key("disable_rest", Kind::Bool),
        key("sequential_start", Kind::Bool),
        never("plugin", Kind::Record(&PLUGIN), GO_PLUGIN),
        key("tls", Kind::Record(&TLS)),
        key("client_tls", Kind::Record(&CLIENT_TLS)),
        key("allow_insecure_connections", Kind::Bool),
        key("use_h2c", Kind::Bool),
        key("read_timeout", Kind::Duration),
        key("write_timeout", Kind::Duration),
        key("idle_timeout", Kind::Duration),
        key("read_header_timeout", Kind::Duration),
        key("max_header_bytes", Kind::Integer),
        key("max_shutdown_wait_time", Kind::Duration),
        key("disable_keep_alives", Kind::Bool),
        key("disable_compression", Kind::Bool),
        key("max_idle_connections", Kind::Integer),
        key("max_idle_connections_per_host", Kind::Integer),
        key("idle_connection_timeout", Kind::Duration),
        key("response_header_timeout", Kind::Duration),
        key("expect_continue_timeout", Kind::Duration),
        key("dialer_timeout", Kind::Duration),
        key("dialer_fallback_delay", Kind::Duration),
        key("dialer_keep_alive", Kind::Duration),
        key("dns_cache_ttl", Kind::Duration),
    ],
};

static PLUGIN: Record = Record {
    what: "`plugin`",
    required: &[],
    former: &[],
    keys: &[key("folder", Kind::Text), key("pattern", Kind::Text)],
};

static TLS: Record = Record {
    what: "`tls`",
    required: &[],
    former: &[],
    keys: &[
        key("keys", Kind::List(&Kind::Record(&TLS_KEY))),
        // Before `keys`, one pair; KrakenD still takes it.
        key("public_key", Kind::Text),
        key("private_key", Kind::Text),
        key("disabled", Kind::Bool),
        key("min_version", Kind::Choice(TLS_VERSIONS)),
        key("max_version", Kind::Choice(TLS_VERSIONS)),
        key("curve_preferences", Kind::List(&Kind::Integer)),
        key("cipher_suites", Kind::List(&Kind::Integer)),
        key("enable_mtls", Kind::Bool),
        key("ca_certs", Kind::List(&Kind::Text)),
        key("disable_system_ca_pool", Kind::Bool),
    ],
};

static TLS_KEY: Record = Record {
    what: "one of `tls.keys`",
    required: &["public_key", "private_key"],
    former: &[],
    keys: &[key("public_key", Kind::Text), key("private_key", Kind::Text)],
};

const TLS_VERSIONS: &[&str] = &["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"];

/// `extra_config.router`.
pub(super) static ROUTER: Record = Record {
    what: "`router`",
    required: &[],
    former: &[],
    keys: &[
        key("return_error_msg", Kind::Bool),
        key("error_body", Kind::Record(&ERROR_BODY)),
        key("hide_version_header", Kind::Bool),
        key("health_path", Kind::Text),
        key("disable_health", Kind::Bool),
        key("auto_options", Kind::Bool),
        key("disable_redirect_trailing_slash", Kind::Bool),
        key("disable_redirect_fixed_path", Kind::Bool),
        key("disable_handle_method_not_allowed", Kind::Bool),
        key("disable_path_decoding", Kind::Bool),
        key("remove_extra_slash", Kind::Bool),
        key("max_payload", Kind::Integer),
        key("app_engine", Kind::Bool),
        key("disable_access_log", Kind::Bool),
        key("forwarded_by_client_ip", Kind::Bool),
        key("logger_skip_paths", Kind::List(&Kind::Text)),
        key("max_multipart_memory", Kind::Integer),
        key("remote_ip_headers", Kind::List(&Kind::Text)),
        key("trusted_proxies", Kind::List(&Kind::Text)),
        enterprise("decompress_gzip", Kind::Any),
        enterprise("disable_gzip", Kind::Any),
    ],
};

static ERROR_BODY: Record = Record {
    what: "`router.error_body`",
    required: &[],
    former: &[],
    keys: &[key("404", Kind::Map(&Kind::Any)), key("405", Kind::Map(&Kind::Any))],
};

/// `extra_config.telemetry/logging`.
pub(super) static LOGGING: Record =
    Record { what: "`telemetry/logging`", required: &[], former: &[], keys: LOGGING_KEYS };

const LOGGING_KEYS: &[Key] = &[
    key("level", Kind::Text),
    key("prefix", Kind::Text),
    key("stdout", Kind::Bool),
    later("syslog", Kind::Bool, &["false"]),
    later("syslog_facility", Kind::Text, &["\"local3\""]),
    later("format", Kind::Text, &["\"default\""]),
    later("custom_format", Kind::Text, &["\"\""]),
    enterprise("access_log_format", Kind::Any),
    enterprise("access_log_custom_format", Kind::Any),
    enterprise("access_log_missing_key_marker", Kind::Any),
    enterprise("backend", Kind::Any),
];
