//! `declare`: what a topic or subscription is declared as to its broker. What it holds is read here, what of it makes sense
//! is the driver's to say.

use std::collections::HashMap;

use sluicegate_drivers::{Argument, Binding, Declaration, DeclarationError, Driver, Side, rabbitmq};

use super::Context;
use super::publish::incapable;
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::tree::{Member, Node, Span, Value};

/// What is declared at a broker.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Place {
    driver: &'static str,
    broker: Option<String>,
    side: Side,
    name: String,
}

/// What publishers and subscribers have declared of each, and where.
pub(super) type Declared = HashMap<Place, Vec<(&'static Declaration, Span)>>;

impl Place {
    /// Parameters are the publisher's or subscriber's own, and a driver's schemes mean the same.
    pub(super) fn new(driver: &Driver, broker: Option<String>, side: Side, url: &str) -> Self {
        let name = url.split_once("://").map_or(url, |(_, name)| name);
        let name = name.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned();
        Self { driver: driver.name, broker, side, name }
    }
}

/// Reports what is declared as something else elsewhere: a broker takes the one and refuses the other, whichever comes first.
pub(super) fn once(context: &Context<'_>, place: Place, declaration: &'static Declaration, span: Span) {
    let mut declared = context.declared.borrow_mut();
    let others = declared.get(&place).map_or(&[][..], Vec::as_slice);
    if let Some((_, first)) = others.iter().find(|(other, _)| !is_same(&place, other, declaration)) {
        let message = format!("`{}` is declared in two ways at one broker", place.name);
        let error = Diagnostic::error("declared-twice", span, message).label("declared as something else here");
        let error = error.related(*first, "the first is here");
        context.push(
            error.note("the broker would refuse one of them").help("write the same in both, or `declare` in one alone"),
        );
        return;
    }
    declared.entry(place).or_default().push((declaration, span));
}

/// Whether a broker takes both. A queue may be bound by each.
fn is_same(place: &Place, one: &Declaration, other: &Declaration) -> bool {
    let kind = |declaration: &Declaration| match (declaration.kind, place.side) {
        (None, Side::Topic) if place.driver == rabbitmq::DRIVER.name => Some(rabbitmq::DEFAULT_EXCHANGE_TYPE),
        (None, _) => match declaration.argument("x-queue-type") {
            Some(Argument::Text(kind)) => Some(kind),
            _ => None,
        },
        (kind, _) => kind,
    };
    let has = |declaration: &Declaration, all: &Declaration| {
        let mut arguments = declaration.arguments.iter().filter(|(name, _)| *name != "x-queue-type");
        arguments.all(|argument| all.arguments.contains(argument))
    };
    kind(one) == kind(other)
        && one.durable == other.durable
        && one.auto_delete == other.auto_delete
        && has(one, other)
        && has(other, one)
}

/// Reads `declare` among the options of a publisher or subscriber.
pub(super) fn read(context: &Context<'_>, options: Object<'_>) -> Option<&'static Declaration> {
    let object = options.object("declare")?;
    let before = context.sink.len();
    let flag = |key: &str| match object.get(key).map(|node| &node.value) {
        Some(Value::Bool(value)) => Some(*value),
        _ => None,
    };
    // Those without an exchange were reported.
    let binding = |binding: Object<'_>| {
        Some(Binding {
            exchange: keep(binding.text("exchange")?.value),
            routing_key: binding.text("routing_key").map_or("", |text| keep(text.value)),
            arguments: arguments(context, binding),
        })
    };
    let bindings: Vec<Binding> = object.objects("bindings").filter_map(binding).collect();
    let default = Declaration::new();
    let declaration = Declaration {
        kind: object.text("type").map(|text| keep(text.value)),
        durable: flag("durable").unwrap_or(default.durable),
        auto_delete: flag("auto_delete").unwrap_or(default.auto_delete),
        arguments: arguments(context, object),
        bindings: bindings.leak(),
    };
    (context.sink.len() == before).then(|| &*Box::leak(Box::new(declaration)))
}

/// Reports what the driver does not accept. `url` is that of the topic or subscription, where the driver accepts it.
pub(super) fn check(
    context: &Context<'_>,
    options: Object<'_>,
    driver: &Driver,
    side: Side,
    url: Option<&str>,
    declared: Option<&Declaration>,
) {
    let Some(member) = options.member("declare") else { return };
    if !driver.capabilities.declare {
        let message = format!("nothing can be declared to the driver `{}`", driver.name);
        return incapable(context, member.key_span, message, "set up at the broker", |able| able.declare);
    }
    let (Some(check), Some(url), Some(declaration)) = (driver.check_declaration, url, declared) else { return };
    for error in check(url, side, declaration) {
        let diagnostic = Diagnostic::error("bad-declaration", span(member, &error), error.message);
        context.push(match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}

/// Where the part stands that `error` points at; the key `declare` where that part is not there.
fn span(declare: &Member, error: &DeclarationError) -> Span {
    let Some((parent, name)) = error.pointer.rsplit_once('/') else { return declare.key_span };
    let name = name.replace("~1", "/").replace("~0", "~");
    match declare.value.resolve(parent).member(&name) {
        Some(member) if error.of_name => member.key_span,
        Some(member) => member.value.mark(),
        None => declare.key_span,
    }
}

fn arguments(context: &Context<'_>, object: Object<'_>) -> &'static [(&'static str, Argument)] {
    object.get("arguments").map_or(&[], |node| table(context, node))
}

/// Of a name given twice, which was reported, the last.
fn table(context: &Context<'_>, node: &Node) -> &'static [(&'static str, Argument)] {
    let members: Vec<_> =
        node.members().iter().map(|member| (keep(&member.key), argument(context, &member.value))).collect();
    members.leak()
}

fn argument(context: &Context<'_>, node: &Node) -> Argument {
    match &node.value {
        Value::Null | Value::Unreadable => Argument::Null,
        Value::Bool(value) => Argument::Boolean(*value),
        Value::Number(number) => self::number(context, node.span, number),
        Value::String(text) => Argument::Text(keep(&text.value)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| argument(context, item)).collect();
            Argument::List(items.leak())
        }
        Value::Object(_) => Argument::Table(table(context, node)),
    }
}

fn number(context: &Context<'_>, span: Span, number: &str) -> Argument {
    if let Ok(whole) = number.parse() {
        return Argument::Integer(whole);
    }
    let is_whole = !number.contains(['.', 'e', 'E']);
    match number.parse::<f64>() {
        Ok(float) if float.is_finite() && !is_whole => Argument::Float(float),
        _ => {
            let error = Diagnostic::error("out-of-range", span, format!("`{number}` does not fit into 64 bits"));
            context.push(error.label("no broker could be told"));
            Argument::Null
        }
    }
}

/// Generated code is static, and so are the driver's types: a build keeps these texts until it ends.
fn keep(text: &str) -> &'static str {
    Box::leak(text.into())
}
