//! `telemetry/*`: what a type does not say.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::tree::Span;

/// `telemetry/gelf` and `telemetry/logstash`: where and how the lines of `telemetry/logging` go.
pub(super) fn logs(context: &Context<'_>, service: Object<'_>, name: &str, span: Span) {
    if service.namespace("telemetry/logging").is_none() && !service.means_namespace("telemetry/logging") {
        let message = format!("`{name}` does nothing without `telemetry/logging`");
        let warning = Diagnostic::warning("no-effect", span, message).label("KrakenD ignores this");
        context.push(warning.help(r#"add `"telemetry/logging": {"level": "INFO"}`"#));
    }
}

/// `telemetry/opentelemetry`: exporters have a name of their own, and hosts have no scheme.
pub(super) fn exporters(context: &Context<'_>, options: Object<'_>) {
    let Some(exporters) = options.object("exporters") else { return };
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for exporter in ["otlp", "prometheus"].into_iter().flat_map(|kind| exporters.objects(kind)) {
        if let Some(name) = exporter.text("name").filter(|name| !name.value.is_empty()) {
            if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name.value) {
                let message = format!("two exporters are called `{}`", name.value);
                let error = Diagnostic::error("duplicate-name", name.span, message).label("KrakenD refuses to start");
                context.push(error.related(*first, "the other is here").help("give each a name of its own"));
            }
            seen.push((name.value, name.span));
        }
        let Some(host) = exporter.get("host") else { continue };
        let text = host.text().map_or("", |text| text.value.as_str());
        if let Some(end) = text.find("://") {
            let error = Diagnostic::error("bad-host", host.part(0..end + 3), "the host of an exporter has no scheme");
            let name = text[end + 3..].split(['/', ':']).next().unwrap_or_default();
            context.push(error.label("taken for a part of the name").help(format!(
                "write `\"{name}\"`; the port stands in `port`, and `\"use_http\": true` is OTLP over HTTP"
            )));
        }
    }
}
