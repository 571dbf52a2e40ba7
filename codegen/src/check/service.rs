//! The service's own keys.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::options::{self, Site};
use super::routes::Routes;
use super::{Context, Defaults, agents, at_start, brokers, client, encoding, endpoint, host, proxies, router, tls};
use crate::diagnostic::{Diagnostic, Sink};
use crate::model::{Baked, Gateway, Method, Server};
use crate::source::SourceFile;
use crate::sources;
use crate::syntax::kind::Scope;
use crate::syntax::{Object, SERVICE, is_meant};
use crate::tree::Span;

/// KrakenD's default for `timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// The whole model, worth something only when nothing was reported as an error, and the files that the config names.
pub(crate) fn gateway(
    service: Object<'_>,
    files: &[SourceFile],
    config: String,
    hash: String,
    sink: &Sink,
) -> (Gateway, Vec<PathBuf>) {
    version(service, sink);
    let (router, max_payload) = router::router(service, sink);
    let timeout = service.duration("timeout").map(|timeout| timeout.value);
    let defaults = Defaults {
        timeout: timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(DEFAULT_TIMEOUT),
        cache_ttl: service.duration("cache_ttl").map(|ttl| ttl.value).filter(|ttl| !ttl.is_zero()),
        output: service.text("output_encoding").map(|output| output.value.to_owned()),
        hosts: None,
        max_payload,
        trusts_everybody: proxies::trusts_everybody(service),
        disable_rest: service.flag("disable_rest"),
    };
    let mut context = Context::new(files, sink, defaults);
    context.brokers = brokers::brokers(&context, service);
    // A misspelt `host` was reported, and is not missing in each backend.
    let hosts = host::sanitised(&context, service);
    context.defaults.hosts =
        hosts.filter(|hosts| !hosts.is_empty() || !is_meant(service.node().members(), &SERVICE, "host"));
    if let Some(output) = service.text("output_encoding") {
        encoding::output(&context, output);
    }
    options::check(&context, service, &Site::outside(Scope::Service));
    agents::agents(&context, service);
    let mut routes = Routes::default();
    if let (Some(path), false) =
        (service.extra("router").and_then(|router| router.text("health_path")), router.disable_health)
    {
        routes.reserve(Method::Get, path.value, path.span);
    }
    let endpoints =
        service.objects("endpoints").filter_map(|object| endpoint::endpoint(&context, object, &mut routes)).collect();
    let gateway = Gateway {
        name: service.text("name").map(|name| name.value.to_owned()).filter(|name| !name.is_empty()),
        config,
        hash,
        server: server(&context, service),
        client: client::client(&context, service),
        router,
        logging: router::logging(service, sink),
        baked: baked(&context, service),
        brokers: std::mem::take(&mut context.brokers).into_used(&context),
        endpoints,
    };
    at_start::check(sink, service.node());
    let mut secrets = context.secrets.into_inner();
    if sink.has_unread() {
        // A secret may be what could not be read.
        secrets.extend(crate::secrets::of_files(files));
    } else if files.len() > 1 {
        // An overlay may have replaced one, which is still in its file.
        let written = |span: &Span| sources::file_of(files, *span).text().get(span.start..span.end).unwrap_or_default();
        let is_elsewhere = |span: &Span| ["env:", "file:", "{{"].iter().any(|scheme| written(span).starts_with(scheme));
        secrets.extend(crate::secrets::of_files(files).into_iter().filter(|span| !is_elsewhere(span)));
    }
    sources::conceal(files, secrets);
    (gateway, context.named.into_inner())
}

/// What is in every endpoint, so that another value at start is refused.
fn baked(context: &Context<'_>, service: Object<'_>) -> Vec<Baked> {
    let keys = ["timeout", "cache_ttl", "output_encoding", "disable_rest", "allow_insecure_connections"];
    let baked = |key: &'static str| {
        let value = &service.member(key)?.value;
        let text = value.text().map_or_else(|| value.to_json(), |text| text.value.clone());
        Some(Baked { key, value: text, place: context.place(value.mark()) })
    };
    keys.into_iter().filter_map(baked).collect()
}

fn version(service: Object<'_>, sink: &Sink) {
    match service.integer("version") {
        Some(version) if version.value == 3 => {}
        Some(version) => {
            let message = format!("version {} of the configuration is not supported", version.value);
            let error = Diagnostic::error("unsupported-version", version.span, message).label("expected 3");
            sink.push(match version.value {
                1 | 2 => error.help("KrakenD's documentation has a migration guide to version 3"),
                _ => error.help("write `\"version\": 3`"),
            });
        }
        // A value of the wrong type was reported as one.
        None if service.has_or_means(&SERVICE, "version") => {}
        None => {
            let error = Diagnostic::error("missing-key", service.mark(), "`version` is missing in the service");
            sink.push(error.label("this has no `version`").help("write `\"version\": 3`"));
        }
    }
}

/// As in Go, 0 asks for the default.
pub(super) fn timeout(service: Object<'_>, key: &str) -> Option<Duration> {
    service.duration(key).map(|timeout| timeout.value).filter(|timeout| !timeout.is_zero())
}

fn server(context: &Context<'_>, service: Object<'_>) -> Server {
    let timeout = |key| timeout(service, key);
    Server {
        port: port(service, context.sink),
        listen_ip: listen_ip(service, context.sink),
        read_timeout: timeout("read_timeout"),
        write_timeout: timeout("write_timeout"),
        idle_timeout: timeout("idle_timeout"),
        read_header_timeout: timeout("read_header_timeout"),
        // As in Go, 0 asks for the default.
        max_header_bytes: context.size(service.integer("max_header_bytes"), "max_header_bytes").filter(|max| *max > 0),
        max_shutdown_wait: timeout("max_shutdown_wait_time"),
        use_h2c: service.flag("use_h2c"),
        tls: service.object("tls").and_then(|object| tls::tls(context, object)),
    }
}

fn port(service: Object<'_>, sink: &Sink) -> Option<u16> {
    let port = service.integer("port")?;
    let valid = u16::try_from(port.value).ok().filter(|port| *port > 0);
    if valid.is_none() {
        let error = Diagnostic::error("out-of-range", port.span, format!("{} is not a port", port.value));
        sink.push(error.label("expected 1 to 65535").help("leave the key out for KrakenD's default, 8080"));
    }
    valid
}

fn listen_ip(service: Object<'_>, sink: &Sink) -> Option<IpAddr> {
    let ip = service.text("listen_ip").filter(|ip| !ip.value.is_empty())?;
    let valid = ip.value.parse().ok();
    if valid.is_none() {
        let error = Diagnostic::error("bad-address", ip.span, format!("`{}` is not an IP address", ip.value));
        sink.push(error.label("expected an IPv4 or IPv6 address").help("leave the key out to listen on all addresses"));
    }
    valid
}
