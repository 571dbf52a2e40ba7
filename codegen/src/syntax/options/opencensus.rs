//! `telemetry/opencensus`.

use crate::syntax::kind::{Kind, PORT, Record, SIZE, WEB, key};

pub(crate) static TELEMETRY_OPENCENSUS_ENABLED_LAYERS: Record = Record {
    what: "`telemetry/opencensus.enabled_layers`",
    required: &[],
    former: &[],
    keys: &[key("backend", Kind::Bool), key("pipe", Kind::Bool), key("router", Kind::Bool)],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_DATADOG: Record = Record {
    what: "`telemetry/opencensus.exporters.datadog`",
    required: &[],
    former: &[],
    keys: &[
        key("disable_count_per_buckets", Kind::Bool),
        key("global_tags", Kind::Map(&Kind::Any)),
        key("namespace", Kind::Text),
        key("service", Kind::Text),
        key("stats_address", Kind::Address),
        key("tags", Kind::List(&Kind::Text)),
        key("trace_address", Kind::Address),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_INFLUXDB: Record = Record {
    what: "`telemetry/opencensus.exporters.influxdb`",
    required: &[],
    former: &[],
    keys: &[
        key("address", Kind::Text),
        key("db", Kind::Text),
        key("password", Kind::Text),
        key("timeout", Kind::Duration),
        key("username", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_JAEGER: Record = Record {
    what: "`telemetry/opencensus.exporters.jaeger`",
    required: &[],
    former: &[],
    keys: &[
        key("agent_endpoint", Kind::Text),
        key("buffer_max_count", SIZE),
        key("endpoint", WEB),
        key("service_name", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_LOGGER: Record = Record {
    what: "`telemetry/opencensus.exporters.logger`",
    required: &[],
    former: &[],
    keys: &[key("spans", Kind::Bool), key("stats", Kind::Bool)],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_OCAGENT: Record = Record {
    what: "`telemetry/opencensus.exporters.ocagent`",
    required: &[],
    former: &[],
    keys: &[
        key("address", Kind::Text),
        key("enable_compression", Kind::Bool),
        key("headers", Kind::Map(&Kind::Any)),
        key("insecure", Kind::Bool),
        key("reconnection", Kind::Duration),
        key("service_name", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_PROMETHEUS: Record = Record {
    what: "`telemetry/opencensus.exporters.prometheus`",
    required: &[],
    former: &[],
    keys: &[
        key("namespace", Kind::Text),
        key("port", PORT),
        key("tag_host", Kind::Bool),
        key("tag_method", Kind::Bool),
        key("tag_path", Kind::Bool),
        key("tag_statuscode", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_STACKDRIVER: Record = Record {
    what: "`telemetry/opencensus.exporters.stackdriver`",
    required: &[],
    former: &[],
    keys: &[
        key("default_labels", Kind::Map(&Kind::Any)),
        key("metric_prefix", Kind::Text),
        key("project_id", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_XRAY: Record = Record {
    what: "`telemetry/opencensus.exporters.xray`",
    required: &[],
    former: &[],
    keys: &[
        key("access_key_id", Kind::Text),
        key("region", Kind::Text),
        key("secret_access_key", Kind::Text),
        key("use_env", Kind::Bool),
        key("version", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS_ZIPKIN: Record = Record {
    what: "`telemetry/opencensus.exporters.zipkin`",
    required: &[],
    former: &[],
    keys: &[key("collector_url", WEB), key("service_name", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENCENSUS_EXPORTERS: Record = Record {
    what: "`telemetry/opencensus.exporters`",
    required: &[],
    former: &[],
    keys: &[
        key("datadog", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_DATADOG)),
        key("influxdb", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_INFLUXDB)),
        key("jaeger", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_JAEGER)),
        key("logger", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_LOGGER)),
        key("ocagent", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_OCAGENT)),
        key("prometheus", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_PROMETHEUS)),
        key("stackdriver", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_STACKDRIVER)),
        key("xray", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_XRAY)),
        key("zipkin", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS_ZIPKIN)),
    ],
};

pub(crate) static TELEMETRY_OPENCENSUS: Record = Record {
    what: "`telemetry/opencensus`",
    required: &["exporters"],
    former: &[],
    keys: &[
        key("enabled_layers", Kind::Record(&TELEMETRY_OPENCENSUS_ENABLED_LAYERS)),
        key("exporters", Kind::Record(&TELEMETRY_OPENCENSUS_EXPORTERS)),
        key("reporting_period", SIZE),
        key("sample_rate", Kind::Between(0, 100)),
    ],
};
