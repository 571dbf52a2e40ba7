//! What stands where it cannot: brackets and quotes that do not pair up, an early end.

use super::{Parser, Stop};

impl Parser<'_> {
    /// Reports quotes that do not pair up, where a word follows the end of a string at once. False where it is something else.
    pub(super) fn quotes(&mut self, end: usize) -> Result<bool, Stop> {
        self.spoiled = false;
        let Some(open) = self.text[..end].strip_suffix('"').and_then(|before| before.rfind('"')) else {
            return Ok(false);
        };
        let line = self.text[end..].split('\n').next().unwrap_or_default();
        let mut further = line.match_indices('"').map(|(offset, _)| end + offset);
        match (further.next(), further.next()) {
            // `"say "this" to them"`
            (Some(_), Some(second)) if line.matches('"').count().is_multiple_of(2) => {
                let error = self.error(end - 1, end, "the string ends at this quote");
                self.report(error.label("and goes on behind it").help("a quote inside a string is written `\\\"`"))?;
                self.spoiled = true;
                self.at = second + 1;
                let space =
                    self.text[self.at..].find([',', '}', ']']).map_or(self.bytes.len(), |offset| self.at + offset);
                self.at = if self.text[self.at..space].trim().is_empty() { space } else { self.at };
                if self.peek() == Some(b',') {
                    self.at += 1;
                }
                Ok(true)
            }
            // `"a, "b": 1`
            (Some(_), _) => {
                let error = self.error(open, end, "this string is not closed where it should be");
                self.report(error.label("goes on to the next quote").help("close it with `\"`"))?;
                self.spoiled = true;
                self.at = end - 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn mismatch(&self, open: usize, found: u8) -> Stop {
        let (opened, found) = (char::from(self.bytes[open]), char::from(found));
        let message = format!("`{opened}` is closed by `{found}`");
        let error = self.error(self.at, self.at + 1, message).label(if opened == '{' {
            "expected `}`"
        } else {
            "expected `]`"
        });
        self.sink.push(error.related(self.span(open, open + 1), "opened here"));
        Stop
    }

    pub(super) fn unclosed(&self, open: usize) -> Stop {
        let opened = char::from(self.bytes[open]);
        let error = self.error(open, open + 1, format!("this `{opened}` is never closed"));
        let close = if opened == '{' { "}" } else { "]" };
        self.sink.push(
            error
                .label("the file ends before its end")
                .help(format!("close it with `{close}`, or see whether the file was cut off")),
        );
        Stop
    }

    pub(super) fn ends_early(&self, expected: &str) -> Stop {
        let end = self.text.trim_end().len();
        self.sink.push(self.error(end, end, "the file ends too early").label(format!("expected {expected} here")));
        Stop
    }

    pub(super) fn unexpected(&self, expected: &str) -> Stop {
        let found = self.text[self.at..].chars().next().unwrap_or('\u{fffd}');
        let error = self.error(self.at, self.at + found.len_utf8(), format!("unexpected character {found:?}"));
        self.sink.push(error.label(format!("expected {expected}")));
        Stop
    }
}
