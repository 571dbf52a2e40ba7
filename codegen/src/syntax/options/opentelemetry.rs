//! `telemetry/opentelemetry`.

use crate::syntax::kind::{Kind, PORT, Record, SIZE, key};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS_OTLP: Record = Record {
    what: "`telemetry/opentelemetry.exporters.otlp`",
    required: &[],
    former: &[],
    keys: &[
        key("custom_metric_reporting_period", SIZE),
        key("disable_metrics", Kind::Bool),
        key("disable_traces", Kind::Bool),
        key("host", Kind::Text),
        key("name", Kind::Text),
        key("port", PORT),
        key("use_http", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS_PROMETHEUS: Record = Record {
    what: "`telemetry/opentelemetry.exporters.prometheus`",
    required: &[],
    former: &[],
    keys: &[
        key("custom_metric_reporting_period", SIZE),
        key("disable_metrics", Kind::Bool),
        key("go_metrics", Kind::Bool),
        key("listen_ip", Kind::Text),
        key("name", Kind::Text),
        key("port", PORT),
        key("process_metrics", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS: Record = Record {
    what: "`telemetry/opentelemetry.exporters`",
    required: &[],
    former: &[],
    keys: &[
        key("otlp", Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS_OTLP))),
        key("prometheus", Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS_PROMETHEUS))),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_HISTOGRAMS: Record = Record {
    what: "`telemetry/opentelemetry.histograms`",
    required: &[],
    former: &[],
    keys: &[key("size_buckets", Kind::List(&Kind::Number)), key("time_buckets", Kind::List(&Kind::Number))],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.metrics.static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.metrics`",
    required: &[],
    former: &[],
    keys: &[
        key("detailed_connection", Kind::Bool),
        key("disable_stage", Kind::Bool),
        key("read_payload", Kind::Bool),
        key("round_trip", Kind::Bool),
        key(
            "static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS_STATIC_ATTRIBUTES)),
        ),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.traces.static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.traces`",
    required: &[],
    former: &[],
    keys: &[
        key("detailed_connection", Kind::Bool),
        key("disable_stage", Kind::Bool),
        key("read_payload", Kind::Bool),
        key("report_headers", Kind::Bool),
        key("round_trip", Kind::Bool),
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        key(
            "static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES_STATIC_ATTRIBUTES)),
        ),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend`",
    required: &[],
    former: &[],
    keys: &[
        key("metrics", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS)),
        key("traces", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES)),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_METRICS_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.global.metrics_static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_TRACES_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.global.traces_static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL: Record = Record {
    what: "`telemetry/opentelemetry.layers.global`",
    required: &[],
    former: &[],
    keys: &[
        key("disable_metrics", Kind::Bool),
        key("disable_propagation", Kind::Bool),
        key("disable_traces", Kind::Bool),
        key(
            "metrics_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_METRICS_STATIC_ATTRIBUTES)),
        ),
        key("report_headers", Kind::Bool),
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        key("semantic_convention", Kind::Choice(&["", "1.27"])),
        key(
            "traces_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_TRACES_STATIC_ATTRIBUTES)),
        ),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_METRICS_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.proxy.metrics_static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_TRACES_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.proxy.traces_static_attributes`",
    required: &[],
    former: &[],
    keys: &[key("key", Kind::Text), key("value", Kind::Text)],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_PROXY: Record = Record {
    what: "`telemetry/opentelemetry.layers.proxy`",
    required: &[],
    former: &[],
    keys: &[
        key("disable_metrics", Kind::Bool),
        key("disable_traces", Kind::Bool),
        key(
            "metrics_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_METRICS_STATIC_ATTRIBUTES)),
        ),
        key("report_headers", Kind::Bool),
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        key(
            "traces_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_TRACES_STATIC_ATTRIBUTES)),
        ),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS: Record = Record {
    what: "`telemetry/opentelemetry.layers`",
    required: &[],
    former: &[],
    keys: &[
        key("backend", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND)),
        key("global", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL)),
        key("proxy", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_PROXY)),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY: Record = Record {
    what: "`telemetry/opentelemetry`",
    required: &["exporters"],
    former: &[],
    keys: &[
        key("deploy_env", Kind::Text),
        key("exporters", Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS)),
        key("histograms", Kind::Record(&TELEMETRY_OPENTELEMETRY_HISTOGRAMS)),
        key("layers", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS)),
        key("metric_reporting_period", SIZE),
        key("service_name", Kind::Text),
        key("service_version", Kind::Text),
        key("skip_paths", Kind::List(&Kind::Text)),
        key("trace_sample_rate", Kind::Share),
    ],
};
