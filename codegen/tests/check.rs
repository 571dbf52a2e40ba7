//! The verdicts on a list of small configs, of which KrakenD starts most without a word, and on whole suites of them.
//!
//! `check/check.json` and `check/suites` were recorded with a KrakenD CE 2.13; `../tests/conformance` are the suites that
//! are replayed. What is known and not supported yet is told apart from mistakes: it is counted, and goes as features come.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sluicegate_codegen::{Diagnostic, Severity, SourceFile, check};

const NOT_YET: &str = "not-supported-yet";

/// A mistake: its code, and the bytes that are underlined.
type Mistake = (&'static str, &'static str);

/// What each config of the list gives, by name, in the order of the file. The valid ones are not here.
const EXPECTED: &[(&str, &[Mistake])] = &[
    ("typo at the root", &[("unknown-key", r#""time_out""#)]),
    ("typo in endpoint", &[("unknown-key", r#""querystring_params""#)]),
    ("typo in endpoint 3", &[("unknown-key", r#""outputencoding""#)]),
    ("typo in backend 2", &[("unknown-key", r#""denny""#)]),
    ("typo in backend 4", &[("unknown-key", r#""iscollection""#)]),
    ("typo in namespace option", &[("unknown-key", r#""audiences""#)]),
    ("unknown namespace in backend", &[("unknown-namespace", r#""qos/circuitbreaker""#)]),
    ("namespace at the wrong level 2", &[("misplaced-namespace", r#""qos/circuit-breaker""#)]),
    ("enterprise namespace", &[("enterprise", r#""validation/response-json-schema""#)]),
    ("port as string", &[("wrong-type", r#""8080""#)]),
    ("timeout as number", &[("wrong-type", "3")]),
    ("concurrent_calls as string", &[("wrong-type", r#""2""#)]),
    ("host as string", &[("wrong-type", r#""http://127.0.0.1:18081""#)]),
    ("mapping as list", &[("wrong-type", "[")]),
    ("endpoints as object", &[("wrong-type", "{")]),
    ("extra_config as list", &[("wrong-type", "[")]),
    ("version 2", &[("unsupported-version", "2")]),
    ("version missing", &[("missing-key", "{")]),
    ("bad duration without unit", &[("bad-duration", r#""30""#)]),
    ("negative duration", &[("bad-duration", r#""-1s""#)]),
    ("duplicate endpoint", &[("duplicate-endpoint", r#""/dup""#)]),
    ("conflicting wildcards deeper", &[("conflicting-parameter", "{b}")]),
    ("backend parameter not declared", &[("unknown-parameter", "{nope}")]),
    ("endpoint without slash", &[("bad-path", "a")]),
    ("endpoint with query string", &[("bad-path", "?x=1")]),
    ("endpoint with wildcard in the middle", &[("bad-path", "*")]),
    ("endpoint with partial parameter", &[("bad-path", "x{id}")]),
    ("reserved endpoint __debug", &[("bad-path", "/__debug/x")]),
    ("backend missing", &[("missing-key", "{")]),
    ("unknown method", &[("unknown-method", r#""FETCH""#)]),
    ("method lower case", &[("letter-case", r#""post""#)]),
    ("no-op with two backends", &[("no-op-merge", r#""no-op""#)]),
    ("backend no-op without output no-op", &[("no-op-one-side", r#""no-op""#)]),
    ("resp0 without sequential", &[("response-without-sequence", "{resp0_x}")]),
    ("unknown encoding", &[("krakend-reads-json", r#""yaml""#)]),
    ("url_pattern missing", &[("missing-key", "{")]),
    ("no host anywhere", &[("no-host", "{")]),
    ("host with one-digit port", &[("bad-host", "9")]),
    ("allow and deny together", &[("allow-and-deny", r#""deny""#)]),
    ("flatmap unknown operation", &[("unknown-value", r#""rename""#)]),
    ("invalid CEL expression", &[("bad-cel", "is")]),
    ("rate limit zero", &[("out-of-range", "0")]),
    ("client rate limit header without key", &[("missing-key", r#""header""#)]),
    ("JWT unknown algorithm", &[("unknown-value", r#""XX256""#)]),
    ("JWT jwk file missing", &[("unreadable-file", r#""./does-not-exist.json""#)]),
    ("circuit breaker without max_errors", &[("missing-key", "{")]),
    ("Lua source missing", &[("unreadable-file", r#""missing.lua""#)]),
    ("CORS origin without scheme", &[("bad-origin", "example.com")]),
    ("TLS files missing", &[("unreadable-file", r#""nope.pem""#), ("unreadable-file", r#""nope.key""#)]),
    ("pubsub wrong driver name", &[("unknown-driver", "rabbitmq")]),
    ("pubsub subscription_url missing", &[("missing-key", "{")]),
    ("pubsub without disable_host_sanitize", &[("krakend-needs", "{")]),
    ("pubsub host with topic in it", &[("topic-in-host", r#""""#)]),
    ("kafka subscription without topic", &[("bad-subscription-url", "group")]),
    ("kafka bad offset", &[("bad-subscription-url", "first")]),
    ("SNS ARN with two slashes", &[("bad-topic-url", "arn:aws:sns:us-east-2:123456789012:mytopic")]),
    ("GCP path malformed", &[("bad-topic-url", "mytopic")]),
    ("rabbit unknown parameter", &[("bad-topic-url", "durable")]),
    ("pubsub parameter in topic", &[("bad-topic-url", "{id}")]),
    ("pubsub extra_config at the endpoint", &[("misplaced-namespace", r#""backend/pubsub/publisher""#)]),
    ("JSON comments", &[("syntax", "//")]),
    ("JSON truncated", &[("syntax", "[")]),
    ("JSON empty file", &[("syntax", "")]),
    ("JSON with BOM", &[("syntax", "\u{feff}")]),
];

/// What each endpoint of the suite `mistakes` gives.
const MISTAKES: &[(&str, &[Mistake])] = &[
    ("/dup/{id}/{id}", &[("bad-path", "{id}")]),
    ("/colon/:id", &[("bad-path", ":id")]),
    ("/partial/x{id}", &[("bad-path", "x{id}")]),
    ("/noop", &[("no-op-one-side", r#""no-op""#)]),
    ("/noop2", &[("no-op-one-side", r#""json""#)]),
    ("/resp0", &[("response-without-sequence", "{resp0_x}")]),
    ("/enc", &[("krakend-reads-json", r#""yaml""#)]),
    ("/enc2", &[("krakend-reads-json", r#""yaml""#)]),
    ("/url", &[("bad-url-pattern", "http://127.0.0.1:18081")]),
    ("/nohost", &[("no-host", "{")]),
    ("/hostlist", &[("no-host", "{")]),
    ("/flat1", &[("flatmap-args", "[")]),
    ("/flat2", &[("unknown-value", r#""rename""#)]),
    ("/flat3", &[("wrong-type", r#""del a""#)]),
    ("/cel", &[("bad-cel", "nope(")]),
    ("/cel2", &[("unknown-key", r#""check_exp""#)]),
    ("/schema", &[("bad-schema", r#""objekt""#)]),
    ("/rl0", &[("out-of-range", "0")]),
    ("/rlstr", &[("wrong-type", r#""1""#)]),
    ("/rlnostrat", &[("missing-key", r#""client_max_rate""#)]),
    ("/rlnokey", &[("missing-key", r#""header""#)]),
    ("/jwthttp", &[("insecure-keys", "http")]),
    ("/jwtnone", &[("missing-key", "{")]),
    ("/lua1", &[("bad-lua", "=")]),
    ("/head", &[("unknown-method", r#""HEAD""#)]),
    ("/fetch", &[("unknown-method", r#""FETCH""#)]),
    ("noslash", &[("bad-path", "noslash")]),
    ("/query?x=1", &[("bad-path", "?x=1")]),
    ("/coll", &[("wrong-type", r#""true""#)]),
    ("/hoststr", &[("wrong-type", r#""http://127.0.0.1:18081""#)]),
    ("/allowstr", &[("wrong-type", r#""a""#)]),
    ("/ihstr", &[("wrong-type", r#""X-A""#)]),
    ("/cc", &[("wrong-type", r#""2""#)]),
    // Two: each stands where the other belongs.
    (
        "/ns",
        &[("misplaced-namespace", r#""qos/ratelimit/proxy""#), ("misplaced-namespace", r#""qos/ratelimit/router""#)],
    ),
    ("/cb", &[("missing-key", "{")]),
    ("/ps1", &[("unknown-driver", "natss")]),
    ("/ps2", &[("unknown-driver", "rabbitmq")]),
    ("/ps3", &[("unknown-key", r#""topic_url""#)]),
];

/// What the other suites give: what design.md refuses, and warnings of what works and may not be meant.
const SUITES: &[(&str, &[Mistake])] = &[
    ("aggregation", &[("unknown-combiner", r#""nope""#)]),
    ("guards", &[("trusts-every-proxy", r#""ip""#), ("trusts-every-proxy", r#""ip""#), ("bad-cel", "is")]),
    ("edges-forwarding", &[("no-wildcard", r#""*""#), ("letter-case", r#""patch""#), ("never-matches", r#""a""#)]),
    ("edges-shaping", &[("never-matches", r#""collection""#), ("never-matches", r#""allow""#)]),
    (
        "manipulation",
        &[
            ("allow-and-deny", r#""deny""#),
            ("bad-mapping", ".first"),
            ("flatmap-and-filter", r#""allow""#),
            ("no-op-one-side", r#""no-op""#),
        ],
    ),
    (
        "pubsub-kafka",
        &[
            ("pubsub-concurrent-calls", "2"),
            ("bad-topic-url", "bogus"),
            ("message-overwritten", r#""backend/pubsub/subscriber""#),
        ],
    ),
    (
        "pubsub-nats",
        &[
            ("pubsub-concurrent-calls", "2"),
            ("bad-topic-url", "{id}"),
            ("bad-topic-url", "bogus"),
            ("message-overwritten", r#""backend/pubsub/subscriber""#),
        ],
    ),
    (
        "pubsub-rabbit",
        &[
            ("pubsub-concurrent-calls", "2"),
            ("bad-topic-url", "bogus"),
            ("message-overwritten", r#""backend/pubsub/subscriber""#),
        ],
    ),
];

#[test]
fn every_mistake_is_told_and_nothing_else_is() {
    let text = fs::read_to_string("tests/check/check.json").expect("the list");
    let list: Vec<Value> = serde_json::from_str(&text).expect("the list is JSON");
    assert_eq!(list.len(), 72);
    let mut expected: BTreeMap<&str, &[Mistake]> = EXPECTED.iter().copied().collect();
    for case in &list {
        let name = case["name"].as_str().expect("a name");
        let text = match &case["config"] {
            Value::String(text) => text.clone(),
            config => serde_json::to_string_pretty(config).expect("a config is JSON"),
        };
        let checked = verdict("tests/check", &text);
        let wanted = expected.remove(name).unwrap_or_default();
        assert_eq!(case["mistake"] == true, !wanted.is_empty(), "{name}");
        assert_eq!(mistakes(&text, &checked), wanted, "{name}: {checked:#?}");
        says_what_is_right(name, &checked);
    }
    assert!(expected.is_empty(), "not in the list: {expected:?}");
}

#[test]
fn every_endpoint_of_mistakes_has_its_own() {
    let folder = "tests/check/suites/mistakes";
    let text = fs::read_to_string(format!("{folder}/gateway.json")).expect("the suite");
    let checked = verdict(folder, &text);
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let endpoints = config["endpoints"].as_array().expect("endpoints");
    assert_eq!(endpoints.len(), MISTAKES.len());
    for (index, (endpoint, (path, wanted))) in endpoints.iter().zip(MISTAKES).enumerate() {
        assert_eq!(endpoint["endpoint"], *path);
        let pointer = format!("/endpoints/{index}/");
        // An endpoint of its own has no slash behind it.
        let inside = |found: &&Diagnostic| format!("{}/", found.pointer).starts_with(&pointer);
        let own: Vec<_> = checked.iter().filter(inside).cloned().collect();
        assert_eq!(mistakes(&text, &own), *wanted, "{path}: {own:#?}");
        says_what_is_right(path, &own);
    }
    let all: Vec<_> = MISTAKES.iter().flat_map(|(_, wanted)| *wanted).copied().collect();
    assert_eq!(mistakes(&text, &checked), all, "something outside of the endpoints");
}

#[test]
fn no_false_alarm_in_any_suite() {
    let mut expected: BTreeMap<&str, &[Mistake]> = SUITES.iter().copied().collect();
    let mut later = BTreeMap::<String, usize>::new();
    for parent in ["../tests/conformance", "tests/check/suites"] {
        for entry in fs::read_dir(parent).expect("a folder") {
            let folder = entry.expect("an entry").path();
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            let Ok(text) = fs::read_to_string(folder.join("gateway.json")) else { continue };
            if name == "mistakes" {
                continue;
            }
            let checked = verdict(&folder, &text);
            let wanted = expected.remove(name.as_str()).unwrap_or_default();
            assert_eq!(mistakes(&text, &checked), wanted, "{name}: {checked:#?}");
            // What was recorded passes without a warning, but for the recorded mistakes and what design refuses.
            let known = |code: &str| {
                let lists = EXPECTED.iter().chain(MISTAKES).flat_map(|(_, wanted)| *wanted);
                lists
                    .map(|(code, _)| *code)
                    .chain(["trusts-every-proxy", "bad-mapping", "message-overwritten", NOT_YET])
                    .any(|known| known == code)
            };
            let warning = checked.iter().find(|found| found.severity == Severity::Warning && !known(found.code));
            assert!(name.starts_with("edges-") || warning.is_none(), "{name}: {warning:#?}");
            for found in checked.iter().filter(|found| found.code == NOT_YET) {
                *later.entry(found.message.clone()).or_default() += 1;
            }
        }
    }
    assert!(expected.is_empty(), "no suite: {expected:?}");
    // What the runtime lacks. A feature that comes leaves this list.
    let list: Vec<_> = later.iter().map(|(message, count)| format!("{count} {message}\n")).collect();
    expectorate::assert_contents("tests/check/not-yet.txt", &list.concat());
}

fn verdict(folder: impl AsRef<Path>, text: &str) -> Vec<Diagnostic> {
    let file = SourceFile::new("gateway.json", folder.as_ref(), text);
    check(&file).diagnostics
}

/// The mistakes among diagnostics: codes, and the bytes that are underlined.
fn mistakes<'a>(text: &'a str, checked: &[Diagnostic]) -> Vec<(&'static str, &'a str)> {
    let found = checked.iter().filter(|found| found.code != NOT_YET);
    found.map(|found| (found.code, &text[found.span.start..found.span.end])).collect()
}

/// A message names the cause, and beside the underline and below it stands what would be right.
fn says_what_is_right(name: &str, checked: &[Diagnostic]) {
    for found in checked.iter().filter(|found| found.code != NOT_YET) {
        assert!(!found.message.is_empty(), "{name}: {found:#?}");
        let told =
            !found.help.is_empty() || found.label.starts_with("expected") || found.label.starts_with("looked for");
        // A driver's message says what its URL has to have there.
        let driver = matches!(found.code, "bad-topic-url" | "bad-subscription-url");
        assert!(told || driver || found.severity == Severity::Warning, "{name}: no help: {found:#?}");
    }
}

/// Each kind of mistake at each place that it can stand at.
#[test]
fn variations() {
    let text = fs::read_to_string("tests/check/variations.json").expect("the list");
    let list: Vec<Value> = serde_json::from_str(&text).expect("the list is JSON");
    for case in &list {
        let name = case["name"].as_str().expect("a name");
        let text = match &case["config"] {
            Value::String(text) => text.clone(),
            config => format!("{config:#}"),
        };
        let checked = verdict("tests/check", &text);
        let found: Vec<_> = mistakes(&text, &checked).into_iter().map(|(code, bytes)| json!([code, bytes])).collect();
        assert_eq!(Value::from(found), case["mistakes"], "{name}: {checked:#?}");
        says_what_is_right(name, &checked);
    }
}
