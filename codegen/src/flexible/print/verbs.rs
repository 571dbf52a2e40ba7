//! Go's `fmt.Sprintf`.

use std::fmt::Write as _;

use super::super::functions::MOST_BYTES;
use super::super::value::{Value, Width};
use super::quote::{quoted, quoted_ascii};
use super::{MOST_DIGITS, digits, general, not_finite, plain, scientific};

/// What stands between `%` and a verb.
#[derive(Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// More than this is a mistake to Go too; of digits in a format only what stands before the last.
const MAX_WIDTH: usize = 1_000_000;

/// Go's `fmt.Sprintf`.
pub(in super::super) fn sprintf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut next = 0;
    let mut reordered = false;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        // Who calls it refuses what is longer.
        if out.len() > MOST_BYTES {
            return out;
        }
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut flags = Flags::default();
        while let Some(letter) = rest.chars().next() {
            match letter {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        if flags.minus {
            flags.zero = false;
        }
        let mut bad = index(&mut rest, &mut next, values.len(), &mut reordered);
        match number(&mut rest, &mut next, values) {
            Size::Given(width) => {
                flags.minus |= width < 0;
                flags.zero &= width >= 0;
                flags.width = usize::try_from(width.unsigned_abs()).ok();
            }
            Size::Bad => out.push_str("%!(BADWIDTH)"),
            Size::None => {}
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            bad |= index(&mut rest, &mut next, values.len(), &mut reordered);
            match number(&mut rest, &mut next, values) {
                Size::Given(precision) if precision >= 0 => {
                    flags.precision = usize::try_from(precision).ok();
                }
                Size::Given(_) => out.push_str("%!(BADPREC)"),
                Size::Bad => out.push_str("%!(BADPREC)"),
                Size::None => flags.precision = Some(0),
            }
        }
        bad |= index(&mut rest, &mut next, values.len(), &mut reordered);
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
        } else if bad {
            let _ = write!(out, "%!{verb}(BADINDEX)");
        } else if let Some(value) = values.get(next) {
            next += 1;
            formatted(value, verb, flags, &mut out);
        } else {
            let _ = write!(out, "%!{verb}(MISSING)");
        }
    }
    out.push_str(rest);
    if !reordered && next < values.len() {
        out.push_str("%!(EXTRA ");
        for (index, value) in values[next..].iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if value.is_nil() && !matches!(value, Value::List(_)) {
                out.push_str("<nil>");
            } else {
                out.push_str(value.go_type());
                out.push('=');
                plain(value, &mut out);
            }
        }
        out.push(')');
    }
    out
}

enum Size {
    None,
    Bad,
    Given(i64),
}

/// `[2]`. Whether it names nothing.
fn index(rest: &mut &str, next: &mut usize, count: usize, reordered: &mut bool) -> bool {
    let Some(inside) = rest.strip_prefix('[') else { return false };
    *reordered = true;
    let Some((number, after)) = inside.split_once(']') else {
        *rest = inside;
        return true;
    };
    *rest = after;
    match number.parse::<usize>() {
        Ok(number) if (1..=count).contains(&number) => {
            *next = number - 1;
            false
        }
        _ => true,
    }
}

/// A width or a precision: digits, or `*` for the next value.
fn number(rest: &mut &str, next: &mut usize, values: &[Value]) -> Size {
    if let Some(after) = rest.strip_prefix('*') {
        *rest = after;
        let value = values.get(*next);
        *next += usize::from(value.is_some());
        return match value {
            Some(Value::Int(value, _)) if value.unsigned_abs() <= MAX_WIDTH as u64 => Size::Given(*value),
            _ => Size::Bad,
        };
    }
    let length = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    if length == 0 {
        return Size::None;
    }
    let number = rest[..length].parse::<i64>().ok().filter(|number| number / 10 <= MAX_WIDTH as i64);
    // Of a number that is too large Go takes all that follows.
    *rest = if number.is_some() { &rest[length..] } else { "" };
    number.map_or(Size::None, Size::Given)
}

