//! A config of many endpoints, to measure what generated code costs to compile:
//! `cargo run -p sluicegate-codegen --example many 1000 > many.json`.
//!
//! Half of them filter the answer of an HTTP backend, half publish to an embedded topic.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let count = std::env::args().nth(1).and_then(|count| count.parse::<usize>().ok()).unwrap_or(1_000);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{{\n  \"version\": 3,\n  \"host\": [\"http://users:8080\"],\n  \"endpoints\": [")?;
    for index in 0..count {
        let comma = if index + 1 < count { "," } else { "" };
        writeln!(out, "{}{comma}", if index % 2 == 0 { http(index) } else { publisher(index) })?;
    }
    writeln!(out, "  ]\n}}")
}

fn http(index: usize) -> String {
    format!(
        r#"    {{
      "endpoint": "/resource{index}/{{id}}",
      "backend": [
        {{
          "url_pattern": "/v1/resource{index}/{{id}}",
          "allow": ["id", "name", "address.city"],
          "mapping": {{ "name": "full_name" }}
        }}
      ]
    }}"#
    )
}

fn publisher(index: usize) -> String {
    format!(
        r#"    {{
      "endpoint": "/topic{index}",
      "method": "POST",
      "backend": [
        {{
          "host": ["mem://"],
          "disable_host_sanitize": true,
          "extra_config": {{ "backend/pubsub/publisher": {{ "topic_url": "topic{index}" }} }}
        }}
      ]
    }}"#
    )
}
