//! What calls a backend, or guards the call.

use crate::syntax::kind::{COUNT, Kind, POSITIVE, Record, SIZE, WEB, key};

pub(crate) static BACKEND_GRAPHQL: Record = Record {
    what: "`backend/graphql`",
    required: &["type"],
    former: &[],
    keys: &[
        key("type", Kind::Choice(&["query", "mutation"])),
        key("method", Kind::Choice(&["POST", "GET"])),
        key("operationName", Kind::Text),
        key("query", Kind::Text),
        key("query_path", Kind::Text),
        key("variables", Kind::Map(&Kind::Any)),
    ],
};

pub(crate) static BACKEND_LAMBDA: Record = Record {
    what: "`backend/lambda`",
    required: &[],
    former: &[],
    keys: &[
        key("endpoint", WEB),
        key("function_name", Kind::Filled),
        key("function_param_name", Kind::Filled),
        key("max_retries", SIZE),
        key("region", Kind::Text),
    ],
};

pub(crate) static QOS_HTTP_CACHE: Record = Record {
    what: "`qos/http-cache`",
    required: &[],
    former: &[],
    keys: &[key("max_items", COUNT), key("max_size", COUNT), key("shared", Kind::Bool)],
};

pub(crate) static QOS_RATELIMIT_PROXY: Record = Record {
    what: "`qos/ratelimit/proxy`",
    required: &["max_rate", "capacity"],
    former: &[("maxRate", "max_rate")],
    keys: &[key("capacity", SIZE), key("every", Kind::Duration), key("max_rate", POSITIVE)],
};

pub(crate) static QOS_CIRCUIT_BREAKER: Record = Record {
    what: "`qos/circuit-breaker`",
    required: &["interval", "timeout", "max_errors"],
    former: &[("maxErrors", "max_errors"), ("logStatusChange", "log_status_change")],
    keys: &[
        key("interval", SIZE),
        key("log_status_change", Kind::Bool),
        key("max_errors", SIZE),
        key("name", Kind::Text),
        key("timeout", COUNT),
    ],
};

pub(crate) static AUTH_CLIENT_CREDENTIALS: Record = Record {
    what: "`auth/client-credentials`",
    required: &["client_id", "client_secret", "token_url"],
    former: &[],
    keys: &[
        key("client_id", Kind::Filled),
        key("client_secret", Kind::Filled),
        key("is_disabled", Kind::Bool),
        key("endpoint_params", Kind::Map(&Kind::List(&Kind::Text))),
        key("scopes", Kind::Text),
        key("token_url", WEB),
    ],
};

pub(crate) static PROXY_FLATMAP_FILTER: Record = Record {
    what: "`proxy.flatmap_filter`",
    required: &["type", "args"],
    former: &[],
    keys: &[key("type", Kind::Choice(&["move", "del", "append"])), key("args", Kind::List(&Kind::Text))],
};
