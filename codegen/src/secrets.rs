//! Secrets of a config that could not be read, found by their keys: what is wrong with it is drawn all the same.

mod lines;

use std::ops::Range;

use sluicegate_drivers::{ALL, SettingKind};

use crate::diagnostic::{Diagnostic, UNREAD};
use crate::format::Format;
use crate::source::SourceFile;
use crate::tree::Span;

/// Keys of KrakenD's namespaces whose texts are secrets.
pub(crate) const KEYS: [&str; 5] =
    ["client_secret", "cypher_key", "password", "revoke_server_api_key", "secret_access_key"];

/// The same of all files.
pub(crate) fn of_files(files: &[SourceFile]) -> Vec<Span> {
    let spans = (0..).zip(files).flat_map(|(number, file)| {
        let found = by_key(file.text(), Format::of(file.name()));
        found.into_iter().map(move |range| Span { file: number, start: range.start, end: range.end })
    });
    spans.collect()
}

/// Takes what stands in a secret's place out of what is said of it.
pub(crate) fn scrub(diagnostic: &mut Diagnostic, file: &SourceFile) {
    let Span { start, end, .. } = diagnostic.span;
    if !UNREAD.contains(&diagnostic.code) || !file.conceals(start..end.max(start + 1)) {
        return;
    }
    let line = file.text()[start..].lines().next().unwrap_or_default();
    let quotes = ['"', '\'', ' ', ','];
    for text in [line, &file.text()[start..end]] {
        let text = text.trim_matches(quotes);
        // A sign says nothing.
        if text.chars().nth(1).is_some() {
            diagnostic.message = diagnostic.message.replace(text, "...");
            diagnostic.help.iter_mut().for_each(|help| *help = help.replace(text, "..."));
        }
    }
}

/// The texts behind every key that is a secret of some driver or namespace, and those with a login behind one that holds addresses.
pub(crate) fn by_key(text: &str, format: Format) -> Vec<Range<usize>> {
    let keys = |kind: SettingKind| {
        let settings = ALL.iter().flat_map(|driver| driver.settings).filter(move |setting| setting.kind == kind);
        let mut keys: Vec<&str> = settings.map(|it| it.name.rsplit('.').next().unwrap_or(it.name)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    let of_keys = |keys: &[&str]| match format {
        Format::Json => of_keys(text, keys),
        Format::Yaml | Format::Toml => lines::of_keys(text, keys, format),
    };
    let mut found = of_keys(&keys(SettingKind::Secret));
    found.extend(of_keys(&KEYS));
    let addresses = of_keys(&keys(SettingKind::List)).into_iter();
    // An escape may stand for the `@`.
    found.extend(addresses.filter(|range| text[range.clone()].contains(['@', '\\'])));
    found
}

fn of_keys(text: &str, keys: &[&str]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for key in keys {
        for (at, quoted) in text.match_indices(&format!("\"{key}\"")) {
            let rest = text[at + quoted.len()..].trim_start();
            let Some(mut rest) = rest.strip_prefix(':').map(str::trim_start) else { continue };
            // Without quotes it is a mistake, and a secret all the same.
            if rest.starts_with(|letter: char| letter.is_alphabetic() || letter == '\'') {
                let start = text.len() - rest.len();
                found.push(start..start + rest.find([',', '}', '\n']).unwrap_or(rest.len()));
            }
            let in_list = rest.starts_with('[');
            rest = rest.strip_prefix('[').unwrap_or(rest);
            while let Some(value) = rest.trim_start().strip_prefix('"') {
                let (start, end) = (text.len() - value.len(), end_of(value));
                found.push(start..start + end);
                rest = value.get(end + 1..).unwrap_or_default().trim_start();
                match rest.strip_prefix(',') {
                    Some(next) if in_list => rest = next,
                    _ => break,
                }
            }
        }
    }
    found
}

/// Where a string ends whose first letter this is: at its quotation mark, or with its line.
fn end_of(value: &str) -> usize {
    let mut escaped = false;
    let end = value.find(|letter| {
        let ends = letter == '\n' || letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.unwrap_or(value.len())
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
        let text = "{\"token\": s3cret, \"b\": 1";
        let found: Vec<_> = of_keys(text, &["token"]).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["s3cret"]);
        let text = "{\"token\": [\"a\" , \"b\", 1, \"c\"], \"token\": \"d\", \"e\": 1, \"token\": [\"f\n\"g";
        let found: Vec<_> = of_keys(text, &["token"]).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["a", "b", "d", "f"]);
    }

    #[test]
    fn addresses_with_a_login_are_secrets() {
        let text =
            r#"{"servers": ["nats-1:4222", "u:pw@nats-2", "nats://t\u0040a"], "servers": "nats://a,nats://u:p/w@b" "#;
        let found: Vec<_> = by_key(text, Format::Json).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["u:pw@nats-2", r"nats://t\u0040a", "nats://a,nats://u:p/w@b"]);
    }
}
