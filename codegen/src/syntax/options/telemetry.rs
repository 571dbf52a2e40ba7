//! Small exporters of logs and metrics.

use crate::syntax::kind::{Kind, Record, SIZE, WEB, described, key};

pub(crate) static TELEMETRY_GELF: Record = Record {
    what: "`telemetry/gelf`",
    required: &["address", "enable_tcp"],
    former: &[],
    keys: described![
        /// The address of Graylog: `host:port`.
        key("address", Kind::Address),
        /// Sends over TCP instead of UDP.
        key("enable_tcp", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_LOGSTASH: Record = Record {
    what: "`telemetry/logstash`",
    required: &["enabled"],
    former: &[],
    keys: described![
        /// Writes logs as JSON for Logstash.
        key("enabled", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_METRICS: Record = Record {
    what: "`telemetry/metrics`",
    required: &[],
    former: &[],
    keys: described![
        /// Measures no calls of backends. Default: false.
        key("backend_disabled", Kind::Bool),
        /// How often values are gathered. Default: `60s`.
        key("collection_time", Kind::Duration),
        /// Offers no `/__stats`. Default: false.
        key("endpoint_disabled", Kind::Bool),
        /// Where `/__stats` is offered. Default: `:8090`.
        key("listen_address", Kind::Address),
        /// Measures no merging. Default: false.
        key("proxy_disabled", Kind::Bool),
        /// Measures no requests. Default: false.
        key("router_disabled", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_INFLUX: Record = Record {
    what: "`telemetry/influx`",
    required: &["address", "ttl"],
    former: &[],
    keys: described![
        /// The URL of InfluxDB.
        key("address", WEB),
        /// How many points are gathered before they are sent. Default: 0.
        key("buffer_size", SIZE),
        /// The name of the database. Default: `krakend`.
        key("db", Kind::Text),
        /// The password.
        key("password", Kind::Text),
        /// How often points are sent.
        key("ttl", Kind::Duration),
        /// The user.
        key("username", Kind::Text),
    ],
};
