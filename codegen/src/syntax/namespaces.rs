//! Every namespace of `extra_config`: where it belongs, what it holds, whether it is supported.

use super::endpoint::{
    BACKEND_HTTP, BACKEND_PROXY, CEL, ENDPOINT_PROXY, HTTP_CLIENT, LUA, PUBLISHER, RATE_LIMIT, SUBSCRIBER,
};
use super::kind::Scope::{self, Agent, Backend, Endpoint, Service};
use super::kind::{Kind, Support, described};
use super::options::{amqp, auth, backends, martian, opencensus, opentelemetry, security, telemetry};
use super::service::{GO_PLUGIN, LOGGING, ROUTER};
use crate::middleware;

/// A namespace in the scopes where it means the same.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: &'static str,
    pub(crate) scopes: &'static [Scope],
    pub(crate) kind: Kind,
    /// What it does, for the JSON Schema.
    pub(crate) about: &'static str,
    /// But for what [`support_in`](Self::support_in) adds.
    support: Support,
}

impl Namespace {
    /// With what is said of it in `described!`.
    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Whether it is supported in a place that it belongs in.
    pub(crate) fn support_in(&self, scope: Scope) -> Support {
        match self.support {
            Support::Later(_) if scope == Endpoint && middleware::serves(self.name) => Support::Done,
            support => support,
        }
    }
}

/// The namespaces of KrakenD's open edition, in the order of its documentation, and Sluicegate's own.
pub(crate) static NAMESPACES: &[Namespace] = described![
    /// How requests find their endpoints, and what is answered where there is none.
    done("router", &[Service], Kind::Record(&ROUTER)),
    /// How backends are called and their answers joined.
    done("proxy", &[Endpoint, Agent], Kind::Record(&ENDPOINT_PROXY)),
    /// What becomes of the call and of its answer.
    done("proxy", &[Backend], Kind::Record(&BACKEND_PROXY)),
    /// What an endpoint says of a backend's errors.
    done("backend/http", &[Backend], Kind::Record(&BACKEND_HTTP)),
    /// How this backend is called.
    done("backend/http/client", &[Backend], Kind::Record(&HTTP_CLIENT)),
    /// Calls a GraphQL service.
    done("backend/graphql", &[Backend], Kind::Record(&backends::BACKEND_GRAPHQL)),
    /// Calls a function of AWS Lambda.
    known("backend/lambda", &[Backend], Kind::Record(&backends::BACKEND_LAMBDA)),
    /// Receives a message of a queue of RabbitMQ.
    known("backend/amqp/consumer", &[Backend], Kind::Record(&amqp::BACKEND_AMQP_CONSUMER)),
    /// Publishes a message to an exchange of RabbitMQ.
    known("backend/amqp/producer", &[Backend], Kind::Record(&amqp::BACKEND_AMQP_PRODUCER)),
    /// Publishes the body of the request to a topic, and answers when the broker has confirmed it.
    done("backend/pubsub/publisher", &[Backend], Kind::Record(&PUBLISHER)),
    /// Answers with a message of a subscription, which is acknowledged when the client has the answer.
    done("backend/pubsub/subscriber", &[Backend], Kind::Record(&SUBSCRIBER)),
    // Agents are refused as a whole.
    /// The queue of RabbitMQ that messages come from.
    done("async/amqp", &[Agent], Kind::Record(&amqp::ASYNC_AMQP)),
    /// Takes only requests with a valid token (JWT).
    known("auth/validator", &[Endpoint], Kind::Record(&auth::AUTH_VALIDATOR)),
    /// Keeps the keys of tokens for all endpoints together.
    known("auth/validator", &[Service], Kind::Record(&auth::AUTH_VALIDATOR_SERVICE)),
    /// Signs members of the answer, to make tokens of them.
    known("auth/signer", &[Endpoint], Kind::Record(&auth::AUTH_SIGNER)),
    /// Refuses tokens that were revoked, by a bloom filter.
    known("auth/revoker", &[Service], Kind::Record(&auth::AUTH_REVOKER)),
    /// Gets a token for the gateway itself, and calls the backend with it (OAuth 2.0).
    known("auth/client-credentials", &[Backend], Kind::Record(&backends::AUTH_CLIENT_CREDENTIALS)),
    /// Expressions of the Common Expression Language that have to be true.
    known("validation/cel", &[Endpoint, Backend, Agent], Kind::List(&Kind::Record(&CEL))),
    /// The JSON Schema that the body of a request has to keep to; else it is answered 400.
    known("validation/json-schema", &[Endpoint], Kind::Any),
    /// Lua scripts on the request, before anything else of the endpoint.
    known("modifier/lua-endpoint", &[Service, Endpoint], Kind::Record(&LUA)),
    /// Lua scripts on the request, and on the merged answer.
    known("modifier/lua-proxy", &[Endpoint, Agent], Kind::Record(&LUA)),
    /// Lua scripts on the call of the backend, and on its answer.
    known("modifier/lua-backend", &[Backend], Kind::Record(&LUA)),
    /// Changes the call and its answer by Martian modifiers.
    known("modifier/martian", &[Backend], Kind::OneOf(&martian::MODIFIER)),
    /// Go plugins around the whole gateway.
    never("plugin/http-server", &[Service]),
    /// A Go plugin that calls the backend.
    never("plugin/http-client", &[Backend]),
    /// Go plugins that change requests and answers.
    never("plugin/req-resp-modifier", &[Endpoint, Backend]),
    /// Limits how often the endpoint may be called, by all clients and by each.
    known("qos/ratelimit/router", &[Endpoint], Kind::Record(&RATE_LIMIT)),
    /// Limits how often the backend may be called.
    known("qos/ratelimit/proxy", &[Backend], Kind::Record(&backends::QOS_RATELIMIT_PROXY)),
    /// Does not call the backend for a while when it has failed too often.
    known("qos/circuit-breaker", &[Backend], Kind::Record(&backends::QOS_CIRCUIT_BREAKER)),
    /// Keeps answers of the backend in memory, as their `Cache-Control` allows.
    known("qos/http-cache", &[Backend], Kind::Record(&backends::QOS_HTTP_CACHE)),
    /// Lets pages of other origins call (Cross-Origin Resource Sharing).
    known("security/cors", &[Service], Kind::Record(&security::SECURITY_CORS)),
    /// Headers and redirects that make browsers more careful.
    known("security/http", &[Service], Kind::Record(&security::SECURITY_HTTP)),
    /// Answers 403 to programs that tell by their `User-Agent` that they are bots.
    known("security/bot-detector", &[Service, Endpoint], Kind::Record(&security::SECURITY_BOT_DETECTOR)),
    /// What is logged, and how.
    done("telemetry/logging", &[Service], Kind::Record(&LOGGING)),
    /// Sends logs to Graylog.
    known("telemetry/gelf", &[Service], Kind::Record(&telemetry::TELEMETRY_GELF)),
    /// Writes logs for Logstash.
    known("telemetry/logstash", &[Service], Kind::Record(&telemetry::TELEMETRY_LOGSTASH)),
    /// Offers measurements at `/__stats`.
    known("telemetry/metrics", &[Service], Kind::Record(&telemetry::TELEMETRY_METRICS)),
    /// Sends measurements to InfluxDB.
    known("telemetry/influx", &[Service], Kind::Record(&telemetry::TELEMETRY_INFLUX)),
    /// Sends measurements to InfluxDB 2.
    known("telemetry/influx2", &[Service], Kind::Any),
    /// Metrics and traces by OpenCensus, which KrakenD has given up for OpenTelemetry.
    known("telemetry/opencensus", &[Service], Kind::Record(&opencensus::TELEMETRY_OPENCENSUS)),
    /// Metrics and traces by OpenTelemetry.
    known("telemetry/opentelemetry", &[Service], Kind::Record(&opentelemetry::TELEMETRY_OPENTELEMETRY)),
    // Sluicegate's own.
    /// Message brokers by name, for `broker` of publishers and subscribers. Only here, not in KrakenD.
    done("pubsub/brokers", &[Service], Kind::Map(&Kind::Any)),
];

