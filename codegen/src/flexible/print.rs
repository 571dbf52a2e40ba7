//! Values as Go's `fmt` prints them.

mod quote;
mod verbs;

use std::fmt::Write as _;

use super::value::Value;

pub(super) use quote::{is_printed, quoted};
pub(super) use verbs::sprintf;

/// What an action prints: `%v`, and `<no value>` for nothing.
pub(super) fn shown(value: &Value, out: &mut String) {
    match value {
        Value::Missing | Value::Nil => out.push_str("<no value>"),
        value => plain(value, out),
    }
}

/// `%v`.
pub(super) fn plain(value: &Value, out: &mut String) {
    match value {
        Value::Missing | Value::Nil => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value, _) => {
            let _ = write!(out, "{value}");
        }
        Value::Float(value) => out.push_str(&general(*value, -1, false)),
        Value::Text(text) => out.push_str(text),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                plain(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                plain(item, out);
            }
            out.push(']');
        }
    }
}

/// Go's `fmt.Sprint`: a space between two that are no texts.
pub(super) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        let text = |value: &Value| matches!(value, Value::Text(_));
        if index > 0 && !text(value) && !text(&values[index - 1]) {
            out.push(' ');
        }
        plain(value, &mut out);
    }
    out
}

/// Go's `fmt.Sprintln`.
pub(super) fn sprintln(values: &[Value]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        plain(value, &mut out);
    }
    out.push('\n');
    out
}

/// A float64 has no more digits than this, before or behind its point; Rust writes no more than 65,535.
const MOST_DIGITS: usize = 1100;

/// The decimal digits of a float, and where the point is behind them: `0.DIGITS * 10^point`.
fn digits(value: f64, precision: Option<usize>) -> (String, i32) {
    let written = match precision {
        Some(precision) => format!("{:.*e}", precision.min(MOST_DIGITS), value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.push_str(&"0".repeat(precision.unwrap_or(0).saturating_sub(MOST_DIGITS)));
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

fn not_finite(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// Go's `%g`; the shortest that reads back with a negative precision, which `%v` has too. `sharp` keeps zeros.
pub(super) fn general(value: f64, precision: i32, sharp: bool) -> String {
    if let Some(name) = not_finite(value) {
        return name.into();
    }
    let shortest = precision < 0;
    let wanted = if precision == 0 { 1 } else { usize::try_from(precision).unwrap_or(0) };
    let (mut found, mut point) = digits(value, (!shortest).then(|| wanted - 1));
    if value == 0.0 {
        (found, point) = ("0".into(), 1);
    }
    if !sharp {
        let kept = found.trim_end_matches('0').len().max(1);
        found.truncate(kept);
    }
    let length = i32::try_from(found.len()).unwrap_or(i32::MAX);
    let mut limit = i32::try_from(wanted).unwrap_or(i32::MAX);
    if limit > length && length >= point {
        limit = length;
    }
    if shortest {
        limit = 6;
    }
    let exponent = point - 1;
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if exponent < -4 || exponent >= limit {
        return format!("{sign}{}", scientific(&found, exponent, 'e'));
    }
    format!("{sign}{}", fixed(&found, point))
}

fn scientific(digits: &str, exponent: i32, letter: char) -> String {
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{dot}{rest}{letter}{sign}{:02}", exponent.abs())
}

fn fixed(digits: &str, point: i32) -> String {
    if point <= 0 {
        let zeros = usize::try_from(-point).unwrap_or(0);
        return format!("0.{}{digits}", "0".repeat(zeros));
    }
    let point = usize::try_from(point).unwrap_or(0);
    if digits.len() <= point {
        return format!("{digits}{}", "0".repeat(point - digits.len()));
    }
    format!("{}.{}", &digits[..point], &digits[point..])
}

/// Go's `encoding/json`: as ECMAScript writes a number.
pub(super) fn json_number(value: f64) -> String {
    let (found, point) = digits(value, None);
    let kept = found.trim_end_matches('0').len().max(1);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) {
        let exponent = point - 1;
        let text = scientific(&found[..kept], exponent, 'e');
        // e-09 to e-9
        return format!("{sign}{}", if exponent < 0 && exponent > -10 { text.replace("e-0", "e-") } else { text });
    }
    if value == 0.0 {
        return format!("{sign}0");
    }
    format!("{sign}{}", fixed(&found[..kept], point))
}
