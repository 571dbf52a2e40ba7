//! Topics and subscriptions: `host` and `topic_url` or `subscription_url`, joined and given to the driver's own grammar.

use std::ops::Range;

use sluicegate_drivers::{ALL, Driver, Side, UrlError, by_scheme};

use super::brokers::Choice;
use super::declare::Place;
use super::endpoint::Owner;
use super::subscriber::Options;
use super::{Context, declare, publish};
use crate::diagnostic::Diagnostic;
use crate::model::{BackendKind, Publish};
use crate::suggest::closest;
use crate::syntax::{BACKEND, Object, is_meant};
use crate::tree::{Node, Span, Value};

pub(super) const PUBLISHER: &str = "backend/pubsub/publisher";
pub(super) const SUBSCRIBER: &str = "backend/pubsub/subscriber";

/// Namespaces that KrakenD applies below HTTP only, and so never to a broker.
const HTTP_ONLY: [&str; 6] = [
    "modifier/martian",
    "qos/http-cache",
    "auth/client-credentials",
    "backend/http",
    "backend/http/client",
    "backend/lambda",
];

pub(super) fn backend(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<BackendKind> {
    let publisher = object.namespace(PUBLISHER);
    let subscriber = object.namespace(SUBSCRIBER);
    if let (Some(publisher), Some(subscriber)) = (publisher, subscriber) {
        let message = "a backend publishes or subscribes, not both";
        let error = Diagnostic::error("publisher-and-subscriber", publisher.key_span, message);
        let error = error.label("KrakenD ignores this one").related(subscriber.key_span, "the subscriber is here");
        context.push(error.help("give each a backend of its own"));
        return None;
    }
    inapplicable(context, object);
    let topic = publisher.is_some();
    let options = object.extra(if topic { PUBLISHER } else { SUBSCRIBER })?;
    let key = if topic { "topic_url" } else { "subscription_url" };
    let choice = context.brokers.choice(context, options);
    let url = Url::join(context, object, options, key, &choice);
    let publish = topic.then(|| publish::options(context, object, options, owner));
    let subscribe = (!topic).then(|| Options::read(context, object, options, owner));
    let url = url?;
    let driver = driver(context, &url, key)?;
    let broker = broker(context, &url, driver, &choice)?;
    if matches!(choice, Choice::Environment) {
        portability(context, object, driver);
    }
    let Some(check) = (if topic { driver.topic } else { driver.subscription }) else {
        wrong_side(context, &url, driver, topic);
        return None;
    };
    let verdict = parameter(&url.text).map_or_else(|| check(&url.text), Err);
    if let Err(error) = &verdict {
        let code = if topic { "bad-topic-url" } else { "bad-subscription-url" };
        let diagnostic = Diagnostic::error(code, url.part(error.range.clone()), error.message.as_str());
        context.push(match &error.help {
            Some(help) => diagnostic.help(help.as_str()),
            None => diagnostic,
        });
    }
    if verdict.is_ok() {
        server_in_host(context, &url, driver);
    }
    if !driver.has_client {
        let span = url.part(0..url.scheme().len());
        context.not_yet(span, &format!("the driver `{}`", driver.name));
    }
    if topic {
        publish::capabilities(context, object, options, owner, driver);
        if verdict.is_ok() {
            if let Some(start) = url.text.find("key_name=").map(|at| at + "key_name=".len()) {
                let end = url.text[start..].find('&').map_or(url.text.len(), |end| start + end);
                publish::key_name(context, options, owner, &url.text[start..end], url.part(start..end));
            }
            publish::message(context, options, driver, &url.text, url.part(0..url.text.len()));
        }
    }
    let side = if topic { Side::Topic } else { Side::Subscription };
    let declared = publish.as_ref().map_or_else(|| subscribe.as_ref()?.declare, |publish| publish.as_ref()?.declare);
    declare::check(context, options, driver, side, verdict.is_ok().then_some(&url.text), declared);
    if let (Some(member), Some(declaration), true) = (options.member("declare"), declared, driver.capabilities.declare)
    {
        let place = Place::new(driver, broker.clone(), side, &url.text);
        declare::once(context, place, declaration, member.key_span);
    }
    let Some(subscribe) = subscribe else {
        return Some(BackendKind::Publish(Publish { driver: driver.name, broker, url: url.text, options: publish?? }));
    };
    subscribe.finish(context, options, driver, url.text, broker).map(BackendKind::Subscribe)
}

/// A topic's or subscription's URL, and where its parts stand.
struct Url<'a> {
    text: String,
    /// `None` where the scheme is that of the named broker's driver.
    host: Option<&'a Node>,
    host_len: usize,
    rest: &'a Node,
}

