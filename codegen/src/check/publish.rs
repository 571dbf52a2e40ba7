//! What a publisher has besides its topic: the message's key, id and attributes, and what is answered.

use sluicegate_drivers::{ALL, Capabilities, Driver, Part, Parts};

use super::endpoint::Owner;
use super::pubsub::PUBLISHER;
use super::{Context, declare};
use crate::diagnostic::Diagnostic;
use crate::model::{Confirm, Names, Output, PublishOptions, Respond, Template};
use crate::syntax::Object;
use crate::tree::{Member, Span};

/// The header of a request that may be sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Reads the options of a publisher, whatever its driver. `backend` is the object that they belong to.
pub(super) fn options(
    context: &Context<'_>,
    backend: Object<'_>,
    options: Object<'_>,
    owner: &Owner<'_>,
) -> Option<PublishOptions> {
    if let (Some(first), Some(second)) = (options.member("key"), options.member("ordering_key")) {
        let message = "`key` and `ordering_key` are two names of one option";
        let error = Diagnostic::error("both-names", second.key_span, message).label("given again here");
        context.push(error.related(first.key_span, "the first is here").help("keep one of them"));
        return None;
    }
    let before = context.sink.len();
    let key = required(context, options, "key", owner).or(required(context, options, "ordering_key", owner));
    let dedup_id = required(context, options, "dedup_id", owner);
    let attributes = attributes(options).filter_map(|member| {
        attribute_name(context, member);
        Some((member.key.clone(), Template::parse(context, &member.value, owner)?))
    });
    let options = PublishOptions {
        key,
        dedup_id,
        attributes: attributes.collect(),
        confirm: confirm(options).map_or(Confirm::All, |(confirm, _)| confirm),
        respond: respond(context, backend, options, owner),
        declare: declare::read(context, options),
    };
    (context.sink.len() == before).then_some(options)
}

/// Reports what the driver cannot do for these options, and attributes that another part of the message has.
pub(super) fn capabilities(
    context: &Context<'_>,
    backend: Object<'_>,
    options: Object<'_>,
    owner: &Owner<'_>,
    driver: &Driver,
) {
    let able = driver.capabilities;
    for key in ["key", "ordering_key"] {
        if let Some(member) = options.member(key).filter(|_| !able.key) {
            let message = format!("the messages of the driver `{}` have no key", driver.name);
            incapable(context, member.key_span, message, "nothing carries it", |able| able.key);
        }
    }
    if let Some(member) = options.member("dedup_id").filter(|_| !able.dedup) {
        let message = format!("the driver `{}` does not deduplicate messages", driver.name);
        incapable(context, member.key_span, message, "nothing compares it", |able| able.dedup);
    }
    if let Some(member) =
        options.member("attributes").filter(|member| !able.attributes && !member.value.members().is_empty())
    {
        let message = format!("the messages of the driver `{}` have no attributes", driver.name);
        incapable(context, member.key_span, message, "nothing carries them", |able| able.attributes);
    }
    for member in attributes(options).filter(|member| !is_no_name(&member.key)) {
        if let Some(Err(message)) = driver.check_attribute.map(|check| check(&member.key)) {
            let error = Diagnostic::error("bad-attribute-name", member.key_span, message);
            context.push(error.label(format!("the driver `{}` cannot carry it", driver.name)));
        }
    }
    if let Some((confirm, span)) = confirm(options).filter(|(confirm, _)| !able.confirm.contains(confirm)) {
        let name = name_of(confirm);
        let message = format!("the driver `{}` has no confirmation `{name}`", driver.name);
        let able: Vec<_> = able.confirm.iter().map(|confirm| format!("`{}`", name_of(*confirm))).collect();
        let label = format!("it has {}", able.join(", "));
        incapable(context, span, message, &label, |able| able.confirm.contains(&confirm));
    }
    let as_id = able.dedup && !options.has("dedup_id");
    clashes(context, backend, options, owner, as_id);
}