/// The namespaces that only KrakenD's Enterprise edition has.
pub(crate) static ENTERPRISE: &[&str] = &[
    "ai/llm",
    "ai/mcp",
    "async/kafka",
    "auth/api-keys",
    "auth/aws-sigv4",
    "auth/basic",
    "auth/gcp",
    "auth/ntlm",
    "backend/conditional",
    "backend/grpc",
    "backend/pubsub/publisher/kafka",
    "backend/pubsub/subscriber/kafka",
    "backend/soap",
    "backend/static-filesystem",
    "governance/processors",
    "governance/quota",
    "grpc",
    "modifier/body-generator",
    "modifier/jmespath",
    "modifier/request-body-extractor",
    "modifier/request-body-generator",
    "modifier/response-body",
    "modifier/response-body-generator",
    "modifier/response-headers",
    "plugin/middleware",
    "qos/circuit-breaker/http",
    "qos/ratelimit/router/redis",
    "qos/ratelimit/service",
    "qos/ratelimit/service/redis",
    "qos/ratelimit/tiered",
    "redis",
    "security/policies",
    "server/static-filesystem",
    "server/virtualhost",
    "telemetry/moesif",
    "telemetry/newrelic",
    "telemetry/opentelemetry-security",
    "validation/response-json-schema",
    "websocket",
    "workflow",
];

/// Namespaces that have a meaning in more places in KrakenD's Enterprise edition.
pub(crate) static ENTERPRISE_PLACES: &[(&str, Scope)] = &[
    ("telemetry/opentelemetry", Endpoint),
    ("telemetry/opentelemetry", Backend),
    ("security/cors", Endpoint),
    ("security/http", Endpoint),
];

