//! What a step of a sequence is asked.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::super::suite::{array, text};
use super::super::text::query;
use super::requests::SEGMENT;
use super::{Context, Difference};

pub(super) const ALL: &[Difference] = &[
    Difference {
        name: "values of earlier answers are encoded",
        why: "values substituted into a path or query are percent-encoded, so that none of them changes the request",
        apply: encode_values,
    },
    Difference {
        name: "nothing unresolved is sent",
        why: "an unresolved placeholder is an error, never sent on",
        apply: stop_at_unresolved,
    },
];

fn steps<'a>(context: &Context<'a>) -> &'a [Value] {
    match context.endpoint {
        Some(endpoint) if endpoint.pointer("/extra_config/proxy/sequential") == Some(&Value::Bool(true)) => {
            array(&endpoint["backend"])
        }
        _ => &[],
    }
}

/// KrakenD puts values in as they are: `&` begins a parameter, `?` a query, `/` a segment.
fn encode_values(context: &Context<'_>, wanted: &mut Value) {
    let steps = steps(context);
    for step in steps {
        let pattern = text(&step["url_pattern"]);
        let Some((literal, _)) = pattern.split_once("{resp") else { continue };
        let Some((path, pairs)) = asked(context, steps, pattern) else { continue };
        let from = literal.split('?').next().unwrap_or_default().to_owned();
        let seen = wanted.get_mut("upstream").and_then(Value::as_array_mut);
        let seen = seen.and_then(|seen| seen.iter_mut().find(|request| text(&request["path"]).starts_with(&from)));
        let Some(request) = seen else { continue };
        let before = (request["path"].clone(), request.get("query").cloned());
        request["path"] = json!(path);
        match &pairs {
            Some(pairs) => request["query"] = json!(pairs),
            None => drop(request.as_object_mut().and_then(|request| request.shift_remove("query"))),
        }
        if before == (request["path"].clone(), request.get("query").cloned()) {
            continue;
        }
        // The upstream says what it saw.
        let Some(body) = wanted.pointer_mut("/response/body/json").and_then(Value::as_object_mut) else { continue };
        if body.contains_key("path") {
            body.insert("path".to_owned(), json!(path));
        }
        if body.contains_key("query") {
            let mut query: Map<String, Value> = Map::new();
            for (name, value) in pairs.into_iter().flatten() {
                if let Value::Array(values) = query.entry(name).or_insert_with(|| json!([])) {
                    values.push(Value::from(value));
                }
            }
            body.insert("query".to_owned(), Value::from(query));
        }
    }
}

/// What a step is asked with its values encoded, where they are texts that plain backends sent and need it.
#[expect(clippy::type_complexity, reason = "a path, and a query where there is one")]
fn asked(context: &Context<'_>, steps: &[Value], pattern: &str) -> Option<(String, Option<Vec<(String, String)>>)> {
    let (path, query_pattern) = match pattern.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (pattern, None),
    };
    let mut needed = false;
    let mut fill = |pattern: &str, in_query: bool| -> Option<String> {
        let (mut filled, mut rest) = (String::new(), pattern);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let value = value(context, steps, name)?;
            needed |= value.contains(|character: char| !character.is_ascii_alphanumeric());
            filled.push_str(before);
            match in_query {
                true => filled.push_str(&utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string()),
                false => filled.push_str(&utf8_percent_encode(&value, SEGMENT).to_string()),
            }
            rest = after;
        }
        Some(filled + rest)
    };
    let path = fill(path, false)?;
    let pairs = match query_pattern {
        Some(pattern) => {
            let mut pairs = query(&fill(pattern, true)?);
            pairs.sort();
            Some(pairs)
        }
        None => None,
    };
    needed.then_some((path, pairs))
}

/// `resp0_a.b`: a text or a number that an earlier backend, which shapes nothing, sends.
fn value(context: &Context<'_>, steps: &[Value], name: &str) -> Option<String> {
    let (index, path) = name.strip_prefix("resp")?.split_once('_')?;
    let backend = steps.get(index.parse::<usize>().ok()?)?;
    if ["target", "allow", "deny", "mapping", "encoding"].iter().any(|key| backend.get(key).is_some()) {
        return None;
    }
    let route = context.suite.route_of(text(&backend["url_pattern"]))?;
    let mut path = path.split('.');
    if let Some(group) = backend["group"].as_str() {
        path.next().filter(|first| *first == group)?;
    }
    match path.try_fold(&route["body"], |value, name| value.get(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// KrakenD sends `{{.Resp0_nope}}`; here the sequence ends before that step, with what there is.
fn stop_at_unresolved(context: &Context<'_>, wanted: &mut Value) {
    if steps(context).is_empty() {
        return;
    }
    let Some(seen) = wanted.get_mut("upstream").and_then(Value::as_array_mut) else { return };
    let unresolved =
        |request: &Value| percent_decode_str(text(&request["path"])).decode_utf8_lossy().contains("{{.Resp");
    let Some(at) = seen.iter().position(unresolved) else { return };
    let request = seen.remove(at);
    wanted["response"]["headers"]["x-krakend-completed"] = json!(["false"]);
    wanted["response"]["headers"].as_object_mut().expect("headers").shift_remove("cache-control");
    // What that step had sent.
    if let Some(body) = wanted.pointer_mut("/response/body/json").and_then(Value::as_object_mut)
        && body.get("path") == Some(&request["path"])
    {
        for name in ["path", "query", "method", "headers", "body"] {
            body.shift_remove(name);
        }
    }
}
