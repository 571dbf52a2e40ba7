//! An endpoint's `static`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::literal::{duration, method, names, number};
use super::{backend, step};
use crate::model::{Endpoint, Names, Output};

/// The endpoint, and after it the backends that it merges.
pub(super) fn items(name: &Ident, endpoint: &Endpoint) -> Vec<TokenStream> {
    let parts: Vec<_> = match endpoint.backends.as_slice() {
        [_] => Vec::new(),
        several => (1..=several.len()).map(|number| format_ident!("{name}_BACKEND_{number}")).collect(),
    };
    let mut items = vec![endpoint_item(name, endpoint, &parts)];
    items.extend(endpoint.backends.iter().zip(&parts).map(|(backend, part)| backend::item(part, backend)));
    items
}

fn endpoint_item(name: &Ident, endpoint: &Endpoint, parts: &[Ident]) -> TokenStream {
    let Endpoint { place, path, method: verb, backends, .. } = endpoint;
    let (kind, value, what) = match backends.as_slice() {
        [backend] => (backend::kind(backend), backend::value(backend), format!(" {}", backend::sentence(backend))),
        several => (
            quote! { Merge },
            quote! { Merge::new(&[#(&#parts),*]) },
            format!(" Merges the answers of {} backends, in the order of the file.", several.len()),
        ),
    };
    let doc = format!(" `{} {}`, {}", verb.as_str(), path.text, place.0);
    let (verb, text, source) = (method(*verb), &path.text, &place.0);
    let options = options(endpoint);
    quote! {
        #[doc = #doc]
        #[doc = ""]
        #[doc = #what]
        static #name: Endpoint<#kind> = Endpoint::new(#verb, #text, #source, #value) #(#options)*;
    }
}

/// Only what differs from the defaults.
fn options(endpoint: &Endpoint) -> Vec<TokenStream> {
    let mut calls = Vec::new();
    if endpoint.timeout != Duration::from_secs(2) {
        let timeout = duration(endpoint.timeout);
        calls.push(quote! { .timeout(#timeout) });
    }
    if let Some(ttl) = endpoint.cache_ttl {
        let ttl = duration(ttl);
        calls.push(quote! { .cache_ttl(#ttl) });
    }
    if endpoint.output == Output::NoOp {
        calls.push(quote! { .no_op() });
    }
    let none = Names::List(Vec::new());
    if endpoint.input_headers != none {
        let list = names(&endpoint.input_headers);
        calls.push(quote! { .input_headers(#list) });
    }
    if endpoint.input_query_strings != none {
        let list = names(&endpoint.input_query_strings);
        calls.push(quote! { .input_query_strings(#list) });
    }
    if let Some(bytes) = endpoint.max_body_bytes {
        let bytes = number(bytes as u64);
        calls.push(quote! { .max_body_bytes(#bytes) });
    }
    if !endpoint.steps.is_empty() {
        let steps = endpoint.steps.iter().map(step::value);
        calls.push(quote! { .steps(&[#(#steps),*]) });
    }
    calls
}
