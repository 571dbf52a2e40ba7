//! What a subscription has besides its URL: how long to wait, what becomes of a message, what the client sees of it.

use std::collections::HashMap;
use std::time::Duration;

use sluicegate_drivers::{Capabilities, Declaration, Driver, by_scheme};

use super::endpoint::Owner;
use super::pubsub::parameter;
use super::{Context, backend, declare, encoding, names};
use crate::diagnostic::Diagnostic;
use crate::model::{Backend, BackendKind, Decode, Metadata, OnFailure, Shape, Subscribe};
use crate::suggest::closest;
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::{Node, Span};

/// What `metadata` can name, but for `attribute.NAME`.
const SOURCES: [(&str, Metadata); 7] = [
    ("id", Metadata::Id),
    ("key", Metadata::Key),
    ("delivery_count", Metadata::DeliveryCount),
    ("topic", Metadata::Topic),
    ("partition", Metadata::Partition),
    ("offset", Metadata::Offset),
    ("timestamp", Metadata::Timestamp),
];

/// Headers that a response has from the gateway or its connection.
const RESERVED: [&str; 17] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "retry-after",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// What can be read before it is known which driver it is for.
pub(super) struct Options {
    decode: Option<Decode>,
    shape: Shape,
    wait: Option<Duration>,
    max_deliveries: Option<u32>,
    pub(super) declare: Option<&'static Declaration>,
}

impl Options {
    pub(super) fn read(context: &Context<'_>, object: Object<'_>, options: Object<'_>, owner: &Owner<'_>) -> Self {
        let decode = encoding::decode(context, object, owner);
        let wait = options.duration("wait");
        if let Some(wait) = wait.filter(|wait| wait.value >= owner.timeout) {
            let message = format!("`wait` is not below the endpoint's timeout of {:?}", owner.timeout);
            let error =
                Diagnostic::error("out-of-range", wait.span, message).label("the client would get an error first");
            context.push(error.help("wait for less, or leave the key out: the default is the timeout less 10 %"));
        }
        let max_deliveries = options.integer("max_deliveries").and_then(|max| {
            let valid = u32::try_from(max.value).ok().filter(|max| *max > 0);
            if valid.is_none() {
                let error = Diagnostic::error("out-of-range", max.span, "`max_deliveries` must be above 0");
                context.push(error.label("a message is delivered once at least"));
            }
            valid
        });
        Self {
            decode,
            shape: backend::shape(context, object, decode),
            wait: wait.map(|wait| wait.value),
            max_deliveries,
            declare: declare::read(context, options),
        }
    }

    /// The rest, against what the driver can do.
    pub(super) fn finish(
        self,
        context: &Context<'_>,
        options: Object<'_>,
        driver: &'static Driver,
        url: String,
        broker: Option<String>,
    ) -> Option<Subscribe> {
        let dead_letter = dead_letter(context, options, driver, &url);
        let on_failure = on_failure(context, options, driver);
        let metadata = metadata(context, options, driver);
        deliveries(context, options, driver);
        Some(Subscribe {
            driver: driver.name,
            broker,
            url,
            decode: self.decode?,
            shape: self.shape,
            wait: self.wait,
            on_failure,
            max_deliveries: self.max_deliveries,
            dead_letter,
            metadata,
            declare: self.declare,
        })
    }
}

