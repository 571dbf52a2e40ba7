//! Diagnostics in the formats of other tools: SARIF for code scanning, workflow commands for GitHub Actions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sluicegate_codegen::explain;

/// Diagnostics of `check --format json` as a SARIF 2.1.0 log.
pub(crate) fn sarif(diagnostics: &[Value]) -> Value {
    let codes: BTreeSet<_> = diagnostics.iter().map(|found| text(found, "code")).collect();
    let codes: Vec<_> = codes.into_iter().collect();
    let rules: Vec<_> = codes
        .iter()
        .map(|code| {
            let about = explain(code).unwrap_or_default();
            let short = about.split_inclusive(". ").next().unwrap_or(about).trim_end();
            json!({"id": code, "shortDescription": {"text": short}, "fullDescription": {"text": about}})
        })
        .collect();
    let result = |found: &Value| {
        json!({
            "ruleId": found["code"],
            "ruleIndex": codes.iter().position(|code| *code == text(found, "code")),
            "level": found["severity"],
            "message": {"text": message(found)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(text(found, "file"))},
                "region": {
                    "startLine": found["line"],
                    "startColumn": found["column"],
                    "endLine": found["end_line"],
                    "endColumn": found["end_column"],
                },
            }}],
            "properties": {"pointer": found["pointer"]},
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "sluicegate", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": diagnostics.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// The same as workflow commands: GitHub shows them at the lines of a pull request.
pub(crate) fn github(diagnostics: &[Value]) -> String {
    let mut out = String::new();
    for found in diagnostics {
        let property = |value: &str| escaped(value).replace(':', "%3A").replace(',', "%2C");
        // Writing to a string cannot fail.
        let _ = write!(out, "::{} file={}", text(found, "severity"), property(text(found, "file")));
        for (name, key) in [("line", "line"), ("endLine", "end_line"), ("col", "column"), ("endColumn", "end_column")] {
            let _ = write!(out, ",{name}={}", found[key]);
        }
        let _ = writeln!(out, ",title={}::{}", property(text(found, "code")), escaped(&message(found)));
    }
    out
}

/// The message, and below it what else there is to know and what would be right.
fn message(found: &Value) -> String {
    let notes = found["notes"].as_array().into_iter().flatten();
    let more = notes.chain([&found["help"]]).filter_map(Value::as_str);
    std::iter::once(text(found, "message")).chain(more).collect::<Vec<_>>().join("\n")
}

fn text<'a>(found: &'a Value, key: &str) -> &'a str {
    found[key].as_str().unwrap_or_default()
}

/// As the value of a workflow command.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A path as a relative or absolute reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Value {
        json!({"code": "unknown-key", "severity": "error", "message": "50%: unknown,\nkey", "help": "write `x`",
            "file": "a b:c.json", "line": 1, "column": 2, "end_line": 3, "end_column": 4, "pointer": "/x"})
    }

    #[test]
    fn workflow_commands_are_escaped() {
        let expected = "::error file=a b%3Ac.json,line=1,endLine=3,col=2,endColumn=4,title=unknown-key::\
            50%25: unknown,%0Akey%0Awrite `x`\n";
        assert_eq!(github(&[found()]), expected);
        assert_eq!(github(&[]), "");
    }

    #[test]
    fn the_files_that_lead_to_one_are_told() {
        let mut found = found();
        found["notes"] = json!(["`a` is included at b:1:2"]);
        let expected = "50%: unknown,\nkey\n`a` is included at b:1:2\nwrite `x`";
        assert_eq!(sarif(&[found])["runs"][0]["results"][0]["message"]["text"], expected);
    }

    #[test]
    fn a_log_names_its_rules_once() {
        let log = sarif(&[found(), found()]);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
        assert_eq!(run["results"].as_array().map(Vec::len), Some(2));
        assert_eq!(run["results"][1]["ruleIndex"], 0);
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b%3Ac.json");
        assert_eq!(place["region"], json!({"startLine": 1, "startColumn": 2, "endLine": 3, "endColumn": 4}));
    }

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("conf/gateway.json"), "conf/gateway.json");
        assert_eq!(uri("/srv/ä.json"), "file:///srv/%C3%A4.json");
    }
}
