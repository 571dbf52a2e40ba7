//! The model to Rust source. Nothing here can fail, and the same model gives the same bytes.

mod backend;
mod endpoint;
mod literal;
mod service;
mod shape;
mod step;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Gateway;
use crate::names::Names;

/// The whole generated file.
pub(crate) fn file(gateway: &Gateway) -> String {
    let mut names = Names::default();
    let endpoints: Vec<_> = gateway.endpoints.iter().map(|endpoint| (names.endpoint(endpoint), endpoint)).collect();

    let version = env!("CARGO_PKG_VERSION");
    let mut items = vec![
        quote! { use sluicegate_runtime::generated::*; },
        quote! { const _: () = generated_for(#version); },
        service::gateway(gateway, endpoints.iter().map(|(name, _)| name)),
    ];
    for (name, endpoint) in &endpoints {
        items.extend(endpoint::items(name, endpoint));
    }

    let mut text = format!("// This file is @generated from {}; edit that file instead.\n", gateway.config);
    for item in items {
        text.push('\n');
        text.push_str(&print(item));
    }
    text
}

/// One item at a time: prettyplease puts no blank line between items.
fn print(item: TokenStream) -> String {
    let item = syn::parse2(item).unwrap_or_else(|error| unreachable!("generated code is Rust: {error}"));
    prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: vec![item] })
}