fn on_failure(context: &Context<'_>, options: Object<'_>, driver: &Driver) -> OnFailure {
    let has_topic = options.has("dead_letter");
    let Capabilities { nack, dead_letter, .. } = driver.capabilities;
    let chosen = options.text("on_failure");
    let missing = |at: At<&str>, message: String, label: &str, policies: &str| {
        let error = Diagnostic::error("missing-capability", at.span, message).label(label);
        context.push(error.help(format!("the policies are {policies}")));
    };
    match chosen.map(|chosen| (chosen.value, chosen)) {
        Some(("drop", _)) => OnFailure::Drop,
        Some(("dead_letter", at)) => {
            if !has_topic && !dead_letter {
                let message = format!("the driver `{}` has no dead-letter place of its own", driver.name);
                let policies = if nack { "`nack` and `drop`" } else { "`drop`" };
                let policies = format!("{policies}, and this one with a topic in `dead_letter`");
                missing(at, message, "nowhere to put the message", &policies);
            }
            OnFailure::DeadLetter
        }
        Some(("nack", at)) if !nack => {
            let message = format!("the driver `{}` cannot give a message back", driver.name);
            missing(at, message, "it is delivered once", "`drop`, and `dead_letter` with a topic in `dead_letter`");
            OnFailure::Nack
        }
        // What nobody chose is what can be done.
        None if !nack && has_topic => OnFailure::DeadLetter,
        None if !nack => OnFailure::Drop,
        _ => OnFailure::Nack,
    }
}

/// Where the broker does not count, the gateway does; but there must be something to count.
fn deliveries(context: &Context<'_>, options: Object<'_>, driver: &Driver) {
    if let Some(max) = options.member("max_deliveries").filter(|_| !comes_back(driver)) {
        let message = format!("the driver `{}` delivers a message once", driver.name);
        let error = Diagnostic::error("missing-capability", max.key_span, message);
        context.push(error.label("nothing comes back to be counted").help("remove the key"));
    }
}

/// Whether a message can be delivered more than once.
fn comes_back(driver: &Driver) -> bool {
    driver.capabilities.nack || driver.capabilities.redelivery || driver.capabilities.delivery_count
}

/// The URL of the topic for messages that are given up. It is one of the subscription's own driver and broker.
fn dead_letter(context: &Context<'_>, options: Object<'_>, driver: &'static Driver, url: &str) -> Option<String> {
    let node = options.get("dead_letter")?;
    let text = node.text()?.value.as_str();
    let scheme = url.split("://").next().unwrap_or_default();
    let fault = |span: Span, message: String, label: &str| {
        Diagnostic::error("bad-dead-letter", span, message).label(label.to_owned())
    };
    let (topic, added) = match text.split_once("://") {
        Some((own, _)) if by_scheme(own).is_some_and(|found| found.name == driver.name) => (text.to_owned(), 0),
        Some((own, _)) => {
            let message = format!("a dead-letter topic is on the subscription's own broker, and that is `{scheme}://`");
            context.push(fault(node.part(0..own.len()), message, "another driver's"));
            return None;
        }
        None => (format!("{scheme}://{text}"), scheme.len() + 3),
    };
    let Some(check) = driver.topic else {
        let message = format!("the driver `{}` cannot be published to", driver.name);
        context.push(fault(node.span, message, "only subscriptions"));
        return None;
    };
    if let Err(error) = parameter(&topic).map_or_else(|| check(&topic), Err) {
        let range = error.range.start.saturating_sub(added)..error.range.end.saturating_sub(added);
        let diagnostic = Diagnostic::error("bad-topic-url", node.part(range), error.message.as_str());
        context.push(match &error.help {
            Some(help) => diagnostic.help(help.as_str()),
            None => diagnostic,
        });
        return None;
    }
    let place = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
    if place(&topic) == place(url) {
        let message = "the dead-letter topic is what the subscription receives from".to_owned();
        context.push(fault(node.span, message, "the message would come back for ever"));
        return None;
    }
    if driver.covers.is_some_and(|covers| covers(&topic, url)) {
        let message = "the dead-letter topic is one of those that the subscription receives from".to_owned();
        let error = fault(node.span, message, "the message would come back for ever");
        context.push(error.help("choose a topic that the subscription's URL does not stand for"));
        return None;
    }
    Some(topic)
}