/// Reports what the topic of `url` does not take of messages with these options. `place` is where its URL stands.
pub(super) fn message(context: &Context<'_>, options: Object<'_>, driver: &Driver, url: &str, place: Span) {
    let Some(check) = driver.check_message else { return };
    let parts = Parts {
        key: options.has("key") || options.has("ordering_key"),
        id: options.has("dedup_id"),
        attributes: attributes(options).filter(|member| !is_no_name(&member.key)).count(),
    };
    for (part, message) in check(url, &parts) {
        let span = |key: &str| options.member(key).map_or(place, |member| member.key_span);
        let error = |span, label: &str| Diagnostic::error("bad-message", span, message.clone()).label(label);
        context.push(match part {
            Part::Key => {
                error(place, "sent here").help("set `ordering_key`; a template makes it one per request: `{id}`")
            }
            Part::Id => error(span("dedup_id"), "nothing compares it").help("remove the key, or use a FIFO one"),
            Part::Attributes => error(span("attributes"), "too many").help("put some of them into the body"),
        });
    }
}

/// Warns of a `key_name` in the URL of a topic that names what no message has.
pub(super) fn key_name(context: &Context<'_>, options: Object<'_>, owner: &Owner<'_>, name: &str, place: Span) {
    if name.is_empty() || name.contains('%') || attributes(options).any(|member| member.key == name) {
        return;
    }
    let canonical = canonical(&name.to_ascii_lowercase());
    let listed = match owner.input_headers {
        Names::All => true,
        // Where no header is let in at all, the key may be meant to be left out.
        Names::List(list) => {
            let added = owner.added_headers.map(|added| added.contains(&name.to_ascii_lowercase()));
            // A script may add it.
            list.is_empty() || list.iter().any(|header| header.eq_ignore_ascii_case(name)) || added.unwrap_or(true)
        }
    };
    if !listed {
        let message = format!("no message has the attribute `{name}`, which is to be its key");
        let warning = Diagnostic::warning("unlisted-name", place, message).label("every message has no key");
        let help = format!("add `\"{canonical}\"` to `input_headers` of the endpoint, or to `attributes`");
        return context.push(warning.help(help));
    }
    if canonical != name {
        let message = format!("no message has the attribute `{name}`: headers have their canonical names");
        let warning = Diagnostic::warning("header-case", place, message).label("every message has no key");
        context.push(warning.help(format!("write `{canonical}`")));
    }
}

/// Warns of receipts that overwrite each other when the answers of one endpoint are merged.
pub(super) fn receipts(context: &Context<'_>, endpoint: Object<'_>) {
    let receipts: Vec<_> = endpoint
        .objects("backend")
        .filter_map(|backend| {
            let respond = backend.extra(PUBLISHER)?.text("respond").filter(|respond| respond.value == "receipt")?;
            Some((group(backend), respond.span))
        })
        .collect();
    for (index, (group, span)) in receipts.iter().enumerate() {
        if let Some((_, first)) = receipts[..index].iter().find(|(other, _)| other == group) {
            let message = "the receipts of two publishers overwrite each other";
            let warning =
                Diagnostic::warning("receipts-overwrite", *span, message).label("replaces the other's values");
            context.push(warning.related(*first, "the other is here").help("give each backend a `group` of its own"));
        }
    }
}

/// A template that must have a value in each request, and so cannot be empty.
fn required(context: &Context<'_>, options: Object<'_>, key: &str, owner: &Owner<'_>) -> Option<Template> {
    let node = options.get(key)?;
    if node.text()?.value.is_empty() {
        let error = Diagnostic::error("bad-template", node.span, format!("`{key}` is empty"));
        context.push(error.label("expected a value").help("leave the key out to have none"));
        return None;
    }
    Template::parse(context, node, owner)
}

fn attributes(options: Object<'_>) -> impl Iterator<Item = &Member> {
    options
        .get("attributes")
        .map_or(&[][..], |node| node.members())
        .iter()
        .filter(|member| member.value.text().is_some())
}

/// Whether no message at all can have an attribute of this name.
fn is_no_name(name: &str) -> bool {
    name.is_empty() || name.contains(char::is_control)
}