/// What is in a list or an object: nothing is `<nil>` there, for every verb.
fn inside(value: &Value, verb: char, flags: Flags, out: &mut String) {
    match value {
        Value::Missing | Value::Nil if flags.sharp && verb == 'v' => out.push_str("interface {}(nil)"),
        Value::Missing | Value::Nil => out.push_str("<nil>"),
        _ => formatted(value, verb, flags, out),
    }
}

fn formatted(value: &Value, verb: char, flags: Flags, out: &mut String) {
    // `%+v` asks for names of fields, and not for signs.
    let flags = if verb == 'v' { Flags { plus: false, ..flags } } else { flags };
    match (value, verb) {
        (_, 'T') => padded(value.go_type(), Flags { zero: false, ..flags }, out),
        (_, 'p') => bad(value, verb, out),
        (Value::Missing | Value::Nil, 'v') => padded("<nil>", Flags { zero: false, ..flags }, out),
        (Value::Missing | Value::Nil, _) => {
            let _ = write!(out, "%!{verb}(<nil>)");
        }
        (Value::List(list), _) => {
            let sharp = flags.sharp && verb == 'v';
            out.push_str(if sharp { value.go_type() } else { "" });
            if sharp && list.nil {
                out.push_str("(nil)");
                return;
            }
            out.push(if sharp { '{' } else { '[' });
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    out.push_str(if sharp { ", " } else { " " });
                }
                inside(item, verb, flags, out);
            }
            out.push(if sharp { '}' } else { ']' });
        }
        (Value::Map(map), _) => {
            let sharp = flags.sharp && verb == 'v';
            out.push_str(if sharp { value.go_type() } else { "map" });
            out.push(if sharp { '{' } else { '[' });
            for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
                if index > 0 {
                    out.push_str(if sharp { ", " } else { " " });
                }
                formatted(&Value::Text(key.clone()), verb, flags, out);
                out.push(':');
                inside(item, verb, flags, out);
            }
            out.push(if sharp { '}' } else { ']' });
        }
        (Value::Bool(value), 't' | 'v') => {
            padded(if *value { "true" } else { "false" }, Flags { zero: false, ..flags }, out)
        }
        (Value::Text(text), _) => text_verb(value, text, verb, flags, out),
        (Value::Int(number, width), _) => int_verb(value, *number, *width, verb, flags, out),
        (Value::Float(number), _) => float_verb(value, *number, verb, flags, out),
        _ => bad(value, verb, out),
    }
}

/// What Go writes for a verb that a value does not have.
fn bad(value: &Value, verb: char, out: &mut String) {
    let _ = write!(out, "%!{verb}({}=", value.go_type());
    plain(value, out);
    out.push(')');
}

/// Fills up to the width.
fn padded(text: &str, flags: Flags, out: &mut String) {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    let fill = if flags.zero { "0" } else { " " };
    if flags.minus {
        out.push_str(text);
        out.push_str(&" ".repeat(missing));
    } else {
        out.push_str(&fill.repeat(missing));
        out.push_str(text);
    }
}

fn text_verb(value: &Value, text: &str, verb: char, flags: Flags, out: &mut String) {
    let cut: String = flags.precision.map_or_else(|| text.into(), |most| text.chars().take(most).collect());
    match verb {
        'v' if flags.sharp => padded(&quoted(&cut), flags, out),
        'v' | 's' => padded(&cut, flags, out),
        'q' if flags.sharp
            && !cut.contains('`')
            && cut.chars().all(|letter| letter == '\t' || !letter.is_control()) =>
        {
            padded(&format!("`{cut}`"), flags, out);
        }
        'q' => padded(&if flags.plus { quoted_ascii(&cut) } else { quoted(&cut) }, flags, out),
        'x' | 'X' => {
            let bytes = &text.as_bytes()[..flags.precision.unwrap_or(text.len()).min(text.len())];
            let mut hex = String::new();
            for (index, byte) in bytes.iter().enumerate() {
                if flags.space && index > 0 {
                    hex.push(' ');
                }
                if flags.sharp && (flags.space || index == 0) {
                    hex.push_str(if verb == 'x' { "0x" } else { "0X" });
                }
                let _ = if verb == 'x' { write!(hex, "{byte:02x}") } else { write!(hex, "{byte:02X}") };
            }
            padded(&hex, flags, out);
        }
        _ => bad(value, verb, out),
    }
}

