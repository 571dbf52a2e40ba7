//! `qos/ratelimit/router`.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::Middleware;
use crate::check::{Context, Owner, header};
use crate::diagnostic::Diagnostic;
use crate::emit::literal::{duration, float, number};
use crate::suggest::closest;
use crate::syntax::{Object, RATE_LIMIT};
use crate::tree::Node;

/// KrakenD's default for `cleanup_period`.
const CLEANUP_PERIOD: Duration = Duration::from_secs(60);

/// `qos/ratelimit/router`.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// `max_rate`, above zero.
    pub max_rate: Option<f64>,
    /// `capacity`; the rate when absent.
    pub capacity: Option<u64>,
    /// `client_max_rate`, above zero.
    pub client_max_rate: Option<f64>,
    /// `client_capacity`; the rate when absent.
    pub client_capacity: Option<u64>,
    /// `every`; one second when absent.
    pub every: Duration,
    /// `strategy` and `key`.
    pub strategy: RateLimitBy,
    /// `cleanup_period`; one minute when absent.
    pub cleanup_period: Duration,
}

/// What tells one client from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimitBy {
    /// The client's address, or the header that `key` names.
    Ip {
        /// The header to read it from, lower case.
        header: Option<String>,
    },
    /// A request header, lower case.
    Header(String),
    /// A path parameter by position.
    Param(usize),
}

impl Middleware for RateLimit {
    const NAMESPACE: &'static str = "qos/ratelimit/router";
    const FEATURE: Option<&'static str> = Some("rate-limit");

    fn check(context: &Context<'_>, owner: &Owner<'_>, options: &Node) -> Option<Self> {
        let options = Object::of(options)?;
        let max_rate = rate(context, options, "max_rate");
        let client_max_rate = rate(context, options, "client_max_rate");
        if !["max_rate", "client_max_rate"].iter().any(|key| options.has_or_means(&RATE_LIMIT, key)) {
            let error = Diagnostic::error("no-rate", options.mark(), "the rate limit limits nothing");
            let error = error.label("this has neither `max_rate` nor `client_max_rate`");
            context.push(error.help("add `max_rate` for all clients, or `client_max_rate` for each"));
        }
        if let (Some(member), false) =
            (options.member("client_capacity"), options.has_or_means(&RATE_LIMIT, "client_max_rate"))
        {
            let message = "`client_capacity` does nothing without `client_max_rate`";
            let warning = Diagnostic::warning("no-effect", member.key_span, message).label("no client has a limit");
            context.push(warning.help("add `client_max_rate` and a `strategy`, or remove the key"));
        }
        let every = options.duration("every");
        if let Some(zero) = every.filter(|every| every.value.is_zero()) {
            let error = Diagnostic::error("out-of-range", zero.span, "`every` is zero");
            context.push(error.label("expected the time that the rate counts for"));
        }
        Some(Self {
            max_rate,
            capacity: capacity(context, options, "capacity"),
            client_max_rate,
            client_capacity: capacity(context, options, "client_capacity"),
            every: every.map_or(Duration::from_secs(1), |every| every.value),
            strategy: strategy(context, options, owner.params)?,
            cleanup_period: options
                .duration("cleanup_period")
                .map(|period| period.value)
                .filter(|period| !period.is_zero())
                .unwrap_or(CLEANUP_PERIOD),
        })
    }

