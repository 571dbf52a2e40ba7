//! What an upstream gets.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::suite::{array, text};
use super::{Context, Difference};

pub(super) const ALL: &[Difference] = &[
    Difference {
        name: "no User-Agent of a library",
        why: "where the config keeps the gateway's User-Agent out, Go's HTTP client puts its own in; ours has none",
        apply: |_, wanted| remove_header(wanted, "user-agent", &["Go-http-client/1.1", "{{http_client_ua}}"]),
    },
    Difference {
        name: "values are encoded",
        why: "values substituted into a path or query are percent-encoded, so that none of them changes the request",
        apply: encode_parameters,
    },
    Difference {
        name: "no value has parameters of a segment",
        why: "a `;` in a value is encoded, as some servers cut it off, and `..;x` would be `..`",
        apply: encode_semicolons,
    },
    Difference {
        name: "headers of a connection end with it",
        why: "what Connection names is not passed on (RFC 9110, section 7.6.1), listed or not",
        apply: remove_named,
    },
    Difference {
        name: "secrets stay with their origin",
        why: "neither Authorization and cookies nor the query in a Referer follow a redirect to another origin",
        apply: keep_secrets,
    },
];

/// What stands in a segment as it is (RFC 3986, `pchar`, without `;`).
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// With `disable_path_decoding`, KrakenD pastes a parameter as it is: `?` begins a query, `#` ends the path, and a lone `%`
/// makes no URL.
fn encode_parameters(context: &Context<'_>, wanted: &mut Value) {
    let Some(endpoint) = context.endpoint else { return };
    let [backend] = array(&endpoint["backend"]) else { return };
    let router = context.suite.gateway.pointer("/extra_config/router/disable_path_decoding");
    if router != Some(&Value::Bool(true)) || wanted["response"]["status"] == 400 {
        return;
    }
    let mut path = text(&backend["url_pattern"]).to_owned();
    let mut changes = false;
    for (pattern, segment) in text(&endpoint["endpoint"]).split('/').zip(path_of(context).split('/')) {
        if pattern.starts_with('{') {
            let value = percent_decode_str(segment).decode_utf8_lossy();
            changes |= value.contains(['%', '?', '#']);
            // What is still encoded then was meant for the upstream.
            let value = percent_decode_str(&value).decode_utf8_lossy();
            path = path.replace(pattern, &utf8_percent_encode(&value, SEGMENT).to_string());
        }
    }
    if !changes {
        return;
    }
    if wanted["response"]["status"] == 500 {
        wanted["response"] = json!({
            "status": 200,
            "headers": {
                "content-type": ["application/json; charset=utf-8"],
                "x-krakend": ["{{version_header}}"],
                "x-krakend-completed": ["true"],
            },
            "body": {"kind": "json", "json": {}},
        });
        wanted["upstream"] = json!([{
            "port": 18081,
            "method": "GET",
            "headers": {
                "accept-encoding": ["gzip"],
                "host": ["127.0.0.1:18081"],
                "user-agent": ["{{user_agent}}"],
                "x-forwarded-for": ["127.0.0.1"],
                "x-forwarded-host": ["gateway.test"],
            },
        }]);
    }
    // The upstream says what it saw.
    wanted["response"]["body"]["json"]["path"] = json!(path);
    if let Some(request) = wanted["upstream"][0].as_object_mut() {
        request.shift_remove("query");
        request.insert("path".to_owned(), json!(path));
    }
}

fn encode_semicolons(_: &Context<'_>, wanted: &mut Value) {
    let seen = ["/upstream/0/path", "/response/body/json/path"];
    for pointer in seen {
        if let Some(path) = wanted.pointer_mut(pointer)
            && text(path).contains(';')
        {
            *path = json!(text(path).replace(';', "%3B"));
        }
    }
}

fn remove_named(context: &Context<'_>, wanted: &mut Value) {
    let Some(sent) = context.step["request"]["headers"].as_object() else { return };
    let value = |wanted: &str| sent.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1.as_str();
    for option in value("connection").unwrap_or_default().split(',').map(str::trim) {
        if let Some(value) = value(option) {
            remove_header(wanted, &option.to_ascii_lowercase(), &[value]);
        }
    }
}

fn path_of<'a>(context: &Context<'a>) -> &'a str {
    text(&context.step["request"]["path"]).split('?').next().unwrap_or_default()
}

/// A redirect to another origin: its `Referer` says where it came from.
fn keep_secrets(_: &Context<'_>, wanted: &mut Value) {
    let mut upstream = wanted.get_mut("upstream").and_then(Value::as_array_mut);
    for request in upstream.iter_mut().flat_map(|requests| requests.iter_mut()) {
        let host = text(&request["headers"]["host"][0]).to_owned();
        let Some(headers) = request["headers"].as_object_mut() else { continue };
        let from = headers.get("referer").and_then(|values| values[0].as_str()).unwrap_or_default().to_owned();
        if !from.is_empty() && !from.starts_with(&format!("http://{host}/")) {
            headers.shift_remove("authorization");
            headers.shift_remove("cookie");
            let origin: Vec<_> = from.split('/').take(3).collect();
            let origin = origin.join("/") + "/";
            headers.insert("referer".to_owned(), json!([origin]));
        }
    }
}

/// Takes a header with one of these values out of everything that an upstream saw, or says that it saw.
fn remove_header(wanted: &mut Value, name: &str, values: &[&str]) {
    match wanted {
        Value::Object(members) => {
            if members.get(name).is_some_and(|own| values.iter().any(|value| *own == json!([value]))) {
                members.shift_remove(name);
            }
            members.values_mut().for_each(|member| remove_header(member, name, values));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_header(item, name, values)),
        _ => {}
    }
}
