//! `telemetry/opencensus`.

use crate::syntax::kind::{Kind, PORT, Record, SIZE, WEB, described, key};

pub(crate) static TELEMETRY_OPENCENSUS_ENABLED_LAYERS: Record = Record {
    what: "`telemetry/opencensus.enabled_layers`",
    required: &[],
    former: &[],
    keys: described![
        /// Watches calls of backends. Default: false.
        key("backend", Kind::Bool),
        /// Watches merging. Default: false.
        key("pipe", Kind::Bool),
        /// Watches requests. Default: false.
        key("router", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_DATADOG: Record = Record {
    what: "`telemetry/opencensus.exporters.datadog`",
    required: &[],
    former: &[],
    keys: described![
        /// Sends no counts of buckets. Default: false.
        key("disable_count_per_buckets", Kind::Bool),
        /// Tags of all traces.
        key("global_tags", Kind::Map(&Kind::Any)),
        /// What the names of metrics begin with.
        key("namespace", Kind::Text),
        /// The name of the service.
        key("service", Kind::Text),
        /// The address for metrics. Default: `localhost:8125`.
        key("stats_address", Kind::Address),
        /// Tags of all metrics.
        key("tags", Kind::List(&Kind::Text)),
        /// The address for traces. Default: `localhost:8126`.
        key("trace_address", Kind::Address),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_INFLUXDB: Record = Record {
    what: "`telemetry/opencensus.exporters.influxdb`",
    required: &[],
    former: &[],
    keys: described![
        /// The URL of InfluxDB.
        key("address", Kind::Text),
        /// The name of the database.
        key("db", Kind::Text),
        /// The password.
        key("password", Kind::Text),
        /// How long sending may take.
        key("timeout", Kind::Duration),
        /// The user.
        key("username", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_JAEGER: Record = Record {
    what: "`telemetry/opencensus.exporters.jaeger`",
    required: &[],
    former: &[],
    keys: described![
        /// The address of an agent.
        key("agent_endpoint", Kind::Text),
        /// How many traces are gathered at most.
        key("buffer_max_count", SIZE),
        /// The URL of the collector.
        key("endpoint", WEB),
        /// The name of the service.
        key("service_name", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_LOGGER: Record = Record {
    what: "`telemetry/opencensus.exporters.logger`",
    required: &[],
    former: &[],
    keys: described![
        /// Logs traces. Default: false.
        key("spans", Kind::Bool),
        /// Logs metrics. Default: false.
        key("stats", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_OCAGENT: Record = Record {
    what: "`telemetry/opencensus.exporters.ocagent`",
    required: &[],
    former: &[],
    keys: described![
        /// The address of the agent.
        key("address", Kind::Text),
        /// Compresses what is sent. Default: false.
        key("enable_compression", Kind::Bool),
        /// Headers of what is sent.
        key("headers", Kind::Map(&Kind::Any)),
        /// Sends without TLS. Default: false.
        key("insecure", Kind::Bool),
        /// How long is waited before connecting again. Default: `2s`.
        key("reconnection", Kind::Duration),
        /// The name of the service.
        key("service_name", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_PROMETHEUS: Record = Record {
    what: "`telemetry/opencensus.exporters.prometheus`",
    required: &[],
    former: &[],
    keys: described![
        /// What the names of metrics begin with.
        key("namespace", Kind::Text),
        /// The port that Prometheus reads from.
        key("port", PORT),
        /// Tags metrics with the host. Default: false.
        key("tag_host", Kind::Bool),
        /// Tags metrics with the method. Default: true.
        key("tag_method", Kind::Bool),
        /// Tags metrics with the path. Default: false.
        key("tag_path", Kind::Bool),
        /// Tags metrics with the status. Default: false.
        key("tag_statuscode", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_STACKDRIVER: Record = Record {
    what: "`telemetry/opencensus.exporters.stackdriver`",
    required: &[],
    former: &[],
    keys: described![
        /// Labels of all metrics.
        key("default_labels", Kind::Map(&Kind::Any)),
        /// What the names of metrics begin with.
        key("metric_prefix", Kind::Text),
        /// The project at Google.
        key("project_id", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_XRAY: Record = Record {
    what: "`telemetry/opencensus.exporters.xray`",
    required: &[],
    former: &[],
    keys: described![
        /// The id of the key.
        key("access_key_id", Kind::Text),
        /// The region of AWS.
        key("region", Kind::Text),
        /// The secret of the key.
        key("secret_access_key", Kind::Text),
        /// Takes the key from the environment. Default: false.
        key("use_env", Kind::Bool),
        /// The version that is told. Default: `KrakenD-opencensus`.
        key("version", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_ZIPKIN: Record = Record {
    what: "`telemetry/opencensus.exporters.zipkin`",
    required: &[],
    former: &[],
    keys: described![
        /// The URL of the collector.
        key("collector_url", WEB),
        /// The name of the service.
        key("service_name", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS: Record = Record {
    what: "`telemetry/opencensus.exporters`",
    required: &[],
    former: &[],
    keys: described![
        /// Sends to Datadog.
        key("datadog", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_DATADOG)),
        /// Sends to InfluxDB.
        key("influxdb", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_INFLUXDB)),
        /// Sends to Jaeger.
        key("jaeger", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_JAEGER)),
        /// Writes to the log.
        key("logger", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_LOGGER)),
        /// Sends to an agent of OpenCensus.
        key("ocagent", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_OCAGENT)),
        /// Offers metrics to Prometheus.
        key("prometheus", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_PROMETHEUS)),
        /// Sends to Google Cloud.
        key("stackdriver", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_STACKDRIVER)),
        /// Sends to AWS X-Ray.
        key("xray", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_XRAY)),
        /// Sends to Zipkin.
        key("zipkin", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_ZIPKIN)),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS: Record = Record {
    what: "`telemetry/opencensus`",
    required: &["exporters"],
    former: &[],
    keys: described![
        /// What is watched.
        key("enabled_layers", Kind::Record(&TELEMETRY_OPENCENSUS_ENABLED_LAYERS)),
        /// Where measurements go.
        key("exporters", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS)),
        /// How often they are sent, in seconds. Default: 0, the exporter's own.
        key("reporting_period", SIZE),
        /// Of how many requests in a hundred a trace is made. Default: 0.
        key("sample_rate", Kind::Between(0, 100)),
    ],
};