impl<'a> Url<'a> {
    fn join(
        context: &Context<'_>,
        object: Object<'a>,
        options: Object<'a>,
        key: &str,
        choice: &Choice<'_>,
    ) -> Option<Self> {
        let Some(host) = object.get("host").and_then(|node| node.items().first()) else {
            object.get("host").is_none_or(Node::is_array).then_some(())?;
            let (scheme, rest) = (own_scheme(context, object, choice)?, options.get(key)?);
            let text = format!("{scheme}://{}", rest.text()?.value);
            return Some(Self { text, host: None, host_len: scheme.len() + 3, rest });
        };
        for extra in &object.get("host")?.items()[1..] {
            let error = Diagnostic::error("many-hosts", extra.span, "a topic or subscription has one host");
            context.push(error.label("KrakenD ignores this one").help("give each its own backend"));
        }
        let rest = options.get(key)?;
        let (host_text, rest_text) = (&host.text()?.value, &rest.text()?.value);
        let scheme_end = host_text.find("://").map_or(0, |end| end + 3);
        let host_holds_topic = !host_text[scheme_end..].trim_matches('/').is_empty();
        if rest_text.is_empty() && host_holds_topic {
            let message = format!("`{key}` is empty, and `host` holds the whole URL");
            let warning = Diagnostic::warning("topic-in-host", rest.span, message).label("the URL continues here");
            let (head, tail) = host_text.split_at(scheme_end);
            context.push(warning.help(format!("write `\"host\": [\"{head}\"]` and `\"{key}\": \"{tail}\"`")));
        }
        Some(Self { text: format!("{host_text}{rest_text}"), host: Some(host), host_len: host_text.len(), rest })
    }

    fn scheme(&self) -> &str {
        self.text.split("://").next().unwrap_or_default()
    }

    /// Where it begins in the file.
    fn whole(&self) -> Span {
        self.host.unwrap_or(self.rest).span
    }

    /// The bytes of the file behind a range of the URL. A range over both parts is shown in the second.
    fn part(&self, range: Range<usize>) -> Span {
        let in_rest = range.end > self.host_len || range.start >= self.host_len && self.text.len() > self.host_len;
        match self.host {
            Some(host) if !in_rest => host.part(range),
            // The scheme is nowhere in the file.
            None if !in_rest => self.rest.span,
            _ => self.rest.part(range.start.saturating_sub(self.host_len)..range.end - self.host_len),
        }
    }
}

/// Reports a server's address where the topic begins: it would be part of the topic's name.
fn server_in_host(context: &Context<'_>, url: &Url<'_>, driver: &Driver) {
    let Some(host) = url.host.filter(|_| !matches!(driver.name, "sqs" | "mem")) else { return };
    let start = url.scheme().len() + 3;
    let Some(address) = url.text.get(start..url.host_len).filter(|_| url.text.len() > url.host_len) else { return };
    let port = address.trim_end_matches('/').rsplit_once(':').map_or("", |(_, port)| port);
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = "the address of a server would be part of the topic's name";
        let error = Diagnostic::error("server-in-host", host.part(start..url.host_len), message);
        let error = error.label("the topic begins here");
        let help = format!(
            "write `\"{}://\"`; the server's address stands in the environment, or in `pubsub/brokers`",
            url.scheme()
        );
        context.push(error.help(help));
        return;
    }
    // `nats://local` and `orders` would be the subject `localorders`.
    let joined = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    if joined(address.chars().next_back()) && joined(url.text[url.host_len..].chars().next()) {
        let name = url.text[start..].split('?').next().unwrap_or_default();
        let message = format!("`host` and what follows are one name: `{name}`");
        let warning = Diagnostic::warning("server-in-host", host.part(start..url.host_len), message);
        let help = format!(
            "write `\"{}://\"`; the server's address stands in the environment, or in `pubsub/brokers`",
            url.scheme()
        );
        context.push(warning.label("the name begins here").help(help));
    }
}

