//! `router` and `telemetry/logging`.

use super::{path, proxies};
use crate::diagnostic::{Diagnostic, Sink};
use crate::model::{LogLevel, Logging, Router};
use crate::suggest::closest;
use crate::syntax::Object;

const LEVELS: [(&str, LogLevel); 5] = [
    ("DEBUG", LogLevel::Debug),
    ("INFO", LogLevel::Info),
    ("WARNING", LogLevel::Warning),
    ("ERROR", LogLevel::Error),
    ("CRITICAL", LogLevel::Critical),
];

/// The router's options, and the body limit of every endpoint without its own.
pub(super) fn router(service: Object<'_>, sink: &Sink) -> (Router, Option<usize>) {
    let has_agents = service.get("async_agent").is_some_and(|agents| !agents.items().is_empty());
    if service.flag("sequential_start") && !has_agents {
        let why = "it orders the start of async agents, and there are none";
        no_effect(service, "sequential_start", why, sink);
    }
    let (debug_endpoint, echo_endpoint) = (service.flag("debug_endpoint"), service.flag("echo_endpoint"));
    let Some(options) = service.extra("router") else {
        return (Router { debug_endpoint, echo_endpoint, ..Router::default() }, None);
    };
    if options.integer("max_multipart_memory").is_some_and(|memory| memory.value != 0) {
        let why = "no form is taken apart: bodies are handed on as they come";
        no_effect(options, "max_multipart_memory", why, sink);
    }
    let error_body = |status| Some(options.object("error_body")?.get(status)?.to_json());
    let router = Router {
        return_error_msg: options.flag("return_error_msg"),
        error_body_404: error_body("404"),
        error_body_405: error_body("405"),
        hide_version_header: options.flag("hide_version_header"),
        health_path: health_path(options, sink),
        disable_health: options.flag("disable_health"),
        auto_options: options.flag("auto_options"),
        disable_redirect_trailing_slash: options.flag("disable_redirect_trailing_slash"),
        disable_redirect_fixed_path: options.flag("disable_redirect_fixed_path"),
        disable_handle_method_not_allowed: options.flag("disable_handle_method_not_allowed"),
        disable_path_decoding: options.flag("disable_path_decoding"),
        remove_extra_slash: options.flag("remove_extra_slash"),
        proxies: proxies::proxies(options, sink),
        access_log: access_log(options, sink),
        debug_endpoint,
        echo_endpoint,
    };
    (router, max_payload(options, sink))
}

/// KrakenD writes an access log unless it is told not to. Here it costs as much as some whole requests, so it is written
/// where the config speaks of it.
fn access_log(options: Object<'_>, sink: &Sink) -> Option<Vec<String>> {
    for path in options.texts("logger_skip_paths").iter().filter(|path| !path.value.starts_with('/')) {
        let message = format!("no request has the path `{}`", path.value);
        let warning = Diagnostic::warning("never-matches", path.span, message).label("a path begins with `/`");
        sink.push(warning.help(format!("write `\"/{}\"`", path.value)));
    }
    let skipped: Vec<_> = options.texts("logger_skip_paths").iter().map(|path| path.value.to_owned()).collect();
    if options.flag("disable_access_log") {
        if !skipped.is_empty() {
            let why = "`disable_access_log` is true: nothing is logged about any path";
            no_effect(options, "logger_skip_paths", why, sink);
        }
        return None;
    }
    (options.has("disable_access_log") || !skipped.is_empty()).then_some(skipped)
}

/// Warns of a key that is legal and does nothing.
pub(super) fn no_effect(object: Object<'_>, key: &str, why: &str, sink: &Sink) {
    if let Some(member) = object.member(key) {
        let message = format!("`{key}` has no effect");
        sink.push(Diagnostic::warning("no-effect", member.key_span, message).label(why));
    }
}

/// `max_payload` in bytes; 0 is no limit of its own.
pub(super) fn max_payload(options: Object<'_>, sink: &Sink) -> Option<usize> {
    let max = options.integer("max_payload")?;
    if max.value < 0 {
        let error = Diagnostic::error("out-of-range", max.span, "`max_payload` is negative");
        sink.push(error.label("expected 0 or more bytes"));
    }
    usize::try_from(max.value).ok().filter(|max| *max > 0)
}

pub(super) fn logging(service: Object<'_>, sink: &Sink) -> Logging {
    let Some(options) = service.extra("telemetry/logging") else { return Logging::default() };
    let level = options.text("level").and_then(|level| {
        let known = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(level.value));
        if known.is_none() {
            let names = LEVELS.iter().map(|(name, _)| *name).chain(["WARN"]);
            let error = Diagnostic::error("unknown-value", level.span, format!("unknown log level `{}`", level.value));
            let meant = closest(level.value, names).map(|name| if name == "WARN" { "WARNING" } else { name });
            let error = error.label("not a level").did_you_mean(meant);
            sink.push(error.help("the levels are `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`"));
        }
        known.map(|(_, level)| *level)
    });
    Logging {
        level,
        prefix: options.text("prefix").map(|prefix| prefix.value.to_owned()),
        stdout: options.flag("stdout"),
    }
}

fn health_path(options: Object<'_>, sink: &Sink) -> Option<String> {
    let path = options.text("health_path").filter(|path| !path.value.is_empty())?;
    let plain = path.value.starts_with('/') && !path.value.contains(['{', '}', '*', '?', '#', ':']);
    if !plain || path::is_reserved(path.value) && path.value != "/__health" {
        let message = format!("`{}` cannot be the health path", path.value);
        let error = Diagnostic::error("bad-path", path.span, message);
        sink.push(error.label("expected a plain path that begins with `/`"));
    }
    Some(path.value.to_owned())
}
