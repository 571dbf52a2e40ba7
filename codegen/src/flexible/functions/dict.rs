//! sprig's functions of objects, and those that ask what a value is.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::value::{Map, Value};
use super::Type::{Any, Bool, Map as Object, Text};
use super::text::strval;
use super::{Function, Outcome, map, plain, text, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("dict", &[], Any, |given| {
        given.iter().step_by(2).try_for_each(Value::measure)?;
        let pairs = given
            .chunks(2)
            .map(|pair| (strval(&pair[0]).into(), pair.get(1).cloned().unwrap_or_else(|| Value::text(""))));
        Ok(Value::map(pairs.collect()))
    }),
    plain("get", &[Object, Text], |given| {
        Ok(map(given, 0)?.entries.borrow().get(&text(given, 1)).cloned().unwrap_or_else(|| Value::text("")))
    }),
    plain("set", &[Object, Text, Any], |given| {
        map(given, 0)?.entries.borrow_mut().insert(text(given, 1), given[2].clone());
        Ok(given[0].clone())
    }),
    plain("unset", &[Object, Text], |given| {
        map(given, 0)?.entries.borrow_mut().remove(&text(given, 1));
        Ok(given[0].clone())
    }),
    plain("hasKey", &[Object, Text], |given| {
        Ok(Value::Bool(map(given, 0)?.entries.borrow().contains_key(&text(given, 1))))
    }),
    variadic("pluck", &[Text], Object, |given| {
        let mut found = Vec::new();
        for index in 1..given.len() {
            found.extend(map(given, index)?.entries.borrow().get(&text(given, 0)).cloned());
        }
        Ok(Value::list(found))
    }),
    variadic("keys", &[], Object, |given| {
        let mut keys: Vec<Rc<str>> = Vec::new();
        for index in 0..given.len() {
            keys.extend(map(given, index)?.entries.borrow().keys().cloned());
        }
        Ok(Value::texts(keys))
    }),
    plain("values", &[Object], |given| Ok(Value::list(map(given, 0)?.entries.borrow().values().cloned().collect()))),
    variadic("pick", &[Object], Text, |given| {
        let from = map(given, 0)?;
        let from = from.entries.borrow();
        let keys = (1..given.len()).map(|index| text(given, index));
        Ok(Value::map(keys.filter_map(|key| Some((key.clone(), from.get(&key)?.clone()))).collect()))
    }),
    variadic("omit", &[Object], Text, |given| {
        let mut kept: BTreeMap<_, _> = map(given, 0)?.entries.borrow().clone();
        for index in 1..given.len() {
            kept.remove(&text(given, index));
        }
        Ok(Value::map(kept))
    }),
    variadic("merge", &[Object], Object, |given| merge(given, false)),
    variadic("mustMerge", &[Object], Object, |given| merge(given, false)),
    variadic("mergeOverwrite", &[Object], Object, |given| merge(given, true)),
    variadic("mustMergeOverwrite", &[Object], Object, |given| merge(given, true)),
    plain("deepCopy", &[Any], |given| Ok(given[0].deep_copy())),
    plain("mustDeepCopy", &[Any], |given| Ok(given[0].deep_copy())),
    variadic("dig", &[], Any, dig),
    variadic("default", &[Any], Any, |given| {
        Ok(given.get(1).filter(|value| value.is_true()).unwrap_or(&given[0]).clone())
    }),
    plain("empty", &[Any], |given| Ok(Value::Bool(!given[0].is_true()))),
    variadic("coalesce", &[], Any, |given| {
        Ok(given.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    }),
    variadic("all", &[], Any, |given| Ok(Value::Bool(given.iter().all(Value::is_true)))),
    variadic("any", &[], Any, |given| Ok(Value::Bool(given.iter().any(Value::is_true)))),
    plain("ternary", &[Any, Any, Bool], |given| {
        Ok(if matches!(given[2], Value::Bool(true)) { given[0].clone() } else { given[1].clone() })
    }),
    plain("typeOf", &[Any], |given| Ok(Value::text(given[0].go_type()))),
    plain("typeIs", &[Text, Any], |given| Ok(Value::Bool(*text(given, 0) == *given[1].go_type()))),
    plain("typeIsLike", &[Text, Any], |given| {
        let target = text(given, 0);
        Ok(Value::Bool(*target == *given[1].go_type() || format!("*{target}") == given[1].go_type()))
    }),
    plain("kindOf", &[Any], |given| Ok(Value::text(given[0].kind()))),
    plain("kindIs", &[Text, Any], |given| Ok(Value::Bool(*text(given, 0) == *given[1].kind()))),
    plain("deepEqual", &[Any, Any], |given| Ok(Value::Bool(given[0].deep_equal(&given[1])))),
    plain("fail", &[Text], |given| Err(text(given, 0).to_string())),
];

/// The first object is changed, as in Go: members that it lacks, or has empty, come from those behind it.
fn merge(given: &[Value], overwrite: bool) -> Outcome {
    let into = map(given, 0)?;
    for index in 1..given.len() {
        let from = map(given, index)?;
        if !Rc::ptr_eq(&into, &from) {
            merge_into(&into, &from, overwrite);
        }
    }
    Ok(given[0].clone())
}

fn merge_into(into: &Map, from: &Map, overwrite: bool) {
    // Either may be a part of the other.
    let entries = from.entries.borrow().clone();
    for (key, value) in &entries {
        let present = into.entries.borrow().get(key).cloned();
        match (&present, value) {
            (Some(Value::Map(inner)), Value::Map(other)) => {
                if !Rc::ptr_eq(inner, other) {
                    merge_into(inner, other, overwrite);
                }
            }
            (Some(present), _) if present.is_true() && !overwrite => {}
            _ => {
                into.entries.borrow_mut().insert(key.clone(), value.clone());
            }
        }
    }
}

fn dig(given: &[Value]) -> Outcome {
    let [keys @ .., default, object] = given else {
        return Err("it has at least three arguments: key, default, object".into());
    };
    if keys.is_empty() {
        return Err("it has at least three arguments: key, default, object".into());
    }
    let mut at = object.clone();
    for key in keys {
        let Value::Text(key) = key else { return Err(format!("a key is a text, and this is {}", key.described())) };
        let Value::Map(inner) = &at else { return Err(format!("`{key}` is looked for in {}", at.described())) };
        let next = inner.entries.borrow().get(key).cloned();
        match next {
            Some(next) => at = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}