fn attribute_name(context: &Context<'_>, member: &Member) {
    if is_no_name(&member.key) {
        let error = Diagnostic::error("bad-attribute-name", member.key_span, "this cannot be the name of an attribute");
        context.push(error.label("expected one character or more, and no control characters"));
    }
}

fn confirm(options: Object<'_>) -> Option<(Confirm, Span)> {
    let text = options.text("confirm")?;
    let confirm = [Confirm::All, Confirm::Leader, Confirm::None].into_iter().find(|it| name_of(*it) == text.value)?;
    Some((confirm, text.span))
}

fn name_of(confirm: Confirm) -> &'static str {
    match confirm {
        Confirm::All => "all",
        Confirm::Leader => "leader",
        Confirm::None => "none",
    }
}

fn respond(context: &Context<'_>, backend: Object<'_>, options: Object<'_>, owner: &Owner<'_>) -> Respond {
    let Some(respond) = options.text("respond").filter(|respond| respond.value == "receipt") else {
        return Respond::Empty;
    };
    if owner.output == Output::NoOp {
        let message = "a receipt is JSON, and the endpoint's `no-op` answers without a body";
        let error = Diagnostic::error("no-op-receipt", respond.span, message).label("nobody would see it");
        context.push(error.help("remove the key, or the endpoint's `no-op`"));
    }
    Respond::Receipt { group: group(backend).map(str::to_owned) }
}

fn group(backend: Object<'_>) -> Option<&str> {
    backend.text("group").map(|group| group.value).filter(|group| !group.is_empty())
}

/// Reports attributes that a listed header has already. Where all headers pass, nobody can know, and attributes win.
fn clashes(context: &Context<'_>, backend: Object<'_>, options: Object<'_>, owner: &Owner<'_>, as_id: bool) {
    let Names::List(headers) = owner.input_headers else { return };
    let own = backend.texts("input_headers");
    let passes = |header: &str| {
        let becomes_id = as_id && header == IDEMPOTENCY_KEY;
        !becomes_id && (own.is_empty() || own.iter().any(|name| name.value.eq_ignore_ascii_case(header)))
    };
    for member in attributes(options) {
        let header = headers.iter().find(|header| canonical(header) == member.key);
        if header.is_some_and(|header| passes(header)) {
            let message = format!("the attribute `{}` is already sent: `input_headers` lists it", member.key);
            let error = Diagnostic::error("attribute-twice", member.key_span, message).label("one message, two values");
            context
                .push(error.help("remove one of them, or keep the header back with the backend's own `input_headers`"));
        }
    }
}

/// The name that a header has as an attribute: Go's canonical form.
fn canonical(header: &str) -> String {
    let mut start = true;
    let letter = |letter: char| {
        let first = std::mem::replace(&mut start, letter == '-');
        if first { letter.to_ascii_uppercase() } else { letter }
    };
    header.chars().map(letter).collect()
}

