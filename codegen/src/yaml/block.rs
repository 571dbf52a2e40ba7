//! Block scalars, literal and folded (YAML 1.2, 8.1): which bytes the text came from.
//!
//! The parser says what the text is. Here its lines are found again in the file, without their indentation.

use crate::tree::{Decoded, Text};

/// The text `value` of the block scalar whose header or first line begins at `start`. `None` where its lines are not found.
pub(super) fn block(source: &str, start: usize, is_header: bool, value: &str) -> Option<Text> {
    let leading = value.len() - value.trim_start_matches('\n').len();
    let (start, indent) = match is_header {
        true => below(source, start, &value[leading..])?,
        false => (start, start - line_start(source, start)),
    };
    let mut decoded = Decoded::new(start);
    if leading > 0 {
        decoded.escape(0, &value[..leading]);
    }
    let mut rest = &value[leading..];
    while !rest.is_empty() {
        let line = line(source, decoded.at());
        rest = rest.strip_prefix(line)?;
        decoded.plain(line);
        let breaks = rest.len() - rest.trim_start_matches('\n').len();
        let Some(next) = next_line(source, decoded.at(), indent).filter(|_| breaks < rest.len()) else {
            // What remains are the line breaks at the end.
            if breaks < rest.len() {
                return None;
            }
            if breaks > 0 {
                let end = &source[decoded.at()..];
                decoded.escape(end.len() - after_break(end).len(), rest);
            }
            break;
        };
        let folded = if breaks > 0 { &rest[..breaks] } else { " " };
        rest = rest.strip_prefix(folded)?;
        decoded.escape(next - decoded.at(), folded);
    }
    Some(decoded.finish())
}

/// The first line of the text below the header at `start`, behind its indentation, and how deep that is.
fn below(source: &str, start: usize, value: &str) -> Option<(usize, usize)> {
    let mut at = start + line(source, start).len();
    loop {
        at = source.len() - after_break(source.get(at..)?).len();
        let line = line(source, at);
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if spaces < line.len() {
            let own = value.len() - value.trim_start_matches(' ').len();
            let indent = spaces.checked_sub(own)?;
            return Some((at + indent, indent));
        }
        at += line.len();
        if at >= source.len() {
            return None;
        }
    }
}

/// The next line behind `at` that has more than its indentation, if it belongs to the scalar.
fn next_line(source: &str, at: usize, indent: usize) -> Option<usize> {
    let mut at = at;
    loop {
        let rest = &source[at..];
        let behind = after_break(rest);
        if behind.len() == rest.len() {
            return None;
        }
        at = source.len() - behind.len();
        let line = line(source, at);
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if line.len() > indent {
            return (spaces >= indent).then_some(at + indent);
        }
        at += line.len();
    }
}

/// The rest of the line at `at`, without its end.
fn line(source: &str, at: usize) -> &str {
    let rest = &source[at..];
    &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())]
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// `text` without the line break that it begins with.
fn after_break(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix(['\n', '\r'])).unwrap_or(text)
}
