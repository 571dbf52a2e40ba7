//! How long `check` takes for a config of many endpoints: `cargo run --release -p sluicegate-codegen --example thousand`.

use std::fmt::Write as _;
use std::time::Instant;

use sluicegate_codegen::{SourceFile, check};

fn main() {
    for count in [1_000, 10_000] {
        let text = config(count);
        let mut times: Vec<_> = (0..11)
            .map(|_| {
                let file = SourceFile::new("gateway.json", "", text.clone());
                let started = Instant::now();
                let checked = check(&file);
                assert!(checked.gateway.is_some(), "{:?}", checked.diagnostics.first());
                started.elapsed()
            })
            .collect();
        times.sort();
        println!("{count} endpoints, {} bytes: {:?} (median of {})", text.len(), times[times.len() / 2], times.len());
    }
}

fn config(count: usize) -> String {
    let mut text = String::from("{\n  \"version\": 3,\n  \"host\": [\"http://users:8080\"],\n  \"endpoints\": [\n");
    for index in 0..count {
        let comma = if index + 1 < count { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"    {{
      "endpoint": "/v{}/resource{index}/{{id}}/items/{{item}}",
      "method": "GET",
      "timeout": "3s",
      "input_headers": ["Authorization", "X-Request-Id"],
      "input_query_strings": ["page", "size"],
      "extra_config": {{
        "qos/ratelimit/router": {{ "max_rate": 50, "client_max_rate": 5, "strategy": "header", "key": "X-Client" }},
        "validation/json-schema": {{ "type": "object", "properties": {{ "id": {{ "type": "integer" }} }} }}
      }},
      "backend": [
        {{
          "url_pattern": "/users/{{id}}/{{item}}",
          "allow": ["id", "name", "address.city"],
          "mapping": {{ "name": "full_name" }}
        }},
        {{
          "host": ["mem://"],
          "extra_config": {{ "backend/pubsub/publisher": {{ "topic_url": "topic{index}" }} }}
        }}
      ]
    }}{comma}
"#,
            index % 7,
        );
    }
    text.push_str("  ]\n}\n");
    text
}
