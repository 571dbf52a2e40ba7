//! Numbers: RFC 8259, section 6.

use super::{Parser, Stop, is_word};
use crate::tree::Value;

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().take_while(|byte| is_word(**byte) || matches!(byte, b'-' | b'+' | b'.')).count();
        self.at = start + length;
        let number = &self.text[start..self.at];
        let Some(why) = fault(number.as_bytes()) else { return Ok(Value::Number(number.to_owned())) };
        let error = self.error(start, self.at, format!("`{number}` is not a JSON number"));
        self.report(match why {
            Fault::LeadingZero => error.help("leave the leading zeros out"),
            Fault::Plus => error.help("leave the `+` out"),
            Fault::Point => error.help("a decimal point stands between digits: `0.5`"),
            Fault::Other if number.as_bytes()[0].is_ascii_digit() => {
                error.help(format!("a duration or a name is written in double quotes: `\"{number}\"`"))
            }
            Fault::Other => error,
        })?;
        Ok(Value::Unreadable)
    }
}

enum Fault {
    LeadingZero,
    Plus,
    Point,
    Other,
}

/// What is wrong with `number`, if anything is.
fn fault(number: &[u8]) -> Option<Fault> {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if number.first() == Some(&b'+') {
        return Some(Fault::Plus);
    }
    let mut rest = number.strip_prefix(b"-").unwrap_or(number);
    if rest.first() == Some(&b'.') {
        return Some(Fault::Point);
    }
    let whole = digits(rest);
    if whole == 0 {
        return Some(Fault::Other);
    }
    if whole > 1 && rest[0] == b'0' && rest[whole..].iter().all(|byte| matches!(byte, b'.' | b'0'..=b'9')) {
        return Some(Fault::LeadingZero);
    }
    if whole > 1 && rest[0] == b'0' {
        return Some(Fault::Other);
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return Some(Fault::Point);
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let count = digits(exponent);
        if count == 0 {
            return Some(Fault::Other);
        }
        rest = &exponent[count..];
    }
    if rest.is_empty() { None } else { Some(Fault::Other) }
}
