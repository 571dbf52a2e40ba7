//! A backend: an HTTP service here, a topic or a subscription in [`pubsub`].

use super::endpoint::Owner;
use super::{Context, discovery, graphql, host, names, pubsub, set_in_call, shadow, shape, url_template};
use crate::diagnostic::Diagnostic;
use crate::model::{Backend, BackendKind, Decode, HttpBackend, Method, Output, Shape, StatusRule};
use crate::suggest::closest;
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::Node;

/// Encodings that KrakenD's open edition can read and this version cannot.
const ENCODINGS_LATER: [&str; 4] = ["safejson", "string", "xml", "rss"];

pub(super) fn backend(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Backend> {
    if !shadow::is_shadow(object) {
        shadow::unused_timeout(context, object);
    }
    Some(Backend {
        place: context.place(object.mark()),
        input_headers: names::backend_names(context, object, "input_headers"),
        input_query_strings: names::backend_names(context, object, "input_query_strings"),
        set: set_in_call::set_in_call(context, object, owner),
        kind: if is_pubsub(object) {
            pubsub::backend(context, object, owner)?
        } else {
            http(context, object, owner).map(BackendKind::Http)?
        },
    })
}

/// Whether it publishes or subscribes.
pub(super) fn is_pubsub(object: Object<'_>) -> bool {
    object.namespace(pubsub::PUBLISHER).is_some() || object.namespace(pubsub::SUBSCRIBER).is_some()
}

fn http(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<HttpBackend> {
    let discovery = discovery::discovery(context, object);
    let graphql = graphql::graphql(context, object, owner);
    let decode = decode(context, object, owner);
    let method = match object.text("method").filter(|method| !method.value.is_empty()) {
        Some(method) => names::backend_method(context, method),
        None => Some(owner.method),
    };
    let (hosts, prefix) = match &discovery {
        Some(found) => (found.iter().map(|found| found.name.clone()).collect(), String::new()),
        None => hosts(context, object)?,
    };
    if !object.has("url_pattern") {
        let error = Diagnostic::error("missing-key", object.mark(), "`url_pattern` is missing in a backend");
        context.push(
            error.label("this has no `url_pattern`").help("write `\"url_pattern\": \"/\"` to call the host itself"),
        );
    }
    let url = object.get("url_pattern").and_then(|node| url_template::parse(context, node, &prefix, owner));
    let status = status_rule(context, object, decode);
    let shape = self::shape(context, object, decode);
    let (use_h2c, send_body_on_redirect) = client(context, object, &hosts);
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
        graphql,
    })
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

/// The hosts, and the path that goes before the pattern.
fn hosts(context: &Context<'_>, object: Object<'_>) -> Option<(Vec<String>, String)> {
    let own = object.get("host").is_some_and(|node| !node.items().is_empty());
    let hosts = if own && object.flag("disable_host_sanitize") {
        let hosts = host::as_written(context, object)?;
        let prefix = hosts.first().map(|host| host.path.clone()).unwrap_or_default();
        if hosts.iter().any(|host| host.path != prefix) {
            let span = object.get("host").map_or(object.mark(), |node| node.mark());
            context.not_yet(span, "a list of hosts with different paths");
            return None;
        }
        return Some((hosts.into_iter().map(|host| host.authority).collect(), prefix));
    } else if own {
        host::sanitised(context, object)?
    } else {
        // A `host` of the wrong type was reported; the service's would hide that.
        object.get("host").is_none_or(Node::is_array).then_some(())?;
        context.defaults.hosts.clone()?
    };
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

/// How the body is read. One side that passes bytes on needs the other to do so too.
pub(super) fn decode(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Decode> {
    let Some(encoding) = object.text("encoding").filter(|encoding| !encoding.value.is_empty()) else {
        return Some(if owner.output == Output::NoOp { Decode::NoOp } else { Decode::Json });
    };
    let decode = encoding_of(context, encoding)?;
    let message = match (decode, owner.output) {
        (Decode::NoOp, Output::NoOp) | (Decode::Json, Output::Json) => return Some(decode),
        (Decode::NoOp, Output::Json) if owner.turn.takes_no_op() => return Some(decode),
        (Decode::NoOp, Output::Json) => "the backend's `no-op` needs `\"output_encoding\": \"no-op\"` in the endpoint",
        (Decode::Json, Output::NoOp) => {
            "the endpoint's `no-op` passes the answer on unread, and the backend decodes it"
        }
    };
    let error = Diagnostic::error("no-op-one-side", encoding.span, message);
    context.push(match decode {
        Decode::NoOp => error.label("KrakenD answers `{}`").help("write `no-op` in both, or in neither"),
        Decode::Json => error.label("KrakenD ignores this").help("remove the key, or the endpoint's `no-op`"),
    });
    None
}

/// The shape, unless nothing is read that could have one.
pub(super) fn shape(context: &Context<'_>, object: Object<'_>, decode: Option<Decode>) -> Shape {
    let shape = shape::shape(context, object);
    if decode == Some(Decode::NoOp) { Shape::default() } else { shape }
}

fn encoding_of(context: &Context<'_>, encoding: At<&str>) -> Option<Decode> {
    match encoding.value {
        "json" => return Some(Decode::Json),
        "no-op" => return Some(Decode::NoOp),
        known if ENCODINGS_LATER.contains(&known) => {
            context.not_yet(encoding.span, &format!("the encoding `{known}`"));
            return None;
        }
        _ => {}
    }
    let enterprise = matches!(encoding.value, "fast-json" | "yaml");
    let message = if enterprise {
        format!("the encoding `{}` is a feature of KrakenD's Enterprise edition", encoding.value)
    } else {
        format!("unknown encoding `{}`", encoding.value)
    };
    let error = Diagnostic::error("unknown-encoding", encoding.span, message).label("KrakenD falls back to `json`");
    let known = ENCODINGS_LATER.into_iter().chain(["json", "no-op"]);
    let error = if enterprise { error } else { error.did_you_mean(closest(encoding.value, known)) };
    context.push(error.help("the supported encodings are `json` and `no-op`"));
    None
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
    match options.text("return_error_details").filter(|alias| !alias.value.is_empty()) {
        Some(alias) => StatusRule::ReturnDetails(alias.value.to_owned()),
        None if options.flag("return_error_code") => StatusRule::ReturnCode,
        None => StatusRule::Default,
    }
}
