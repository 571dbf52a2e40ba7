//! `validation/json-schema`: compiled by the crate that validates at run time.

use proc_macro2::TokenStream;
use quote::quote;

use super::Middleware;
use crate::check::{Context, Owner};
use crate::diagnostic::Diagnostic;
use crate::emit::literal::json;
use crate::tree::Node;

/// `validation/json-schema`: the schema as compact JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonSchema(pub String);

impl Middleware for JsonSchema {
    const NAMESPACE: &'static str = "validation/json-schema";
    const FEATURE: Option<&'static str> = Some("json-schema");

    fn check(context: &Context<'_>, _owner: &Owner<'_>, node: &Node) -> Option<Self> {
        let json = node.to_json();
        let schema: serde_json::Value = match serde_json::from_str(&json) {
            Ok(schema) => schema,
            // Only a tree with holes in it, whose syntax errors were reported.
            Err(_) => return None,
        };
        if !schema.is_object() && !schema.is_boolean() {
            let message = format!("a JSON Schema must be an object or a boolean, not {}", node.type_name());
            context.push(Diagnostic::error("bad-schema", node.mark(), message).label("expected a JSON Schema"));
            return None;
        }
        if let Err(error) = jsonschema::validator_for(&schema) {
            if let Some((at, reference)) = remote(node, &error.to_string()) {
                let message = format!("the JSON Schema refers to `{reference}`, which is not in it");
                let error = Diagnostic::error("bad-schema", at.span, message).label("nothing is fetched");
                context.push(error.help("put the schema that it refers to under `$defs`"));
                return None;
            }
            // Against the schema of schemas, the schema is the instance.
            let at = node.resolve(error.instance_path().as_str());
            let message = format!("the JSON Schema does not compile: {}", shortened(&error.to_string()));
            context.push(Diagnostic::error("bad-schema", at.mark(), message).label("this is not valid here"));
            return None;
        }
        Some(Self(json))
    }

    fn value(&self) -> TokenStream {
        let schema = json(&self.0);
        quote! { JsonSchema::new(#schema) }
    }
}

/// The reference to another document that an error is about.
fn remote<'a>(node: &'a Node, error: &str) -> Option<(&'a Node, &'a str)> {
    for member in node.members() {
        if let (true, Some(text)) = (member.key == "$ref" || member.key == "$dynamicRef", member.value.text()) {
            let document = text.value.split('#').next().unwrap_or_default();
            if !document.is_empty() && error.contains(&format!("'{document}'")) {
                return Some((&member.value, text.value.as_str()));
            }
        }
    }
    let inner = node.members().iter().map(|member| &member.value).chain(node.items());
    inner.into_iter().find_map(|node| remote(node, error))
}

/// The first line, and not all of it: the crate quotes whole schemas.
fn shortened(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    if line.chars().count() <= 160 {
        return line.to_owned();
    }
    let end: String = line.chars().rev().take(100).collect();
    let start: String = line.chars().take(50).collect();
    format!("{start} ... {}", end.chars().rev().collect::<String>())
}
