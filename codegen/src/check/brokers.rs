//! `pubsub/brokers`: named brokers, each held against the settings that its driver declares.

mod settings;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use sluicegate_drivers::{ALL, Driver};

pub(crate) use self::settings::COMMON;
use self::settings::{Reader, hide};
use super::{Context, at_start};
use crate::diagnostic::Diagnostic;
use crate::model::NamedBroker;
use crate::suggest::closest;
use crate::syntax::kind::{At, Kind};
use crate::syntax::{Object, is_comment, walk};
use crate::tree::{Member, Span};

const BROKERS: &str = "pubsub/brokers";

/// The brokers that the service names.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    declared: Vec<Declared>,
}

/// A broker that the service names, right or wrong.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    span: Span,
    /// With the place that names it. `None` when that is wrong, and was reported.
    pub(super) driver: Option<(&'static Driver, Span)>,
    model: Option<NamedBroker>,
    used: Cell<bool>,
}

/// What a publisher or a subscriber says in `broker`.
pub(super) enum Choice<'a> {
    /// Nothing: the broker that the environment describes.
    Environment,
    /// A broker of the service.
    Named(&'a Declared, Span),
    /// Something that was reported.
    Wrong,
}

/// Reads `pubsub/brokers` of the service.
pub(super) fn brokers(context: &Context<'_>, service: Object<'_>) -> Brokers {
    let Some(namespace) = service.namespace(BROKERS) else { return Brokers::default() };
    let members = namespace.value.members();
    let mut names = HashSet::with_capacity(members.len());
    // A key given twice was reported.
    let meant = members.iter().filter(|member| !is_comment(&member.key) && names.insert(&member.key));
    let declared: Vec<Declared> = meant.map(|member| self::declared(context, member)).collect();
    let mut seen: HashMap<String, &Declared> = HashMap::with_capacity(declared.len());
    for second in &declared {
        let first = *seen.entry(plain(&second.name)).or_insert(second);
        if !std::ptr::eq(first, second) {
            let message = format!("the brokers `{}` and `{}` are called alike", first.name, second.name);
            let error = Diagnostic::error("bad-broker-name", second.span, message).label("too like the other one");
            context.push(error.related(first.span, "the other one is here"));
        }
    }
    // What KrakenD lacks has nothing to be portable to.
    if declared.iter().any(|broker| broker.driver.is_some_and(|(driver, _)| driver.name != "mem")) {
        let message = "`pubsub/brokers` would do nothing on a KrakenD";
        let warning = Diagnostic::warning("krakend-needs", namespace.key_span, message);
        context.push(warning.label("KrakenD has one broker of each kind, which its environment describes"));
    }
    Brokers { declared }
}

/// What tells a name from others in generated code.
fn plain(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

impl Brokers {
    /// What the options of a publisher or a subscriber choose.
    pub(super) fn choice(&self, context: &Context<'_>, options: Object<'_>) -> Choice<'_> {
        let Some(At { value, span }) = options.text("broker") else {
            return if options.has("broker") { Choice::Wrong } else { Choice::Environment };
        };
        if let Some(found) = self.declared.iter().find(|declared| declared.name == value) {
            found.used.set(true);
            return Choice::Named(found, span);
        }
        let error = Diagnostic::error("unknown-broker", span, format!("no broker is called `{value}`"));
        let error = error.label("`pubsub/brokers` of the service has no such broker");
        let names = || self.declared.iter().map(|declared| declared.name.as_str());
        let meant = closest(value, names());
        context.push(match (meant, names().next()) {
            (Some(_), _) => error.did_you_mean(meant),
            (None, Some(_)) => {
                let names: Vec<_> = names().map(|name| format!("`{name}`")).collect();
                error.help(format!("the brokers are {}", names.join(", ")))
            }
            (None, None) => error.help(format!(
                "add to the service: `\"extra_config\": {{\"{BROKERS}\": {{\"{value}\": {{\"driver\": \"nats\", ...}}}}}}`, \
                 or leave the key out for the broker that the environment describes"
            )),
        });
        // Whoever is one slip away is meant, and so not unused.
        if let Some(meant) = meant {
            self.declared.iter().filter(|declared| declared.name == meant).for_each(|declared| declared.used.set(true));
        }
        Choice::Wrong
    }

    /// Those that something uses. The others are reported.
    pub(super) fn into_used(self, context: &Context<'_>) -> Vec<NamedBroker> {
        let used = |declared: Declared| {
            if !declared.used.get() {
                let message = format!("nothing uses the broker `{}`", declared.name);
                let warning = Diagnostic::warning("unused-broker", declared.span, message);
                let help = format!("write `\"broker\": \"{}\"` in a publisher or a subscriber", declared.name);
                context.push(warning.label("it is not connected to").help(help));
                return None;
            }
            declared.model
        };
        self.declared.into_iter().filter_map(used).collect()
    }
}

