//! `proxy.static`.

use proc_macro2::TokenStream;
use quote::quote;

use super::Middleware;
use crate::check::{Context, Owner};
use crate::diagnostic::Diagnostic;
use crate::emit::literal::json;
use crate::model::Output;
use crate::syntax::Object;
use crate::tree::{self, Node};

/// `proxy.static`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticResponse {
    /// The members of `data`: names, and values as compact JSON text.
    pub data: Vec<(String, String)>,
    /// `strategy`.
    pub strategy: StaticStrategy,
}

/// `proxy.static.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the strategies")]
pub enum StaticStrategy {
    Always,
    Success,
    Errored,
    Complete,
    Incomplete,
}

impl Middleware for StaticResponse {
    const NAMESPACE: &'static str = "proxy";
    const KEY: Option<&'static str> = Some("static");

    fn check(context: &Context<'_>, owner: &Owner<'_>, options: &Node) -> Option<Self> {
        let options = Object::of(options)?;
        if owner.output == Output::NoOp {
            let message = "`proxy.static` does nothing where the answer is passed on unread";
            let error = Diagnostic::error("inapplicable", options.mark(), message);
            context.push(error.label("cannot be merged into it").help("remove it, or the endpoint's `no-op`"));
        }
        let strategy = match options.text("strategy")?.value {
            "always" => StaticStrategy::Always,
            "success" => StaticStrategy::Success,
            "errored" => StaticStrategy::Errored,
            "complete" => StaticStrategy::Complete,
            "incomplete" => StaticStrategy::Incomplete,
            // Reported as an unknown value.
            _ => return None,
        };
        let data = options.object("data")?.node();
        let last = |key: &str| data.member(key).map(|member| member.value.to_json());
        let data = data.members().iter().filter_map(|member| Some((member.key.clone(), last(&member.key)?))).collect();
        Some(Self { data, strategy })
    }

    fn value(&self) -> TokenStream {
        let strategy = match self.strategy {
            StaticStrategy::Always => quote! { StaticStrategy::Always },
            StaticStrategy::Success => quote! { StaticStrategy::Success },
            StaticStrategy::Errored => quote! { StaticStrategy::Errored },
            StaticStrategy::Complete => quote! { StaticStrategy::Complete },
            StaticStrategy::Incomplete => quote! { StaticStrategy::Incomplete },
        };
        let members: Vec<_> = self.data.iter().map(|(name, value)| format!("{}:{value}", tree::quote(name))).collect();
        let data = json(&format!("{{{}}}", members.join(",")));
        quote! { StaticResponse::new(#strategy, #data) }
    }
}
