//! `pubsub/brokers`: what each driver is told.

use serde_json::{Map, Value, json};
use sluicegate_drivers::{ALL, Driver, SettingKind};

use super::{Schema, describe, object, or_include, patterns, refer, require};
use crate::check::{BROKER_KEYS, can_be_named};
use crate::syntax::kind::{Kind, SIZE};

/// A letter, and then letters, digits, `_` and `-`.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";

impl Schema {
    pub(super) fn brokers(&mut self) -> Value {
        let drivers: Vec<_> = ALL.iter().copied().filter(|driver| driver.has_client && can_be_named(driver)).collect();
        let mut each = Vec::new();
        for driver in &drivers {
            let name = format!("broker-of-{}", driver.name);
            let definition = self.broker(driver);
            self.definitions.insert(name.clone(), definition);
            let chosen = json!({"properties": {"driver": {"const": driver.name}}, "required": ["driver"]});
            each.push(json!({"if": chosen, "then": refer("object", &name)}));
        }
        let names: Vec<_> = drivers.iter().map(|driver| driver.name).collect();
        let driver = json!({"anyOf": [{"enum": names}, self.variable()], "description": "Whose broker it is."});
        let mut broker = json!({"type": "object", "properties": {"driver": driver}, "allOf": each});
        require(&mut broker, json!({"required": ["driver"]}));
        self.definitions.insert("broker".to_owned(), broker);
        let mut brokers = object(Map::new());
        brokers["patternProperties"][NAME] = refer("object", "broker");
        brokers
    }

    fn broker(&mut self, driver: &'static Driver) -> Value {
        let mut properties = Map::new();
        for key in BROKER_KEYS {
            let schema = self.key(key);
            properties.insert(key.name.to_owned(), schema);
        }
        // The check of brokers says this.
        properties["driver"]["const"] = json!(driver.name);
        properties["max_in_flight"]["minimum"] = json!(1);
        properties["max_in_flight"]["maximum"] = json!(u32::MAX);
        for setting in driver.settings {
            let mut schema = self.setting(setting.kind);
            describe(&mut schema, setting.about);
            put(&mut properties, setting.name, schema);
        }
        let mut schema = object(properties);
        let required = driver.settings.iter().filter(|setting| setting.required && !setting.name.contains('.'));
        let required: Vec<_> = std::iter::once("driver").chain(required.map(|setting| setting.name)).collect();
        require(&mut schema, json!({"required": required}));
        schema
    }

    fn setting(&mut self, kind: SettingKind) -> Value {
        match kind {
            SettingKind::Flag => self.or_at_start(&Kind::Bool),
            SettingKind::Number => self.or_at_start(&SIZE),
            SettingKind::Duration => self.or_at_start(&Kind::Duration),
            SettingKind::Text | SettingKind::Secret | SettingKind::Path => self.source(),
            SettingKind::List | SettingKind::Paths => {
                let text = self.source();
                json!({"anyOf": [text, {"type": "array", "minItems": 1, "items": or_include(text.clone())}]})
            }
        }
    }

    /// The value, or where the gateway reads it when it starts.
    fn or_at_start(&mut self, kind: &'static Kind) -> Value {
        let value = self.kind(kind);
        json!({"anyOf": [value, {"type": "string", "pattern": patterns::AT_START}]})
    }

    /// A text, a variable or a file.
    fn source(&mut self) -> Value {
        let message = "expected a text, `env:NAME` or `file:PATH`";
        self.text("setting", patterns::SOURCE, message)
    }
}

/// Puts `tls.ca_certs` into the object `tls`.
fn put(properties: &mut Map<String, Value>, name: &str, schema: Value) {
    match name.split_once('.') {
        None => drop(properties.insert(name.to_owned(), schema)),
        Some((outer, inner)) => {
            let level = properties.entry(outer).or_insert_with(|| {
                let mut level = object(Map::new());
                describe(&mut level, &format!("The settings of `{outer}`."));
                level
            });
            if let Some(properties) = level["properties"].as_object_mut() {
                put(properties, inner, schema);
            }
        }
    }
}
