//! Go's own functions.

use std::cmp::Ordering;
use std::rc::Rc;

use super::super::print::{is_printed, sprint, sprintf, sprintln};
use super::super::value::{Of, Value, Width};
use super::Type::{Reflect, Text};
use super::{Function, Outcome, Run, Type, plain, special, text, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    special("and", &[Reflect], Some(Reflect), Run::And),
    special("or", &[Reflect], Some(Reflect), Run::Or),
    plain("not", &[Reflect], |given| Ok(Value::Bool(!given[0].is_true()))),
    plain("len", &[Reflect], |given| match &given[0] {
        Value::Text(text) => Ok(Value::int(text.len())),
        Value::List(list) => Ok(Value::int(list.items.len())),
        Value::Map(map) => Ok(Value::int(map.entries.borrow().len())),
        Value::Missing | Value::Nil => Err("nothing has no length".into()),
        other => Err(format!("{} has no length", other.described())),
    }),
    variadic("index", &[Reflect], Reflect, index),
    variadic("print", &[], Type::Any, |given| Ok(Value::text(sprint(given)))),
    variadic("println", &[], Type::Any, |given| Ok(Value::text(sprintln(given)))),
    variadic("printf", &[Text], Type::Any, |given| Ok(Value::text(sprintf(&text(given, 0), &given[1..])))),
    variadic("html", &[], Type::Any, |given| Ok(Value::text(html(&textual(given))))),
    variadic("js", &[], Type::Any, |given| Ok(Value::text(js(&textual(given))))),
    variadic("urlquery", &[], Type::Any, |given| Ok(Value::text(super::url::query_escape(&textual(given))))),
    variadic("eq", &[Reflect], Reflect, |given| {
        if given.len() < 2 {
            return Err("it compares two values or more".into());
        }
        for other in &given[1..] {
            if equal(&given[0], other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    plain("ne", &[Reflect, Reflect], |given| Ok(Value::Bool(!equal(&given[0], &given[1])?))),
    plain("lt", &[Reflect, Reflect], |given| Ok(Value::Bool(less(&given[0], &given[1])?))),
    plain("le", &[Reflect, Reflect], |given| {
        Ok(Value::Bool(less(&given[0], &given[1])? || equal(&given[0], &given[1])?))
    }),
    plain("gt", &[Reflect, Reflect], |given| {
        Ok(Value::Bool(!(less(&given[0], &given[1])? || equal(&given[0], &given[1])?)))
    }),
    plain("ge", &[Reflect, Reflect], |given| Ok(Value::Bool(!less(&given[0], &given[1])?))),
    special(
        "call",
        &[Reflect],
        Some(Reflect),
        Run::Refused("no value of a template is a function that could be called"),
    ),
];

/// One text is itself; anything else is printed.
fn textual(given: &[Value]) -> Rc<str> {
    match given {
        [Value::Text(text)] => text.clone(),
        [Value::Missing | Value::Nil] => "<no value>".into(),
        given => sprint(given).into(),
    }
}

fn index(given: &[Value]) -> Outcome {
    let mut item = given[0].clone();
    if matches!(item, Value::Missing | Value::Nil) {
        return Err("there is nothing to look into".into());
    }
    for index in &given[1..] {
        item = match (&item, index) {
            (Value::List(list), index) => {
                let at = position(index, list.items.len())?;
                list.items[at].clone()
            }
            (Value::Text(text), index) => {
                let at = position(index, text.len())?;
                Value::Int(i64::from(text.as_bytes()[at]), Width::Uint8)
            }
            (Value::Map(map), Value::Text(key)) => {
                let zero = if map.of == Of::Text { Value::text("") } else { Value::Nil };
                map.entries.borrow().get(key).cloned().unwrap_or(zero)
            }
            (Value::Map(_), other) => {
                return Err(format!("the keys of an object are texts, and this is {}", other.described()));
            }
            (Value::Missing | Value::Nil, _) => return Err("there is nothing to look into".into()),
            (other, _) => return Err(format!("{} cannot be looked into", other.described())),
        };
    }
    Ok(item)
}

fn position(index: &Value, length: usize) -> Result<usize, String> {
    let Value::Int(at, _) = index else {
        let hint = if matches!(index, Value::Float(_)) { "; `int` makes one of it" } else { "" };
        return Err(format!("an index is an integer, and this is {}{hint}", index.described()));
    };
    match usize::try_from(*at) {
        Ok(at) if at < length => Ok(at),
        _ => Err(format!("index {at} is out of range: there are {length}, counted from 0")),
    }
}

fn equal(one: &Value, two: &Value) -> Result<bool, String> {
    match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => Ok(one == two),
        (Value::Int(one, _), Value::Int(two, _)) => Ok(one == two),
        #[expect(clippy::float_cmp, reason = "as Go compares")]
        (Value::Float(one), Value::Float(two)) => Ok(one == two),
        (Value::Text(one), Value::Text(two)) => Ok(one == two),
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => Ok(true),
        (Value::Missing | Value::Nil, other) | (other, Value::Missing | Value::Nil) => Ok(other.is_nil()),
        (Value::List(one), Value::List(two)) if one.nil || two.nil => Ok(one.nil && two.nil),
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => {
            Err(format!("{} cannot be compared; `deepEqual` does", one.described()))
        }
        _ => Err(incompatible(one, two)),
    }
}

fn less(one: &Value, two: &Value) -> Result<bool, String> {
    let order = match (one, two) {
        (Value::Int(one, _), Value::Int(two, _)) => one.cmp(two),
        (Value::Float(one), Value::Float(two)) => one.partial_cmp(two).unwrap_or(Ordering::Greater),
        (Value::Text(one), Value::Text(two)) => one.cmp(two),
        (Value::Int(..) | Value::Float(_) | Value::Text(_), Value::Int(..) | Value::Float(_) | Value::Text(_)) => {
            return Err(incompatible(one, two));
        }
        (Value::Int(..) | Value::Float(_) | Value::Text(_), other) | (other, _) => {
            return Err(format!("{} is neither more nor less than anything", other.described()));
        }
    };
    Ok(order == Ordering::Less)
}

fn incompatible(one: &Value, two: &Value) -> String {
    let float = |value: &Value| matches!(value, Value::Float(_));
    let int = |value: &Value| matches!(value, Value::Int(..));
    let hint = if float(one) && int(two) || int(one) && float(two) {
        ": every number of a settings file is a float64; `int` makes an integer of it, and `3.0` is none"
    } else {
        ""
    };
    format!("`{}` and `{}` cannot be compared{hint}", one.go_type(), two.go_type())
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(letter),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ if !letter.is_ascii() && !is_printed(letter) => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out
}
