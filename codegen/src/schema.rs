//! A JSON Schema of `gateway.json` for editors, made of the tables that the checks use.
//!
//! Draft-07, which the JSON language server of VS Code, the YAML server beside it and JetBrains' editors all know in full; of later
//! drafts they know parts. `errorMessage`, `patternErrorMessage` and `doNotSuggest` are words of the former that others ignore.
//!
//! What is known and refused stands in it as what matches nothing: an editor says why at the key. Where a check is code
//! and no table, the schema is looser than the check. It knows files as they are written: what `${NAME}` gives is not looked
//! into, and an object or a list, or an item of one, may be an `$include`. Only that a single text, number or boolean is one
//! it does not take, which would spoil what editors say of all others.

mod brokers;
mod namespaces;
mod overlay;
mod patterns;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::syntax::SERVICE;
use crate::syntax::kind::{Key, Kind, Record, Scope, Support};

/// How the names of comments begin.
const COMMENTS: &str = "^[@$_#]";
/// The key that brings another file in.
const INCLUDE: &str = "$include";

/// The schema of a config as indented JSON text with a line break at its end. The same version of Sluicegate gives the same
/// bytes.
#[must_use]
pub fn schema() -> String {
    text(&document())
}

/// The same of an overlay: a file that is laid over a config in one of its environments.
#[must_use]
pub fn overlay_schema() -> String {
    text(&overlay())
}

fn text(schema: &Value) -> String {
    // What is made of texts, numbers, lists and maps can be written.
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}

fn overlay() -> Value {
    let mut schema = document();
    overlay::relax(&mut schema);
    schema
}

fn document() -> Value {
    let mut schema = Schema::default();
    let mut root = schema.record(&SERVICE);
    root["title"] = json!("gateway.json of Sluicegate");
    root["properties"]["$schema"] =
        json!({"description": "The JSON Schema of this file, for editors. A comment to the gateway."});
    // The service's own checks say these.
    require(&mut root, json!({"required": ["version"]}));
    for (key, least, most) in [("version", 3, 3), ("port", 1, u16::MAX)] {
        root["properties"][key]["minimum"] = json!(least);
        root["properties"][key]["maximum"] = json!(most);
    }
    schema.definitions.insert("include".to_owned(), include());
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    if let Value::Object(root) = root {
        document.extend(root);
    }
    document.insert("definitions".to_owned(), schema.definitions.into());
    document.into()
}

/// The schema while it grows.
#[derive(Debug, Default)]
struct Schema {
    definitions: Map<String, Value>,
    /// The names of the records among them, by their addresses: a record may hold itself.
    records: HashMap<*const Record, String>,
}