fn int_verb(value: &Value, number: i64, width: Width, verb: char, flags: Flags, out: &mut String) {
    let (radix, prefix) = match verb {
        'd' => (10, ""),
        'v' if flags.sharp && width == Width::Uint8 => (16, "0x"),
        'v' => (10, ""),
        'b' => (2, if flags.sharp { "0b" } else { "" }),
        'o' => (8, if flags.sharp { "0" } else { "" }),
        'O' => (8, "0o"),
        'x' => (16, if flags.sharp { "0x" } else { "" }),
        'X' => (16, if flags.sharp { "0X" } else { "" }),
        'c' | 'q' | 'U' => {
            let letter = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            let text = match verb {
                'c' => letter.to_string(),
                'q' => {
                    let quoted = quoted(&letter.to_string());
                    let inner = &quoted[1..quoted.len() - 1];
                    match letter {
                        '\'' => "'\\''".into(),
                        '"' => "'\"'".into(),
                        _ => format!("'{inner}'"),
                    }
                }
                _ if flags.sharp => format!("U+{:04X} '{letter}'", u32::from(letter)),
                _ => format!("U+{number:04X}"),
            };
            padded(&text, Flags { zero: false, ..flags }, out);
            return;
        }
        _ => return bad(value, verb, out),
    };
    let size = number.unsigned_abs();
    let mut digits = match radix {
        2 => format!("{size:b}"),
        8 => format!("{size:o}"),
        16 if verb == 'X' => format!("{size:X}"),
        16 => format!("{size:x}"),
        _ => size.to_string(),
    };
    let sign = if number < 0 {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    let mut least = flags.precision.unwrap_or(0);
    if flags.precision.is_none() && flags.zero {
        // Zeros go behind the sign. Go counts no prefix here.
        least = flags.width.unwrap_or(0).saturating_sub(sign.len());
    }
    if flags.precision == Some(0) && number == 0 {
        digits.clear();
    }
    let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
    padded(&format!("{sign}{prefix}{digits}"), Flags { zero: false, ..flags }, out);
}

fn float_verb(value: &Value, number: f64, verb: char, flags: Flags, out: &mut String) {
    let precision = flags.precision;
    let magnitude = number.abs();
    let body = if let Some(name) = not_finite(number) {
        name.trim_start_matches(['+', '-']).to_owned()
    } else {
        match verb {
            'v' | 'g' | 'G' => {
                let precision = precision.map_or(-1, |precision| i32::try_from(precision).unwrap_or(i32::MAX));
                let text = general(magnitude, precision, flags.sharp);
                if verb == 'G' { text.to_uppercase() } else { text }
            }
            'e' | 'E' => {
                let (digits, point) = digits(magnitude, Some(precision.unwrap_or(6)));
                let text = scientific(&digits, if number == 0.0 { 0 } else { point - 1 }, 'e');
                if verb == 'E' { text.to_uppercase() } else { text }
            }
            'f' | 'F' => {
                let precision = precision.unwrap_or(6);
                let text = format!("{magnitude:.*}", precision.min(MOST_DIGITS));
                format!("{text}{}", "0".repeat(precision.saturating_sub(MOST_DIGITS)))
            }
            _ => return bad(value, verb, out),
        }
    };
    let sign = if number.is_sign_negative() && !number.is_nan() {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    if flags.zero && number.is_finite() {
        let least = flags.width.unwrap_or(0).saturating_sub(sign.len() + body.len());
        out.push_str(sign);
        out.push_str(&"0".repeat(least));
        out.push_str(&body);
        return;
    }
    let sign = if number.is_infinite() && number > 0.0 && sign.is_empty() { "+" } else { sign };
    padded(&format!("{sign}{body}"), Flags { zero: false, ..flags }, out);
}
