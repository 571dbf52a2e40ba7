//! What was seen, in the form of the recordings, and how two of them compare.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::client::Received;
use super::suite::Suite;
use super::text::{base64, query};
use super::upstream::Request;

/// Longer bodies are compared by their hash.
const BIG: usize = 8192;

/// Neither side's business.
const FRAMING: [&str; 3] = ["content-length", "connection", "transfer-encoding"];

/// A difference inside an observation: a JSON pointer, what was wanted, what was there.
pub(super) struct Mismatch {
    pub(super) path: String,
    pub(super) wanted: Value,
    pub(super) found: Value,
}

/// What the client got.
pub(super) fn response(received: &Received, mode: Option<&str>) -> Value {
    let mut headers = Map::new();
    for (name, value) in &received.headers {
        if !FRAMING.contains(&&**name) && !matches!(&**name, "date" | "keep-alive") {
            push(&mut headers, name, value);
        }
    }
    if let Some(allow) = headers.get_mut("allow") {
        // A set: gin's order is that of its trees.
        let mut methods: Vec<_> = allow.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        methods = methods.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
        methods.sort_unstable();
        *allow = json!(methods);
    }
    let mut body = body(&received.body, mode);
    if received.status >= 400
        && let Some(text) = body["text"].as_str().filter(|text| text.contains('\n'))
    {
        // Errors of several backends come in the order in which they failed.
        let mut lines: Vec<_> = text.split('\n').filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        body = json!({"kind": "error-lines", "lines": lines});
    }
    let mut response = json!({"status": received.status, "headers": headers, "body": body});
    if let Some(error) = received.error {
        response["error"] = Value::from(error);
    }
    response
}

/// What an upstream got.
pub(super) fn request(request: &Request, exact_query: bool) -> Value {
    let mut seen = json!({"port": request.port, "method": request.method, "path": request.path});
    if let Some(raw) = &request.query {
        if exact_query {
            seen["query_raw"] = json!(raw);
        }
        let mut pairs = query(raw);
        pairs.sort();
        seen["query"] = json!(pairs);
    }
    let headers = request.headers.iter().filter(|(name, _)| !FRAMING.contains(&&**name));
    seen["headers"] = headers.map(|(name, values)| (name.clone(), json!(values))).collect::<Map<_, _>>().into();
    let body = body(&request.body, None);
    if body["kind"] != "empty" {
        seen["body"] = body;
    }
    seen
}

fn push(headers: &mut Map<String, Value>, name: &str, value: &str) {
    if let Value::Array(values) = headers.entry(name).or_insert_with(|| json!([])) {
        values.push(Value::from(value));
    }
}

pub(super) fn body(bytes: &[u8], mode: Option<&str>) -> Value {
    if bytes.is_empty() {
        return json!({"kind": "empty"});
    }
    if bytes.len() > BIG {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        return json!({"kind": "big", "len": bytes.len(), "sha256": hash});
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return json!({"kind": "binary", "b64": base64(bytes)}) };
    if mode == Some("yaml") {
        return json!({"kind": "yaml", "text": text});
    }
    let trimmed = text.trim();
    if mode != Some("exact")
        && (trimmed.starts_with(['{', '[']) || mode == Some("json"))
        && let Ok(json) = serde_json::from_str::<Value>(trimmed)
    {
        return json!({"kind": "json", "json": json});
    }
    json!({"kind": "text", "text": text})
}

/// Puts the names of the recording in the place of our own product and ports, in all texts.
pub(super) fn recorded(value: &mut Value, suite: &Suite) {
    match value {
        Value::String(text) => {
            for (name, own) in own_products(suite) {
                *text = text.replace(&own, &format!("{{{{{name}}}}}"));
            }
            for (index, port) in suite.ports.iter().enumerate() {
                *text = text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", 18081 + index));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| recorded(item, suite)),
        Value::Object(members) => members.values_mut().for_each(|member| recorded(member, suite)),
        _ => {}
    }
}

/// What we say where KrakenD says `user_agent`, and so on. Go's HTTP client adds a `User-Agent` of its own where there is
/// none; ours does not.
fn own_products(suite: &Suite) -> impl Iterator<Item = (&str, String)> {
    suite.products.iter().filter_map(|(name, _)| match name.as_str() {
        "user_agent" => Some((&**name, format!("Sluicegate/{}", sluicegate_runtime::VERSION))),
        "version_header" => Some((&**name, format!("Sluicegate {}", sluicegate_runtime::VERSION))),
        _ => None,
    })
}

/// Every place in which `found` is not what was `wanted`.
pub(super) fn compare(wanted: &Value, found: &Value, path: &str, mismatches: &mut Vec<Mismatch>) {
    match (wanted, found) {
        (Value::Object(one), Value::Object(other)) => {
            for (key, wanted) in one {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                match other.get(key) {
                    Some(found) => compare(wanted, found, &path, mismatches),
                    None => mismatches.push(Mismatch { path, wanted: wanted.clone(), found: json!("<absent>") }),
                }
            }
            for (key, found) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                mismatches.push(Mismatch { path, wanted: json!("<absent>"), found: found.clone() });
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (wanted, found)) in one.iter().zip(other).enumerate() {
                compare(wanted, found, &format!("{path}/{index}"), mismatches);
            }
        }
        // Where the recording kept numbers as they were written, the case compares texts.
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if wanted == found => {}
        _ => mismatches.push(Mismatch { path: path.to_owned(), wanted: wanted.clone(), found: found.clone() }),
    }
}
