//! Endpoints, backends and async agents, and the namespaces that are theirs.

use super::kind::{COUNT, Kind, Record, Scope, described, enterprise, key, later, never};
use super::options::backends::PROXY_FLATMAP_FILTER;

/// What answers can be written as.
pub(crate) const OUTPUT_ENCODINGS: &[&str] =
    &["json", "fast-json", "json-collection", "string", "xml", "yaml", "negotiate", "no-op"];

/// What answers and messages can be read as.
pub(crate) const ENCODINGS: &[&str] = &["json", "fast-json", "safejson", "string", "xml", "rss", "yaml", "no-op"];

/// What an endpoint can be called with.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// One of `endpoints`.
pub(crate) static ENDPOINT: Record = Record {
    what: "an endpoint",
    required: &["endpoint", "backend"],
    former: &[
        ("querystring_params", "input_query_strings"),
        ("query_string", "input_query_strings"),
        ("headers_to_pass", "input_headers"),
    ],
    keys: described![
        /// The path, from `/`. `{name}` is a parameter and a whole segment; `*` at the end is everything below:
        /// `/users/{id}`, `/files/*`.
        key("endpoint", Kind::Text),
        /// The method that it is called with: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. Default: `GET`.
        key("method", Kind::Text).such_as(METHODS),
        /// What it calls, one or more. The answers of several are merged.
        key("backend", Kind::List(&Kind::Record(&BACKEND))),
        /// How long it may take as a whole. Default: the service's `timeout`.
        key("timeout", Kind::Duration),
        /// How long clients may cache a complete answer. Default: the service's `cache_ttl`.
        key("cache_ttl", Kind::Duration),
        /// How the answer is written; `no-op` passes the one backend's on as it is. Default: the service's
        /// `output_encoding`.
        key("output_encoding", Kind::Text).such_as(OUTPUT_ENCODINGS),
        // Refused where it would publish twice.
        /// How often each backend is asked at the same time; the first whole answer counts. Not for what publishes or
        /// receives. Default: 1.
        key("concurrent_calls", Kind::Integer),
        /// The headers of the request that backends get; `["*"]` are all. Default: none but `Content-Type`.
        key("input_headers", Kind::List(&Kind::Text)),
        /// The parameters of the query that backends get; `["*"]` are all. Default: none.
        key("input_query_strings", Kind::List(&Kind::Text)),
        /// Options of the endpoint, by namespace.
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
    keys: described![
        /// The path to call, perhaps with a query. `{name}` is a parameter of the endpoint's path, `{resp0_name}` a
        /// value of an earlier answer in a sequence.
        key("url_pattern", Kind::Text),
        /// The hosts to call in turn: `http://name`, `https://name:port`, `env:NAME`; or the scheme of a message
        /// broker: `kafka://`, `rabbit://`. Default: the service's `host`.
        key("host", Kind::List(&Kind::Text)),
        /// Takes `host` as it is written, with a path or a scheme of a broker. Default: false.
        key("disable_host_sanitize", Kind::Bool),
        /// The method to call it with. Default: the endpoint's.
        key("method", Kind::Text).such_as(METHODS),
        /// What the answer or the message is read as; `no-op` does not read it. Default: `json`.
        key("encoding", Kind::Text).such_as(ENCODINGS),
        /// The answer is a list, which is put under `collection`. Default: false.
        key("is_collection", Kind::Bool),
        /// The member of the answer that is taken instead of the whole: `data.user`.
        key("target", Kind::Text),
        /// The only members that are kept, with dots for those of members: `user.name`.
        key("allow", Kind::List(&Kind::Text)),
        /// The members that are left out, with dots for those of members.
        key("deny", Kind::List(&Kind::Text)),
        /// New names of members of the first level, by their old ones.
        key("mapping", Kind::Map(&Kind::Text)),
        /// The name of an object that the answer is put into, before it is merged.
        key("group", Kind::Text),
        // Refused in other words on a pub/sub backend.
        /// How hosts are found: `static` takes `host` as it is, `dns` looks SRV records up. Default: `static`.
        key("sd", Kind::Choice(&["static", "dns", "dns-shared"])),
        /// The scheme of hosts that `"sd": "dns"` finds: `http` or `https`. Default: `http`.
        key("sd_scheme", Kind::Text).such_as(&["http", "https"]),
        /// Of the endpoint's `input_headers` those that this backend gets. Default: all of them.
        key("input_headers", Kind::List(&Kind::Text)),
        /// Of the endpoint's `input_query_strings` those that this backend gets. Default: all of them.
        key("input_query_strings", Kind::List(&Kind::Text)),
        /// Options of the backend, by namespace.
        key("extra_config", Kind::Namespaces(Scope::Backend)),
    ],
};

/// One of `async_agent`.
pub(super) static AGENT: Record = Record {
    what: "an async agent",
    required: &["name", "consumer", "backend", "extra_config"],
    former: &[],
    keys: described![
        /// The name of the agent, for logs.
        key("name", Kind::Filled),
        /// How the connection to the broker is kept.
        key("connection", Kind::Record(&AGENT_CONNECTION)),
        /// What is received, and how fast.
        key("consumer", Kind::Record(&AGENT_CONSUMER)),
        /// What messages are read as. Default: `json`.
        key("encoding", Kind::Text).such_as(ENCODINGS),
        /// What is called for each message.
        key("backend", Kind::List(&Kind::Record(&BACKEND))),
        /// The broker that messages come from, and options, by namespace.
        key("extra_config", Kind::Namespaces(Scope::Agent)),
    ],
};

static AGENT_CONNECTION: Record = Record {
    what: "`connection` of an async agent",
    required: &[],
    former: &[],
    keys: described![
        /// How often connecting is tried again before the agent gives up. Default: 0, without end.
        key("max_retries", Kind::Integer),
        /// How the time between two tries grows. Default: `fallback`, one second always.
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        /// How often the connection is looked at, `1s` at least. Default: `1s`.
        key("health_interval", Kind::Duration),
    ],
};

static AGENT_CONSUMER: Record = Record {
    what: "`consumer` of an async agent",
    required: &["topic"],
    former: &[],
    keys: described![
        /// The topic or the routing key to receive.
        key("topic", Kind::Filled),
        /// How many messages are worked on at the same time. Default: 1.
        key("workers", COUNT),
        /// How long the backends may take for one message. Default: the service's `timeout`.
        key("timeout", Kind::Duration),
        /// How many messages are taken each second. Default: 0, no limit.
        key("max_rate", Kind::NotNegative),
    ],
};

/// `proxy` of an endpoint.
pub(crate) static ENDPOINT_PROXY: Record = Record {
    what: "`proxy`",
    required: &[],
    former: &[],
    keys: described![
        /// Members that are put into the answer, always or in some cases.
        key("static", Kind::Record(&STATIC)),
        /// How many bytes the body of a request may have; more is answered 413. Default: the router's `max_payload`.
        key("max_payload", Kind::Integer),
        /// Calls the backends one after the other, so that later ones can use what earlier ones answered. Default:
        /// false.
        key("sequential", Kind::Bool),
        /// Values of earlier answers that scripts of later backends see: `resp0_name`.
        key("sequential_propagated_params", Kind::List(&Kind::Text)),
        /// Moves, deletes and appends members of the merged answer, in this order. Needs several backends.
        key("flatmap_filter", Kind::List(&Kind::Record(&PROXY_FLATMAP_FILTER))),
        // Refused in other words where it names what only custom builds of KrakenD have.
        /// What merges the answers. Only custom builds of KrakenD have another than the default.
        key("combiner", Kind::Text),
        /// How the sequence of backends is made. Leave it out for KrakenD's own.
        key("strategy", Kind::Text),
        // What it asks for is always so: no backend sees what another does to the request.
        /// No backend sees what another does to the request. That is always so here.
        key("force_sandboxed_request", Kind::Bool),
        /// Decompresses the bodies of requests.
        enterprise("decompress_gzip", Kind::Any),
    ],
};

static STATIC: Record = Record {
    what: "`proxy.static`",
    required: &["data", "strategy"],
    former: &[],
    keys: described![
        /// The members.
        key("data", Kind::Map(&Kind::Any)),
        /// When they are put in: `always`, when all backends succeeded (`success`), when the answer is `complete` or
        /// `incomplete`, or when none succeeded (`errored`).
        key("strategy", Kind::Choice(&["always", "success", "complete", "errored", "incomplete"])),
    ],
};

/// `proxy` of a backend.
pub(crate) static BACKEND_PROXY: Record = Record {
    what: "`proxy`",
    required: &[],
    former: &[],
    keys: described![
        /// Moves, deletes and appends members of the answer, in this order. Stands for `allow`, `deny` and `mapping`.
        key("flatmap_filter", Kind::List(&Kind::Record(&PROXY_FLATMAP_FILTER))),
        /// Sends the backend a copy of each request, and ignores its answer. Default: false.
        key("shadow", Kind::Bool),
        /// How long a copy may take. Default: the endpoint's timeout.
        key("shadow_timeout", Kind::Duration),
        /// In a sequence: headers of this call, by name. Values may have placeholders: `Bearer {resp0_token}`. Only
        /// here, not in KrakenD.
        key("set_headers", Kind::Map(&Kind::Text)),
        /// In a sequence: the body of this call, JSON with placeholders in its strings. Only here, not in KrakenD.
        key("set_body", Kind::Any),
    ],
};

/// `backend/http`.
pub(super) static BACKEND_HTTP: Record = Record {
    what: "`backend/http`",
    required: &[],
    former: &[],
    keys: described![
        /// Answers with the backend's status when it is an error, instead of 500. Default: false.
        key("return_error_code", Kind::Bool),
        /// Puts the status and the body of an error under `error_` and this name, and answers 200.
        key("return_error_details", Kind::Text),
    ],
};

/// `qos/ratelimit/router`.
pub(crate) static RATE_LIMIT: Record = Record {
    what: "`qos/ratelimit/router`",
    required: &[],
    former: &[("maxRate", "max_rate"), ("clientMaxRate", "client_max_rate")],
    keys: described![
        /// How many requests all clients together may make in the time of `every`; more are answered 503. Default: no
        /// limit.
        key("max_rate", Kind::Number),
        /// How many requests may come at once. Default: as `max_rate`.
        key("capacity", Kind::Integer),
        /// How many requests each client may make in the time of `every`; more are answered 429. Default: no limit.
        key("client_max_rate", Kind::Number),
        /// How many requests of a client may come at once. Default: as `client_max_rate`.
        key("client_capacity", Kind::Integer),
        /// The time that rates are counted in. Default: `1s`.
        key("every", Kind::Duration),
        /// What tells clients apart: their address (`ip`), a `header`, or a `param` of the path.
        key("strategy", Kind::Choice(&["ip", "header", "param"])),
        /// The name of the header or parameter of `strategy`; with `ip`, the header that holds the address.
        key("key", Kind::Text),
        /// How often clients that have not come back are forgotten. Default: `1m`.
        key("cleanup_period", Kind::Duration),
        // How KrakenD's store works inside; nobody can see it from outside.
        /// How many threads forget clients in KrakenD. Has no effect here.
        key("cleanup_threads", Kind::Integer),
        /// How many parts KrakenD's store of clients has. Has no effect here.
        key("num_shards", Kind::Integer),
    ],
};

/// `backend/pubsub/publisher`.
pub(super) static PUBLISHER: Record = Record {
    what: "`backend/pubsub/publisher`",
    required: &["topic_url"],
    former: &[("subscription_url", "topic_url"), ("url", "topic_url"), ("topic", "topic_url")],
    keys: described![
        /// The topic behind the scheme in `host`, in the grammar of its driver: `orders`, `myexchange`,
        /// `arn:aws:sns:...`.
        key("topic_url", Kind::Text),
        /// The name of one of `pubsub/brokers` to publish to. Default: the one that the environment describes. Only
        /// here, not in KrakenD.
        key("broker", Kind::Text),
        /// A template of the message's key: what chooses a partition, an ordering key or a message group. Only here,
        /// not in KrakenD.
        key("key", Kind::Text),
        /// Another name of `key`.
        key("ordering_key", Kind::Text),
        /// A template of the message's identity: a broker that has lately seen it does not store it again. Default:
        /// `Idempotency-Key`. Only here, not in KrakenD.
        key("dedup_id", Kind::Text),
        /// Attributes of the message under exactly these names, with templates as values. Only here, not in KrakenD.
        key("attributes", Kind::Map(&Kind::Text)),
        /// What the answer waits for: the strongest confirmation of the broker (`all`), one of its servers (`leader`),
        /// nothing (`none`). Default: `all`. Only here, not in KrakenD.
        key("confirm", Kind::Choice(&["all", "leader", "none"])),
        /// `receipt` answers with what the broker said of the message, instead of `{}`. Only here, not in KrakenD.
        key("respond", Kind::Choice(&["receipt"])),
        /// Makes the exchange where it is not there. Only here, not in KrakenD.
        key("declare", Kind::Record(&DECLARED_TOPIC)),
    ],
};

/// `backend/pubsub/subscriber`.
pub(super) static SUBSCRIBER: Record = Record {
    what: "`backend/pubsub/subscriber`",
    required: &["subscription_url"],
    former: &[("topic_url", "subscription_url"), ("url", "subscription_url"), ("topic", "subscription_url")],
    keys: described![
        /// The subscription behind the scheme in `host`, in the grammar of its driver: `billing?topic=orders` for
        /// Kafka.
        key("subscription_url", Kind::Text),
        /// How long a request waits for a message, before it is answered 204. Default: the endpoint's timeout less 10
        /// %. Only here, not in KrakenD.
        key("wait", Kind::Duration),
        /// What becomes of a message that cannot be decoded: given back (`nack`), acknowledged (`drop`), or moved
        /// (`dead_letter`). Only here, not in KrakenD.
        key("on_failure", Kind::Choice(&["nack", "drop", "dead_letter"])),
        /// How often a message is delivered before it is given up. Default: 5. Only here, not in KrakenD.
        key("max_deliveries", Kind::Integer),
        /// The name of one of `pubsub/brokers` to receive from. Default: the one that the environment describes. Only
        /// here, not in KrakenD.
        key("broker", Kind::Text),
        /// The topic that a message moves to when it is given up: `orders.dead`. Only here, not in KrakenD.
        key("dead_letter", Kind::Text),
        /// Headers of the answer and what of the message they hold: `id`, `key`, `topic`, `timestamp`,
        /// `delivery_count`, `attribute.NAME`. Only here, not in KrakenD.
        key("metadata", Kind::Map(&Kind::Text)),
        /// Attributes of the message.
        later("attributes", Kind::Any, &[]),
        /// Makes the queue and its bindings where they are not there. Only here, not in KrakenD.
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
    keys: described![
        /// The type of the exchange: `direct`, `fanout`, `topic`, `headers`, or a plugin's. Default: `topic`.
        key("type", Kind::Text),
        /// Whether it outlives a restart of the server. Default: true.
        key("durable", Kind::Bool),
        /// Whether the server deletes it when nothing uses it any more. Default: false.
        key("auto_delete", Kind::Bool),
        /// What else the server is told.
        key("arguments", Kind::Map(&Kind::Any)),
        /// Where a queue gets its messages from.
        never("bindings", Kind::Any, "bindings are the queue's, and belong to a subscriber"),
        /// Takes messages of other exchanges only.
        never("internal", Kind::Bool, "nobody can publish to an internal exchange"),
        /// Does not wait for the broker's answer.
        never("no_wait", Kind::Bool, NO_WAIT),
    ],
};

/// `declare` of a subscriber.
static DECLARED_SUBSCRIPTION: Record = Record {
    what: "`declare` of a subscriber",
    required: &[],
    former: FORMER_DECLARE,
    keys: described![
        /// The type of the queue: `classic` or `quorum`. Default: the server's.
        key("type", Kind::Text),
        /// Whether it outlives a restart of the server. Default: true.
        key("durable", Kind::Bool),
        /// Whether the server deletes it when nothing uses it any more. Default: false.
        key("auto_delete", Kind::Bool),
        /// What else the server is told: `x-max-length`.
        key("arguments", Kind::Map(&Kind::Any)),
        /// Where the queue gets its messages from.
        key("bindings", Kind::List(&Kind::Record(&BINDING))),
        /// Belongs to one connection.
        never(
            "exclusive",
            Kind::Bool,
            "the broker deletes an exclusive queue, and all that is in it, with the connection",
        ),
        /// Does not wait for the broker's answer.
        never("no_wait", Kind::Bool, NO_WAIT),
    ],
};

/// One of `bindings`.
static BINDING: Record = Record {
    what: "a binding",
    required: &["exchange"],
    former: &[("key", "routing_key"), ("source", "exchange"), ("args", "arguments")],
    keys: described![
        /// The exchange that messages come from. It must be there.
        key("exchange", Kind::Text),
        /// The routing key of the messages. Default: empty.
        key("routing_key", Kind::Text),
        /// What else the server is told.
        key("arguments", Kind::Map(&Kind::Any)),
    ],
};

/// One of `validation/cel`.
pub(super) static CEL: Record = Record {
    what: "a CEL check",
    required: &["check_expr"],
    former: &[],
    keys: described![
        /// An expression that has to be true, or the request or the answer is refused: `req_params.Id != '0'`.
        key("check_expr", Kind::Filled),
    ],
};

/// `modifier/lua-*`.
pub(crate) static LUA: Record = Record {
    what: "a Lua modifier",
    required: &[],
    former: &[],
    keys: described![
        /// The paths of scripts that are loaded first.
        key("sources", Kind::List(&Kind::Filled)),
        /// Lua to run before the call, or before the endpoint.
        key("pre", Kind::Text),
        /// Lua to run after the call, or after the endpoint.
        key("post", Kind::Text),
        /// The MD5 sums of `sources`, by their names. A script that was changed is refused.
        key("md5", Kind::Map(&Kind::Text)),
        /// Reads the scripts again for each request. Default: false.
        key("live", Kind::Bool),
        /// Makes no call: the script makes the answer. Default: false.
        key("skip_next", Kind::Bool),
        /// Gives scripts Lua's libraries, of files and processes too. Default: false.
        key("allow_open_libs", Kind::Bool),
    ],
};

/// `backend/http/client`: the one key of it that KrakenD's open edition reads, two of ours, and the rest.
pub(super) static HTTP_CLIENT: Record = Record {
    what: "`backend/http/client`",
    required: &[],
    former: &[],
    keys: described![
        /// How many bytes an answer that is decoded may have, decompressed. Default: 67108864. Only here, not in
        /// KrakenD.
        key("max_response_bytes", Kind::Integer),
        /// Keeps the body of a request in memory, to send it again where a 307 or 308 leads. Default: false.
        key("send_body_on_redirect", Kind::Bool),
        /// Speaks HTTP/2 without TLS to the backend. Default: false. Only here, not in KrakenD.
        key("use_h2c", Kind::Bool),
        /// How TLS is spoken to this backend.
        enterprise("client_tls", Kind::Any),
        /// Does not follow redirects.
        enterprise("no_redirect", Kind::Any),
        /// The proxy that the backend is called through.
        enterprise("proxy_address", Kind::Any),
    ],
};
