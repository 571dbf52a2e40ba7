//! `async_agent`: not supported yet, and checked as endpoints are, so that only this is left to say.

use super::calls::{self, Turn};
use super::endpoint::Owner;
use super::options::{self, Site};
use super::{Context, encoding};
use crate::diagnostic::Diagnostic;
use crate::model::{Method, Names, Output};
use crate::syntax::Object;
use crate::syntax::kind::Scope;
use crate::tree::{Node, Span};

/// What a message can come from.
const DRIVERS: [&str; 2] = ["async/amqp", "async/kafka"];

/// Reports what is wrong with the agents of the service.
pub(super) fn agents(context: &Context<'_>, service: Object<'_>) {
    let mut names: Vec<(&str, Span)> = Vec::new();
    for agent in service.objects("async_agent") {
        if let Some(name) = agent.text("name").filter(|name| !name.value.is_empty()) {
            if let Some((_, first)) = names.iter().find(|(other, _)| *other == name.value) {
                let message = format!("two async agents are called `{}`", name.value);
                let error = Diagnostic::error("duplicate-name", name.span, message).label("called alike");
                context.push(error.related(*first, "the other is here").help("give each a name of its own"));
            }
            names.push((name.value, name.span));
        }
        one(context, agent);
    }
}

fn one(context: &Context<'_>, agent: Object<'_>) {
    options::check(context, agent, &Site::outside(Scope::Agent));
    driver(context, agent);
    if let Some(encoding) = agent.text("encoding") {
        encoding::known(context, encoding);
    }
    let interval = agent.object("connection").and_then(|connection| connection.duration("health_interval"));
    if let Some(interval) = interval.filter(|interval| interval.value.as_secs() < 1 && !interval.value.is_zero()) {
        let error = Diagnostic::error("out-of-range", interval.span, "`health_interval` is below one second");
        context.push(error.label("KrakenD takes one second").help("write `\"1s\"` or more"));
    }
    let Some(list) = agent.get("backend").filter(|list| list.is_array()) else { return };
    if list.items().is_empty() {
        let error = Diagnostic::error("no-backend", list.span, "the async agent has no backend");
        return context.push(error.label("expected one or more").help(r#"write `[{"url_pattern": "/"}]`"#));
    }
    for backend in agent.objects("backend") {
        parameters(context, backend);
    }
    let timeout = agent.object("consumer").and_then(|consumer| consumer.duration("timeout"));
    calls::calls(
        context,
        agent,
        &Owner {
            // What a message lacks is told here.
            params: None,
            method: Method::Post,
            claims: false,
            pubsub_misplaced: false,
            output: Output::Json,
            input_headers: &Names::All,
            input_query_strings: &Names::All,
            added_headers: None,
            backends: list.items().len(),
            timeout: timeout.map_or(context.defaults.timeout, |timeout| timeout.value),
            turn: Turn::Beside,
        },
    );
}

/// An agent reads from one driver. A misspelt one was reported.
fn driver(context: &Context<'_>, agent: Object<'_>) {
    let Some(options) = agent.object("extra_config") else { return };
    let there = |name: &str| agent.namespace(name).is_some() || agent.means_namespace(name);
    if !DRIVERS.iter().any(|name| there(name)) {
        let error = Diagnostic::error("missing-key", options.mark(), "the async agent reads from no broker");
        context.push(error.label("this has no `async/amqp`").help("add `async/amqp` with the queue to read from"));
    }
}

/// A message has no path, and so no parameters.
fn parameters(context: &Context<'_>, backend: Object<'_>) {
    let Some(node) = backend.get("url_pattern") else { return };
    let text = node.text().map_or("", |text| text.value.as_str());
    let mut rest = 0;
    while let Some(open) = text[rest..].find('{').map(|offset| rest + offset) {
        let Some(close) = text[open..].find('}').map(|offset| open + offset) else { return };
        rest = close + 1;
        let name = &text[open + 1..close];
        if super::is_response(name) || super::url_template::is_name(name).then_some(name).is_none() {
            continue;
        }
        parameter(context, node, open..rest, name);
    }
}

fn parameter(context: &Context<'_>, node: &Node, range: std::ops::Range<usize>, name: &str) {
    let message = format!("`{{{name}}}` has no value: a message comes without parameters");
    let error = Diagnostic::error("unknown-parameter", node.part(range), message).label("nothing provides this value");
    context.push(error.help("the message itself is the body of the call"));
}
