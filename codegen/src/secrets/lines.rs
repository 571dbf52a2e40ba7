//! The same in YAML and TOML, whose texts need no quotes and may have lines.

use std::ops::Range;

use crate::format::Format;

/// What stands behind each of `keys`: to its closing quote, to the end of the line, or with the lines that belong to it.
/// Rather too much than too little.
pub(super) fn of_keys(text: &str, keys: &[&str], format: Format) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for key in keys {
        for (at, _) in text.match_indices(key) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-')) {
                continue;
            }
            let behind = &text[at + key.len()..];
            let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind).trim_start_matches([' ', '\t']);
            let separator = if format == Format::Toml { '=' } else { ':' };
            let Some(value) = behind.strip_prefix(separator).map(|rest| rest.trim_start_matches([' ', '\t'])) else {
                continue;
            };
            let start = text.len() - value.len();
            let range = start..start + length(text, at, value, format);
            if let Some(name) = value.strip_prefix('*').filter(|_| format == Format::Yaml) {
                found.extend(anchored(text, name));
            }
            found.push(range);
        }
    }
    found
}

fn length(text: &str, key: usize, value: &str, format: Format) -> usize {
    let line = value.find('\n').unwrap_or(value.len());
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inside) = value.strip_prefix(quotes).filter(|_| format == Format::Toml) {
            return inside.find(quotes).map_or(value.len(), |end| end + 6);
        }
    }
    if value.starts_with('[') {
        return value.find(']').unwrap_or(value.len()).max(line);
    }
    if let Some(quote) = value.chars().next().filter(|letter| matches!(letter, '"' | '\'')) {
        let mut escaped = false;
        let end = value[1..line].find(|letter| {
            let ends = letter == quote && !escaped;
            escaped = letter == '\\' && quote == '"' && !escaped;
            ends
        });
        // What goes on behind the quote may be more of it.
        let ends = |rest: &str| rest.is_empty() || rest.starts_with([',', '}', ']', '#', '\r']);
        let goes_on = |end: usize| !ends(value[end + 2..line].trim_start_matches([' ', '\t']));
        if let Some(end) = end.filter(|end| !goes_on(*end)) {
            return end + 2;
        }
    }
    if format == Format::Toml {
        return line;
    }
    // The lines below that are indented further than the key, or are items of a list as far as it.
    let start = text[..key].rfind('\n').map_or(0, |end| end + 1);
    let own = key - start - usize::from(text[..key].ends_with(['"', '\'']));
    let mut length = line;
    for next in value[line..].split_inclusive('\n').skip(1) {
        let deep = indentation(next);
        if !next.trim().is_empty() && (deep < own || deep == own && !next.trim_start().starts_with('-')) {
            break;
        }
        length += next.len();
    }
    length.min(value.len())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What stands behind the anchor that an alias repeats.
fn anchored(text: &str, alias: &str) -> Vec<Range<usize>> {
    let end = alias.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}'));
    let anchor = format!("&{}", &alias[..end.unwrap_or(alias.len())]);
    let ranges = text.match_indices(&anchor).map(|(at, _)| {
        let start = at + anchor.len();
        let rest = &text[start..];
        start..start + length(text, at, rest, Format::Yaml)
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, format: Format) -> Vec<&str> {
        of_keys(text, &["token", "servers"], format).into_iter().map(|range| text[range].trim_end()).collect()
    }

    #[test]
    fn texts_of_yaml() {
        let text = "a:\n  token: s3cret\n  tokens: b\n  \"token\" : 'x' # c\n- token: |\n    one\n    two\n  b: 1\n";
        assert_eq!(found(text, Format::Yaml), ["s3cret", "'x'", "|\n    one\n    two"]);
        let text = "x: &pw s3cret\ny: {token: *pw, a: 1}\nservers:\n- a@b\n- c\nz: 1\ntoken: one\n  more\n";
        assert_eq!(
            found(text, Format::Yaml),
            [" s3cret", "*pw, a: 1}", "one\n  more", "\n- a@b\n- c"].map(str::trim_end)
        );
    }

    #[test]
    fn texts_of_toml() {
        let text = "[a]\ntoken = 's3cret'\n\"token\"=\"\"\"\none\"two\n\"\"\"\nb.token = \"op\\\"en\nservers = [\n 'a@b',\n 'c' ]\n";
        let expected = ["'s3cret'", "\"\"\"\none\"two\n\"\"\"", "\"op\\\"en", "[\n 'a@b',\n 'c'"];
        assert_eq!(found(text, Format::Toml), expected);
    }
}
