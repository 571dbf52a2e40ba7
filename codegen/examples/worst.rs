//! What the checks cost where a config is at its worst: milliseconds for a thousand of something and for ten thousand.
//!
//! `cargo run --release -p sluicegate-codegen --example worst`; a name runs one kind, a number other counts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_codegen::{SourceFile, check, generate, render_human, render_json};

/// A config with so many of something.
type Kind = (&'static str, fn(usize) -> String);

const KINDS: &[Kind] = &[
    ("endpoints", |count| endpoints(count, |index| json!({"url_pattern": format!("/{index}/{{id}}")}), json!({}))),
    ("schemas", |count| {
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$"}}, "required": ["a"]});
        endpoints(count, |_| json!({"url_pattern": "/"}), json!({"validation/json-schema": schema}))
    }),
    ("a mistake each", |count| endpoints(count, |_| json!({"url_pattern": "/{nope}", "denny": ["a"]}), json!({}))),
    ("a warning each", |count| {
        endpoints(count, |_| json!({"url_pattern": "/", "allow": ["a"], "deny": ["b"]}), json!({}))
    }),
    ("the same path", |count| {
        let one = json!({"endpoint": "/a/{id}", "backend": [{"url_pattern": "/"}]});
        service(&json!(vec![one; count])).to_string()
    }),
    ("one line", |count| {
        let whole: Value =
            serde_json::from_str(&endpoints(count, |_| json!({"url_pattern": "/{nope}"}), json!({}))).expect("JSON");
        whole.to_string()
    }),
    ("backends", |count| {
        let backends: Vec<_> =
            (0..count).map(|index| json!({"url_pattern": format!("/{index}"), "group": format!("g{index}")})).collect();
        service(&json!([{"endpoint": "/", "backend": backends}])).to_string()
    }),
    ("a sequence", |count| {
        let backends: Vec<_> = (0..count.min(100_000))
            .map(|index| json!({"url_pattern": if index == 0 { "/".to_owned() } else { format!("/{{resp{}_a}}", index - 1) }}))
            .collect();
        service(&json!([{"endpoint": "/", "extra_config": {"proxy": {"sequential": true}}, "backend": backends}]))
            .to_string()
    }),
    ("publishers", |count| {
        let publisher = |index: usize| {
            json!({"host": ["nats://"], "url_pattern": "/", "disable_host_sanitize": true,
                "extra_config": {"backend/pubsub/publisher": {"topic_url": format!("s{index}"), "attributes": {"A": "{id}"}}}})
        };
        endpoints(count, publisher, json!({}))
    }),
    ("declarations", |count| {
        let publisher = |index: usize| {
            json!({"host": ["rabbit://"], "url_pattern": "/", "disable_host_sanitize": true,
                "extra_config": {"backend/pubsub/publisher": {"topic_url": format!("s{index}"), "declare": {"type": "topic"}}}})
        };
        endpoints(count, publisher, json!({}))
    }),
    ("subscribers in one", |count| {
        let subscriber = |index: usize| {
            json!({"host": ["nats://"], "url_pattern": "/", "disable_host_sanitize": true, "group": format!("g{index}"),
                "extra_config": {"backend/pubsub/subscriber": {"subscription_url": format!("s{index}"), "metadata": {format!("X-{index}"): "id"}}}})
        };
        let backends: Vec<_> = (0..count).map(subscriber).collect();
        service(&json!([{"endpoint": "/", "backend": backends}])).to_string()
    }),
    ("allow", |count| {
        let paths: Vec<_> = (0..count).map(|index| format!("a{index}.b")).collect();
        endpoints(1, |_| json!({"url_pattern": "/", "allow": paths}), json!({}))
    }),
    ("mapping", |count| {
        let mapping: serde_json::Map<String, Value> =
            (0..count).map(|index| (format!("a{index}"), json!(format!("b{index}")))).collect();
        let paths: Vec<_> = (0..count).map(|index| format!("a{index}")).collect();
        endpoints(1, |_| json!({"url_pattern": "/", "mapping": mapping, "allow": paths}), json!({}))
    }),
    ("headers", |count| {
        let names: Vec<_> = (0..count).map(|index| format!("X-{index}")).collect();
        let one =
            json!({"endpoint": "/", "input_headers": names, "backend": [{"url_pattern": "/", "input_headers": names}]});
        service(&json!([one])).to_string()
    }),
    ("parameters", |count| {
        let path: String = (0..count / 20).map(|index| format!("/{{p{index}}}")).collect();
        service(&json!([{"endpoint": path, "backend": [{"url_pattern": path}]}])).to_string()
    }),
    ("keys twice", |count| {
        let keys: Vec<_> = (0..count).map(|index| format!("\"k{}\": 1", index % 50)).collect();
        format!("{{\"version\": 3, {}}}", keys.join(","))
    }),
    ("unknown keys", |count| {
        let keys: Vec<_> = (0..count).map(|index| format!("\"timeuot{index}\": 1")).collect();
        format!("{{\"version\": 3, {}}}", keys.join(","))
    }),
    ("syntax errors", |count| format!("{{\"version\": 3, \"endpoints\": [{}]}}", "{\"a\" 1 2},".repeat(count))),
    ("open brackets", |count| "[".repeat(count * 10)),
    ("open objects", |count| "{\"a\":".repeat(count * 10)),
    ("a deep schema", |count| {
        let depth = count / 50;
        let schema = "{\"properties\":{\"a\":".repeat(depth) + "true" + &"}}".repeat(depth);
        format!(
            "{{\"version\": 3, \"host\": [\"http://a\"], \"endpoints\": [{{\"endpoint\": \"/\", \"method\": \"POST\", \"backend\": [{{\"url_pattern\": \"/\"}}], \"extra_config\": {{\"validation/json-schema\": {schema}}}}}]}}"
        )
    }),
    ("quotes", |count| "\"".repeat(count * 3)),
    ("escapes", |count| format!("{{\"version\": 3, \"name\": \"{}\"}}", "\\u00e9".repeat(count * 10))),
    ("a long path", |count| {
        service(&json!([{"endpoint": format!("/{}", "a/".repeat(count)), "backend": [{"url_pattern": format!("/{}", "%61/".repeat(count))}]}])).to_string()
    }),
    ("brokers", |count| {
        let brokers: serde_json::Map<String, Value> =
            (0..count).map(|index| (format!("b{index}"), json!({"driver": "nats", "servers": ["a:1"]}))).collect();
        let mut whole = service(&json!([]));
        whole["extra_config"] = json!({"pubsub/brokers": brokers});
        whole.to_string()
    }),
    ("agents", |count| {
        let agent = |index: usize| {
            json!({"name": format!("a{index}"), "consumer": {"topic": "t"}, "backend": [{"url_pattern": "/"}],
                "extra_config": {"async/amqp": {"name": "q", "host": "amqp://a", "exchange": "e"}}})
        };
        let mut whole = service(&json!([]));
        whole["async_agent"] = (0..count).map(agent).collect();
        whole.to_string()
    }),
];

fn service(endpoints: &Value) -> Value {
    json!({"version": 3, "host": ["http://localhost:8000"], "endpoints": endpoints})
}

fn endpoints(count: usize, backend: impl Fn(usize) -> Value, extra: Value) -> String {
    let one = |index: usize| json!({"endpoint": format!("/e{index}/{{id}}"), "method": "POST", "extra_config": extra, "backend": [backend(index)]});
    format!("{:#}", service(&(0..count).map(one).collect()))
}

/// How long the check takes, what is told, and how long telling and writing take.
fn measure(text: String) -> (Duration, usize, Duration, Duration) {
    let file = SourceFile::new("gateway.json", ".", text);
    let start = Instant::now();
    let checked = check(&file);
    let checks = start.elapsed();
    let start = Instant::now();
    let told = render_human(&file, &checked.diagnostics, true).len() + render_json(&file, &checked.diagnostics).len();
    let drawn = start.elapsed();
    std::hint::black_box(told);
    let start = Instant::now();
    std::hint::black_box(checked.gateway.map(|gateway| generate(&gateway).len()));
    (checks, checked.diagnostics.len(), drawn, start.elapsed())
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let counts: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1_000, 10_000] } else { counts };
    let named: Vec<_> = arguments.iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
    println!(
        "{:20}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "", "count", "bytes", "check ms", "told", "drawn ms", "written ms"
    );
    for (name, config) in
        KINDS.iter().filter(|(name, _)| named.is_empty() || named.iter().any(|wanted| *wanted == name))
    {
        for &count in &counts {
            let text = config(count);
            let bytes = text.len();
            let (checks, told, drawn, written) = measure(text);
            let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
            println!("{name:20}{count:>8}{bytes:>12}{:>12}{told:>12}{:>12}{:>12}", ms(checks), ms(drawn), ms(written));
        }
    }
}