/// The long names of KrakenD before 2.0, which it still takes.
pub(crate) static ALIASES: &[(&str, &str)] = &[
    ("github_com/devopsfaith/krakend/transport/http/server/handler", "plugin/http-server"),
    ("github.com/devopsfaith/krakend/transport/http/client/executor", "plugin/http-client"),
    ("github.com/devopsfaith/krakend/proxy/plugin", "plugin/req-resp-modifier"),
    ("github.com/devopsfaith/krakend/proxy", "proxy"),
    ("github_com/luraproject/lura/router/gin", "router"),
    ("github.com/devopsfaith/krakend-ratelimit/juju/router", "qos/ratelimit/router"),
    ("github.com/devopsfaith/krakend-ratelimit/juju/proxy", "qos/ratelimit/proxy"),
    ("github.com/devopsfaith/krakend-httpcache", "qos/http-cache"),
    ("github.com/devopsfaith/krakend-circuitbreaker/gobreaker", "qos/circuit-breaker"),
    ("github.com/devopsfaith/krakend-oauth2-clientcredentials", "auth/client-credentials"),
    ("github.com/devopsfaith/krakend-jose/validator", "auth/validator"),
    ("github.com/devopsfaith/krakend-jose/signer", "auth/signer"),
    ("github_com/devopsfaith/bloomfilter", "auth/revoker"),
    ("github_com/devopsfaith/krakend-botdetector", "security/bot-detector"),
    ("github_com/devopsfaith/krakend-httpsecure", "security/http"),
    ("github_com/devopsfaith/krakend-cors", "security/cors"),
    ("github.com/devopsfaith/krakend-cel", "validation/cel"),
    ("github.com/devopsfaith/krakend-jsonschema", "validation/json-schema"),
    ("github.com/devopsfaith/krakend-amqp/agent", "async/amqp"),
    ("github.com/devopsfaith/krakend-amqp/consume", "backend/amqp/consumer"),
    ("github.com/devopsfaith/krakend-amqp/produce", "backend/amqp/producer"),
    ("github.com/devopsfaith/krakend-lambda", "backend/lambda"),
    ("github.com/devopsfaith/krakend-pubsub/publisher", "backend/pubsub/publisher"),
    ("github.com/devopsfaith/krakend-pubsub/subscriber", "backend/pubsub/subscriber"),
    ("github.com/devopsfaith/krakend/transport/http/client/graphql", "backend/graphql"),
    ("github.com/devopsfaith/krakend/http", "backend/http"),
    ("github_com/devopsfaith/krakend-gelf", "telemetry/gelf"),
    ("github_com/devopsfaith/krakend-gologging", "telemetry/logging"),
    ("github_com/devopsfaith/krakend-logstash", "telemetry/logstash"),
    ("github_com/devopsfaith/krakend-metrics", "telemetry/metrics"),
    ("github_com/letgoapp/krakend-influx", "telemetry/influx"),
    ("github_com/devopsfaith/krakend-influx", "telemetry/influx"),
    ("github_com/Jozefiel/krakend-influx2", "telemetry/influx2"),
    ("github_com/devopsfaith/krakend-opencensus", "telemetry/opencensus"),
    ("github.com/devopsfaith/krakend-lua/router", "modifier/lua-endpoint"),
    ("github.com/devopsfaith/krakend-lua/proxy", "modifier/lua-proxy"),
    ("github.com/devopsfaith/krakend-lua/proxy/backend", "modifier/lua-backend"),
    ("github.com/devopsfaith/krakend-martian", "modifier/martian"),
];

/// The short name of a namespace.
pub(crate) fn canonical(name: &str) -> &str {
    // Written with a dot or with an underscore, as the old viper parser wanted it.
    let path = |name: &'_ str| name.strip_prefix("github.com/").or(name.strip_prefix("github_com/")).map(str::len);
    let Some(length) = path(name) else { return name };
    let tail = &name[name.len() - length..];
    ALIASES
        .iter()
        .find(|(alias, _)| alias.ends_with(tail) && path(alias) == Some(length))
        .map_or(name, |(_, short)| *short)
}

/// The scopes where the namespace `name` belongs.
pub(crate) fn scopes_of(name: &str) -> Vec<Scope> {
    NAMESPACES
        .iter()
        .filter(|namespace| namespace.name == name)
        .flat_map(|namespace| namespace.scopes)
        .copied()
        .collect()
}

/// Read where the service, an endpoint or a backend is checked.
const fn done(name: &'static str, scopes: &'static [Scope], kind: Kind) -> Namespace {
    Namespace { name, scopes, kind, about: "", support: Support::Done }
}

/// Supported only in an endpoint, where a middleware is registered for it.
const fn known(name: &'static str, scopes: &'static [Scope], kind: Kind) -> Namespace {
    Namespace { name, scopes, kind, about: "", support: Support::Later(&[]) }
}

const fn never(name: &'static str, scopes: &'static [Scope]) -> Namespace {
    Namespace { name, scopes, kind: Kind::Any, about: "", support: Support::Never(GO_PLUGIN) }
}
