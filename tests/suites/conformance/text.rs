//! Bytes and texts as the recordings have them.

use data_encoding::BASE64;
use percent_encoding::percent_decode;
use serde_json::Value;

/// Header values of any bytes, a character a byte.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// `body`, `body_b64` or `body_gen` of a request or of a route. A body that is no string is JSON, written compactly.
pub(super) fn body_of(spec: &Value) -> Option<Vec<u8>> {
    if let Some(generated) = spec.get("body_gen") {
        return Some(generate(generated));
    }
    if let Some(encoded) = spec["body_b64"].as_str() {
        return Some(BASE64.decode(encoded.as_bytes()).expect("base64"));
    }
    match spec.get("body")? {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        json => Some(json.to_string().into_bytes()),
    }
}

/// `{"repeat": "abc", "size": 10, "prefix": "", "suffix": ""}`.
fn generate(spec: &Value) -> Vec<u8> {
    let size = usize::try_from(spec["size"].as_u64().expect("a size")).expect("a size");
    let mut body = spec["prefix"].as_str().unwrap_or_default().as_bytes().to_vec();
    body.extend(spec["repeat"].as_str().expect("a text to repeat").bytes().cycle().take(size));
    body.extend(spec["suffix"].as_str().unwrap_or_default().bytes());
    body
}

/// The pairs of a query, decoded.
pub(super) fn query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The headers of a request or of a route: a value, or a list of them.
pub(super) fn headers(spec: &Value) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, values) in spec["headers"].as_object().into_iter().flatten() {
        match values {
            Value::Array(values) => headers.extend(values.iter().map(|value| (name.clone(), text(value)))),
            value => headers.push((name.clone(), text(value))),
        }
    }
    headers
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
