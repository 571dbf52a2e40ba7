//! Secrets of a config that could not be read as JSON, found by their keys: what is wrong with it is drawn all the same.

use std::ops::Range;

use sluicegate_drivers::{ALL, SettingKind};

/// The texts behind every key that is a secret of some driver.
pub(crate) fn by_key(text: &str) -> Vec<Range<usize>> {
    let settings = ALL.iter().flat_map(|driver| driver.settings);
    let secrets = settings.filter(|setting| setting.kind == SettingKind::Secret);
    let keys: Vec<&str> = secrets.map(|secret| secret.name.rsplit('.').next().unwrap_or(secret.name)).collect();
    of_keys(text, &keys)
}

fn of_keys(text: &str, keys: &[&str]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for key in keys {
        for (at, quoted) in text.match_indices(&format!("\"{key}\"")) {
            let rest = text[at + quoted.len()..].trim_start();
            let Some(rest) = rest.strip_prefix(':').map(str::trim_start).and_then(|rest| rest.strip_prefix('"')) else {
                continue;
            };
            let start = text.len() - rest.len();
            let mut escaped = false;
            let end = rest.find(|letter| {
                let ends = letter == '\n' || letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            });
            found.push(start..end.map_or(text.len(), |end| start + end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_behind_keys_are_found() {
        let text = r#"{"token" : "a\"b", "tokens": "c", "password":"d"#;
        let found: Vec<_> = of_keys(text, &["token", "password"]).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, [r#"a\"b"#, "d"]);
        assert!(of_keys("{\"token\": 1, \"token\"", &["token"]).is_empty());
    }
}