fn metadata(context: &Context<'_>, options: Object<'_>, driver: &Driver) -> Vec<(String, Metadata)> {
    let Some(map) = options.object("metadata") else { return Vec::new() };
    let mut found: Vec<(String, Metadata)> = Vec::new();
    for member in map.node().members() {
        let header = header(context, At { value: member.key.as_str(), span: member.key_span });
        let source = source(context, &member.value, driver);
        let (Some(header), Some(source)) = (header, source) else { continue };
        if found.iter().any(|(earlier, _)| *earlier == header) {
            let message = format!("the header `{header}` is given twice, in other letters");
            let error = Diagnostic::error("duplicate-key", member.key_span, message);
            context.push(error.label("headers do not tell capitals from small letters"));
            continue;
        }
        found.push((header, source));
    }
    found
}

fn header(context: &Context<'_>, name: At<&str>) -> Option<String> {
    if name.value.is_empty() {
        let error = Diagnostic::error("bad-header-name", name.span, "the name of a header is empty");
        context.push(error.label("HTTP cannot carry it"));
        return None;
    }
    let header = names::header(context, name)?;
    if RESERVED.contains(&header.as_str()) || header.starts_with("x-krakend") {
        let message = format!("the header `{}` is the gateway's own", name.value);
        let error = Diagnostic::error("reserved-header", name.span, message).label("cannot come from a message");
        context.push(error.help("call it something else: `X-Message-Id`, say"));
        return None;
    }
    Some(header)
}

fn source(context: &Context<'_>, node: &Node, driver: &Driver) -> Option<Metadata> {
    let text = node.text()?.value.as_str();
    let attribute = text.strip_prefix("attribute.").filter(|name| !name.is_empty());
    let known = SOURCES.iter().find(|(name, _)| *name == text).map(|(_, source)| source.clone());
    let Some(source) = attribute.map(|name| Metadata::Attribute(name.to_owned())).or(known) else {
        let error = Diagnostic::error("unknown-value", node.span, format!("a message has no `{text}`"));
        let meant = closest(text, SOURCES.iter().map(|(name, _)| *name));
        let list: Vec<_> = SOURCES.iter().map(|(name, _)| format!("`{name}`")).collect();
        let error = error.label("not one of the known values").did_you_mean(meant);
        context.push(error.help(format!("the values are `attribute.NAME`, {}", list.join(", "))));
        return None;
    };
    let capabilities = &driver.capabilities;
    let carried = match source {
        Metadata::Attribute(_) => capabilities.attributes,
        Metadata::Key => capabilities.key,
        // Where the broker does not count, the gateway does.
        Metadata::DeliveryCount => comes_back(driver),
        Metadata::Partition | Metadata::Offset => capabilities.offset,
        Metadata::Timestamp => capabilities.timestamp,
        Metadata::Id | Metadata::Topic => true,
    };
    if !carried {
        let message = format!("a message of the driver `{}` has no `{text}`", driver.name);
        let error = Diagnostic::error("missing-capability", node.span, message);
        context.push(error.label("no response would have this header"));
        return None;
    }
    Some(source)
}

