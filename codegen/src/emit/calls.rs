//! How an endpoint calls its backends: one, several side by side or one after the other, several times, with copies.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::backend;
use super::layout::Static;
use super::literal::{duration, json, number, texts};
use crate::model::{Backend, BackendKind, BodyPiece, Earlier, Endpoint};
use crate::names::Names;

/// What an endpoint calls: a type and its value, what it does in words, and the items that the value refers to.
pub(super) struct Called {
    pub(super) kind: TokenStream,
    pub(super) what: String,
    pub(super) value: TokenStream,
    pub(super) items: Vec<Static>,
}

/// `name` is the endpoint's, `title` says which one it is.
pub(super) fn called(name: &Ident, title: &str, endpoint: &Endpoint, names: &mut Names) -> Called {
    if endpoint.shadows.is_empty() {
        return answering(name, title, endpoint, names);
    }
    let Called { kind, what, value, items } = answering(name, title, endpoint, names);
    let answer = names.part(name, "ANSWER");
    let docs = vec![format!("What {title} answers."), String::new(), what.clone()];
    let mut items: Vec<_> =
        [Static { docs, visibility: "", name: answer.clone(), kind, value }].into_iter().chain(items).collect();
    let mut shadows = Vec::new();
    for (index, shadow) in endpoint.shadows.iter().enumerate() {
        let part = names.part(name, &format!("SHADOW_{}", index + 1));
        let whose = format!("Shadow backend {} of {title}", index + 1);
        items.extend(backend::items(&part, &whose, &shadow.backend, names));
        let called = several_times(&part, &shadow.backend, endpoint);
        let timeout = shadow.timeout.map(duration).map(|timeout| quote! { .timeout(#timeout) });
        shadows.push(quote! { Shadow::new(#called) #timeout });
    }
    Called {
        kind: quote! { Shadowed },
        what: format!("{what} {}", copies(shadows.len())),
        value: quote! { Shadowed::new(&#answer, &[#(#shadows),*]) },
        items,
    }
}

fn copies(count: usize) -> String {
    match count {
        1 => "A copy of each request goes to a shadow backend.".to_owned(),
        count => format!("Copies of each request go to {count} shadow backends."),
    }
}

fn answering(name: &Ident, title: &str, endpoint: &Endpoint, names: &mut Names) -> Called {
    if let ([only], None, false) = (endpoint.backends.as_slice(), endpoint.concurrent_calls, endpoint.sequential) {
        let backend::Parts { value, items } = backend::parts(name, only, names);
        return Called { kind: backend::kind(only), what: backend::sentence(only), value, items };
    }
    let mut items = Vec::new();
    let mut parts = Vec::new();
    for (index, backend) in endpoint.backends.iter().enumerate() {
        let part = names.part(name, &format!("BACKEND_{}", index + 1));
        let whose = format!("Backend {} of {title}", index + 1);
        items.extend(backend::items(&part, &whose, backend, names));
        parts.push(part);
    }
    let count = endpoint.backends.len();
    let called = parts.iter().zip(&endpoint.backends).map(|(part, backend)| several_times(part, backend, endpoint));
    let (kind, what, value) = if endpoint.sequential {
        let steps = called.zip(&endpoint.backends).map(|(called, backend)| chained(&called, backend));
        let what = format!("Calls {count} backends one after the other, in the order of the file.");
        (quote! { Sequence }, what, quote! { Sequence::new(&[#(#steps),*]) })
    } else if let ([part], Some(calls)) = (parts.as_slice(), endpoint.concurrent_calls) {
        let calls = number(calls as u64);
        let what = "Calls a backend several times at once.".to_owned();
        (quote! { Concurrent }, what, quote! { Concurrent::new(&#part, #calls) })
    } else {
        let what = format!("Merges the answers of {count} backends, in the order of the file.");
        (quote! { Merge }, what, quote! { Merge::new(&[#(#called),*]) })
    };
    Called { kind, what, value, items }
}

/// A reference to a backend, called as often as `concurrent_calls` says.
fn several_times(name: &Ident, backend: &Backend, endpoint: &Endpoint) -> TokenStream {
    match (endpoint.concurrent_calls.map(|calls| number(calls as u64)), &backend.kind) {
        (Some(calls), BackendKind::Http(_)) => quote! { &Concurrent::new(&#name, #calls) },
        _ => quote! { &#name },
    }
}

/// A backend of a sequence.
fn chained(called: &TokenStream, backend: &Backend) -> TokenStream {
    let mut calls = Vec::new();
    let reads = backend.reads();
    if !reads.is_empty() {
        let reads = reads.into_iter().map(|Earlier { name, backend, path }| {
            let (backend, path) = (number(*backend as u64), texts(path));
            quote! { Earlier::new(#name, #backend, #path) }
        });
        calls.push(quote! { .reads(&[#(#reads),*]) });
    }
    if !backend.set.headers.is_empty() {
        let headers = backend.set.headers.iter().map(|(name, value)| {
            let value = value.tokens();
            quote! { (#name, #value) }
        });
        calls.push(quote! { .headers(&[#(#headers),*]) });
    }
    if !backend.set.body.is_empty() {
        let body = backend.set.body.iter().map(|piece| match piece {
            BodyPiece::Literal(text) => {
                let text = json(text);
                quote! { BodyPiece::Literal(#text) }
            }
            BodyPiece::Value(Earlier { name, .. }) => quote! { BodyPiece::Value(#name) },
            BodyPiece::Inside(Earlier { name, .. }) => quote! { BodyPiece::Inside(#name) },
        });
        calls.push(quote! { .body(&[#(#body),*]) });
    }
    quote! { Chained::new(#called) #(#calls)* }
}
