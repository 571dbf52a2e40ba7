//! The settings of one broker, by the kinds that its driver declares.

use std::path::PathBuf;

use sluicegate_drivers::{Driver, OpenError, Setting, SettingKind, Settings, Source as AtRunTime};

use crate::check::{Context, variable_name};
use crate::diagnostic::Diagnostic;
use crate::model::{BrokerSetting, Secret, Source};
use crate::suggest::closest;
use crate::syntax::kind::{Key, Kind, described, key};
use crate::syntax::{Object, is_comment, walk};
use crate::tree::{Member, Node, Value};

/// What every broker has besides its driver's settings.
pub(crate) static COMMON: &[Key] = described![
    /// Whose broker it is: the name of a driver.
    key("driver", Kind::Text),
    /// Whether `/__ready` answers 503 while it is not connected. Default: false.
    key("required", Kind::Bool),
    /// How many publishes may wait for their confirmation, and how many requests for a message. Default: 10000.
    key("max_in_flight", Kind::Integer),
];

/// Reads one broker's settings.
pub(super) struct Reader<'a> {
    context: &'a Context<'a>,
    driver: &'static Driver,
    broker: &'a str,
    found: Vec<BrokerSetting>,
    /// Settings that are there under a wrong name or with a wrong value, which was reported.
    reported: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: &'a Context<'a>, driver: &'static Driver, broker: &'a str) -> Self {
        Self { context, driver, broker, found: Vec::new(), reported: Vec::new() }
    }

    /// What could be read, in the order of the file.
    pub(super) fn read(mut self, object: Object<'_>) -> Vec<BrokerSetting> {
        let mut complete = true;
        self.level(object.node(), "");
        for required in self.driver.settings.iter().filter(|setting| setting.required) {
            let name = required.name;
            if self.found.iter().all(|found| found.name != name) && !self.reported.contains(&name) {
                let message = format!("`{name}` is missing in the broker `{}`", self.broker);
                let error = Diagnostic::error("missing-key", object.mark(), message);
                self.context.push(error.label(format!("the driver `{}` needs it", self.driver.name)));
                complete = false;
            }
        }
        if complete && self.reported.is_empty() {
            self.together(object);
        }
        self.found
    }

    /// What the driver says of the settings together, and of those values that stand in the config.
    fn together(&self, object: Object<'_>) {
        let Some(check) = self.driver.check_settings else { return };
        let Err(error) = check(&as_at_run_time(self.broker, &self.found)) else { return };
        let place = match &error {
            OpenError::Setting { name, .. } => {
                name.split('.').try_fold(object.node(), |node, key| node.member(key).map(|member| &member.value))
            }
            _ => None,
        };
        let span = place.map_or(object.mark(), |node| node.span);
        let diagnostic = Diagnostic::error("bad-setting", span, error.to_string());
        self.context.push(diagnostic.label(format!("the driver `{}` could not use it", self.driver.name)));
    }

    /// One object: the broker itself, or what stands below a setting's dot.
    fn level(&mut self, node: &Node, prefix: &str) {
        for member in node.members().iter().filter(|member| !is_comment(&member.key)) {
            let name = format!("{prefix}{}", member.key);
            let settings = self.driver.settings;
            let inside = |setting: &Setting| setting.name.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'));
            if prefix.is_empty() && COMMON.iter().any(|common| common.name == name) {
                continue;
            } else if let Some(setting) = settings.iter().find(|setting| setting.name == name) {
                self.setting(setting, &member.value);
            } else if settings.iter().any(inside) {
                let what = format!("`{name}` of the broker `{}`", self.broker);
                if matches!(member.value.value, Value::Object(_)) {
                    self.level(&member.value, &format!("{name}."));
                } else {
                    hide(self.context, &member.value);
                    walk(&member.value, &Kind::Map(&Kind::Any), &what, self.context.sink);
                    self.reported.extend(settings.iter().filter(|setting| inside(setting)).map(|setting| setting.name));
                }
            } else {
                self.unknown(member, prefix);
            }
        }
    }

    fn unknown(&mut self, member: &Member, prefix: &str) {
        // It may be a secret under a misspelt name.
        hide(self.context, &member.value);
        let here = self.driver.settings.iter().filter_map(|setting| setting.name.strip_prefix(prefix));
        let here = here.map(|rest| rest.split('.').next().unwrap_or(rest));
        let common = COMMON.iter().map(|common| common.name).filter(|_| prefix.is_empty());
        let meant = closest(&member.key, here.chain(common));
        if let Some(meant) = meant {
            let name = format!("{prefix}{meant}");
            self.reported
                .extend(self.driver.settings.iter().map(|setting| setting.name).filter(|known| *known == name));
        }
        let message = format!("unknown key `{prefix}{}` in the broker `{}`", member.key, self.broker);
        let error = Diagnostic::error("unknown-key", member.key_span, message);
        let error = error.label(format!("the driver `{}` has no such setting", self.driver.name));
        self.context.push(error.did_you_mean(meant));
    }

    fn setting(&mut self, setting: &Setting, node: &Node) {
        let what = format!("`{}` of the broker `{}`", setting.name, self.broker);
        let values = match setting.kind {
            SettingKind::Flag => self.literal(setting, node, &Kind::Bool, &what).map(|value| vec![value]),
            SettingKind::Number => self.literal(setting, node, &Kind::Integer, &what).map(|value| vec![value]),
            SettingKind::Duration => self.literal(setting, node, &Kind::Duration, &what).map(|value| vec![value]),
            SettingKind::List | SettingKind::Paths if node.is_array() => {
                node.items().iter().map(|item| self.source(setting, item, &what)).collect()
            }
            SettingKind::Text | SettingKind::Secret | SettingKind::Path | SettingKind::List | SettingKind::Paths => {
                self.source(setting, node, &what).map(|value| vec![value])
            }
        };
        match values {
            Some(values) if values.is_empty() => {
                let error = Diagnostic::error("empty-value", node.span, format!("{what} is empty"));
                self.context.push(error.label("expected one or more"));
                self.reported.push(setting.name);
            }
            Some(values) => self.found.push(BrokerSetting { name: setting.name, values }),
            None => self.reported.push(setting.name),
        }
    }

    /// A value that is no text, as its text; or `env:NAME` or `file:PATH`, which hold one.
    fn literal(&self, setting: &Setting, node: &Node, kind: &Kind, what: &str) -> Option<Source> {
        if node.text().is_some_and(|text| text.value.starts_with("env:") || text.value.starts_with("file:")) {
            return self.source(setting, node, what);
        }
        walk(node, kind, what, self.context.sink).then_some(())?;
        if let Value::Number(number) = &node.value
            && number.starts_with('-')
        {
            let error = Diagnostic::error("out-of-range", node.span, format!("{what} is negative"));
            self.context.push(error.label("expected 0 or more"));
            return None;
        }
        Some(Source::Literal(node.text().map_or_else(|| node.to_json(), |text| text.value.clone())))
    }

    /// A text: `env:NAME`, `file:PATH`, or what it says.
    fn source(&self, setting: &Setting, node: &Node, what: &str) -> Option<Source> {
        let Some(text) = node.text().map(|text| text.value.as_str()) else {
            hide(self.context, node);
            if !matches!(node.value, Value::Unreadable) {
                let many = matches!(setting.kind, SettingKind::List | SettingKind::Paths);
                let expected = if many { "a string or a list of strings" } else { "a string" };
                let message = format!("{what} must be {expected}, not {}", node.type_name());
                let error = Diagnostic::error("wrong-type", node.mark(), message);
                self.context.push(error.label(format!("expected {expected}, found {}", node.type_name())));
            }
            return None;
        };
        let is_path = matches!(setting.kind, SettingKind::Path | SettingKind::Paths);
        if let Some(name) = text.strip_prefix("env:") {
            return variable_name(self.context, node, name).then(|| Source::Env(name.to_owned()));
        }
        let path = text.strip_prefix("file:");
        if path.unwrap_or(text).is_empty() {
            let error = Diagnostic::error("empty-value", node.span, format!("{what} is empty"));
            self.context.push(error.label("leave the key out to have its default"));
            return None;
        }
        match path {
            // What is read from a file already.
            Some(path) if is_path => Some(Source::Literal(path.to_owned())),
            Some(path) => Some(Source::File(path.to_owned())),
            None if setting.kind == SettingKind::Secret || holds_login(setting.kind, text) => {
                hide(self.context, node);
                let warning =
                    Diagnostic::warning("secret-in-config", node.span, format!("{what} is a secret in plain text"));
                let warning = warning.label("whoever can read this file or the binary can read it");
                self.context.push(
                    warning.help(
                        "write `\"env:NAME\"` or `\"file:PATH\"`, which are read when the broker is connected to",
                    ),
                );
                Some(Source::Secret(Secret(text.to_owned())))
            }
            None => Some(Source::Literal(text.to_owned())),
        }
    }
}