/// The scheme of a backend that names a broker and no host.
fn own_scheme(context: &Context<'_>, object: Object<'_>, choice: &Choice<'_>) -> Option<&'static str> {
    let error = |message: &str| Diagnostic::error("no-host", object.mark(), message).label("this has no `host`");
    let driver = match choice {
        Choice::Environment if is_meant(object.node().members(), &BACKEND, "host") => return None,
        Choice::Environment => {
            let error = error("the backend names no broker");
            context.push(error.help("write the driver's scheme: `\"host\": [\"nats://\"]`"));
            return None;
        }
        Choice::Named(named, _) => named.driver?.0,
        Choice::Wrong => return None,
    };
    // They all mean the same.
    driver.schemes.first().copied()
}

/// The name of the broker that was chosen, if one was. `None` when it is not one of the URL's driver, which is reported.
fn broker(context: &Context<'_>, url: &Url<'_>, driver: &Driver, choice: &Choice<'_>) -> Option<Option<String>> {
    let Choice::Named(named, span) = choice else { return Some(None) };
    let Some((of, declared)) = named.driver else { return Some(None) };
    if of.name != driver.name {
        let message = format!("the broker `{}` is not one of the driver `{}`", named.name, driver.name);
        let error = Diagnostic::error("other-driver", *span, message).label(format!("its driver is `{}`", of.name));
        context.push(error.related(url.whole(), "the URL is here").related(declared, "the broker's driver is here"));
        return None;
    }
    Some(Some(named.name.clone()))
}

fn driver(context: &Context<'_>, url: &Url<'_>, key: &str) -> Option<&'static Driver> {
    let schemes = || ALL.iter().flat_map(|driver| driver.schemes).copied();
    let list = || schemes().map(|scheme| format!("`{scheme}`")).collect::<Vec<_>>().join(", ");
    if !url.text.contains("://") {
        let error = Diagnostic::error("unknown-driver", url.whole(), format!("the URL of `{key}` has no scheme"));
        context.push(error.label("expected a driver: `nats://`").help(format!("the drivers are {}", list())));
        return None;
    }
    let scheme = url.scheme();
    let found = by_scheme(scheme);
    if found.is_none() {
        let span = url.part(0..scheme.len());
        let error = Diagnostic::error("unknown-driver", span, format!("unknown driver scheme `{scheme}`"));
        let error = error.label("no driver has this scheme");
        let meant = closest(scheme, schemes());
        context.push(match meant {
            Some(_) => error.did_you_mean(meant),
            None => error.help(format!("the drivers are {}", list())),
        });
    }
    found
}

/// What works here and not on a KrakenD. A driver that KrakenD lacks has nothing to be portable to.
fn portability(context: &Context<'_>, object: Object<'_>, driver: &Driver) {
    if driver.name == "mem" {
        return;
    }
    let mut missing = Vec::new();
    if !object.has_or_means(&BACKEND, "url_pattern") {
        missing.push("\"url_pattern\": \"/\"");
    }
    let sanitize = object.get("disable_host_sanitize");
    // What is no boolean, or misspelt, was reported.
    if matches!(sanitize, Some(Node { value: Value::Bool(false), .. }))
        || sanitize.is_none() && !object.has_or_means(&BACKEND, "disable_host_sanitize")
    {
        missing.push("\"disable_host_sanitize\": true");
    }
    if missing.is_empty() {
        return;
    }
    let span = object.get("disable_host_sanitize").map_or(object.mark(), |node| node.span);
    let missing = missing.join(", ");
    let warning = Diagnostic::warning("krakend-needs", span, "this backend would not work on a KrakenD");
    let warning = warning.label(format!("KrakenD needs `{missing}`"));
    context.push(warning.help(format!("add `{missing}`")).note("Sluicegate does not need it"));
}

