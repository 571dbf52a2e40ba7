//! sprig's functions of lists.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::value::{List, Of, Value, Width};
use super::Type::{Any, Int, Text};
use super::text::{strings, strval};
use super::{Function, MOST_ITEMS, Outcome, bounded, int, plain, text, variadic};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("list", &[], Any, |given| Ok(Value::list(given.to_vec()))),
    variadic("tuple", &[], Any, |given| Ok(Value::list(given.to_vec()))),
    plain("append", &[Any, Any], push),
    plain("push", &[Any, Any], push),
    plain("mustAppend", &[Any, Any], push),
    plain("mustPush", &[Any, Any], push),
    plain("prepend", &[Any, Any], prepend),
    plain("mustPrepend", &[Any, Any], prepend),
    plain("first", &[Any], first),
    plain("mustFirst", &[Any], first),
    plain("last", &[Any], last),
    plain("mustLast", &[Any], last),
    plain("rest", &[Any], rest),
    plain("mustRest", &[Any], rest),
    plain("initial", &[Any], initial),
    plain("mustInitial", &[Any], initial),
    plain("reverse", &[Any], reverse),
    plain("mustReverse", &[Any], reverse),
    plain("uniq", &[Any], uniq),
    plain("mustUniq", &[Any], uniq),
    plain("compact", &[Any], compact),
    plain("mustCompact", &[Any], compact),
    variadic("without", &[Any], Any, without),
    variadic("mustWithout", &[Any], Any, without),
    plain("has", &[Any, Any], has),
    plain("mustHas", &[Any, Any], has),
    variadic("slice", &[Any], Any, slice),
    variadic("mustSlice", &[Any], Any, slice),
    variadic("concat", &[], Any, concat),
    plain("chunk", &[Int, Any], chunk),
    plain("mustChunk", &[Int, Any], chunk),
    plain("sortAlpha", &[Any], |given| {
        if !matches!(given[0], Value::List(_)) {
            return Ok(Value::texts([strval(&given[0])]));
        }
        let mut texts = strings(&given[0]);
        texts.sort();
        Ok(Value::texts(texts))
    }),
    plain("join", &[Text, Any], |given| {
        let (texts, between) = (strings(&given[1]), text(given, 0));
        bounded(texts.len().saturating_mul(between.len()))?;
        Ok(Value::text(texts.join(&between)))
    }),
    plain("toStrings", &[Any], |given| Ok(Value::texts(strings(&given[0])))),
    plain("until", &[Int], |given| {
        let count = int(given, 0);
        until_step(0, count, if count < 0 { -1 } else { 1 })
    }),
    plain("untilStep", &[Int, Int, Int], |given| until_step(int(given, 0), int(given, 1), int(given, 2))),
    variadic("seq", &[], Int, seq),
];

fn items(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(list) => Ok(&list.items),
        other => Err(format!("it wants a list, and this is {}", other.described())),
    }
}

fn push(given: &[Value]) -> Outcome {
    let mut list = items(&given[0])?.to_vec();
    list.push(given[1].clone());
    Ok(Value::list(list))
}

fn prepend(given: &[Value]) -> Outcome {
    let mut list = vec![given[1].clone()];
    list.extend_from_slice(items(&given[0])?);
    Ok(Value::list(list))
}

fn first(given: &[Value]) -> Outcome {
    Ok(items(&given[0])?.first().cloned().unwrap_or(Value::Nil))
}

fn last(given: &[Value]) -> Outcome {
    Ok(items(&given[0])?.last().cloned().unwrap_or(Value::Nil))
}

fn rest(given: &[Value]) -> Outcome {
    Ok(match items(&given[0])? {
        [] => Value::list_or_nil(Vec::new()),
        [_, rest @ ..] => Value::list(rest.to_vec()),
    })
}

fn initial(given: &[Value]) -> Outcome {
    Ok(match items(&given[0])? {
        [] => Value::list_or_nil(Vec::new()),
        [initial @ .., _] => Value::list(initial.to_vec()),
    })
}

