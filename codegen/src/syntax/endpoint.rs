//! Endpoints, backends and async agents, and the namespaces that are theirs.

use super::kind::{COUNT, Kind, Record, Scope, enterprise, key, later, never};
use super::options::backends::PROXY_FLATMAP_FILTER;

/// One of `endpoints`.
pub(crate) static ENDPOINT: Record = Record {
    what: "an endpoint",
    required: &["endpoint", "backend"],
    former: &[
        ("querystring_params", "input_query_strings"),
        ("query_string", "input_query_strings"),
        ("headers_to_pass", "input_headers"),
    ],
    keys: &[
        key("endpoint", Kind::Text),
        key("method", Kind::Text),
        key("backend", Kind::List(&Kind::Record(&BACKEND))),
        key("timeout", Kind::Duration),
        key("cache_ttl", Kind::Duration),
        key("output_encoding", Kind::Text),
        // Refused where it would publish twice.
        key("concurrent_calls", Kind::Integer),
        key("input_headers", Kind::List(&Kind::Text)),
        key("input_query_strings", Kind::List(&Kind::Text)),
        key("extra_config", Kind::Namespaces(Scope::Endpoint)),
    ],
};

/// One of an endpoint's `backend`.
pub(crate) static BACKEND: Record = Record {
    what: "a backend",
    required: &[],
    former: &[
        ("whitelist", "allow"),
        ("blacklist", "deny"),
        ("headers_to_pass", "input_headers"),
        ("querystring_params", "input_query_strings"),
        ("dns_srv", "sd"),
    ],
    keys: &[
        key("url_pattern", Kind::Text),
        key("host", Kind::List(&Kind::Text)),
        key("disable_host_sanitize", Kind::Bool),
        key("method", Kind::Text),
        key("encoding", Kind::Text),
        key("is_collection", Kind::Bool),
        key("target", Kind::Text),
        key("allow", Kind::List(&Kind::Text)),
        key("deny", Kind::List(&Kind::Text)),
        key("mapping", Kind::Map(&Kind::Text)),
        key("group", Kind::Text),
        // Refused in other words on a pub/sub backend.
        key("sd", Kind::Choice(&["static", "dns", "dns-shared"])),
        key("sd_scheme", Kind::Text),
        key("input_headers", Kind::List(&Kind::Text)),
        key("input_query_strings", Kind::List(&Kind::Text)),
        key("extra_config", Kind::Namespaces(Scope::Backend)),
    ],
};

/// One of `async_agent`.
pub(super) static AGENT: Record = Record {
    what: "an async agent",
    required: &["name", "consumer", "backend", "extra_config"],
    former: &[],
    keys: &[
        key("name", Kind::Filled),
        key("connection", Kind::Record(&AGENT_CONNECTION)),
        key("consumer", Kind::Record(&AGENT_CONSUMER)),
        key("encoding", Kind::Text),
        key("backend", Kind::List(&Kind::Record(&BACKEND))),
        key("extra_config", Kind::Namespaces(Scope::Agent)),
    ],
};

static AGENT_CONNECTION: Record = Record {
    what: "`connection` of an async agent",
    required: &[],
    former: &[],
    keys: &[
        key("max_retries", Kind::Integer),
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        key("health_interval", Kind::Duration),
    ],
};

static AGENT_CONSUMER: Record = Record {
    what: "`consumer` of an async agent",
    required: &["topic"],
    former: &[],
    keys: &[
        key("topic", Kind::Filled),
        key("workers", COUNT),
        key("timeout", Kind::Duration),
        key("max_rate", Kind::NotNegative),
    ],
};

/// `proxy` of an endpoint.
pub(crate) static ENDPOINT_PROXY: Record = Record {
    what: "`proxy`",
    required: &[],
    former: &[],
    keys: &[
        key("static", Kind::Record(&STATIC)),
        key("max_payload", Kind::Integer),
        key("sequential", Kind::Bool),
        key("sequential_propagated_params", Kind::List(&Kind::Text)),
        key("flatmap_filter", Kind::List(&Kind::Record(&PROXY_FLATMAP_FILTER))),
        // Refused in other words where it names what only custom builds of KrakenD have.
        key("combiner", Kind::Text),
        key("strategy", Kind::Text),
        // What it asks for is always so: no backend sees what another does to the request.
        key("force_sandboxed_request", Kind::Bool),
        enterprise("decompress_gzip", Kind::Any),
    ],
};

static STATIC: Record = Record {
    what: "`proxy.static`",
    required: &["data", "strategy"],
    former: &[],
    keys: &[
        key("data", Kind::Map(&Kind::Any)),
        key("strategy", Kind::Choice(&["always", "success", "complete", "errored", "incomplete"])),
    ],
};

/// `proxy` of a backend.
pub(crate) static BACKEND_PROXY: Record = Record {
    what: "`proxy`",
    required: &[],
    former: &[],
    keys: &[
        key("flatmap_filter", Kind::List(&Kind::Record(&PROXY_FLATMAP_FILTER))),
        key("shadow", Kind::Bool),
        key("shadow_timeout", Kind::Duration),
        key("set_headers", Kind::Map(&Kind::Text)),
        key("set_body", Kind::Any),
    ],
};

/// `backend/http`.
pub(super) static BACKEND_HTTP: Record = Record {
    what: "`backend/http`",
    required: &[],
    former: &[],
    keys: &[key("return_error_code", Kind::Bool), key("return_error_details", Kind::Text)],
};