pub(super) fn incapable(
    context: &Context<'_>,
    span: Span,
    message: String,
    label: &str,
    able: impl Fn(&Capabilities) -> bool,
) {
    let error = Diagnostic::error("missing-capability", span, message).label(label);
    let drivers: Vec<_> =
        ALL.iter().filter(|driver| able(&driver.capabilities)).map(|driver| format!("`{}`", driver.name)).collect();
    context.push(match drivers.as_slice() {
        [] => error,
        [only] => error.help(format!("the driver {only} can")),
        several => error.help(format!("the drivers that can are {}", several.join(", "))),
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::Defaults;
    use crate::diagnostic::Sink;
    use crate::model::Method;
    use crate::source::SourceFile;

    /// A broker of messages that are a body and nothing else.
    fn bare() -> Driver {
        Driver {
            name: "bare",
            schemes: &["bare"],
            topic: None,
            subscription: None,
            environment: &[],
            settings: &[],
            capabilities: Capabilities { confirm: &[Confirm::All], ..Capabilities::default() },
            has_client: true,
            covers: None,
            check_attribute: None,
            reserved_attributes: &[],
            check_settings: None,
            check_declaration: None,
            check_message: None,
        }
    }

    /// What is underlined for a publisher of a driver that can do this much.
    fn refused(options: &str, capabilities: Capabilities, input_headers: &Names) -> Vec<String> {
        let file = SourceFile::new("a.json", "", options);
        let sink = Sink::default();
        let node = crate::json::parse(file.text(), 0, &sink).expect("an object");
        let defaults = Defaults { timeout: Duration::from_secs(2), ..Defaults::default() };
        let context = Context::new(file.as_ref(), &sink, defaults);
        let owner = Owner {
            params: Some(&[]),
            method: Method::Post,
            claims: false,
            pubsub_misplaced: false,
            output: Output::Json,
            added_headers: None,
            backends: 1,
            input_headers,
            input_query_strings: &Names::All,
            timeout: Duration::from_secs(2),
            turn: crate::check::calls::Turn::Beside,
        };
        let object = Object::new(&node);
        super::capabilities(&context, object, object, &owner, &Driver { capabilities, ..bare() });
        sink.finish(None).iter().map(|found| file.text()[found.span.start..found.span.end].to_owned()).collect()
    }

    #[test]
    fn what_a_driver_cannot_do_is_refused() {
        for (options, underlined) in [
            (r#"{"key": "a"}"#, vec![r#""key""#]),
            (r#"{"ordering_key": "a"}"#, vec![r#""ordering_key""#]),
            (r#"{"dedup_id": "a"}"#, vec![r#""dedup_id""#]),
            (r#"{"attributes": {"A": "a"}}"#, vec![r#""attributes""#]),
            (r#"{"attributes": {}}"#, vec![]),
            (r#"{"confirm": "leader"}"#, vec![r#""leader""#]),
            (r#"{"confirm": "none"}"#, vec![r#""none""#]),
            (r#"{"confirm": "all"}"#, vec![]),
            (r#"{"respond": "receipt"}"#, vec![]),
        ] {
            assert_eq!(refused(options, bare().capabilities, &Names::All), underlined, "{options}");
        }
    }

    #[test]
    fn an_attribute_has_one_source() {
        let able = Capabilities { attributes: true, confirm: &[Confirm::All], ..Capabilities::default() };
        let dedup = Capabilities { dedup: true, ..able };
        let listed = Names::List(vec!["x-order-id".to_owned(), "idempotency-key".to_owned()]);
        let none = Names::List(Vec::new());
        let order = vec![r#""X-Order-Id""#];
        for (options, capabilities, headers, underlined) in [
            (r#"{"attributes": {"X-Order-Id": "a"}}"#, able, &listed, order.clone()),
            (r#"{"attributes": {"x-order-id": "a"}}"#, able, &listed, vec![]),
            (r#"{"attributes": {"X-Order-Id": "a"}}"#, able, &Names::All, vec![]),
            (r#"{"attributes": {"Content-Type": "a"}}"#, able, &none, vec![]),
            (r#"{"input_headers": [""], "attributes": {"X-Order-Id": "a"}}"#, able, &listed, vec![]),
            (r#"{"input_headers": ["X-ORDER-ID"], "attributes": {"X-Order-Id": "a"}}"#, able, &listed, order.clone()),
            (r#"{"attributes": {"Idempotency-Key": "a"}}"#, able, &listed, vec![r#""Idempotency-Key""#]),
            (r#"{"attributes": {"Idempotency-Key": "a"}}"#, dedup, &listed, vec![]),
            (
                r#"{"dedup_id": "b", "attributes": {"Idempotency-Key": "a"}}"#,
                dedup,
                &listed,
                vec![r#""Idempotency-Key""#],
            ),
        ] {
            assert_eq!(refused(options, capabilities, headers), underlined, "{options}");
        }
    }

    #[test]
    fn headers_have_canonical_names() {
        for (header, expected) in [("x-order-id", "X-Order-Id"), ("etag", "Etag"), ("a--b-", "A--B-")] {
            assert_eq!(canonical(header), expected);
        }
    }
}