fn reverse(given: &[Value]) -> Outcome {
    Ok(Value::list(items(&given[0])?.iter().rev().cloned().collect()))
}

fn uniq(given: &[Value]) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    let mut texts: HashSet<&str> = HashSet::new();
    let mut numbers: HashSet<(i64, Width)> = HashSet::new();
    for item in items(&given[0])? {
        // Long lists are of these.
        let new = match item {
            Value::Text(text) => texts.insert(text),
            Value::Int(number, width) => numbers.insert((*number, *width)),
            other => !kept.iter().any(|kept| kept.deep_equal(other)),
        };
        if new {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn compact(given: &[Value]) -> Outcome {
    Ok(Value::list(items(&given[0])?.iter().filter(|item| item.is_true()).cloned().collect()))
}

fn without(given: &[Value]) -> Outcome {
    let left_out = &given[1..];
    let kept = items(&given[0])?.iter().filter(|item| !left_out.iter().any(|other| other.deep_equal(item)));
    Ok(Value::list(kept.cloned().collect()))
}

fn has(given: &[Value]) -> Outcome {
    if given[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(items(&given[1])?.iter().any(|item| item.deep_equal(&given[0]))))
}

fn slice(given: &[Value]) -> Outcome {
    let Value::List(list) = &given[0] else {
        return Err(format!("it wants a list, and this is {}; `substr` takes a part of a text", given[0].described()));
    };
    let length = list.items.len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| {
        given.get(index).map_or(Ok(default), |value| {
            usize::try_from(super::math::to_int(value)).map_err(|_| "an index is not negative".to_owned())
        })
    };
    let (start, end) = (bound(1, 0)?, bound(2, length)?);
    let Some(part) = list.items.get(start..end) else {
        return Err(format!("{start} to {end} is out of range: there are {length}"));
    };
    Ok(Value::List(Rc::new(List { items: part.to_vec(), of: list.of, nil: false })))
}

fn concat(given: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for list in given {
        all.extend_from_slice(items(list)?);
    }
    Ok(Value::list_or_nil(all))
}

fn chunk(given: &[Value]) -> Outcome {
    let size = usize::try_from(int(given, 0)).ok().filter(|size| *size > 0).ok_or("a size is more than 0")?;
    let chunks: Vec<_> = items(&given[1])?.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(Rc::new(List { items: chunks, of: Of::Lists, nil: false })))
}

fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, String> {
    let mut found = Vec::new();
    let mut at = start;
    while (stop < start && step < 0 && at > stop) || (stop >= start && step > 0 && at < stop) {
        if found.len() >= MOST_ITEMS {
            return Err(format!("more than {MOST_ITEMS} numbers would come out"));
        }
        found.push(at);
        at = at.saturating_add(step);
    }
    Ok(found)
}

fn until_step(start: i64, stop: i64, step: i64) -> Outcome {
    let items = steps(start, stop, step)?.into_iter().map(|number| Value::Int(number, Width::Int)).collect();
    Ok(Value::List(Rc::new(List { items, of: Of::Int, nil: false })))
}

fn seq(given: &[Value]) -> Outcome {
    let (start, step, end) = match given.len() {
        1 => (1, if int(given, 0) < 1 { -1 } else { 1 }, int(given, 0)),
        2 => (int(given, 0), if int(given, 1) < int(given, 0) { -1 } else { 1 }, int(given, 1)),
        3 => (int(given, 0), int(given, 1), int(given, 2)),
        _ => return Ok(Value::text("")),
    };
    if given.len() == 3 && end < start && step > 0 {
        return Ok(Value::text(""));
    }
    let past = end.saturating_add(if end < start { -1 } else { 1 });
    let numbers: Vec<_> = steps(start, past, step)?.iter().map(ToString::to_string).collect();
    Ok(Value::text(numbers.join(" ")))
}
