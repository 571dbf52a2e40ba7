//! What the client gets.

use serde_json::{Map, Value, json};

use super::super::suite::{array, text};
use super::{Context, Difference};

pub(super) const ALL: &[Difference] = &[
    Difference {
        name: "202 and 204 are success",
        why: "202 and 204 from an HTTP backend are success",
        apply: more_success,
    },
    Difference {
        name: "merged in the order of the file",
        why: "parallel backends merge in the order of the file, so the same inputs give the same bytes",
        apply: merge_in_order,
    },
    Difference {
        name: "no length without a body",
        why: "a HEAD backend's Content-Length is not promised to a client that gets no body: KrakenD breaks that answer off",
        apply: no_empty_promise,
    },
];

/// The one backend of an endpoint, and its canned answer.
fn only_backend<'a>(context: &Context<'a>) -> Option<(&'a Value, &'a Value)> {
    let [backend] = array(&context.endpoint?["backend"]) else { return None };
    Some((backend, context.suite.route_of(text(&backend["url_pattern"]))?))
}

/// 202 and 204 of one backend whose body is decoded: 200 with what it sent.
fn more_success(context: &Context<'_>, wanted: &mut Value) {
    let Some((backend, route)) = only_backend(context) else { return };
    if wanted["response"]["status"] != 500 || !matches!(text(&backend["encoding"]), "" | "json") {
        return;
    }
    let body = match (route["status"].as_u64(), &route["body"]) {
        (Some(202), Value::Object(body)) => Value::from(body.clone()),
        (Some(204), _) => json!({}),
        _ => return,
    };
    let complete = body.as_object().is_some_and(|body| !body.is_empty());
    wanted["response"] = json!({
        "status": 200,
        "headers": {
            "content-type": ["application/json; charset=utf-8"],
            "x-krakend": ["{{version_header}}"],
            "x-krakend-completed": [complete.to_string()],
        },
        "body": {"kind": "json", "json": body},
    });
}

/// Several backends that send the same keys: the last of the file wins, not the last to answer.
fn merge_in_order(context: &Context<'_>, wanted: &mut Value) {
    let Some(endpoint) = context.endpoint else { return };
    let backends = array(&endpoint["backend"]);
    let Some(json) = wanted.pointer_mut("/response/body/json") else { return };
    if backends.len() < 2 || endpoint.pointer("/extra_config/proxy/sequential") == Some(&Value::Bool(true)) {
        return;
    }
    let mut merged = Map::new();
    for backend in backends {
        let Some(part) = canned(context, backend) else { return };
        merged.extend(part);
    }
    let keys = |object: &Map<String, Value>| object.keys().cloned().collect::<std::collections::BTreeSet<_>>();
    if json.as_object().is_some_and(|json| keys(json) == keys(&merged)) {
        *json = Value::from(merged);
    }
}

/// What a backend contributes, where that is plain to see.
fn canned(context: &Context<'_>, backend: &Value) -> Option<Map<String, Value>> {
    let shaped = ["target", "allow", "deny", "mapping", "encoding", "extra_config"];
    let route = context.suite.route_of(text(&backend["url_pattern"]))?;
    if shaped.iter().any(|key| backend.get(key).is_some()) || !matches!(route["status"].as_u64(), None | Some(200)) {
        return None;
    }
    let body = match (&route["body"], backend["is_collection"] == true) {
        (Value::Object(body), false) => body.clone(),
        (Value::Array(items), true) => Map::from_iter([("collection".to_owned(), Value::from(items.clone()))]),
        _ => return None,
    };
    Some(match backend["group"].as_str() {
        Some(group) => Map::from_iter([(group.to_owned(), Value::from(body))]),
        None => body,
    })
}

fn no_empty_promise(_: &Context<'_>, wanted: &mut Value) {
    if let Some(response) = wanted.get_mut("response").and_then(Value::as_object_mut)
        && response["body"]["kind"] == "empty"
    {
        response.shift_remove("error");
    }
}