/// Reports a response header that two backends of an endpoint set.
pub(super) fn shared_headers(context: &Context<'_>, objects: &[(Object<'_>, Backend)]) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for (object, backend) in objects {
        let BackendKind::Subscribe(subscribe) = &backend.kind else { continue };
        let map = object.extra(super::pubsub::SUBSCRIBER).and_then(|options| options.object("metadata"));
        let members = map.map_or(&[][..], |map| map.node().members());
        for (header, _) in &subscribe.metadata {
            let key = members.iter().find(|member| member.key.eq_ignore_ascii_case(header));
            let span = key.map_or(object.mark(), |member| member.key_span);
            if let Some(first) = seen.insert(header, span) {
                let message = format!("two backends of the endpoint set the header `{header}`");
                let error = Diagnostic::error("duplicate-header", span, message).label("set again here");
                context.push(error.related(first, "first set here"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Defaults;
    use crate::diagnostic::Sink;
    use crate::source::SourceFile;

    const NOTHING: Capabilities = Capabilities {
        nack: false,
        nack_delay: false,
        redelivery: false,
        ordering: false,
        dead_letter: false,
        delivery_count: false,
        empty_body: false,
        binary_body: false,
        key: false,
        dedup: false,
        confirm: &[],
        offset: false,
        timestamp: false,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    };

    /// What becomes of a subscriber's `options` with a driver that can do this much, and what is underlined.
    fn read(options: &str, capabilities: Capabilities) -> (OnFailure, Option<String>, Vec<String>) {
        let driver: &'static Driver = Box::leak(Box::new(Driver {
            name: "mem",
            schemes: &["mem"],
            topic: Some(|_| Ok(())),
            subscription: None,
            environment: &[],
            settings: &[],
            capabilities,
            has_client: true,
            covers: None,
            check_attribute: None,
            reserved_attributes: &[],
            check_settings: None,
            check_declaration: None,
            check_message: None,
        }));
        let (file, sink) = (SourceFile::new("a.json", "", options), Sink::default());
        let node = crate::json::parse(file.text(), 0, &sink).expect("an object");
        let defaults = Defaults { timeout: Duration::from_secs(2), ..Defaults::default() };
        let context = Context::new(file.as_ref(), &sink, defaults);
        let options = Options {
            decode: Some(Decode::Json),
            shape: Shape::default(),
            wait: None,
            max_deliveries: None,
            declare: None,
        };
        let found = options.finish(&context, Object::new(&node), driver, "mem://a?b".to_owned(), None);
        let found = found.expect("a subscription");
        let told =
            sink.finish(Some(&node)).into_iter().map(|told| file.text()[told.span.start..told.span.end].to_owned());
        (found.on_failure, found.dead_letter, told.collect())
    }

    #[test]
    fn what_nobody_chose_is_what_the_driver_can_do() {
        let nack = Capabilities { nack: true, ..NOTHING };
        for (options, capabilities, expected) in [
            ("{}", nack, OnFailure::Nack),
            ("{}", NOTHING, OnFailure::Drop),
            (r#"{"dead_letter": "c"}"#, NOTHING, OnFailure::DeadLetter),
            (r#"{"dead_letter": "c"}"#, nack, OnFailure::Nack),
            (r#"{"dead_letter": "c", "on_failure": "dead_letter"}"#, nack, OnFailure::DeadLetter),
            (r#"{"on_failure": "dead_letter"}"#, Capabilities { dead_letter: true, ..NOTHING }, OnFailure::DeadLetter),
            (r#"{"max_deliveries": 3, "on_failure": "nack"}"#, nack, OnFailure::Nack),
            (r#"{"metadata": {"X-Count": "delivery_count"}}"#, nack, OnFailure::Nack),
        ] {
            let (on_failure, dead_letter, told) = read(options, capabilities);
            assert_eq!((on_failure, told), (expected, Vec::new()), "{options}");
            assert_eq!(dead_letter.as_deref(), options.contains("\"c\"").then_some("mem://c"), "{options}");
        }
    }

    #[test]
    fn what_the_driver_cannot_do_is_refused() {
        for (options, expected) in [
            (r#"{"on_failure": "nack"}"#, r#""nack""#),
            (r#"{"on_failure": "dead_letter"}"#, r#""dead_letter""#),
            (r#"{"max_deliveries": 3}"#, r#""max_deliveries""#),
            (r#"{"metadata": {"A": "key"}}"#, r#""key""#),
            (r#"{"metadata": {"A": "delivery_count"}}"#, r#""delivery_count""#),
            (r#"{"metadata": {"A": "offset"}}"#, r#""offset""#),
            (r#"{"metadata": {"A": "partition"}}"#, r#""partition""#),
            (r#"{"metadata": {"A": "timestamp"}}"#, r#""timestamp""#),
        ] {
            assert_eq!(read(options, NOTHING).2, [expected], "{options}");
        }
        let told = read(r#"{"metadata": {"A": "attribute.b"}}"#, Capabilities { attributes: false, ..NOTHING }).2;
        assert_eq!(told, [r#""attribute.b""#]);
    }
}