/// `qos/ratelimit/router`.
pub(crate) static RATE_LIMIT: Record = Record {
    what: "`qos/ratelimit/router`",
    required: &[],
    former: &[("maxRate", "max_rate"), ("clientMaxRate", "client_max_rate")],
    keys: &[
        key("max_rate", Kind::Number),
        key("capacity", Kind::Integer),
        key("client_max_rate", Kind::Number),
        key("client_capacity", Kind::Integer),
        key("every", Kind::Duration),
        key("strategy", Kind::Choice(&["ip", "header", "param"])),
        key("key", Kind::Text),
        key("cleanup_period", Kind::Duration),
        // How KrakenD's store works inside; nobody can see it from outside.
        key("cleanup_threads", Kind::Integer),
        key("num_shards", Kind::Integer),
    ],
};

/// `backend/pubsub/publisher`.
pub(super) static PUBLISHER: Record = Record {
    what: "`backend/pubsub/publisher`",
    required: &["topic_url"],
    former: &[("subscription_url", "topic_url"), ("url", "topic_url"), ("topic", "topic_url")],
    keys: &[
        key("topic_url", Kind::Text),
        key("broker", Kind::Text),
        key("key", Kind::Text),
        key("ordering_key", Kind::Text),
        key("dedup_id", Kind::Text),
        key("attributes", Kind::Map(&Kind::Text)),
        key("confirm", Kind::Choice(&["all", "leader", "none"])),
        key("respond", Kind::Choice(&["receipt"])),
        key("declare", Kind::Record(&DECLARED_TOPIC)),
    ],
};

/// `backend/pubsub/subscriber`.
pub(super) static SUBSCRIBER: Record = Record {
    what: "`backend/pubsub/subscriber`",
    required: &["subscription_url"],
    former: &[("topic_url", "subscription_url"), ("url", "subscription_url"), ("topic", "subscription_url")],
    keys: &[
        key("subscription_url", Kind::Text),
        key("wait", Kind::Duration),
        key("on_failure", Kind::Choice(&["nack", "drop", "dead_letter"])),
        key("max_deliveries", Kind::Integer),
        key("broker", Kind::Text),
        key("dead_letter", Kind::Text),
        key("metadata", Kind::Map(&Kind::Text)),
        later("attributes", Kind::Any, &[]),
        key("declare", Kind::Record(&DECLARED_SUBSCRIPTION)),
    ],
};

/// What KrakenD's `backend/amqp/*` and RabbitMQ's own clients call the keys of `declare`.
const FORMER_DECLARE: &[(&str, &str)] = &[
    ("delete", "auto_delete"),
    ("kind", "type"),
    ("args", "arguments"),
    ("binding", "bindings"),
    ("bind", "bindings"),
];

const NO_WAIT: &str = "without the broker's answer nobody would know that it refused";

/// `declare` of a publisher.
static DECLARED_TOPIC: Record = Record {
    what: "`declare` of a publisher",
    required: &[],
    former: FORMER_DECLARE,
    keys: &[
        key("type", Kind::Text),
        key("durable", Kind::Bool),
        key("auto_delete", Kind::Bool),
        key("arguments", Kind::Map(&Kind::Any)),
        never("bindings", Kind::Any, "bindings are the queue's, and belong to a subscriber"),
        never("internal", Kind::Bool, "nobody can publish to an internal exchange"),
        never("no_wait", Kind::Bool, NO_WAIT),
    ],
};

/// `declare` of a subscriber.
static DECLARED_SUBSCRIPTION: Record = Record {
    what: "`declare` of a subscriber",
    required: &[],
    former: FORMER_DECLARE,
    keys: &[
        key("type", Kind::Text),
        key("durable", Kind::Bool),
        key("auto_delete", Kind::Bool),
        key("arguments", Kind::Map(&Kind::Any)),
        key("bindings", Kind::List(&Kind::Record(&BINDING))),
        never(
            "exclusive",
            Kind::Bool,
            "the broker deletes an exclusive queue, and all that is in it, with the connection",
        ),
        never("no_wait", Kind::Bool, NO_WAIT),
    ],
};

/// One of `bindings`.
static BINDING: Record = Record {
    what: "a binding",
    required: &["exchange"],
    former: &[("key", "routing_key"), ("source", "exchange"), ("args", "arguments")],
    keys: &[key("exchange", Kind::Text), key("routing_key", Kind::Text), key("arguments", Kind::Map(&Kind::Any))],
};

/// One of `validation/cel`.
pub(super) static CEL: Record =
    Record { what: "a CEL check", required: &["check_expr"], former: &[], keys: &[key("check_expr", Kind::Filled)] };

/// `modifier/lua-*`.
pub(crate) static LUA: Record = Record {
    what: "a Lua modifier",
    required: &[],
    former: &[],
    keys: &[
        key("sources", Kind::List(&Kind::Filled)),
        key("pre", Kind::Text),
        key("post", Kind::Text),
        key("md5", Kind::Map(&Kind::Text)),
        key("live", Kind::Bool),
        key("skip_next", Kind::Bool),
        key("allow_open_libs", Kind::Bool),
    ],
};

/// `backend/http/client`: the one key of it that KrakenD's open edition reads, two of ours, and the rest.
pub(super) static HTTP_CLIENT: Record = Record {
    what: "`backend/http/client`",
    required: &[],
    former: &[],
    keys: &[
        key("max_response_bytes", Kind::Integer),
        key("send_body_on_redirect", Kind::Bool),
        key("use_h2c", Kind::Bool),
        enterprise("client_tls", Kind::Any),
        enterprise("no_redirect", Kind::Any),
        enterprise("proxy_address", Kind::Any),
    ],
};
