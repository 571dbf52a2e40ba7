//! The verdicts on a list of small configs, of which KrakenD starts most without a word.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate_codegen::{SourceFile, check};

/// What each config gives, by name: the codes in the order of the file. `ok` names the valid ones.
const EXPECTED: &[(&str, &[&str])] = &[
    ("typo at the root", &["unknown-key"]),
    ("typo in endpoint", &["unknown-key"]),
    ("typo in endpoint 3", &["unknown-key"]),
    ("typo in backend 2", &["unknown-key"]),
    ("typo in backend 4", &["unknown-key"]),
    ("typo in namespace option", &[LATER, "unknown-key"]),
    ("unknown namespace in backend", &["unknown-namespace"]),
    ("namespace at the wrong level 2", &["misplaced-namespace"]),
    ("enterprise namespace", &["enterprise"]),
    ("port as string", &["wrong-type"]),
    ("timeout as number", &["wrong-type"]),
    ("concurrent_calls as string", &["wrong-type"]),
    ("host as string", &["wrong-type"]),
    ("mapping as list", &["wrong-type"]),
    ("endpoints as object", &["wrong-type"]),
    ("extra_config as list", &["wrong-type"]),
    ("version 2", &["unsupported-version"]),
    ("version missing", &["missing-key"]),
    ("bad duration without unit", &["bad-duration"]),
    ("negative duration", &["bad-duration"]),
    ("duplicate endpoint", &["duplicate-endpoint"]),
    ("conflicting wildcards deeper", &["conflicting-parameter"]),
    ("backend parameter not declared", &["unknown-parameter"]),
    ("endpoint without slash", &["bad-path"]),
    ("endpoint with query string", &["bad-path"]),
    ("endpoint with wildcard in the middle", &["bad-path"]),
    ("endpoint with partial parameter", &["bad-path"]),
    ("reserved endpoint __debug", &["bad-path"]),
    ("backend missing", &["missing-key"]),
    ("unknown method", &["unknown-method"]),
    ("method lower case", &["letter-case"]),
    ("no-op with two backends", &["no-op-merge"]),
    ("backend no-op without output no-op", &["no-op-one-side"]),
    ("resp0 without sequential", &["response-without-sequence"]),
    ("unknown encoding", &["krakend-reads-json"]),
    ("url_pattern missing", &["missing-key"]),
    ("no host anywhere", &["no-host"]),
    ("host with one-digit port", &["bad-host"]),
    ("allow and deny together", &["allow-and-deny"]),
    ("flatmap unknown operation", &["unknown-value"]),
    ("invalid CEL expression", &[LATER]),
    ("rate limit zero", &["out-of-range"]),
    ("client rate limit header without key", &["missing-key"]),
    ("JWT unknown algorithm", &[LATER, "unknown-value"]),
    ("JWT jwk file missing", &[LATER]),
    ("circuit breaker without max_errors", &[LATER, "missing-key"]),
    ("Lua source missing", &[LATER]),
    ("CORS origin without scheme", &[LATER]),
    ("TLS files missing", &["unreadable-file", "unreadable-file"]),
    ("pubsub wrong driver name", &["unknown-driver"]),
    ("pubsub subscription_url missing", &["missing-key"]),
    ("pubsub without disable_host_sanitize", &["krakend-needs"]),
    ("pubsub host with topic in it", &["topic-in-host"]),
    ("kafka subscription without topic", &["bad-subscription-url"]),
    ("kafka bad offset", &["bad-subscription-url"]),
    ("SNS ARN with two slashes", &["bad-topic-url"]),
    ("GCP path malformed", &["bad-topic-url"]),
    ("rabbit unknown parameter", &["bad-topic-url"]),
    ("pubsub parameter in topic", &["bad-topic-url"]),
    ("pubsub extra_config at the endpoint", &["misplaced-namespace"]),
    ("JSON comments", &["syntax"]),
    ("JSON truncated", &["syntax"]),
    ("JSON empty file", &["syntax"]),
    ("JSON with BOM", &["syntax"]),
];

const LATER: &str = "not-supported-yet";

#[test]
fn every_mistake_is_told_and_nothing_else_is() {
    let list: Vec<Value> = serde_json::from_str(include_str!("krakend_check.json")).expect("the list is JSON");
    let mut expected: BTreeMap<&str, &[&str]> = EXPECTED.iter().copied().collect();
    for case in &list {
        let name = case["name"].as_str().expect("a name");
        let mistake = case["mistake"] == true;
        let text = match &case["config"] {
            Value::String(text) => text.clone(),
            config => serde_json::to_string_pretty(config).expect("a config is JSON"),
        };
        let checked = check(&SourceFile::new("gateway.json", "", text));
        // A driver without a client is no mistake, and the list names none.
        let no_client =
            |message: &str| message.starts_with("the driver `") && message.ends_with("is not supported yet");
        let diagnostics: Vec<_> = checked.diagnostics.iter().filter(|found| !no_client(&found.message)).collect();
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
        let wanted = expected.remove(name).unwrap_or_default();
        assert_eq!(mistake, !wanted.is_empty(), "{name}: the list says mistake {mistake}");
        assert_eq!(codes, wanted, "{name}: {diagnostics:#?}");
    }
    assert!(expected.is_empty(), "not in the list: {expected:?}");
}
