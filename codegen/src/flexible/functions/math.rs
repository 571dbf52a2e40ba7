//! sprig's functions of numbers.

use super::super::print::plain as print;
use super::super::value::{Value, Width};
use super::Type::{Any, Float, Int, Text};
use super::{Function, Outcome, plain, text, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    plain("int", &[Any], |given| Ok(Value::Int(to_int(&given[0]), Width::Int))),
    plain("int64", &[Any], |given| Ok(Value::int64(to_int(&given[0])))),
    plain("float64", &[Any], |given| Ok(Value::Float(to_float(&given[0])))),
    plain("atoi", &[Text], |given| Ok(Value::Int(text(given, 0).parse().unwrap_or(0), Width::Int))),
    plain("toDecimal", &[Any], |given| {
        let mut printed = String::new();
        print(&given[0], &mut printed);
        Ok(Value::int64(i64::from_str_radix(&printed, 8).unwrap_or(0)))
    }),
    variadic("add", &[], Any, |given| Ok(Value::int64(given.iter().map(to_int).fold(0, i64::wrapping_add)))),
    plain("add1", &[Any], |given| Ok(Value::int64(to_int(&given[0]).wrapping_add(1)))),
    plain("sub", &[Any, Any], |given| Ok(Value::int64(to_int(&given[0]).wrapping_sub(to_int(&given[1]))))),
    plain("div", &[Any, Any], |given| divided(given).map(|(one, two)| Value::int64(one.wrapping_div(two)))),
    plain("mod", &[Any, Any], |given| divided(given).map(|(one, two)| Value::int64(one.wrapping_rem(two)))),
    variadic("mul", &[Any], Any, |given| Ok(Value::int64(given.iter().map(to_int).fold(1, i64::wrapping_mul)))),
    variadic("max", &[Any], Any, |given| Ok(Value::int64(given.iter().map(to_int).max().unwrap_or(0)))),
    variadic("biggest", &[Any], Any, |given| Ok(Value::int64(given.iter().map(to_int).max().unwrap_or(0)))),
    variadic("min", &[Any], Any, |given| Ok(Value::int64(given.iter().map(to_int).min().unwrap_or(0)))),
    variadic("maxf", &[Any], Any, |given| floats(given, f64::max)),
    variadic("minf", &[Any], Any, |given| floats(given, f64::min)),
    variadic("addf", &[], Any, |given| Ok(Value::Float(given.iter().map(to_float).fold(0.0, decimal_sum)))),
    plain("add1f", &[Any], |given| Ok(Value::Float(decimal_sum(to_float(&given[0]), 1.0)))),
    variadic("subf", &[Any], Any, |given| {
        Ok(Value::Float(given[1..].iter().map(to_float).fold(to_float(&given[0]), |one, two| decimal_sum(one, -two))))
    }),
    variadic("mulf", &[Any], Any, |given| floats(given, |one, two| rounded(one * two))),
    variadic("divf", &[Any], Any, |given| {
        if given[1..].iter().any(|value| to_float(value) == 0.0) {
            return Err("a division by 0".into());
        }
        floats(given, quotient)
    }),
    plain("floor", &[Any], |given| Ok(Value::Float(to_float(&given[0]).floor()))),
    plain("ceil", &[Any], |given| Ok(Value::Float(to_float(&given[0]).ceil()))),
    variadic("round", &[Any, Int], Float, |given| {
        let places = super::int(given, 1).clamp(-300, 300);
        let on = given.get(2).map_or(0.5, to_float);
        let power = 10_f64.powi(i32::try_from(places).unwrap_or(0));
        let digit = power * to_float(&given[0]);
        let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
        Ok(Value::Float(rounded / power))
    }),
];

fn divided(given: &[Value]) -> Result<(i64, i64), String> {
    match to_int(&given[1]) {
        0 => Err("a division by 0".into()),
        two => Ok((to_int(&given[0]), two)),
    }
}

fn floats(given: &[Value], run: fn(f64, f64) -> f64) -> Outcome {
    Ok(Value::Float(given.iter().map(to_float).reduce(run).unwrap_or(0.0)))
}

/// sprig counts in decimals: 0.1 and 0.2 make 0.3. Fifteen digits of a float are those of its decimal.
fn decimal_sum(one: f64, two: f64) -> f64 {
    rounded(one + two)
}

/// sprig's decimals have sixteen places behind the point when they are divided.
fn quotient(one: f64, two: f64) -> f64 {
    let even = rounded(one / two);
    #[expect(clippy::float_cmp, reason = "whether it is the decimal that is meant")]
    if rounded(even * two) == rounded(one) {
        return even;
    }
    format!("{:.16}", one / two).parse().unwrap_or(even)
}

fn rounded(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

/// Whatever can be read as an integer, as `cast.ToInt64` does; 0 otherwise.
#[expect(clippy::cast_possible_truncation, reason = "as Go truncates")]
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(value, _) => *value,
        Value::Float(value) => *value as i64,
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => {
            let digits = match text.split_once('.') {
                Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
                _ => text,
            };
            match super::super::lex::parse_number(digits) {
                Some(super::super::lex::Number::Int(value)) => value,
                _ => 0,
            }
        }
        _ => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(value, _) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}
