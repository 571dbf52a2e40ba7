//! `proxy.flatmap_filter` of an endpoint.

use proc_macro2::TokenStream;
use quote::quote;

use super::Middleware;
use crate::check::{Context, Owner, flatmap_ops};
use crate::diagnostic::Diagnostic;
use crate::emit::flatmap;
use crate::model::FlatmapOp;
use crate::tree::Node;

/// `proxy.flatmap_filter` of an endpoint: one operation or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flatmap(pub Vec<FlatmapOp>);

impl Middleware for Flatmap {
    const NAMESPACE: &'static str = "proxy";
    const KEY: Option<&'static str> = Some("flatmap_filter");

    fn check(context: &Context<'_>, owner: &Owner<'_>, list: &Node) -> Option<Self> {
        let ops = flatmap_ops(context, list);
        if owner.backends == 1 && !list.items().is_empty() {
            let message = "`flatmap_filter` of an endpoint needs several backends";
            let error = Diagnostic::error("inapplicable", list.mark(), message);
            let error = error.label("KrakenD ignores it with one backend");
            context.push(error.help("move `proxy.flatmap_filter` into the backend's `extra_config`"));
        }
        (!ops.is_empty()).then_some(Self(ops))
    }

    fn value(&self) -> TokenStream {
        let ops = flatmap(&self.0);
        quote! { Flatmap::new(#ops) }
    }
}
