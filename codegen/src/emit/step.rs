//! Middleware.

use std::time::Duration;

use super::code::Code;
use super::literal::{duration, json, number, text};
use crate::model::{RateLimit, RateLimitBy, StaticResponse, StaticStrategy, Step};

pub(super) fn value(step: &Step) -> Code {
    let (name, options) = match step {
        Step::RateLimit(limit) => ("Step::RateLimit", rate_limit(limit)),
        Step::JsonSchema(schema) => ("Step::JsonSchema", Code::call("JsonSchema::new", [json(schema)])),
        Step::Static(response) => ("Step::Static", static_response(response)),
    };
    Code::call(name, [options])
}

fn rate_limit(limit: &RateLimit) -> Code {
    let all = limit.max_rate.map(|rate| Code::call("max_rate", bucket(rate, limit.capacity)));
    let each = limit.client_max_rate.map(|rate| {
        let by = match &limit.strategy {
            RateLimitBy::Ip { header: None } => Code::word("RateLimitBy::Ip"),
            RateLimitBy::Ip { header: Some(name) } => Code::call("RateLimitBy::IpHeader", [text(name)]),
            RateLimitBy::Header(name) => Code::call("RateLimitBy::Header", [text(name)]),
            RateLimitBy::Param(index) => Code::call("RateLimitBy::Param", [number(*index as u64)]),
        };
        let [rate, capacity] = bucket(rate, limit.client_capacity);
        Code::call("client_max_rate", [rate, capacity, by])
    });
    let cleanup = (limit.cleanup_period != Duration::from_secs(60))
        .then(|| Code::call("cleanup_period", [duration(limit.cleanup_period)]));
    Code::call("RateLimit::per", [duration(limit.every)]).with([all, each, cleanup].into_iter().flatten())
}

/// A rate and its capacity, which is the rate where the config says nothing, and never below one.
fn bucket(rate: f64, capacity: Option<u64>) -> [Code; 2] {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
    let capacity = capacity.unwrap_or(rate as u64).clamp(1, u64::from(u32::MAX));
    // `{:?}` writes `5.0`, which is a float, where `{}` writes `5`.
    [Code::word(format!("{rate:?}")), number(capacity)]
}

fn static_response(response: &StaticResponse) -> Code {
    let strategy = match response.strategy {
        StaticStrategy::Always => "StaticStrategy::Always",
        StaticStrategy::Success => "StaticStrategy::Success",
        StaticStrategy::Errored => "StaticStrategy::Errored",
        StaticStrategy::Complete => "StaticStrategy::Complete",
        StaticStrategy::Incomplete => "StaticStrategy::Incomplete",
    };
    let members = response.data.iter();
    let members: Vec<_> =
        members.map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str()))).collect();
    let data = json(&format!("{{{}}}", members.join(",")));
    Code::call("StaticResponse::new", [Code::word(strategy), data])
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
            assert_eq!(bucket(rate, capacity), expected.map(Code::word));
        }
    }
}