/// The settings as generated code has them. Those are static, so a build keeps these texts until it ends.
fn as_at_run_time(broker: &str, found: &[BrokerSetting]) -> Settings {
    let keep = |text: &str| -> &'static str { Box::leak(text.into()) };
    let source = |source: &Source| match source {
        Source::Literal(text) | Source::Secret(Secret(text)) => AtRunTime::Literal(keep(text)),
        Source::Env(name) => AtRunTime::Env(keep(name)),
        Source::File(path) => AtRunTime::File(keep(path)),
    };
    let setting = |setting: &BrokerSetting| {
        let values: Vec<AtRunTime> = setting.values.iter().map(source).collect();
        (setting.name, &*values.leak())
    };
    let values: Vec<(&'static str, &'static [AtRunTime])> = found.iter().map(setting).collect();
    Settings { name: Some(keep(broker)), values: values.leak(), base: PathBuf::new() }
}

/// Whether addresses have a login in them. There may be several in one text, without a scheme, and a password may be any
/// text: so whatever has an `@` is taken to have one.
fn holds_login(kind: SettingKind, text: &str) -> bool {
    text.contains('@') && (kind == SettingKind::List || text.contains("://"))
}

/// Keeps every text and number in `node` out of what is drawn.
pub(super) fn hide(context: &Context<'_>, node: &Node) {
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| hide(context, item)),
        Value::Object(members) => members.iter().for_each(|member| hide(context, &member.value)),
        Value::String(text) if text.value.starts_with("env:") || text.value.starts_with("file:") => {}
        // Without its quotes.
        Value::String(text) => context.hide(node.part(0..text.value.len())),
        Value::Number(_) => context.hide(node.span),
        Value::Unreadable | Value::Null | Value::Bool(_) => {}
    }
}
