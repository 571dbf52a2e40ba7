//! `qos/ratelimit/router`.

use std::time::Duration;

use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::{EndpointPath, RateLimit, RateLimitBy};
use crate::suggest::closest;
use crate::syntax::Object;

/// KrakenD's default for `cleanup_period`.
const CLEANUP_PERIOD: Duration = Duration::from_secs(60);

pub(super) fn rate_limit(context: &Context<'_>, options: Object<'_>, path: Option<&EndpointPath>) -> Option<RateLimit> {
    let max_rate = rate(context, options, "max_rate");
    let client_max_rate = rate(context, options, "client_max_rate");
    if !options.has("max_rate") && !options.has("client_max_rate") {
        let error = Diagnostic::error("no-rate", options.mark(), "the rate limit limits nothing");
        context.push(error.label("this has neither `max_rate` nor `client_max_rate`"));
    }
    let every = options.duration("every");
    if let Some(zero) = every.filter(|every| every.value.is_zero()) {
        let error = Diagnostic::error("out-of-range", zero.span, "`every` is zero");
        context.push(error.label("expected the time that the rate counts for"));
    }
    Some(RateLimit {
        max_rate,
        capacity: capacity(context, options, "capacity"),
        client_max_rate,
        client_capacity: capacity(context, options, "client_capacity"),
        every: every.map_or(Duration::from_secs(1), |every| every.value),
        strategy: strategy(context, options, path)?,
        cleanup_period: options
            .duration("cleanup_period")
            .map(|period| period.value)
            .filter(|period| !period.is_zero())
            .unwrap_or(CLEANUP_PERIOD),
    })
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

fn strategy(context: &Context<'_>, options: Object<'_>, path: Option<&EndpointPath>) -> Option<RateLimitBy> {
    let key = options.text("key").filter(|key| !key.value.is_empty());
    let Some(strategy) = options.text("strategy") else {
        if let (Some(member), false) = (options.member("client_max_rate"), options.has("strategy")) {
            let error = Diagnostic::error("missing-key", member.key_span, "`client_max_rate` needs a `strategy`");
            let error = error.label("KrakenD limits nothing without it");
            context.push(error.help("write `\"strategy\": \"ip\"`, or `header` or `param` with a `key`"));
        }
        return Some(RateLimitBy::Ip { header: None });
    };
    let missing_key = |what: &str| {
        let message = format!("the strategy `{}` needs a `key`", strategy.value);
        let error = Diagnostic::error("missing-key", strategy.span, message).label("KrakenD refuses every request");
        context.push(error.help(format!("add `\"key\"` with the name of {what}")));
    };
    match strategy.value {
        "ip" => {
            if key.is_none() && options.has("client_max_rate") {
                let message = "the client's address is taken from `X-Forwarded-For`, which any client can set";
                let warning = Diagnostic::warning("trusts-every-proxy", strategy.span, message);
                let warning = warning.label("every proxy is believed, as in KrakenD without `trusted_proxies`");
                context.push(warning.help("add a `key`: the header that your own proxy writes the address into"));
            }
            let header = key.map(|key| names::header(context, key));
            Some(RateLimitBy::Ip { header: header.flatten() })
        }
        "header" => match key {
            Some(key) => names::header(context, key).map(RateLimitBy::Header),
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
            let params = &path?.params;
            let index = params.iter().position(|param| param == key.value);
            if index.is_none() {
                let message = format!("`{}` is not a parameter of this endpoint", key.value);
                let error =
                    Diagnostic::error("unknown-parameter", key.span, message).label("nothing provides this value");
                context.push(error.did_you_mean(closest(key.value, params.iter().map(String::as_str))));
            }
            index.map(RateLimitBy::Param)
        }
        // Reported as an unknown value.
        _ => None,
    }
}