impl Schema {
    /// What a value of the kind is.
    fn kind(&mut self, kind: &'static Kind) -> Value {
        match kind {
            Kind::Any => json!({}),
            Kind::Bool => self.plain("boolean", "expected `true`, `false` or `${NAME}`", json!({})),
            Kind::Integer => self.integer(json!({})),
            Kind::Number => self.number(json!({})),
            // A regular expression of Rust is not one of JavaScript, which JSON Schema's are.
            Kind::Text | Kind::Regex => json!({"type": "string"}),
            Kind::Choice(choices) => json!({"anyOf": [{"type": "string", "enum": choices}, self.variable()]}),
            Kind::Between(least, i64::MAX) => self.integer(json!({"minimum": least})),
            Kind::Between(least, most) => self.integer(json!({"minimum": least, "maximum": most})),
            Kind::Inside(above, below) if below.is_finite() => {
                self.number(json!({"exclusiveMinimum": above, "exclusiveMaximum": below}))
            }
            Kind::Inside(above, _) => self.number(json!({"exclusiveMinimum": above})),
            Kind::NotNegative => self.number(json!({"minimum": 0})),
            Kind::Share => self.number(json!({"minimum": 0, "maximum": 1})),
            Kind::Duration => {
                self.text("duration", patterns::DURATION, "a duration is written `250ms`, `2s` or `1m30s`")
            }
            Kind::Filled => self.text("filled", patterns::FILLED, "this is empty"),
            Kind::Url(schemes) => {
                let pattern = patterns::url(schemes);
                let message = format!("a URL begins with {}", patterns::schemes(schemes));
                self.text(&format!("url-{}", schemes.join("-")), &pattern, &message)
            }
            Kind::Address => self.text("address", &patterns::address(), "an address is written `host:port` or `:port`"),
            Kind::HeaderName => {
                self.text("header-name", patterns::HEADER_NAME, "a header's name has letters, digits and `-`")
            }
            Kind::Base64 => self.text("base64", patterns::BASE64, "this is not Base64"),
            Kind::Mime => self.text("media-type", &patterns::mime(), "a media type is written `application/json`"),
            Kind::Time => self.text("time", patterns::TIME, "a time is written `2030-04-12T23:20:50Z`"),
            Kind::Tuple(kinds) => {
                let items: Vec<_> = kinds.iter().map(|kind| or_include(self.kind(kind))).collect();
                or_include(json!({"type": "array", "items": items, "minItems": kinds.len(), "maxItems": kinds.len()}))
            }
            Kind::List(kind) => {
                let items = or_include(self.kind(kind));
                or_include(json!({"type": "array", "items": items}))
            }
            Kind::Map(kind) => {
                let include = json!({INCLUDE: refer("string", "include")});
                json!({"type": "object", "properties": include, "additionalProperties": self.kind(kind)})
            }
            Kind::Record(record) => self.definition(record, false),
            Kind::OneOf(record) => self.definition(record, true),
            Kind::Namespaces(scope) => self.namespaces(*scope),
        }
    }

    /// A text of which a definition says the pattern.
    fn text(&mut self, name: &str, pattern: &str, message: &str) -> Value {
        let pattern = || format!("{pattern}|{}", patterns::VARIABLE);
        let definition = || json!({"pattern": pattern(), "patternErrorMessage": message});
        self.definitions.entry(name).or_insert_with(definition);
        refer("string", name)
    }

    /// A text that a variable is part of.
    fn variable(&mut self) -> Value {
        let definition = || json!({"pattern": patterns::VARIABLE});
        self.definitions.entry("variable").or_insert_with(definition);
        refer("string", "variable")
    }

    fn integer(&mut self, limits: Value) -> Value {
        self.plain("integer", "expected a whole number without quotes, or `${NAME}`", limits)
    }

    fn number(&mut self, limits: Value) -> Value {
        self.plain("number", "expected a number without quotes, or `${NAME}`", limits)
    }

    /// What a variable can give by itself, besides texts.
    fn plain(&mut self, kind: &str, message: &str, limits: Value) -> Value {
        let definition = || json!({"pattern": patterns::VARIABLE_ALONE, "patternErrorMessage": message});
        self.definitions.entry(kind).or_insert_with(definition);
        let mut schema = refer(kind, kind);
        schema["type"] = json!([kind, "string"]);
        if let (Some(schema), Value::Object(limits)) = (schema.as_object_mut(), limits) {
            schema.extend(limits);
        }
        schema
    }

    /// A reference to a record.
    fn definition(&mut self, record: &'static Record, one: bool) -> Value {
        if let Some(name) = self.records.get(&std::ptr::from_ref(record)) {
            return refer("object", name);
        }
        let name = self.name(record.what);
        self.records.insert(record, name.clone());
        // Its place, before those of the records inside.
        self.definitions.insert(name.clone(), Value::Null);
        let mut definition = self.record(record);
        if one {
            let each: Vec<_> = record.keys.iter().map(|key| json!({"required": [key.name]})).collect();
            require(&mut definition, json!({"oneOf": each}));
        }
        self.definitions.insert(name.clone(), definition);
        refer("object", &name)
    }

