//! Keys given twice. JSON parsers take the last; whoever wrote the first meant it too.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Sink};
use crate::tree::{Member, Node, Value};

/// Up to so many members, comparing each with each is the fastest.
const FEW: usize = 16;

/// Reports every key of `members` that an earlier member has too, but for those that `exempt` names.
pub(crate) fn duplicates(members: &[Member], exempt: fn(&str) -> bool, sink: &Sink) {
    let report = |first: &Member, second: &Member| {
        if !exempt(&second.key) {
            let message = format!("the key `{}` is given twice", second.key);
            let error = Diagnostic::error("duplicate-key", second.key_span, message).label("given again here");
            sink.push(error.related(first.key_span, "first given here").help("keep one: JSON takes the last"));
        }
    };
    if members.len() <= FEW {
        for (index, second) in members.iter().enumerate() {
            if let Some(first) = members[..index].iter().find(|first| first.key == second.key) {
                report(first, second);
            }
        }
        return;
    }
    let mut seen: HashMap<&str, &Member> = HashMap::with_capacity(members.len());
    for second in members {
        if let Some(first) = seen.get(second.key.as_str()) {
            report(first, second);
        } else {
            seen.insert(&second.key, second);
        }
    }
}

/// The same at every depth of a value that no table describes.
pub(super) fn everywhere(node: &Node, sink: &Sink) {
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| everywhere(item, sink)),
        Value::Object(members) => {
            duplicates(members, |_| false, sink);
            members.iter().for_each(|member| everywhere(&member.value, sink));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let sink = Sink::default();
        everywhere(&crate::json::parse(text, 0, &sink).expect("JSON"), &sink);
        sink.finish(None).len()
    }

    #[test]
    fn few_and_many_keys_are_compared() {
        assert_eq!(count(r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 2, "a": 3}"#), 3);
        let many: Vec<_> = (0..100).map(|index| format!("\"{}\": 1", index % 60)).collect();
        assert_eq!(count(&format!("{{{}}}", many.join(","))), 40);
    }
}
