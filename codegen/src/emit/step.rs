//! Middleware.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::literal::{duration, json, number};
use crate::model::{RateLimit, RateLimitBy, StaticResponse, StaticStrategy, Step};

pub(super) fn value(step: &Step) -> TokenStream {
    match step {
        Step::RateLimit(limit) => {
            let limit = rate_limit(limit);
            quote! { Step::RateLimit(#limit) }
        }
        Step::JsonSchema(schema) => {
            let schema = json(schema);
            quote! { Step::JsonSchema(JsonSchema::new(#schema)) }
        }
        Step::Static(response) => {
            let response = static_response(response);
            quote! { Step::Static(#response) }
        }
    }
}

fn rate_limit(limit: &RateLimit) -> TokenStream {
    let every = duration(limit.every);
    let all = limit.max_rate.map(|rate| {
        let (rate, capacity) = bucket(rate, limit.capacity);
        quote! { .max_rate(#rate, #capacity) }
    });
    let each = limit.client_max_rate.map(|rate| {
        let (rate, capacity) = bucket(rate, limit.client_capacity);
        let by = match &limit.strategy {
            RateLimitBy::Ip { header: None } => quote! { RateLimitBy::Ip },
            RateLimitBy::Ip { header: Some(name) } => quote! { RateLimitBy::IpHeader(#name) },
            RateLimitBy::Header(name) => quote! { RateLimitBy::Header(#name) },
            RateLimitBy::Param(index) => {
                let index = number(*index as u64);
                quote! { RateLimitBy::Param(#index) }
            }
        };
        quote! { .client_max_rate(#rate, #capacity, #by) }
    });
    let cleanup = (limit.cleanup_period != Duration::from_secs(60)).then(|| {
        let period = duration(limit.cleanup_period);
        quote! { .cleanup_period(#period) }
    });
    quote! { RateLimit::per(#every) #all #each #cleanup }
}

/// A rate and its capacity, which is the rate where the config says nothing, and never below one.
fn bucket(rate: f64, capacity: Option<u64>) -> (Literal, Literal) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
    let capacity = capacity.unwrap_or(rate as u64).clamp(1, u64::from(u32::MAX));
    (Literal::f64_unsuffixed(rate), number(capacity))
}

fn static_response(response: &StaticResponse) -> TokenStream {
    let strategy = match response.strategy {
        StaticStrategy::Always => quote! { StaticStrategy::Always },
        StaticStrategy::Success => quote! { StaticStrategy::Success },
        StaticStrategy::Errored => quote! { StaticStrategy::Errored },
        StaticStrategy::Complete => quote! { StaticStrategy::Complete },
        StaticStrategy::Incomplete => quote! { StaticStrategy::Incomplete },
    };
    let members: Vec<_> = response
        .data
        .iter()
        .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
        .collect();
    let data = json(&format!("{{{}}}", members.join(",")));
    quote! { StaticResponse::new(#strategy, #data) }
}
