//! How long `check` takes for a config of many endpoints: `cargo run --release -p sluicegate-codegen --example thousand`.

use std::fmt::Write as _;
use std::time::Instant;

use sluicegate_codegen::{SourceFile, check};

fn main() {
    for (count, schemas) in [(1_000, false), (1_000, true), (10_000, false)] {
        let text = config(count, schemas);
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
        let with = if schemas { ", each with a JSON Schema of its own" } else { "" };
        let (median, least) = (times[times.len() / 2], times[0]);
        println!("{count} endpoints{with}, {} bytes: {median:?}, at best {least:?}", text.len());
    }
}

fn config(count: usize, schemas: bool) -> String {
    let mut text = String::from("{\n  \"version\": 3,\n  \"host\": [\"http://users:8080\"],\n  \"endpoints\": [\n");
    for index in 0..count {
        let schema = match schemas {
            true => format!(
                r#", "validation/json-schema": {{ "type": "object", "properties": {{ "id{index}": {{ "type": "integer" }} }} }}"#
            ),
            false => String::new(),
        };
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
        "qos/ratelimit/router": {{ "max_rate": 50, "client_max_rate": 5, "strategy": "header", "key": "X-Client" }}{schema}
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
