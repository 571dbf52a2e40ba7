//! What calls a backend, or guards the call.

use crate::syntax::kind::{Kind, Record, key};

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
        key("endpoint", Kind::Text),
        key("function_name", Kind::Text),
        key("function_param_name", Kind::Text),
        key("max_retries", Kind::Integer),
        key("region", Kind::Text),
    ],
};

pub(crate) static QOS_HTTP_CACHE: Record = Record {
    what: "`qos/http-cache`",
    required: &[],
    former: &[],
    keys: &[key("max_items", Kind::Integer), key("max_size", Kind::Integer), key("shared", Kind::Bool)],
};

pub(crate) static QOS_RATELIMIT_PROXY: Record = Record {
    what: "`qos/ratelimit/proxy`",
    required: &["max_rate", "capacity"],
    former: &[],
    keys: &[key("capacity", Kind::Integer), key("every", Kind::Duration), key("max_rate", Kind::Number)],
};

pub(crate) static QOS_CIRCUIT_BREAKER: Record = Record {
    what: "`qos/circuit-breaker`",
    required: &["interval", "timeout", "max_errors"],
    former: &[],
    keys: &[
        key("interval", Kind::Integer),
        key("log_status_change", Kind::Bool),
        key("max_errors", Kind::Integer),
        key("name", Kind::Text),
        key("timeout", Kind::Integer),
    ],
};

pub(crate) static AUTH_CLIENT_CREDENTIALS: Record = Record {
    what: "`auth/client-credentials`",
    required: &["client_id", "client_secret", "token_url"],
    former: &[],
    keys: &[
        key("client_id", Kind::Text),
        key("client_secret", Kind::Text),
        key("is_disabled", Kind::Bool),
        key("endpoint_params", Kind::Map(&Kind::Any)),
        key("scopes", Kind::Text),
        key("token_url", Kind::Text),
    ],
};

pub(crate) static PROXY_FLATMAP_FILTER: Record = Record {
    what: "`proxy.flatmap_filter`",
    required: &["type", "args"],
    former: &[],
    keys: &[key("type", Kind::Choice(&["move", "del", "append"])), key("args", Kind::List(&Kind::Text))],
};
