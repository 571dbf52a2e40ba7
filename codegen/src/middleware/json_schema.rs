//! `validation/json-schema`: compiled by the crate that validates at run time.

use proc_macro2::TokenStream;
use quote::quote;

use super::Middleware;
use crate::check::{Context, Owner};
use crate::diagnostic::Diagnostic;
use crate::emit::literal::json;
use crate::model::Method;
use crate::suggest::closest;
use crate::tree::Node;

/// `validation/json-schema`: the schema as compact JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonSchema(pub String);

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Of all drafts.
#[rustfmt::skip]
const KEYWORDS: [&str; 64] = [
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "$ref",
    "$schema", "$vocabulary", "additionalItems", "additionalProperties", "allOf", "anyOf", "const", "contains",
    "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions", "dependencies", "dependentRequired",
    "dependentSchemas", "deprecated", "description", "else", "enum", "example", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "format", "id", "if", "items", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum",
    "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
    "patternProperties", "prefixItems", "properties", "propertyNames", "readOnly", "required", "then", "title", "type",
    "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "writeOnly",
];

impl Middleware for JsonSchema {
    const NAMESPACE: &'static str = "validation/json-schema";
    const FEATURE: Option<&'static str> = Some("json-schema");

    fn check(context: &Context<'_>, owner: &Owner<'_>, node: &Node) -> Option<Self> {
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
            let text = error.to_string();
            let at = unresolved(node, &text).unwrap_or_else(|| node.resolve(error.instance_path().as_str()));
            let message = format!("the JSON Schema does not compile: {}", shortened(&text));
            let diagnostic = Diagnostic::error("bad-schema", at.mark(), message).label("this is not valid here");
            context.push(helped(diagnostic, error.instance_path().as_str(), at));
            return None;
        }
        keywords(context, node);
        if matches!(owner.method, Method::Get) {
            let message = "`validation/json-schema` refuses every request without a body, and a `GET` has none";
            let warning =
                Diagnostic::warning("refuses-everything", node.mark(), message).label("answers 400, as in KrakenD");
            context.push(warning.help("remove it, or give the endpoint the method that its clients send a body with"));
        }
        Some(Self(json))
    }

    fn value(&self) -> TokenStream {
        let schema = json(&self.0);
        quote! { JsonSchema::new(#schema) }
    }
}

/// Adds what would be right, by the keyword that holds the value.
fn helped(error: Diagnostic, pointer: &str, at: &Node) -> Diagnostic {
    let mut keywords = pointer.rsplit('/');
    let keyword = keywords.next().unwrap_or_default();
    // An item of a list is called by the list's keyword.
    let keyword = if keyword.parse::<usize>().is_ok() { keywords.next().unwrap_or_default() } else { keyword };
    match keyword {
        "type" => {
            let text = at.text().map_or("", |text| text.value.as_str());
            let list = TYPES.map(|name| format!("`{name}`")).join(", ");
            error.did_you_mean(closest(text, TYPES).or_else(|| other_name(text))).help(format!("the types are {list}"))
        }
        "" => error.help("JSON Schema says what each keyword holds: <https://json-schema.org>"),
        keyword => error.help(format!("JSON Schema says what `{keyword}` holds: <https://json-schema.org>")),
    }
}

/// What JSON Schema calls a type of a programming language.
fn other_name(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "int" | "int32" | "int64" | "long" => "integer",
        "float" | "double" | "decimal" | "num" => "number",
        "bool" => "boolean",
        "str" | "text" => "string",
        "list" => "array",
        "map" | "dict" | "struct" => "object",
        "none" | "nil" => "null",
        _ => return None,
    })
}

/// Warns of what looks like a keyword and is none: JSON Schema ignores it.
fn keywords(context: &Context<'_>, schema: &Node) {
    for member in schema.members() {
        let key = member.key.as_str();
        let value = &member.value;
        match key {
            // Names that the author chooses.
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                value.members().iter().for_each(|member| keywords(context, &member.value));
            }
            // Values, which are no schemas.
            "const" | "enum" | "default" | "examples" | "example" | "required" | "dependentRequired" => {}
            _ if KEYWORDS.contains(&key) => {
                keywords(context, value);
                value.items().iter().for_each(|item| keywords(context, item));
            }
            _ => {
                let Some(meant) = closest(key, KEYWORDS).filter(|_| !key.starts_with("x-")) else { continue };
                let message = format!("`{key}` is no keyword of JSON Schema");
                let warning = Diagnostic::warning("unknown-keyword", member.key_span, message);
                context.push(warning.label("checks nothing").did_you_mean(Some(meant)));
            }
        }
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

/// The reference within the schema that an error is about.
fn unresolved<'a>(node: &'a Node, error: &str) -> Option<&'a Node> {
    let pointer = error.strip_prefix("Pointer '")?.split_once('\'')?.0;
    let own = node.member("$ref").map(|member| &member.value);
    let found = own.filter(|value| value.text().is_some_and(|text| text.value.strip_prefix('#') == Some(pointer)));
    let inner = node.members().iter().map(|member| &member.value).chain(node.items());
    found.or_else(|| inner.into_iter().find_map(|node| unresolved(node, error)))
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
