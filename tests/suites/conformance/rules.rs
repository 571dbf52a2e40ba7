//! What the build has to refuse, and what it may not support yet.

use std::collections::BTreeSet;

use serde_json::Value;

use super::suite::{LeftOut, Suite, array, method_of, text};

/// A class of endpoints that design.md refuses.
struct Rule {
    /// The code of the diagnostic that they get.
    code: &'static str,
    /// Why, from design.md.
    #[expect(dead_code, reason = "for people")]
    why: &'static str,
    applies: fn(&Value) -> bool,
}

/// Every endpoint to which one applies has to be refused with its code, and no other endpoint may be refused.
const RULES: &[Rule] = &[
    Rule {
        code: "flatmap-and-filter",
        why: "with `flatmap_filter`, KrakenD looks at none of `allow`, `deny` and `mapping` of the same backend (trap 49)",
        applies: |endpoint| {
            backends(endpoint).any(|backend| {
                backend.pointer("/extra_config/proxy/flatmap_filter").is_some()
                    && ["allow", "deny", "mapping"].iter().any(|key| backend.get(key).is_some())
            })
        },
    },
    Rule {
        code: "unknown-combiner",
        why: "other combiners are Go code, and KrakenD falls back to its own without a word",
        applies: |endpoint| {
            endpoint.pointer("/extra_config/proxy/combiner").is_some_and(|combiner| combiner != "default")
        },
    },
    Rule {
        code: "no-op-one-side",
        why: "a message that is received as no-op would be in no answer, and lost",
        applies: |endpoint| {
            let lost = |it: &Value| {
                it["encoding"] == "no-op" && it.pointer("/extra_config/backend~1pubsub~1subscriber").is_some()
            };
            endpoint["output_encoding"] != "no-op" && backends(endpoint).any(lost)
        },
    },
    Rule {
        code: "no-wildcard",
        why: "KrakenD takes `*` of a backend for the name of a header, and passes none",
        applies: |endpoint| {
            let lists = backends(endpoint).flat_map(|it| [&it["input_headers"], &it["input_query_strings"]]);
            lists.flat_map(array).any(|name| name == "*")
        },
    },
    Rule {
        code: "pubsub-concurrent-calls",
        why: "`concurrent_calls` above 1 would publish or take several messages for one request",
        applies: |endpoint| {
            endpoint["concurrent_calls"].as_u64() > Some(1)
                && topics(endpoint).chain(subscriptions(endpoint)).count() > 0
        },
    },
    Rule {
        code: "bad-topic-url",
        why: "a malformed topic, `{param}` in one or an unknown parameter: KrakenD falls back to an HTTP backend and fails",
        applies: |endpoint| topics(endpoint).any(is_malformed),
    },
    Rule {
        code: "bad-subscription-url",
        why: "as for a topic",
        applies: |endpoint| subscriptions(endpoint).any(is_malformed),
    },
];

fn topics(endpoint: &Value) -> impl Iterator<Item = &str> {
    urls(endpoint, "/extra_config/backend~1pubsub~1publisher/topic_url")
}

fn subscriptions(endpoint: &Value) -> impl Iterator<Item = &str> {
    urls(endpoint, "/extra_config/backend~1pubsub~1subscriber/subscription_url")
}

fn urls<'a>(endpoint: &'a Value, pointer: &'static str) -> impl Iterator<Item = &'a str> {
    backends(endpoint).filter_map(move |backend| backend.pointer(pointer)?.as_str())
}

/// Whether a URL names more than its place and what go-cloud knows.
fn is_malformed(url: &str) -> bool {
    const KNOWN: [&str; 7] = ["", "natsv2", "queue", "key_name", "prefetch_count", "topic", "offset"];
    let (subject, parameters) = url.split_once('?').unwrap_or((url, ""));
    let known = |parameter: &str| KNOWN.contains(&parameter.split('=').next().unwrap_or_default());
    subject.is_empty() || subject.contains('{') || !parameters.split('&').all(known)
}

fn backends(endpoint: &Value) -> impl Iterator<Item = &Value> {
    array(&endpoint["backend"]).iter()
}

fn codes(endpoint: &Value) -> BTreeSet<&'static str> {
    RULES.iter().filter(|rule| (rule.applies)(endpoint)).map(|rule| rule.code).collect()
}

/// Whether the rules say what the build said.
pub(super) fn explain(endpoint: &Value, left_out: &LeftOut) -> bool {
    codes(endpoint) == left_out.codes().into_iter().collect()
}

/// What speaks against the rules, and against the list of what is not supported yet.
pub(super) fn check(suite: &Suite) -> Vec<String> {
    let mut problems = Vec::new();
    for endpoint in suite.endpoints() {
        let wanted = codes(endpoint);
        let left_out = suite.refused(endpoint);
        let refused = left_out.map(LeftOut::codes).unwrap_or_default();
        // A feature that is missing hides what is wrong with its use.
        let hidden = left_out.is_some_and(|it| !it.features().is_empty());
        if !wanted.is_empty() && !hidden && wanted != refused.iter().copied().collect() {
            let name = format!("{} {}", method_of(endpoint), text(&endpoint["endpoint"]));
            problems.push(format!("{name}: wanted to be refused with {wanted:?}, got {refused:?}"));
        }
    }
    let service = suite.left_out.iter().filter(|it| it.endpoint.is_null());
    for (code, message) in service.flat_map(|it| &it.errors).filter(|(code, _)| code != super::suite::NOT_YET) {
        problems.push(format!("the service is refused with {code}: {message}"));
    }
    let missing: BTreeSet<_> = suite.left_out.iter().flat_map(LeftOut::features).collect();
    for feature in &missing {
        if !suite.not_yet.contains(feature) {
            problems.push(format!("not supported yet, and not in not-yet.txt: {feature}"));
        }
    }
    for feature in suite.not_yet.names().filter(|name| !missing.contains(*name)) {
        problems.push(format!("supported now, or of no use: take it out of not-yet.txt: {feature}"));
    }
    problems
}
