//! What is wrong with the syntax, in our words.

use toml_parser::{Expected, ParseError};

use super::{MAX_ERRORS, Reader};
use crate::diagnostic::Diagnostic;

/// Many more than are told, and few enough for a line of megabytes.
const MAX_LOOKED_AT: usize = 200;

impl Reader<'_> {
    /// Reports what the parser found.
    pub(super) fn gather(&mut self, errors: &[ParseError]) {
        // The last is that of the end of the file.
        let (few, rest) = errors.split_at(errors.len().min(MAX_LOOKED_AT));
        let errors = || few.iter().chain(rest.last());
        for error in errors() {
            let Some(context) = error.context() else { continue };
            let at = self.floor(context.start());
            self.spoiled.push(at);
            let behind = error.unexpected().map_or(at, |unexpected| self.floor(unexpected.start()));
            let line = self.line(behind);
            let is_open = error.description().starts_with("unclosed array") && !error.description().ends_with("table")
                || error.description().starts_with("unclosed inline");
            let is_lost = line != self.line(at) && self.text[at..].starts_with(['[', '{']) && self.begins_anew(line);
            if is_open || is_lost {
                let line = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
                if line < self.end || is_open && self.end == self.text.len() && self.never_closed.is_none() {
                    self.never_closed = Some(at);
                    self.end = self.end.min(line);
                }
            }
        }
        if let Some(at) = self.never_closed {
            let (opened, close) = if self.text[at..].starts_with('[') { ('[', ']') } else { ('{', '}') };
            let error = self.error(at, at + 1, format!("this `{opened}` is never closed"));
            let error = error.label("what follows does not belong inside");
            self.sink.push(error.help(format!("close it with `{close}`, or see whether the file was cut off")));
        }
        for error in errors() {
            let at = error.unexpected().or(error.context()).unwrap_or_default().start();
            if self.never_closed.is_none_or(|open| at < open) {
                self.report(error);
            }
        }
    }

    /// Reports a mistake, unless one of its line is told already.
    pub(super) fn report(&mut self, error: &ParseError) {
        let span = error.unexpected().or(error.context()).unwrap_or_default();
        let at = self.floor(span.start());
        let line = self.line(at);
        if self.reported >= MAX_ERRORS || self.last == Some(line) {
            return;
        }
        (self.reported, self.last) = (self.reported + 1, Some(line));
        let end = self.floor(span.end()).max(at);
        let diagnostic = self.known(error, at, end, line).unwrap_or_else(|| {
            let message = format!("this is not TOML: {}", error.description());
            let diagnostic = self.error(at, end, message);
            match expected(error) {
                Some(expected) => diagnostic.label(format!("expected {expected}")),
                None => diagnostic,
            }
        });
        self.sink.push(diagnostic);
    }

    fn known(&mut self, error: &ParseError, at: usize, end: usize, line: usize) -> Option<Diagnostic> {
        let what = error.description();
        let has = |part: &str| what.contains(part);
        let context = error.context().map_or(at, |context| self.floor(context.start()));
        if has("key with no value") || has("missing value for key") {
            let rest = self.text[line..].lines().next().unwrap_or_default();
            if let Some(colon) = rest.find(':') {
                let error = self.error(line + colon, line + colon + 1, "a key is followed by `=`, not by `:`");
                return Some(error);
            }
            let end = self.text[..at].trim_end_matches([' ', '\t']).len();
            return Some(self.error(end, end, "an equals sign is missing").label("expected `=` and a value here"));
        }
        if has("unclosed array table") || has("unclosed table") {
            let close = expected(error).unwrap_or_else(|| "`]`".to_owned());
            let diagnostic = self.error(context, at.max(context), "this header is not closed on its line");
            return Some(diagnostic.label(format!("expected {close} behind it")));
        }
        if has("missing comma") || has("extra assignment") {
            return Some(self.error(at, at, "a comma is missing").label("expected `,` here"));
        }
        if has("extra comma") {
            return Some(self.error(at, at + 1, "a value is missing").label("expected a value before this comma"));
        }
        if has("missing assignment") && self.text[..at].trim_end().ends_with(':') {
            let colon = self.text[..at].trim_end().len() - 1;
            return Some(self.error(colon, colon + 1, "a key is followed by `=`, not by `:`"));
        }
        if has("missing assignment") {
            return Some(self.error(at, at, "an equals sign is missing").label("expected `=` here"));
        }
        if has("unquoted key") {
            let key = self.text[context..].split(['=', '\n', ']']).next().unwrap_or_default().trim_end();
            if key.is_empty() || key.starts_with('.') {
                return Some(self.error(at, end, "a key is missing").label("expected a key here"));
            }
            let (start, end) = (at, end.max(at + self.text[at..].chars().next().map_or(0, char::len_utf8)));
            let diagnostic = self.error(start, end, "a key without quotes has letters, digits, `-` and `_` only");
            return Some(diagnostic.help(format!("write it in quotes: `\"{key}\"`")));
        }
        if has("string values must be quoted") || has("missing opening quote") || has("invalid value") {
            return Some(self.no_value(context, error));
        }
        if has("invalid boolean")
            || has("invalid float") && self.text[at..].starts_with(|letter: char| letter.is_alphabetic())
        {
            return Some(self.no_value(context, error));
        }
        if has("leading zero") {
            let diagnostic = self.error(context, self.value_end(context), "a number has no leading zeros");
            return Some(diagnostic.help("leave them out, or write quotes where a text is meant"));
        }
        if has("string") && expected(error).is_some_and(|expected| expected.contains(['"', '\''])) && at == end {
            let quote = self.text[context..].chars().next().unwrap_or('"');
            let first = self.text[context..].lines().next().unwrap_or_default();
            if first.starts_with("\"\"\"") || first.starts_with("'''") {
                self.stopped = true;
                let first = self.text[context..].lines().next().unwrap_or_default();
                let diagnostic = self.error(context, context + first.len(), "this string is never closed");
                return Some(diagnostic.label(format!("expected another `{}`", &first[..3])));
            }
            let diagnostic = self.error(context, at, "this string is not closed on its line");
            let diagnostic = diagnostic.label(format!("expected `{quote}` before the end of the line"));
            return Some(diagnostic.help("a text of several lines stands between three quotes on either side"));
        }
        if has("escape") || has("unicode") {
            let start = self.text[..at].rfind('\\').unwrap_or(at);
            let letter = self.text[start..].chars().nth(1).map_or(0, char::len_utf8);
            let end = (start + 1 + letter).max(at).min(self.text.len());
            let message = match has("unicode") {
                true => format!("`{}` is not a character", &self.text[start..end]),
                false => format!("`{}` is not an escape sequence of TOML", &self.text[start..end]),
            };
            let diagnostic = self.error(start, end, message);
            return Some(
                diagnostic.help("a backslash is written `\\\\` in double quotes, and as it is in single quotes"),
            );
        }
        if has("invalid basic string") || has("literal string") && has("invalid") || has("invalid multi-line") {
            let end = at + self.text[at..].chars().next().map_or(0, char::len_utf8);
            let letter = self.text[at..].chars().next().map_or(0, u32::from);
            let diagnostic = self.error(at, end, "a control character stands in a string");
            return Some(diagnostic.help(format!("write it as `\\u{letter:04x}` in double quotes")));
        }
        if has("comment character") {
            return Some(self.error(at, at + 1, "a control character stands in a comment"));
        }
        if has("carriage return") {
            let start = at.saturating_sub(1);
            let diagnostic = self.error(start, at, "a carriage return ends no line");
            return Some(diagnostic.help("lines end with a line feed, or with a carriage return and a line feed"));
        }
        if has("fraction")
            || has("mantissa")
            || has("exponent")
            || has("number")
            || has("digits")
            || has("radix")
            || has("sign")
        {
            let end = self.value_end(context);
            let number = &self.text[context..end];
            let diagnostic = self.error(context, end, format!("`{number}` is not a TOML number"));
            return Some(match () {
                () if has("fraction") || has("mantissa") => {
                    diagnostic.help("a decimal point stands between digits: `0.5`")
                }
                () if has("`_`") => diagnostic.help("a `_` stands between digits: `1_000`"),
                () => diagnostic.help(format!("a text is written in quotes: `\"{number}\"`")),
            });
        }
        if has("unexpected key or value") || has("unexpected content") {
            let end = self.value_end(at).max(at);
            let is_header = self.text[line..].trim_start().starts_with('[');
            let what = if is_header { "header" } else { "line's value" };
            let diagnostic = self.error(at, end, format!("there is more behind the end of this {what}"));
            let diagnostic = diagnostic.label("expected the end of the line");
            return Some(match self.text[at..].starts_with("//") {
                true => diagnostic.help("a comment begins with `#`"),
                false => diagnostic.help("each key begins a line of its own"),
            });
        }
        if has("missing table open") || has("missing array opening") || has("missing inline table opening") {
            return Some(self.error(at, at + 1, "this bracket closes nothing"));
        }
        if has("multi-line") {
            return Some(self.error(at, end, "a key has one line only").help("write it between two quotes"));
        }
        if has("key-value pair") && self.text[at..].starts_with(['{', ',', '}']) {
            let diagnostic = self.error(at, at + 1, "expected a key or a header");
            return Some(diagnostic.help("a file whose name ends in `.toml` is read as TOML, not as JSON"));
        }
        if has("recurse") {
            return Some(self.error(at, end, "tables and arrays are nested too deep"));
        }
        None
    }

    /// A word that is no value.
    fn no_value(&self, start: usize, error: &ParseError) -> Diagnostic {
        let end = error.context().map_or(start, |context| self.floor(context.end())).max(start);
        let word = &self.text[start..end];
        if word.is_empty() {
            let end = self.text[..start].trim_end_matches([' ', '\t']).len();
            return self.error(end, end, "a value is missing").label("expected a value here");
        }
        if word.starts_with('"') && word.contains("\\u") {
            let diagnostic = self.error(start, end, "half of a surrogate pair is not a character");
            return diagnostic.help("write the character itself, or `\\U` and its eight digits");
        }
        let diagnostic = self.error(start, end, format!("`{word}` is not a TOML value"));
        match word.to_ascii_lowercase().as_str() {
            lower @ ("true" | "false") => diagnostic.help(format!("did you mean `{lower}`?")),
            "yes" | "on" => diagnostic.help("did you mean `true`?"),
            "no" | "off" => diagnostic.help("did you mean `false`?"),
            "null" | "nil" | "none" => diagnostic.help("TOML has no null: leave the key out"),
            lower if lower.contains("//") => diagnostic.help("a comment begins with `#`"),
            _ => diagnostic.help(format!("a text is written in quotes: `\"{}\"`", word.trim_matches(['"', '\'']))),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Whether the line that begins at `line` is a header, or has a key and a value.
    fn begins_anew(&self, line: usize) -> bool {
        let line = self.text[line..].lines().next().unwrap_or_default().trim_end();
        if let Some(header) = line.trim_start().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            return header.trim_start_matches('[').starts_with(|letter: char| letter.is_alphabetic());
        }
        let key = line.split('=').next().unwrap_or_default();
        key.len() < line.len() && key.chars().all(|letter| letter.is_alphanumeric() || "-_. \"'/".contains(letter))
    }

    fn value_end(&self, start: usize) -> usize {
        let rest = &self.text[start..];
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}' | '#');
        start + rest.find(is_end).unwrap_or(rest.len())
    }

    /// The start of the character that `offset` lies in.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// What would be right at the place of a mistake.
fn expected(error: &ParseError) -> Option<String> {
    let list = error.expected()?.iter().map(|expected| match expected {
        Expected::Literal("\n") => "a line break".to_owned(),
        Expected::Literal(text) => format!("`{text}`"),
        Expected::Description(text) => (*text).to_owned(),
        _ => String::new(),
    });
    let list: Vec<_> = list.filter(|text| !text.is_empty()).collect();
    (!list.is_empty()).then(|| list.join(" or "))
}
