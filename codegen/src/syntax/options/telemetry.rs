//! Small exporters of logs and metrics.

use crate::syntax::kind::{Kind, Record, SIZE, WEB, key};

pub(crate) static TELEMETRY_GELF: Record = Record {
    what: "`telemetry/gelf`",
    required: &["address", "enable_tcp"],
    former: &[],
    keys: &[key("address", Kind::Address), key("enable_tcp", Kind::Bool)],
};

pub(crate) static TELEMETRY_LOGSTASH: Record =
    Record { what: "`telemetry/logstash`", required: &["enabled"], former: &[], keys: &[key("enabled", Kind::Bool)] };

pub(crate) static TELEMETRY_METRICS: Record = Record {
    what: "`telemetry/metrics`",
    required: &[],
    former: &[],
    keys: &[
        key("backend_disabled", Kind::Bool),
        key("collection_time", Kind::Duration),
        key("endpoint_disabled", Kind::Bool),
        key("listen_address", Kind::Address),
        key("proxy_disabled", Kind::Bool),
        key("router_disabled", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_INFLUX: Record = Record {
    what: "`telemetry/influx`",
    required: &["address", "ttl"],
    former: &[],
    keys: &[
        key("address", WEB),
        key("buffer_size", SIZE),
        key("db", Kind::Text),
        key("password", Kind::Text),
        key("ttl", Kind::Duration),
        key("username", Kind::Text),
    ],
};