    fn value(&self) -> TokenStream {
        let every = duration(self.every);
        let all = self.max_rate.map(|rate| {
            let [rate, capacity] = bucket(rate, self.capacity);
            quote! { .max_rate(#rate, #capacity) }
        });
        let each = self.client_max_rate.map(|rate| {
            let ([rate, capacity], by) = (bucket(rate, self.client_capacity), by(&self.strategy));
            quote! { .client_max_rate(#rate, #capacity, #by) }
        });
        let cleanup = (self.cleanup_period != CLEANUP_PERIOD).then(|| {
            let period = duration(self.cleanup_period);
            quote! { .cleanup_period(#period) }
        });
        quote! { RateLimit::per(#every) #all #each #cleanup }
    }
}

/// A rate above zero: KrakenD takes 0 and less for no limit at all.
fn rate(context: &Context<'_>, options: Object<'_>, key: &str) -> Option<f64> {
    let rate = options.number(key)?;
    if rate.value > 0.0 && rate.value.is_finite() {
        return Some(rate.value);
    }
    let error = Diagnostic::error("out-of-range", rate.span, format!("`{key}` must be above 0"));
    context.push(error.label("KrakenD takes this for no limit").help("remove the key to have no limit"));
    None
}

/// Tokens in a full bucket; absent and 0 mean the rate.
fn capacity(context: &Context<'_>, options: Object<'_>, key: &str) -> Option<u64> {
    let capacity = context.size(options.integer(key), key)?;
    u64::try_from(capacity).ok().filter(|capacity| *capacity > 0)
}

fn strategy(context: &Context<'_>, options: Object<'_>, params: Option<&[String]>) -> Option<RateLimitBy> {
    let key = options.text("key").filter(|key| !key.value.is_empty());
    let Some(strategy) = options.text("strategy") else {
        if let (Some(member), false) =
            (options.member("client_max_rate"), options.has_or_means(&RATE_LIMIT, "strategy"))
        {
            let error = Diagnostic::error("missing-key", member.key_span, "`client_max_rate` needs a `strategy`");
            let error = error.label("KrakenD limits nothing without it");
            context.push(error.help("write `\"strategy\": \"ip\"`, or `header` or `param` with a `key`"));
        }
        return Some(RateLimitBy::Ip { header: None });
    };
    let missing_key = |what: &str| {
        if options.has_or_means(&RATE_LIMIT, "key") && options.text("key").is_none_or(|key| !key.value.is_empty()) {
            return;
        }
        let message = format!("the strategy `{}` needs a `key`", strategy.value);
        let error = Diagnostic::error("missing-key", strategy.span, message).label("KrakenD refuses every request");
        context.push(error.help(format!("add `\"key\"` with the name of {what}")));
    };
    match strategy.value {
        "ip" => {
            if key.is_none() && options.has("client_max_rate") && context.trusts_everybody() {
                let message = "the client's address is taken from `X-Forwarded-For`, which any client can set";
                let warning = Diagnostic::warning("trusts-every-proxy", strategy.span, message);
                let warning = warning.label("every proxy is believed, as in KrakenD without `trusted_proxies`");
                let warning = warning.help("name your own proxies in `trusted_proxies` of `router`");
                context.push(warning.help("or add a `key`: the header that your own proxy writes the address into"));
            }
            Some(RateLimitBy::Ip { header: key.and_then(|key| header(context, key)) })
        }
        "header" => match key {
            Some(key) => header(context, key).map(RateLimitBy::Header),
            None => {
                missing_key("a header");
                None
            }
        },
        "param" => {
            let Some(key) = key else {
                missing_key("a path parameter");
                return None;
            };
            let params = params?;
            let index = params.iter().position(|param| param == key.value);
            if index.is_none() {
                let message = format!("`{}` is not a parameter of this endpoint", key.value);
                let error =
                    Diagnostic::error("unknown-parameter", key.span, message).label("nothing provides this value");
                let list: Vec<_> = params.iter().map(|param| format!("`{param}`")).collect();
                let error = error.did_you_mean(closest(key.value, params.iter().map(String::as_str)));
                context.push(match list.is_empty() {
                    true => error.help("the endpoint's path has no parameters"),
                    false => error.help(format!("the endpoint's path has {}", list.join(", "))),
                });
            }
            index.map(RateLimitBy::Param)
        }
        // Reported as an unknown value.
        _ => None,
    }
}

fn by(strategy: &RateLimitBy) -> TokenStream {
    match strategy {
        RateLimitBy::Ip { header: None } => quote! { RateLimitBy::Ip },
        RateLimitBy::Ip { header: Some(name) } => quote! { RateLimitBy::IpHeader(#name) },
        RateLimitBy::Header(name) => quote! { RateLimitBy::Header(#name) },
        RateLimitBy::Param(index) => {
            let index = number(*index as u64);
            quote! { RateLimitBy::Param(#index) }
        }
    }
}

/// A rate and its capacity, which is the rate where the config says nothing, and never below one.
fn bucket(rate: f64, capacity: Option<u64>) -> [Literal; 2] {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
    let capacity = capacity.unwrap_or(rate as u64).clamp(1, u64::from(u32::MAX));
    [float(rate), number(capacity)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_is_the_rate_and_at_least_one() {
        for (rate, capacity, expected) in [
            (5.0, None, ["5.0", "5"]),
            (0.1, None, ["0.1", "1"]),
            (2.5, Some(0), ["2.5", "1"]),
            (1e16, None, ["1e16", "4_294_967_295"]),
            (1.0, Some(9), ["1.0", "9"]),
        ] {
            assert_eq!(bucket(rate, capacity).map(|literal| literal.to_string()), expected);
        }
    }
}
