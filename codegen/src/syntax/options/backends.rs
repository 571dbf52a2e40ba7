//! What calls a backend, or guards the call.

use crate::syntax::kind::{COUNT, Kind, POSITIVE, Record, SIZE, WEB, described, key};

pub(crate) static BACKEND_GRAPHQL: Record = Record {
    what: "`backend/graphql`",
    required: &["type"],
    former: &[],
    keys: described![
        /// What the operation is: a `query`, whose variables come from the path, or a `mutation`, whose variables come
        /// from the body too.
        key("type", Kind::Choice(&["query", "mutation"])),
        /// The method to send it with. Default: `POST`.
        key("method", Kind::Choice(&["POST", "GET"])),
        /// Which operation of the document is run.
        key("operationName", Kind::Text),
        /// The GraphQL document.
        key("query", Kind::Text),
        /// The path of a file with the document, which is read by the build.
        key("query_path", Kind::Text),
        /// The variables of the operation. `{name}` is a parameter of the endpoint's path.
        key("variables", Kind::Map(&Kind::Any)),
    ],
};

pub(crate) static BACKEND_LAMBDA: Record = Record {
    what: "`backend/lambda`",
    required: &[],
    former: &[],
    keys: described![
        /// The URL of the service, where it is not AWS's own.
        key("endpoint", WEB),
        /// The function to call.
        key("function_name", Kind::Filled),
        /// The parameter of the path that names the function. Default: `function`.
        key("function_param_name", Kind::Filled),
        /// How often a call is tried again. Default: 0.
        key("max_retries", SIZE),
        /// The region of AWS.
        key("region", Kind::Text),
    ],
};

pub(crate) static QOS_HTTP_CACHE: Record = Record {
    what: "`qos/http-cache`",
    required: &[],
    former: &[],
    keys: described![
        /// How many answers are kept at most. Needs `max_size`.
        key("max_items", COUNT),
        /// How many bytes are kept at most. Needs `max_items`.
        key("max_size", Kind::Between(1024, i64::MAX)),
        /// Shares what is kept with all backends that say so. Default: false.
        key("shared", Kind::Bool),
    ],
};

pub(crate) static QOS_RATELIMIT_PROXY: Record = Record {
    what: "`qos/ratelimit/proxy`",
    required: &["max_rate", "capacity"],
    former: &[("maxRate", "max_rate")],
    keys: described![
        /// How many requests may go out at once.
        key("capacity", SIZE),
        /// The time that the rate is counted in. Default: `1s`.
        key("every", Kind::Duration),
        /// How many requests may go out in the time of `every`.
        key("max_rate", POSITIVE),
    ],
};

pub(crate) static QOS_CIRCUIT_BREAKER: Record = Record {
    what: "`qos/circuit-breaker`",
    required: &["interval", "timeout", "max_errors"],
    former: &[("maxErrors", "max_errors"), ("logStatusChange", "log_status_change")],
    keys: described![
        /// After how many seconds without a failure the failures are counted anew.
        key("interval", SIZE),
        /// Logs when the breaker opens and closes. Default: false.
        key("log_status_change", Kind::Bool),
        /// How many failures one after the other are let pass, before the backend is not called for a while.
        key("max_errors", SIZE),
        /// The name of the breaker, for logs.
        key("name", Kind::Text),
        /// After how many seconds the backend is tried again.
        key("timeout", COUNT),
    ],
};

pub(crate) static AUTH_CLIENT_CREDENTIALS: Record = Record {
    what: "`auth/client-credentials`",
    required: &["client_id", "client_secret", "token_url"],
    former: &[],
    keys: described![
        /// The id of the gateway at the authorization server.
        key("client_id", Kind::Filled),
        /// Its secret.
        key("client_secret", Kind::Filled),
        /// Turns this off. Default: false.
        key("is_disabled", Kind::Bool),
        /// More parameters of the token request, each a list of values.
        key("endpoint_params", Kind::Map(&Kind::List(&Kind::Text))),
        /// The scopes to ask for, with commas between.
        key("scopes", Kind::Text),
        /// The URL that tokens are fetched from.
        key("token_url", WEB),
    ],
};

pub(crate) static PROXY_FLATMAP_FILTER: Record = Record {
    what: "`proxy.flatmap_filter`",
    required: &["type", "args"],
    former: &[],
    keys: described![
        /// What to do: `move` a member, `del` members, or `append` a list to another.
        key("type", Kind::Choice(&["move", "del", "append"])),
        /// Paths with dots; `*` stands for all items of a list. `move` and `append` have two, from where and to where;
        /// `del` one or more.
        key("args", Kind::List(&Kind::Text)),
    ],
};
