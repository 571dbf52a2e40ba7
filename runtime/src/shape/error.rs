//! Why a body was refused.

use std::fmt;

/// A body that is not the JSON its backend was configured for.
///
/// KrakenD answers 500 for these (`lura` `proxy/http_response.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Where the problem was seen: bytes from the start of the input.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The input ends before its first value does; an empty body is one of these.
    End,
    /// No JSON value starts here. A byte order mark is one of these.
    Value,
    /// A key in quotes was expected.
    Key,
    /// `:` was expected after a key.
    Colon,
    /// `,` or `}` was expected.
    CommaOrBrace,
    /// `,` or `]` was expected.
    CommaOrBracket,
    /// A number that breaks the grammar of RFC 8259, section 6.
    Number,
    /// A control character inside a string (RFC 8259, section 7).
    Control,
    /// An escape that JSON does not have.
    Escape,
    /// More than 10,000 arrays and objects inside each other, the limit of Go's `encoding/json`.
    Depth,
    /// More than 128 arrays and objects inside each other, where a tree is built of them for `flatmap_filter`.
    TreeDepth,
    /// A `\u` escape of half a surrogate pair. Never returned: such a body is repaired and read again.
    LoneSurrogate,
    /// The body is JSON, but neither an object nor `null` (KrakenD trap 47).
    NotAnObject,
    /// `is_collection` is set and the body is JSON, but neither an array nor `null` (KrakenD trap 47).
    NotAnArray,
}

impl Problem {
    /// The problem in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::End => "unexpected end",
            Self::Value => "a value was expected",
            Self::Key => "a key was expected",
            Self::Colon => "`:` was expected",
            Self::CommaOrBrace => "`,` or `}` was expected",
            Self::CommaOrBracket => "`,` or `]` was expected",
            Self::Number => "bad number",
            Self::Control => "control character in a string",
            Self::Escape => "bad escape",
            Self::Depth => "more than 10,000 levels",
            Self::TreeDepth => "too many levels for flatmap_filter",
            Self::LoneSurrogate => "half a surrogate pair",
            Self::NotAnObject => "not an object",
            Self::NotAnArray => "not an array, but is_collection is set",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.problem {
            Problem::NotAnObject | Problem::NotAnArray => "unexpected",
            _ => "invalid",
        };
        write!(f, "{kind} JSON at byte {}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for JsonError {}
