//! `extra_config`: its namespaces under their short and long names, and what does not belong there.

use serde_json::{Map, Value, json};

use super::{Schema, describe, object, refer, refuse, scope_name, support};
use crate::syntax::kind::Scope;
use crate::syntax::namespaces::{ALIASES, ENTERPRISE, ENTERPRISE_PLACES, NAMESPACES, Namespace};

impl Schema {
    /// A reference to an `extra_config`.
    pub(super) fn namespaces(&mut self, scope: Scope) -> Value {
        let name = scope_name(scope);
        if !self.definitions.contains_key(name) {
            self.definitions.insert(name.to_owned(), Value::Null);
            let schema = self.extra_config(scope);
            self.definitions.insert(name.to_owned(), schema);
        }
        refer("object", name)
    }

    fn extra_config(&mut self, scope: Scope) -> Value {
        let mut properties = Map::new();
        let mut patterns = Map::new();
        patterns.insert("^documentation/".to_owned(), json!({}));
        for namespace in NAMESPACES.iter().filter(|namespace| namespace.scopes.contains(&scope)) {
            let schema = self.namespace(namespace, scope);
            if let Some(pattern) = long_names(namespace.name) {
                patterns.insert(pattern, schema.clone());
            }
            properties.insert(namespace.name.to_owned(), schema);
        }
        let here = |name: &str| properties.contains_key(name);
        let places = ENTERPRISE_PLACES.iter().filter(|(_, place)| *place == scope).map(|(name, _)| *name);
        let enterprise: Vec<_> = ENTERPRISE.iter().copied().chain(places).collect();
        let message = "only KrakenD's Enterprise edition has this";
        patterns.insert(one_of(&enterprise), refused("A namespace of KrakenD's Enterprise edition.", message));
        let mut elsewhere: Vec<_> = NAMESPACES.iter().map(|namespace| namespace.name).collect();
        elsewhere.retain(|name| !here(name) && !enterprise.contains(name));
        elsewhere.dedup();
        let message = "this namespace does nothing here: it belongs in the `extra_config` of another level";
        patterns.insert(one_of(&elsewhere), refused("Belongs in the `extra_config` of another level.", message));
        let mut schema = object(properties);
        if let Some(known) = schema["patternProperties"].as_object_mut() {
            known.extend(patterns);
        }
        schema
    }

    fn namespace(&mut self, namespace: &'static Namespace, scope: Scope) -> Value {
        let mut schema = match namespace.name {
            "pubsub/brokers" => self.brokers(),
            _ => self.kind(&namespace.kind),
        };
        describe(&mut schema, namespace.about);
        support(&mut schema, namespace.about, namespace.support_in(scope));
        schema
    }
}

fn refused(about: &str, message: &str) -> Value {
    let mut schema = json!({"description": about});
    refuse(&mut schema, message);
    schema
}

/// A pattern of the long names of a namespace, written with a dot or an underscore.
fn long_names(short: &str) -> Option<String> {
    let aliases = ALIASES.iter().filter(|(_, name)| *name == short);
    let tails: Vec<_> = aliases.filter_map(|(long, _)| long.split_once('/')).map(|(_, tail)| tail).collect();
    (!tails.is_empty()).then(|| format!("^github[._]com/({})$", tails.join("|")))
}

fn one_of(names: &[&str]) -> String {
    format!("^({})$", names.join("|"))
}
