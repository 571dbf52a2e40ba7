//! An endpoint's `static`.

use std::time::Duration;

use super::code::{Code, Static};
use super::literal::{duration, method, names as name_list, number, text};
use super::{backend, step};
use crate::model::{self, Endpoint, Output};
use crate::names::Names;

/// The endpoint, and after it what it refers to: the backends that it merges, and their shapes.
pub(super) fn items(name: &str, endpoint: &Endpoint, names: &mut Names) -> Vec<Static> {
    let Endpoint { place, path, method: verb, .. } = endpoint;
    let title = format!("`{} {}`", verb.as_str(), path.text);
    let (kind, what, value, parts) = match endpoint.backends.as_slice() {
        [only] => {
            let backend::Parts { value, items } = backend::parts(name, only, names);
            (backend::kind(only), backend::sentence(only), value, items)
        }
        several => {
            let mut items = Vec::new();
            let mut merged = Vec::new();
            for (index, backend) in several.iter().enumerate() {
                let part = names.part(name, &format!("BACKEND_{}", index + 1));
                merged.push(Code::word(format!("&{part}")));
                let whose = format!("Backend {} of {title}", index + 1);
                items.extend(backend::items(&part, &whose, backend, names));
            }
            let what = format!("Merges the answers of {} backends, in the order of the file.", several.len());
            ("Merge".to_owned(), what, Code::call("Merge::new", [Code::List(merged)]), items)
        }
    };
    let value = Code::call("Endpoint::new", [method(*verb), text(&path.text), text(&place.0), value]);
    let docs = vec![format!("{title}, {}", place.0), String::new(), what];
    let kind = format!("Endpoint<{kind}>");
    let item = Static { docs, visibility: "", name: name.to_owned(), kind, value: value.with(options(endpoint)) };
    [item].into_iter().chain(parts).collect()
}

/// Only what differs from the defaults.
fn options(endpoint: &Endpoint) -> Vec<Code> {
    let mut calls = Vec::new();
    if endpoint.timeout != Duration::from_secs(2) {
        calls.push(Code::call("timeout", [duration(endpoint.timeout)]));
    }
    calls.extend(endpoint.cache_ttl.map(|ttl| Code::call("cache_ttl", [duration(ttl)])));
    if endpoint.output == Output::NoOp {
        calls.push(Code::call("no_op", []));
    }
    for (name, list) in
        [("input_headers", &endpoint.input_headers), ("input_query_strings", &endpoint.input_query_strings)]
    {
        if *list != model::Names::List(Vec::new()) {
            calls.push(Code::call(name, [name_list(list)]));
        }
    }
    calls.extend(endpoint.max_body_bytes.map(|bytes| Code::call("max_body_bytes", [number(bytes as u64)])));
    if !endpoint.steps.is_empty() {
        calls.push(Code::call("steps", [Code::List(endpoint.steps.iter().map(step::value).collect())]));
    }
    calls
}
