//! The same for overlays, `gateway.prod.json`: nothing has to be there, and `null` removes.

use serde_json::{Value, json};

use super::INCLUDE;

/// Makes a schema of whole configs one of what is laid over them.
pub(super) fn relax(document: &mut Value) {
    document["title"] = json!("An overlay of a gateway.json of Sluicegate");
    without_required(document);
    inside(document);
}

fn schema(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type") {
        match types {
            Value::Array(several) => several.push(json!("null")),
            one => *one = json!([one.take(), "null"]),
        }
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({"type": "null"}));
    }
    // What is refused may be removed.
    if schema.get("not").is_some_and(|refused| *refused == json!({})) {
        schema["not"] = json!({"not": {"type": "null"}});
    }
    without_required(schema);
    inside(schema);
}

/// What a whole object has to have.
fn without_required(schema: &mut Value) {
    let is_whole = schema.get("if").is_some_and(|condition| *condition == json!({"required": [INCLUDE]}));
    if let (true, Some(schema)) = (is_whole, schema.as_object_mut()) {
        schema.shift_remove("if");
        schema.shift_remove("else");
    }
}

fn inside(parent: &mut Value) {
    for place in ["properties", "patternProperties", "definitions"] {
        if let Some(named) = parent.get_mut(place).and_then(Value::as_object_mut) {
            named.values_mut().for_each(schema);
        }
    }
    let chosen = parent.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten();
    chosen.filter_map(|choice| choice.get_mut("then")).for_each(schema);
    for place in ["items", "additionalProperties"] {
        match parent.get_mut(place) {
            Some(Value::Array(several)) => several.iter_mut().for_each(schema),
            Some(one @ Value::Object(_)) => schema(one),
            _ => {}
        }
    }
}
