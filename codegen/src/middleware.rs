//! Middleware of endpoints.
//!
//! A middleware is one file: where its options stand, what they are checked into, and how that is written as Rust. It
//! is registered by one line in `steps!` below. The runtime's part of it is a file and a line of the same name there.

pub mod flatmap;
pub mod json_schema;
pub mod rate_limit;
pub mod static_response;

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::{Context, Owner};
use crate::syntax::Object;
use crate::syntax::namespaces::canonical;
use crate::tree::{Member, Node};

/// The validated options of a middleware: plain data.
trait Middleware: Sized {
    /// The member of an endpoint's `extra_config` that its options stand in.
    const NAMESPACE: &'static str;
    /// The key of that member that holds them, where they share it with others.
    const KEY: Option<&'static str> = None;
    /// The runtime's cargo feature, where it needs one.
    const FEATURE: Option<&'static str> = None;

    /// Reports every mistake in `options` that is more than a wrong type. `None` only after a report.
    fn check(context: &Context<'_>, owner: &Owner<'_>, options: &Node) -> Option<Self>;

    /// The options as the runtime takes them.
    fn value(&self) -> TokenStream;
}

/// What is asked of a middleware before there is a value of it.
struct Registered {
    #[cfg(test)]
    name: &'static str,
    namespace: &'static str,
    key: Option<&'static str>,
    #[cfg(test)]
    feature: Option<&'static str>,
    check: fn(&Context<'_>, &Owner<'_>, &Node) -> Option<Step>,
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident($options:ty),)*) => {
        /// A middleware of an endpoint.
        #[derive(Clone, Debug)]
        pub enum Step {
            $($(#[doc = $doc])+ $name($options),)*
        }

        static REGISTERED: &[Registered] = &[
            $(Registered {
                #[cfg(test)]
                name: stringify!($name),
                namespace: <$options>::NAMESPACE,
                key: <$options>::KEY,
                #[cfg(test)]
                feature: <$options>::FEATURE,
                check: |context, owner, options| <$options>::check(context, owner, options).map(Step::$name),
            },)*
        ];

        impl Step {
            /// The cargo feature of the runtime that it needs.
            #[must_use]
            pub fn feature(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name(_) => <$options>::FEATURE,)*
                }
            }

            /// As the runtime takes it.
            pub(crate) fn value(&self) -> TokenStream {
                match self {
                    $(Self::$name(options) => {
                        let options = options.value();
                        quote! { Step::$name(#options) }
                    })*
                }
            }
        }
    };
}

// In the order that the runtime has them in.
steps! {
    /// `qos/ratelimit/router`.
    RateLimit(rate_limit::RateLimit),
    /// `validation/json-schema`.
    JsonSchema(json_schema::JsonSchema),
    /// `proxy.static`.
    Static(static_response::StaticResponse),
    /// `proxy.flatmap_filter`.
    Flatmap(flatmap::Flatmap),
}

/// Whether there is a middleware for a whole namespace of an endpoint.
pub(crate) fn serves(namespace: &str) -> bool {
    REGISTERED.iter().any(|step| step.namespace == namespace && step.key.is_none())
}

/// The middleware of an endpoint, in the order of the file.
pub(crate) fn steps(context: &Context<'_>, owner: &Owner<'_>, endpoint: Object<'_>) -> Vec<Step> {
    let members = endpoint.get("extra_config").map_or(&[][..], Node::members);
    members.iter().flat_map(|member| of_member(context, owner, member)).collect()
}

fn of_member(context: &Context<'_>, owner: &Owner<'_>, member: &Member) -> impl Iterator<Item = Step> {
    let namespace = canonical(&member.key);
    REGISTERED.iter().filter(move |step| step.namespace == namespace).filter_map(|step| {
        let options = match step.key {
            Some(key) => &member.value.member(key)?.value,
            None => &member.value,
        };
        (step.check)(context, owner, options)
    })
}

#[cfg(test)]
mod tests;