/// Reports what stands beside the topic and could never act on it.
fn inapplicable(context: &Context<'_>, object: Object<'_>) {
    let members = HTTP_ONLY.iter().filter_map(|name| Some((*name, object.namespace(name)?)));
    for (name, member) in members {
        let message = format!("`{name}` does nothing on a pub/sub backend");
        let error = Diagnostic::error("inapplicable", member.key_span, message).label("KrakenD ignores this");
        let error = error.help("remove it");
        context.push(error.note("it acts on HTTP calls, and a broker is not called over HTTP"));
    }
    let graphql = object.namespace("backend/graphql");
    if let Some(member) = graphql.filter(|_| object.namespace(PUBLISHER).is_none()) {
        let message = "`backend/graphql` does nothing on a subscriber";
        let error = Diagnostic::error("inapplicable", member.key_span, message).label("KrakenD ignores this");
        context.push(error.help("remove it").note("it writes the body of a call, and a message is received"));
    }
    if let Some(sd) = object.text("sd").filter(|sd| matches!(sd.value, "dns" | "dns-shared")) {
        let error = Diagnostic::error("inapplicable", sd.span, "service discovery does nothing on a pub/sub backend");
        context.push(error.label("KrakenD ignores this").help("remove it"));
    }
}

/// A `{param}` in the URL, as an error.
pub(super) fn parameter(url: &str) -> Option<UrlError> {
    let open = url.find('{')?;
    let close = open + url[open..].find('}')?;
    let name = &url[open..=close];
    let message = format!("`{name}` is not replaced in the URL of a topic or subscription");
    Some(UrlError { range: open..close + 1, message, help: Some("write an endpoint for each topic".to_owned()) })
}

/// Reports a driver that cannot be published to, or not received from.
fn wrong_side(context: &Context<'_>, url: &Url<'_>, driver: &Driver, topic: bool) {
    let span = url.part(0..url.scheme().len());
    if topic {
        let message = format!("the driver `{}` cannot be published to", driver.name);
        return context.push(Diagnostic::error("one-sided-driver", span, message).label("only subscriptions"));
    }
    if driver.name != "sns" {
        let message = format!("nothing can be received from the driver `{}`", driver.name);
        return context.push(Diagnostic::error("one-sided-driver", span, message).label("only topics"));
    }
    let arn = url.text.find("arn:").map_or("", |start| url.text[start..].split('?').next().unwrap_or_default());
    let mut parts = arn.split(':').skip(3);
    let mut part = |default: &'static str| parts.next().filter(|part| !part.is_empty()).unwrap_or(default);
    let (region, account, name) = (part("REGION"), part("ACCOUNT"), part("TOPIC"));
    let message = "nothing can be received from an SNS topic, though KrakenD's page shows it: SNS only pushes to what is subscribed";
    let error = Diagnostic::error("one-sided-driver", span, message).label("SNS topics can only be published to");
    let publisher = format!(
        "to publish to it: {{\"host\": [\"awssns:///\"], \"disable_host_sanitize\": true, \"extra_config\": \
         {{\"{PUBLISHER}\": {{\"topic_url\": \"arn:aws:sns:{region}:{account}:{name}\"}}}}}}"
    );
    let subscriber = format!(
        "to receive: subscribe an SQS queue to the topic, and write {{\"host\": [\"awssqs://\"], \
         \"disable_host_sanitize\": true, \"extra_config\": {{\"{SUBSCRIBER}\": {{\"subscription_url\": \
         \"sqs.{region}.amazonaws.com/{account}/QUEUE\"}}}}}}"
    );
    context.push(error.help(subscriber).help(publisher));
}
