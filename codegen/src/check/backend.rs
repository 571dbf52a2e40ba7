//! A backend: an HTTP service here, a topic or a subscription in [`pubsub`].

use sluicegate_drivers::by_scheme;

use super::calls::Turn;
use super::endpoint::Owner;
use super::options::{self, Site};
use super::{
    Context, discovery, encoding, filters, flatmap, graphql, host, names, pubsub, set_in_call, shadow, shape,
    url_template,
};
use crate::diagnostic::Diagnostic;
use crate::model::{Backend, BackendKind, Decode, HttpBackend, Method, Shape, StatusRule};
use crate::syntax::kind::{At, Scope};
use crate::syntax::{BACKEND, Object, is_comment, is_meant};
use crate::tree::{Node, Span};

pub(super) fn backend(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Backend> {
    options::check(context, object, &Site::of(Scope::Backend, owner));
    if !shadow::is_shadow(object) {
        shadow::unused_timeout(context, object);
    }
    // A name that never arrives is how a publisher is kept from carrying the usual headers.
    if let Some(added) = owner.added_headers.filter(|_| !is_pubsub(object)) {
        names::unlisted(context, object, owner.input_headers, "input_headers", added);
        names::unlisted(context, object, owner.input_query_strings, "input_query_strings", added);
    }
    Some(Backend {
        place: context.place(object.mark()),
        input_headers: names::backend_names(context, object, "input_headers"),
        input_query_strings: names::backend_names(context, object, "input_query_strings"),
        set: set_in_call::set_in_call(context, object, owner),
        kind: if is_pubsub(object) {
            pubsub::backend(context, object, owner)?
        } else if OTHERS.iter().any(|name| object.namespace(name).is_some()) {
            other(context, object);
            return None;
        } else {
            http(context, object, owner).map(BackendKind::Http)?
        },
    })
}

/// Namespaces that call something else than HTTP, and are not supported yet.
const OTHERS: [&str; 3] = ["backend/amqp/consumer", "backend/amqp/producer", "backend/lambda"];

/// A backend of [`OTHERS`], which was reported: what its host is. KrakenD does not look at a Lambda's.
fn other(context: &Context<'_>, object: Object<'_>) {
    if object.namespace("backend/lambda").is_some() {
        return;
    }
    for host in object.texts("host") {
        if !host.value.starts_with("amqp://") && !host.value.starts_with("amqps://") {
            let error = Diagnostic::error("bad-host", host.span, "this is not the URL of a RabbitMQ");
            context.push(error.label("not a host").help("a host is written `amqp://user:password@name:5672` here"));
        }
    }
}

/// Whether it publishes or subscribes.
pub(super) fn is_pubsub(object: Object<'_>) -> bool {
    object.namespace(pubsub::PUBLISHER).is_some() || object.namespace(pubsub::SUBSCRIBER).is_some()
}

fn http(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<HttpBackend> {
    let discovery = discovery::discovery(context, object);
    let graphql = graphql::graphql(context, object, owner);
    let decode = encoding::decode(context, object, owner);
    let method = match object.text("method").filter(|method| !method.value.is_empty()) {
        Some(method) => names::backend_method(context, method),
        None => Some(owner.method),
    };
    let (hosts, prefix) = match &discovery {
        Some(found) => (found.iter().map(|found| found.name.clone()).collect(), String::new()),
        None if meant_for_a_broker(object, owner) => return None,
        None => hosts(context, object)?,
    };
    if !object.has_or_means(&BACKEND, "url_pattern") {
        let error = Diagnostic::error("missing-key", object.mark(), "`url_pattern` is missing in a backend");
        context.push(
            error.label("this has no `url_pattern`").help("write `\"url_pattern\": \"/\"` to call the host itself"),
        );
    }
    let url = object.get("url_pattern").and_then(|node| url_template::parse(context, node, &prefix, owner));
    let status = status_rule(context, object, decode);
    let shape = self::shape(context, object, decode);
    let (use_h2c, send_body_on_redirect) = client(context, object, &hosts);
    let max_response_bytes = max_response_bytes(context, object, decode, owner);
    let sd_dns = match discovery {
        Some(found) => Some(found?.scheme),
        None => None,
    };
    let graphql = match graphql {
        Some(graphql) => Some(graphql?),
        None => None,
    };
    // As in KrakenD, the operation decides.
    let method = graphql.as_ref().map_or(method, |graphql| Some(if graphql.get { Method::Get } else { Method::Post }));
    Some(HttpBackend {
        hosts,
        method: method?,
        url: url?,
        decode: decode?,
        shape,
        status,
        sd_dns,
        use_h2c,
        send_body_on_redirect,
        max_response_bytes,
        graphql,
    })
}

/// Whether a broker would be called, if a namespace had its right name or its right place, which was reported.
fn meant_for_a_broker(object: Object<'_>, owner: &Owner<'_>) -> bool {
    let scheme = |host: At<&str>| host.value.split_once("://").map(|(scheme, _)| scheme.to_owned());
    let to_a_broker = object.texts("host").into_iter().filter_map(scheme).any(|scheme| by_scheme(&scheme).is_some());
    let names = [pubsub::PUBLISHER, pubsub::SUBSCRIBER, "backend/amqp/consumer", "backend/amqp/producer"];
    let misspelt = || names.iter().any(|name| object.means_namespace(name));
    to_a_broker && (owner.pubsub_misplaced || misspelt())
}

/// `backend/http/client`: `use_h2c` and `send_body_on_redirect`.
fn client(context: &Context<'_>, object: Object<'_>, hosts: &[String]) -> (bool, bool) {
    let Some(options) = object.extra("backend/http/client") else { return (false, false) };
    let use_h2c = options.flag("use_h2c");
    let tls = hosts.iter().any(|host| host.starts_with("https://"))
        || object.text("sd_scheme").is_some_and(|scheme| scheme.value == "https");
    if use_h2c && tls {
        let span = options.member("use_h2c").map_or(options.mark(), |member| member.key_span);
        let error = Diagnostic::error("h2c-with-tls", span, "`use_h2c` is HTTP/2 without TLS, and the host has TLS");
        context.push(
            error.label("cannot be both").help("remove the key: with TLS, HTTP/2 is used where the host offers it"),
        );
    }
    (use_h2c, options.flag("send_body_on_redirect"))
}

/// `backend/http/client`: `max_response_bytes`.
fn max_response_bytes(
    context: &Context<'_>,
    object: Object<'_>,
    decode: Option<Decode>,
    owner: &Owner<'_>,
) -> Option<u32> {
    let options = object.extra("backend/http/client")?;
    let max = options.integer("max_response_bytes")?;
    let bytes = u32::try_from(max.value).ok().filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        let message = format!("`max_response_bytes` is {}", max.value);
        let error = Diagnostic::error("out-of-range", max.span, message);
        context.push(error.label(format!("expected 1 to {} bytes", u32::MAX)).help("64 MiB is the limit without it"));
    }
    if decode == Some(Decode::NoOp) && matches!(owner.turn, Turn::Beside) {
        let span = options.member("max_response_bytes").map_or(max.span, |member| member.key_span);
        let warning = Diagnostic::warning("no-effect", span, "`max_response_bytes` does nothing with `no-op`");
        context.push(warning.label("nothing of the answer is kept").help("remove it"));
    }
    bytes
}

/// The hosts, and the path that goes before the pattern of all of them.
fn hosts(context: &Context<'_>, object: Object<'_>) -> Option<(Vec<String>, String)> {
    let own = object.get("host").is_some_and(|node| !node.items().is_empty());
    let hosts = if own && object.flag("disable_host_sanitize") {
        let hosts = host::as_written(context, object)?;
        let prefix = hosts.first().map(|host| host.path.clone()).unwrap_or_default();
        if hosts.iter().any(|host| host.path != prefix) {
            // Each has its own, which the runtime puts before the pattern.
            let whole = hosts.into_iter().map(|mut host| {
                url_template::push_encoded(&host.path, &mut host.authority);
                host.authority
            });
            return Some((whole.collect(), String::new()));
        }
        return Some((hosts.into_iter().map(|host| host.authority).collect(), prefix));
    } else if own {
        host::sanitised(context, object)?
    } else {
        // A `host` of the wrong type was reported; the service's would hide that.
        object.get("host").is_none_or(Node::is_array).then_some(())?;
        context.defaults.hosts.clone()?
    };
    if hosts.is_empty() && is_meant(object.node().members(), &BACKEND, "host") {
        return None;
    }
    if hosts.is_empty() {
        let error = Diagnostic::error("no-host", object.mark(), "the backend has no host, and neither has the service");
        context.push(
            error
                .label("nothing can be called")
                .help("write `\"host\": [\"http://example.com\"]` here or in the service"),
        );
        return None;
    }
    Some((hosts, String::new()))
}

/// The shape, unless nothing is read that could have one.
pub(super) fn shape(context: &Context<'_>, object: Object<'_>, decode: Option<Decode>) -> Shape {
    let mut shape = shape::shape(context, object);
    let filter = object.extra("proxy").and_then(|proxy| proxy.member("flatmap_filter"));
    if let Some(filter) = filter {
        shape.flatmap = flatmap::ops(context, &filter.value);
        if !shape.flatmap.is_empty() {
            replaced(context, object, filter.key_span);
        }
    }
    if decode != Some(Decode::NoOp) {
        filters::unmatched(context, object, decode);
        return shape;
    }
    if shape != Shape::default() {
        unread(context, object);
    }
    Shape::default()
}

/// Warns of filters on an answer that is passed on; `allow` and `group` are left there by those who try `no-op` out.
fn unread(context: &Context<'_>, object: Object<'_>) {
    let own = ["is_collection", "target", "deny", "mapping"].map(|key| object.member(key));
    let filter = object.extra("proxy").and_then(|proxy| proxy.member("flatmap_filter"));
    for member in own.into_iter().chain([filter]).flatten() {
        let message = format!("`{}` does nothing here: the answer is passed on unread", member.key);
        let warning = Diagnostic::warning("inapplicable", member.key_span, message).label("KrakenD ignores this");
        context.push(warning.help("remove it, or read the answer: `json` instead of `no-op`"));
    }
}

/// `flatmap_filter` takes the place of the other filters (trap 49).
fn replaced(context: &Context<'_>, object: Object<'_>, filter: Span) {
    for key in ["allow", "deny", "mapping"] {
        let Some(member) = object.member(key) else { continue };
        if member.value.items().is_empty() && member.value.members().is_empty() {
            continue;
        }
        let message = format!("`flatmap_filter` and `{key}` exclude each other");
        let error = Diagnostic::error("flatmap-and-filter", member.key_span, message).label("KrakenD ignores this one");
        let error = error.related(filter, "this takes its place");
        context.push(error.help(match key {
            "mapping" => "rename with an operation of type `move`",
            _ => "remove with an operation of type `del`",
        }));
    }
}

/// `backend/http`; the details win, as in KrakenD (trap 24).
fn status_rule(context: &Context<'_>, object: Object<'_>, decode: Option<Decode>) -> StatusRule {
    let Some(options) = object.extra("backend/http") else { return StatusRule::Default };
    if decode == Some(Decode::NoOp)
        && let Some(member) = object.namespace("backend/http")
    {
        let message = "`backend/http` does nothing with `no-op`";
        let warning = Diagnostic::warning("no-effect", member.key_span, message);
        context.push(warning.label("status and body of the backend are passed on anyway").help("remove it"));
        return StatusRule::Default;
    }
    let asked = ["return_error_code", "return_error_details"].iter().any(|key| options.has(key));
    if !asked && options.node().members().iter().all(|member| is_comment(&member.key)) {
        let warning = Diagnostic::warning("no-effect", options.mark(), "`backend/http` asks for nothing");
        let warning = warning.label("this has neither `return_error_code` nor `return_error_details`");
        context.push(warning.help(r#"write `"return_error_code": true`, or remove it"#));
    }
    match options.text("return_error_details").filter(|alias| !alias.value.is_empty()) {
        Some(alias) => StatusRule::ReturnDetails(alias.value.to_owned()),
        None if options.flag("return_error_code") => StatusRule::ReturnCode,
        None => StatusRule::Default,
    }
}
