//! AMQP's values as text, and as JSON where they hold others.

use data_encoding::BASE64;
use serde_json::Value as Json;

use super::amqp::Value;

/// .NET counts time in these, from the year 1 on.
const TICKS_PER_MILLISECOND: i64 = 10_000;
const TICKS_BEFORE_1970: i64 = 621_355_968_000_000_000;

/// A value as an attribute has it.
pub(super) fn text(value: &Value) -> String {
    match json(value) {
        Json::String(text) => text,
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value as JSON. What JSON has no type for is a text.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Ubyte(number) => (*number).into(),
        Value::Ushort(number) => (*number).into(),
        Value::Uint(number) => (*number).into(),
        Value::Ulong(number) => (*number).into(),
        Value::Byte(number) => (*number).into(),
        Value::Short(number) => (*number).into(),
        Value::Int(number) => (*number).into(),
        Value::Long(number) => (*number).into(),
        // The shortest text that is the same number again.
        Value::Float(number) if number.is_finite() => number.to_string().parse().map_or(Json::Null, Json::Number),
        Value::Double(number) if number.is_finite() => number.to_string().parse().map_or(Json::Null, Json::Number),
        Value::Float(number) => number.to_string().into(),
        Value::Double(number) => number.to_string().into(),
        Value::Decimal(bytes) => decimal(bytes).into(),
        Value::Char(char) => char.to_string().into(),
        Value::Timestamp(milliseconds) => time(*milliseconds).into(),
        Value::Uuid(bytes) => uuid(bytes).into(),
        Value::Binary(bytes) => BASE64.encode(bytes).into(),
        Value::String(text) | Value::Symbol(text) => text.as_str().into(),
        Value::List(items) | Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|(name, value)| (text(name), json(value))).collect(),
        Value::Described(described) => {
            let (descriptor, value) = &**described;
            match (descriptor.as_text(), value) {
                // What .NET's clients have for types of their own.
                (Some("com.microsoft:datetime-offset"), Value::Long(ticks)) => {
                    time(ticks.saturating_sub(TICKS_BEFORE_1970) / TICKS_PER_MILLISECOND).into()
                }
                (Some("com.microsoft:timespan"), Value::Long(ticks)) => span(*ticks).into(),
                _ => json(value),
            }
        }
    }
}

/// As RFC 3339 has it, with milliseconds where there are any.
pub(super) fn time(milliseconds: i64) -> String {
    let days = milliseconds.div_euclid(86_400_000);
    let of_day = milliseconds.rem_euclid(86_400_000);
    // Days are counted from the first of March of the year 0, in cycles of 400 years.
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let of_cycle = days.rem_euclid(146_097);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + cycle * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    let fraction = match of_day % 1_000 {
        0 => String::new(),
        milliseconds => format!(".{milliseconds:03}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// A .NET TimeSpan in seconds: `1.5s`.
fn span(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let (seconds, part) = (ticks / 10_000_000, ticks % 10_000_000);
    match format!("{part:07}").trim_end_matches('0') {
        "" => format!("{sign}{seconds}s"),
        part => format!("{sign}{seconds}.{part}s"),
    }
}

pub(super) fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A decimal number of IEEE 754 in its binary encoding, as .NET's clients write it.
fn decimal(bytes: &[u8]) -> String {
    let width = bytes.len() as u32 * 8;
    let bits = bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    // How many bits the exponent and the rest of the coefficient have.
    let (exponent_bits, bias) = match width {
        32 => (8, 101),
        64 => (10, 398),
        _ => (14, 6_176),
    };
    let sign = if bits >> (width - 1) & 1 == 1 { "-" } else { "" };
    let top = bits >> (width - 6) & 0b11111;
    if top >= 0b11110 {
        return if top == 0b11110 { format!("{sign}inf") } else { "NaN".to_owned() };
    }
    let low = width - 1 - exponent_bits;
    let mask = |bits: u32| (1_u128 << bits) - 1;
    let (exponent, coefficient) = match top >> 3 {
        // The coefficient begins with 100 that is not written.
        0b11 => (bits >> (low - 2) & mask(exponent_bits), 0b100 << (low - 2) | bits & mask(low - 2)),
        _ => (bits >> low & mask(exponent_bits), bits & mask(low)),
    };
    let digits = coefficient.to_string();
    match exponent as i32 - bias {
        0 => format!("{sign}{digits}"),
        exponent @ -40..0 => {
            let scale = exponent.unsigned_abs() as usize;
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, part) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{part}")
        }
        exponent => format!("{sign}{digits}e{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, value: Value) -> Value {
        Value::Described(Box::new((Value::symbol(name), value)))
    }

    #[test]
    fn values_of_every_type_are_texts() {
        // 123.45 as .NET's decimal, and 1e3, -7 in the shorter types.
        let d128 = (6_174_u128 << 113 | 12_345).to_be_bytes();
        let d64 = (401_u64 << 53 | 1).to_be_bytes();
        let d32 = (1_u32 << 31 | 101 << 23 | 7).to_be_bytes();
        let decimal = |bytes: &[u8]| Value::Decimal(bytes.to_vec().into());
        let uuid = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0, 1, 2, 3, 4, 5, 6, 7];
        for (value, expected) in [
            (Value::Null, ""),
            (Value::Bool(true), "true"),
            (Value::Ubyte(8), "8"),
            (Value::Ushort(16), "16"),
            (Value::Uint(32), "32"),
            (Value::Ulong(u64::MAX), "18446744073709551615"),
            (Value::Byte(-8), "-8"),
            (Value::Short(-16), "-16"),
            (Value::Int(-32), "-32"),
            (Value::Long(i64::MIN), "-9223372036854775808"),
            (Value::Float(0.1), "0.1"),
            (Value::Double(-1.5e300), &format!("{}", -1.5e300_f64)),
            (Value::Double(f64::NAN), "NaN"),
            (Value::Double(f64::NEG_INFINITY), "-inf"),
            (decimal(&d128), "123.45"),
            (decimal(&d64), "1e3"),
            (decimal(&d32), "-7"),
            (Value::Char('é'), "é"),
            (Value::Timestamp(1_700_000_000_123), "2023-11-14T22:13:20.123Z"),
            (Value::Timestamp(951_782_400_000), "2000-02-29T00:00:00Z"),
            (Value::Timestamp(-1), "1969-12-31T23:59:59.999Z"),
            (Value::Uuid(uuid), "12345678-9abc-def0-0001-020304050607"),
            (Value::Binary(vec![0, 0xff].into()), "AP8="),
            (Value::string("zwölf \"12\""), "zwölf \"12\""),
            (Value::symbol("s"), "s"),
            (Value::List(vec![Value::Int(1), Value::string("a"), Value::Null]), "[1,\"a\",null]"),
            (Value::Map(vec![(Value::symbol("a"), Value::Bool(false))]), "{\"a\":false}"),
            (described("com.microsoft:uri", Value::string("https://example.com/")), "https://example.com/"),
            (described("com.microsoft:datetime-offset", Value::Long(TICKS_BEFORE_1970)), "1970-01-01T00:00:00Z"),
            (described("com.microsoft:timespan", Value::Long(-15_000_000)), "-1.5s"),
            (described("com.microsoft:timespan", Value::Long(20_000_000)), "2s"),
        ] {
            assert_eq!(text(&value), expected, "{value:?}");
        }
    }
}
