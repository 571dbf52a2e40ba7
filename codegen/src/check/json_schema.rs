//! `validation/json-schema`: compiled by the crate that validates at run time.

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::tree::Node;

/// The schema as compact JSON.
pub(super) fn json_schema(context: &Context<'_>, node: &Node) -> Option<String> {
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
        // Against the schema of schemas, the schema is the instance.
        let at = node.resolve(error.instance_path().as_str());
        let message = format!("the JSON Schema does not compile: {}", shortened(&error.to_string()));
        context.push(Diagnostic::error("bad-schema", at.mark(), message).label("this is not valid here"));
        return None;
    }
    Some(json)
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