    /// A name for a definition that is not taken: "`connection` of an async agent" is `connection-of-an-async-agent`.
    fn name(&self, what: &str) -> String {
        let plain = what.replace('`', "").replace('/', ".");
        let plain = ["one of ", "an ", "a "].iter().find_map(|article| plain.strip_prefix(article)).unwrap_or(&plain);
        let name = plain.replace(' ', "-");
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.definitions.contains_key(name));
        free.unwrap_or(name)
    }

    fn record(&mut self, record: &'static Record) -> Value {
        let mut properties = Map::new();
        for key in record.keys {
            properties.insert(key.name.to_owned(), self.key(key));
        }
        for (former, present) in record.former {
            let mut schema = json!({"description": format!("Now called `{present}`.")});
            refuse(&mut schema, &format!("write `{present}`"));
            properties.insert((*former).to_owned(), schema);
        }
        let mut schema = object(properties);
        if !record.required.is_empty() {
            require(&mut schema, json!({"required": record.required}));
        }
        schema
    }

    fn key(&mut self, key: &'static Key) -> Value {
        let mut schema = self.kind(&key.kind);
        describe(&mut schema, key.about);
        if !key.such_as.is_empty() {
            schema["examples"] = json!(key.such_as);
        }
        if let Support::Later(neutral @ [_, ..]) = key.support {
            let neutral: Vec<Value> = neutral.iter().filter_map(|value| serde_json::from_str(value).ok()).collect();
            describe(&mut schema, &format!("{} Not supported yet.", key.about));
            schema["enum"] = neutral.into();
            schema["errorMessage"] = json!("not supported yet");
        } else {
            support(&mut schema, key.about, key.support);
        }
        schema
    }
}

/// Adds what is not supported, and refuses it.
fn support(schema: &mut Value, about: &str, support: Support) {
    let (more, message) = match support {
        Support::Done => return,
        Support::Later(_) => ("Not supported yet.".to_owned(), "not supported yet".to_owned()),
        Support::Enterprise => (
            "Only in KrakenD's Enterprise edition.".to_owned(),
            "only KrakenD's Enterprise edition has this".to_owned(),
        ),
        Support::Never(why) => (format!("Cannot be supported: {why}."), format!("cannot be supported: {why}")),
    };
    describe(schema, &format!("{about} {more}"));
    refuse(schema, &message);
}

/// Has the schema match nothing, and an editor say why.
fn refuse(schema: &mut Value, message: &str) {
    schema["not"] = json!({});
    schema["errorMessage"] = json!(message);
    schema["doNotSuggest"] = json!(true);
}

/// With the spaces of a comment's lines taken away at its ends.
fn describe(schema: &mut Value, about: &str) {
    schema["description"] = json!(about.trim());
}

/// An object of these keys, of comments, and of what an `$include` brings in.
fn object(properties: Map<String, Value>) -> Value {
    let others = json!({COMMENTS: {}, "^\\$include$": {"$ref": "#/definitions/include"}});
    json!({"type": "object", "properties": properties, "patternProperties": others, "additionalProperties": false})
}

/// Wants this of an object, unless it comes from another file.
fn require(schema: &mut Value, wanted: Value) {
    schema["if"] = json!({"required": [INCLUDE]});
    schema["else"] = wanted;
}

fn include() -> Value {
    let about = "The path of a file whose content stands here, from the folder of this one. Only here, not in KrakenD.";
    json!({"type": "string", "minLength": 1, "description": about})
}

/// A list, or an item of one, that may come from another file.
fn or_include(mut schema: Value) -> Value {
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({"type": "object", "required": [INCLUDE]}));
        return schema;
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) if one != "object" => vec![json!(one)],
        Some(Value::Array(several)) => several.clone(),
        // Anything, or an object, which says so itself.
        _ => return schema,
    };
    if types.contains(&json!("object")) {
        return schema;
    }
    schema["type"] = types.into_iter().chain([json!("object")]).collect();
    // Of an object alone.
    schema["required"] = json!([INCLUDE]);
    schema
}

/// Draft-07 reads nothing beside a `$ref`, so it stands by itself; the type tells editors what to insert.
fn refer(kind: &str, name: &str) -> Value {
    json!({"type": kind, "allOf": [{"$ref": format!("#/definitions/{name}")}]})
}

/// What an `extra_config` is called among the definitions.
fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Service => "extra_config-of-the-service",
        Scope::Endpoint => "extra_config-of-an-endpoint",
        Scope::Backend => "extra_config-of-a-backend",
        Scope::Agent => "extra_config-of-an-async-agent",
    }
}
