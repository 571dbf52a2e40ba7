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
        code: "unknown-encoding",
        why: "an encoding of the Enterprise edition, which KrakenD CE takes for json without a word",
        applies: |endpoint| encodings(endpoint).any(|encoding| encoding == "fast-json"),
    },
    Rule {
        code: "no-op-one-side",
        why: "only a no-op endpoint can hand through what a no-op backend sends",
        applies: |endpoint| {
            endpoint["output_encoding"] != "no-op" && backends(endpoint).any(|backend| backend["encoding"] == "no-op")
        },
    },
];

fn backends(endpoint: &Value) -> impl Iterator<Item = &Value> {
    array(&endpoint["backend"]).iter()
}

fn encodings(endpoint: &Value) -> impl Iterator<Item = &str> {
    backends(endpoint).map(|backend| text(&backend["encoding"])).chain([text(&endpoint["output_encoding"])])
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
        let refused = suite.refused(endpoint).map(LeftOut::codes).unwrap_or_default();
        if !wanted.is_empty() && wanted != refused.iter().copied().collect() {
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
