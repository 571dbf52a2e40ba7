use std::borrow::Cow;
use std::ops::Range;

use crate::UrlError;

/// A part of a URL as it was written, with its place in the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

/// A part of a URL with its percent escapes decoded.
#[derive(Clone, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) text: Cow<'a, str>,
    piece: Piece<'a>,
}

/// What a `+` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself: in a path.
    Literal,
    /// A space: in a query, as Go and browsers read it.
    Space,
}

// === impl Piece ===

impl<'a> Piece<'a> {
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(crate) fn error(self, message: impl Into<String>) -> UrlError {
        UrlError::new(self.range(), message)
    }

    /// The two sides of the first `separator`.
    pub(crate) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (left, right) = self.text.split_once(separator)?;
        let right = Self { text: right, start: self.start + self.text.len() - right.len() };
        Some((Self { text: left, start: self.start }, right))
    }

    /// The parts between the `separator`s.
    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Self { text, start };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// Decodes percent escapes. Allocates only where there is one.
    ///
    /// # Errors
    /// A `%` without two hexadecimal digits, bytes that are no UTF-8, or control characters.
    pub(crate) fn decode(self, plus: Plus) -> Result<Value<'a>, UrlError> {
        let escaped = |b: u8| b == b'%' || (b == b'+' && plus == Plus::Space);
        if !self.text.bytes().any(escaped) {
            return Ok(Value { text: Cow::Borrowed(self.text), piece: self });
        }
        let bytes = self.text.as_bytes();
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'%' => {
                    let digit = |offset| bytes.get(at + offset).and_then(|b| char::from(*b).to_digit(16));
                    let (Some(high), Some(low)) = (digit(1), digit(2)) else {
                        let start = self.start + at;
                        return Err(UrlError::new(start..start + 1, "`%` is not followed by two hexadecimal digits")
                            .with_help("write `%` itself as `%25`"));
                    };
                    decoded.push((high * 16 + low) as u8);
                    at += 3;
                }
                b'+' if plus == Plus::Space => {
                    decoded.push(b' ');
                    at += 1;
                }
                byte => {
                    decoded.push(byte);
                    at += 1;
                }
            }
        }
        let text = String::from_utf8(decoded).map_err(|_| self.error("the escaped bytes are not UTF-8"))?;
        if text.contains(|c: char| c.is_control()) {
            return Err(self.error("a name cannot contain control characters"));
        }
        Ok(Value { text: Cow::Owned(text), piece: self })
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    pub(crate) fn error(&self, message: impl Into<String>) -> UrlError {
        self.piece.error(message)
    }

    /// An error at `range` of the decoded text: exactly there, or at the whole value where escapes
    /// have moved the bytes.
    pub(crate) fn error_at(&self, range: Range<usize>, message: impl Into<String>) -> UrlError {
        match self.text {
            Cow::Borrowed(_) => UrlError::new(self.piece.start + range.start..self.piece.start + range.end, message),
            Cow::Owned(_) => self.error(message),
        }
    }

    /// Every character must be `allowed`; `rule` says which ones are.
    pub(crate) fn check_characters(&self, allowed: impl Fn(char) -> bool, rule: &str) -> Result<(), UrlError> {
        match self.text.char_indices().find(|(_, c)| !allowed(*c)) {
            Some((at, c)) => Err(self.not_allowed(at, c, rule)),
            None => Ok(()),
        }
    }

    /// The error for the character `c` at byte `at`.
    pub(crate) fn not_allowed(&self, at: usize, c: char, rule: &str) -> UrlError {
        self.error_at(at..at + c.len_utf8(), format!("`{c}` is not allowed here")).with_help(rule)
    }

    /// At most `max` bytes; `what` names the thing, with its article.
    pub(crate) fn check_length(&self, max: usize, what: &str) -> Result<(), UrlError> {
        if self.text.len() > max {
            let message = format!("{what} has at most {max} bytes, this one has {}", self.text.len());
            return Err(self.error(message));
        }
        Ok(())
    }

    pub(crate) fn into_text(self) -> Cow<'a, str> {
        self.text
    }
}
