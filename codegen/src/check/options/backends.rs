//! What calls a backend or guards the call.

use super::{Site, needed, titled};
use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::suggest::closest;
use crate::syntax::kind::At;
use crate::syntax::{Object, QOS_HTTP_CACHE};
use crate::tree::{Node, Span};

/// `qos/http-cache`: one limit without the other limits nothing, and only what is asked for with `GET` or `HEAD` is kept.
pub(super) fn http_cache(context: &Context<'_>, options: Object<'_>, name: Span, backend: Object<'_>) {
    let method = backend.text("method").map(|method| method.value.to_ascii_uppercase());
    if let Some(method) = method.filter(|method| !matches!(method.as_str(), "" | "GET" | "HEAD")) {
        let message = format!("`qos/http-cache` keeps no answer to a `{method}`");
        let warning = Diagnostic::warning("inapplicable", name, message).label("KrakenD ignores this");
        context.push(warning.help("remove it: only answers to `GET` and `HEAD` are kept"));
    }
    for (given, other) in [("max_items", "max_size"), ("max_size", "max_items")] {
        let Some(member) = options.member(given) else { continue };
        needed(context, options, &QOS_HTTP_CACHE, &[other], || {
            let error = Diagnostic::error("missing-key", member.key_span, format!("`{given}` needs `{other}`"));
            error.label("KrakenD limits nothing without it").help(format!("add `\"{other}\"`, or remove this"))
        });
    }
}

/// `qos/ratelimit/proxy`.
pub(super) fn rate_limit(context: &Context<'_>, options: Object<'_>) {
    if let Some(zero) = options.duration("every").filter(|every| every.value.is_zero()) {
        let error = Diagnostic::error("out-of-range", zero.span, "`every` is zero");
        context.push(error.label("expected the time that the rate counts for"));
    }
}

/// `backend/lambda`: a function by its name, or by a parameter.
pub(super) fn lambda(context: &Context<'_>, options: Object<'_>, site: &Site<'_>) {
    if options.has("function_name") {
        return;
    }
    let Some(params) = site.params else { return };
    match options.text("function_param_name") {
        Some(name) => {
            let known = params.iter().any(|param| titled(param) == titled(name.value));
            if !known {
                unknown(context, name, params, "write `function_name` to call always the same function");
            }
        }
        None if options.has("function_param_name") || params.iter().any(|param| param == "function") => {}
        None => {
            let error = Diagnostic::error("missing-key", options.mark(), "`backend/lambda` names no function");
            let error = error.label("this has no `function_name`");
            context.push(error.help("without it, the endpoint's path needs a parameter `{function}`"));
        }
    }
}

/// `backend/amqp/producer`: five keys name parameters, by KrakenD's names of them.
pub(super) fn amqp_producer(context: &Context<'_>, options: Object<'_>, site: &Site<'_>) {
    let Some(params) = site.params else { return };
    let mut keys = vec!["exp_key", "reply_to_key", "msg_id_key", "priority_key"];
    if !options.flag("static_routing_key") {
        keys.push("routing_key");
    }
    for key in keys {
        let Some(name) = options.text(key).filter(|name| !name.value.is_empty()) else { continue };
        if params.iter().any(|param| param == name.value && titled(param) != name.value) {
            let message = format!("KrakenD finds no parameter `{}` for `{key}`", name.value);
            let warning = Diagnostic::warning("krakend-needs", name.span, message);
            let warning = warning.label("KrakenD publishes without it, and answers 200");
            context.push(warning.help(format!("write `{}`: its name of `{{{}}}`", titled(name.value), name.value)));
        } else if !params.iter().any(|param| titled(param) == titled(name.value)) {
            let help = match key {
                "routing_key" => r#"write `"static_routing_key": true` to use it as it is"#,
                _ => "it is the name of a parameter of the endpoint's path",
            };
            unknown(context, name, params, help);
        }
    }
}

fn unknown(context: &Context<'_>, name: At<&str>, params: &[String], help: &str) {
    let message = format!("`{}` is not a parameter of this endpoint", name.value);
    let error = Diagnostic::error("unknown-parameter", name.span, message).label("nothing provides this value");
    let error = error.did_you_mean(closest(name.value, params.iter().map(String::as_str)));
    context.push(error.help(help));
}

/// `modifier/martian`: what its tables cannot say.
pub(super) fn martian(context: &Context<'_>, node: &Node) {
    for member in node.members() {
        let options = &member.value;
        let scope = options.member("scope").map(|scope| &scope.value);
        if let Some(scope) = scope.filter(|scope| scope.is_array() && scope.items().is_empty()) {
            let error = Diagnostic::error("no-effect", scope.span, "`scope` is empty");
            let error = error.label("the modifier would never act");
            context.push(error.help(r#"write `["request"]` or `["response"]`"#));
        }
        if member.key == "port.Modifier" {
            let object = Object::of(options);
            if object.is_some_and(|object| !["port", "defaultForScheme", "remove"].iter().any(|key| object.has(key))) {
                let error = Diagnostic::error("missing-key", options.mark(), "`port.Modifier` says no port");
                context.push(error.label("this has none of `port`, `defaultForScheme` and `remove`"));
            }
        }
        for inner in ["modifier", "else"] {
            if let Some(inner) = options.member(inner) {
                martian(context, &inner.value);
            }
        }
        for item in options.member("modifiers").map_or(&[][..], |list| list.value.items()) {
            match item.member("modifier") {
                Some(inner) if member.key == "priority.Group" => martian(context, &inner.value),
                _ => martian(context, item),
            }
        }
    }
}
