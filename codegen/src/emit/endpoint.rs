//! An endpoint's `static`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::calls::{self, Called};
use super::layout::Static;
use super::literal::{duration, method, names as name_list, number};
use crate::model::{self, Endpoint, Output, Step};
use crate::names::Names;

/// The endpoint, and after it what it refers to: the backends that it merges, and their shapes.
pub(super) fn items(name: &Ident, endpoint: &Endpoint, names: &mut Names) -> Vec<Static> {
    let Endpoint { place, path, method: verb, .. } = endpoint;
    let title = format!("`{} {}`", verb.as_str(), path.text);
    let Called { kind, what, value, items: parts } = calls::called(name, &title, endpoint, names);
    let (verb, path, source, options) = (method(*verb), &path.text, &place.0, options(endpoint));
    let item = Static {
        docs: vec![format!("{title}, {}", place.0), String::new(), what],
        visibility: "",
        name: name.clone(),
        kind: quote! { Endpoint<#kind> },
        value: quote! { Endpoint::new(#verb, #path, #source, #value) #(#options)* },
    };
    [item].into_iter().chain(parts).collect()
}

/// Only what differs from the defaults.
fn options(endpoint: &Endpoint) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    if endpoint.timeout != Duration::from_secs(2) {
        let timeout = duration(endpoint.timeout);
        calls.push(quote! { .timeout(#timeout) });
    }
    if let Some(ttl) = endpoint.cache_ttl.map(duration) {
        calls.push(quote! { .cache_ttl(#ttl) });
    }
    calls.extend(output(endpoint.output));
    for (name, list) in
        [("input_headers", &endpoint.input_headers), ("input_query_strings", &endpoint.input_query_strings)]
    {
        if *list != model::Names::List(Vec::new()) {
            let (name, list) = (format_ident!("{name}"), name_list(list));
            calls.push(quote! { .#name(#list) });
        }
    }
    if let Some(bytes) = endpoint.max_body_bytes {
        let bytes = number(bytes as u64);
        calls.push(quote! { .max_body_bytes(#bytes) });
    }
    if !endpoint.steps.is_empty() {
        let steps = endpoint.steps.iter().map(Step::value);
        calls.push(quote! { .steps(&[#(#steps),*]) });
    }
    calls
}

fn output(output: Output) -> Option<TokenStream> {
    let output = match output {
        Output::Json => return None,
        Output::NoOp => return Some(quote! { .no_op() }),
        Output::Collection => quote! { Output::Collection },
        Output::Text => quote! { Output::Text },
        Output::Xml => quote! { Output::Xml },
        Output::Yaml => quote! { Output::Yaml },
        Output::Negotiate => quote! { Output::Negotiate },
    };
    Some(quote! { .output(#output) })
}
