//! `telemetry/opentelemetry`.

use crate::syntax::kind::{Kind, PORT, Record, SIZE, described, key};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS_OTLP: Record = Record {
    what: "`telemetry/opentelemetry.exporters.otlp`",
    required: &["name", "host"],
    former: &[],
    keys: described![
        /// How often metrics are sent here, in seconds. Default: 0, as `metric_reporting_period`.
        key("custom_metric_reporting_period", SIZE),
        /// Sends no metrics. Default: false.
        key("disable_metrics", Kind::Bool),
        /// Sends no traces. Default: false.
        key("disable_traces", Kind::Bool),
        /// The host of the collector.
        key("host", Kind::Text),
        /// The name of this exporter. Each has its own.
        key("name", Kind::Text),
        /// The port of the collector. Default: 4317.
        key("port", PORT),
        /// Sends over HTTP instead of gRPC. Default: false.
        key("use_http", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS_PROMETHEUS: Record = Record {
    what: "`telemetry/opentelemetry.exporters.prometheus`",
    required: &["name"],
    former: &[],
    keys: described![
        /// How often metrics are gathered here, in seconds. Default: 0, as `metric_reporting_period`.
        key("custom_metric_reporting_period", SIZE),
        /// Offers no metrics. Default: false.
        key("disable_metrics", Kind::Bool),
        /// Offers metrics of Go.
        key("go_metrics", Kind::Bool),
        /// The IP address to listen on. Default: `0.0.0.0`.
        key("listen_ip", Kind::Text),
        /// The name of this exporter. Each has its own.
        key("name", Kind::Text),
        /// The port that Prometheus reads from. Default: 9090.
        key("port", PORT),
        /// Offers metrics of the process.
        key("process_metrics", Kind::Bool),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_EXPORTERS: Record = Record {
    what: "`telemetry/opentelemetry.exporters`",
    required: &[],
    former: &[],
    keys: described![
        /// Collectors that metrics and traces are sent to.
        key("otlp", Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS_OTLP))),
        /// Ports that Prometheus reads metrics from.
        key("prometheus", Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS_PROMETHEUS))),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_HISTOGRAMS: Record = Record {
    what: "`telemetry/opentelemetry.histograms`",
    required: &[],
    former: &[],
    keys: described![
        /// The limits of buckets for sizes, in bytes.
        key("size_buckets", Kind::List(&Kind::Number)),
        /// The limits of buckets for times, in seconds.
        key("time_buckets", Kind::List(&Kind::Number)),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.metrics.static_attributes`",
    required: &[],
    former: &[],
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.metrics`",
    required: &[],
    former: &[],
    keys: described![
        /// Measures the parts of connecting. Default: false.
        key("detailed_connection", Kind::Bool),
        /// Measures nothing of backends. Default: false.
        key("disable_stage", Kind::Bool),
        /// Measures reading the answer. Default: false.
        key("read_payload", Kind::Bool),
        /// Measures the call alone. Default: false.
        key("round_trip", Kind::Bool),
        /// Attributes of all metrics.
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
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES: Record = Record {
    what: "`telemetry/opentelemetry.layers.backend.traces`",
    required: &[],
    former: &[],
    keys: described![
        /// Traces the parts of connecting. Default: false.
        key("detailed_connection", Kind::Bool),
        /// Traces nothing of backends. Default: false.
        key("disable_stage", Kind::Bool),
        /// Traces reading the answer. Default: false.
        key("read_payload", Kind::Bool),
        /// Writes headers into traces. Default: false.
        key("report_headers", Kind::Bool),
        /// Traces the call alone. Default: false.
        key("round_trip", Kind::Bool),
        /// Headers that are not written into traces.
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        /// Attributes of all traces.
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
    keys: described![
        /// Metrics of calls of backends.
        key("metrics", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_METRICS)),
        /// Traces of calls of backends.
        key("traces", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND_TRACES)),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_METRICS_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.global.metrics_static_attributes`",
    required: &[],
    former: &[],
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_TRACES_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.global.traces_static_attributes`",
    required: &[],
    former: &[],
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL: Record = Record {
    what: "`telemetry/opentelemetry.layers.global`",
    required: &[],
    former: &[],
    keys: described![
        /// Measures no requests. Default: false.
        key("disable_metrics", Kind::Bool),
        /// Does not hand the trace of a request on. Default: false.
        key("disable_propagation", Kind::Bool),
        /// Traces no requests. Default: false.
        key("disable_traces", Kind::Bool),
        /// Attributes of all metrics.
        key(
            "metrics_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL_METRICS_STATIC_ATTRIBUTES)),
        ),
        /// Writes headers into traces. Default: false.
        key("report_headers", Kind::Bool),
        /// Headers that are not written into traces.
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        /// The version of the names of metrics. Default: empty, KrakenD's own.
        key("semantic_convention", Kind::Choice(&["", "1.27"])),
        /// Attributes of all traces.
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
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_TRACES_STATIC_ATTRIBUTES: Record = Record {
    what: "`telemetry/opentelemetry.layers.proxy.traces_static_attributes`",
    required: &[],
    former: &[],
    keys: described![
        /// The name of the attribute.
        key("key", Kind::Text),
        /// Its value.
        key("value", Kind::Text),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY_LAYERS_PROXY: Record = Record {
    what: "`telemetry/opentelemetry.layers.proxy`",
    required: &[],
    former: &[],
    keys: described![
        /// Measures no merging. Default: false.
        key("disable_metrics", Kind::Bool),
        /// Traces no merging. Default: false.
        key("disable_traces", Kind::Bool),
        /// Attributes of all metrics.
        key(
            "metrics_static_attributes",
            Kind::List(&Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_PROXY_METRICS_STATIC_ATTRIBUTES)),
        ),
        /// Writes headers into traces. Default: false.
        key("report_headers", Kind::Bool),
        /// Headers that are not written into traces.
        key("skip_headers", Kind::List(&Kind::HeaderName)),
        /// Attributes of all traces.
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
    keys: described![
        /// What is measured of calls of backends.
        key("backend", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_BACKEND)),
        /// What is measured of requests.
        key("global", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_GLOBAL)),
        /// What is measured of merging.
        key("proxy", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS_PROXY)),
    ],
};

pub(crate) static TELEMETRY_OPENTELEMETRY: Record = Record {
    what: "`telemetry/opentelemetry`",
    required: &["exporters"],
    former: &[],
    keys: described![
        /// The name of the environment: `production`.
        key("deploy_env", Kind::Text),
        /// Where measurements go.
        key("exporters", Kind::Record(&TELEMETRY_OPENTELEMETRY_EXPORTERS)),
        /// The limits of buckets.
        key("histograms", Kind::Record(&TELEMETRY_OPENTELEMETRY_HISTOGRAMS)),
        /// What is measured.
        key("layers", Kind::Record(&TELEMETRY_OPENTELEMETRY_LAYERS)),
        /// How often metrics are sent, in seconds. Default: 30.
        key("metric_reporting_period", SIZE),
        /// The name of the service. Default: the gateway's `name`.
        key("service_name", Kind::Text),
        /// Its version.
        key("service_version", Kind::Text),
        /// Paths that are not measured. Default: `/__health`, `/__debug/`, `/__echo/`, `/__stats/`.
        key("skip_paths", Kind::List(&Kind::Text)),
        /// Of what share of requests a trace is made, 0 to 1. Default: 1.
        key("trace_sample_rate", Kind::Share),
    ],
};