fn declared(context: &Context<'_>, member: &Member) -> Declared {
    name(context, member);
    let name = member.key.clone();
    let mut declared = Declared { name, span: member.key_span, driver: None, model: None, used: Cell::new(false) };
    let Some(object) = Object::of(&member.value) else {
        hide(context, &member.value);
        walk(&member.value, &Kind::Map(&Kind::Any), &format!("the broker `{}`", member.key), context.sink);
        return declared;
    };
    declared.driver = driver(context, object, &member.key);
    let Some((driver, _)) = declared.driver else {
        // Nobody knows which of its values are secrets.
        let unknown = |member: &&Member| COMMON.iter().all(|common| common.name != member.key);
        object.node().members().iter().filter(unknown).for_each(|member| hide(context, &member.value));
        return declared;
    };
    declared.model = broker(context, member, object, driver);
    declared
}

/// Without settings there is nothing to tell a broker by, unless it needs nothing at all.
pub(crate) fn can_be_named(driver: &Driver) -> bool {
    !driver.settings.is_empty() || driver.environment.is_empty()
}

fn name(context: &Context<'_>, member: &Member) {
    let name = member.key.as_str();
    let well_formed = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !well_formed {
        let error =
            Diagnostic::error("bad-broker-name", member.key_span, format!("`{name}` cannot be a broker's name"));
        context.push(error.label("a name is a letter, and then letters, digits, `_` and `-`, at most 64"));
    } else if ALL.iter().any(|driver| driver.name == name) {
        let message = format!("`{name}` is the name of a driver and cannot be a broker's");
        let error = Diagnostic::error("bad-broker-name", member.key_span, message);
        context.push(
            error
                .label("this name is kept for the broker that the environment describes")
                .help("call it by what it is for"),
        );
    }
}

fn driver(context: &Context<'_>, object: Object<'_>, broker: &str) -> Option<(&'static Driver, Span)> {
    let Some(node) = object.get("driver") else {
        let misspelt = object.node().members().iter().find(|member| closest(&member.key, ["driver"]).is_some());
        if let Some(member) = misspelt {
            let message = format!("unknown key `{}` in the broker `{broker}`", member.key);
            let error = Diagnostic::error("unknown-key", member.key_span, message).label("no such key");
            context.push(error.did_you_mean(Some("driver")));
            return None;
        }
        let message = format!("`driver` is missing in the broker `{broker}`");
        let error = Diagnostic::error("missing-key", object.mark(), message).label("this has no `driver`");
        context.push(error.help("write `\"driver\": \"nats\"`, say"));
        return None;
    };
    walk(node, &Kind::Text, &format!("`driver` of the broker `{broker}`"), context.sink).then_some(())?;
    let (name, span) = (node.text()?.value.as_str(), node.span);
    let Some(driver) = ALL.iter().copied().find(|driver| driver.name == name) else {
        let error = Diagnostic::error("unknown-driver", span, format!("unknown driver `{name}`"));
        let error = error.label("no driver has this name");
        let by_scheme = sluicegate_drivers::by_scheme(name).map(|driver| driver.name);
        let meant = by_scheme.or_else(|| closest(name, ALL.iter().map(|driver| driver.name)));
        let list: Vec<_> = ALL.iter().map(|driver| format!("`{}`", driver.name)).collect();
        context.push(match meant {
            Some(_) => error.did_you_mean(meant),
            None => error.help(format!("the drivers are {}", list.join(", "))),
        });
        return None;
    };
    if !driver.has_client {
        context.not_yet(span, &format!("the driver `{name}`"));
        return None;
    }
    if !can_be_named(driver) {
        let message = format!("a broker of the driver `{name}` cannot be named yet");
        let error = Diagnostic::error("unsupported", span, message).label("this driver has no settings");
        context.push(error.help("leave `broker` out of its backends: the environment describes it"));
        return None;
    }
    Some((driver, span))
}

fn broker(context: &Context<'_>, member: &Member, object: Object<'_>, driver: &'static Driver) -> Option<NamedBroker> {
    let name = member.key.as_str();
    let settings = Reader::new(context, driver, name).read(object);
    for (value, key) in COMMON.iter().filter_map(|key| Some((object.get(key.name)?, key))) {
        walk(value, &key.kind, &format!("`{}` of the broker `{name}`", key.name), context.sink);
        at_start::check(context.sink, value);
    }
    let max_in_flight = object.integer("max_in_flight").and_then(|max| {
        let valid = u32::try_from(max.value).ok().filter(|max| *max > 0);
        if valid.is_none() {
            let error = Diagnostic::error("out-of-range", max.span, "`max_in_flight` must be above 0");
            context.push(error.label("nothing could be published or received"));
        }
        valid
    });
    Some(NamedBroker {
        place: context.place(member.key_span),
        name: name.to_owned(),
        driver: driver.name,
        required: object.flag("required"),
        max_in_flight,
        settings,
    })
}
