//! What is told of a template that goes on.

use std::rc::Rc;

use super::super::ast::{At, Command, Name, Pipe, What};
use super::super::value::Value;
use super::{Executor, Failure, listed};
use crate::diagnostic::Diagnostic;
use crate::suggest::closest;
use crate::tree::Span;

impl Executor<'_> {
    /// Go prints `<no value>`, which nobody means.
    pub(super) fn nothing(&self, at: &At, pipe: &Pipe, dot: &Value) {
        let mut failure = Failure::new(self.span(at), "this writes `<no value>`", "nothing is there").code("no-value");
        let only = match pipe.commands.as_slice() {
            [Command { words, .. }] if words.len() == 1 => words.first(),
            _ => None,
        };
        let path = match only.map(|word| &word.what) {
            Some(What::Field(names)) => Some((dot.clone(), names)),
            Some(What::Variable(name, names)) => Some((self.variable(name), names)),
            _ => None,
        };
        if let Some((from, names)) = path
            && let Some((name, keys)) = absent(&from, names)
        {
            failure.span = self.span(&name.at);
            failure.message = format!("there is no `{}` here, and the template writes `<no value>`", name.name);
            failure.label = "not there".into();
            if let Some(close) = closest(&name.name, keys.iter().map(|key| &**key)) {
                failure = failure.help(format!("did you mean `{close}`?"));
            } else if !keys.is_empty() && keys.len() <= 8 {
                failure = failure.help(format!("there is {}", listed(&keys)));
            }
        }
        self.sink.push(self.told(failure.help("`default \"...\"` gives a value where there is none")));
    }

    pub(super) fn warn_if_unset(&mut self, text: &Rc<str>, at: Span) {
        let Some(unset) = self.unset.iter_mut().find(|unset| Rc::ptr_eq(&unset.text, text) && !unset.told) else {
            return;
        };
        unset.told = true;
        let (name, asked) = (&unset.name, unset.at);
        let warning = Diagnostic::warning(
            "unset-variable",
            asked,
            format!("the variable `{name}` is not set, and nothing is written"),
        )
        .label("an empty text, as in KrakenD")
        .help(format!("`env \"{name}\" | default \"...\"` says what it is then"));
        let calls = self.calls.iter().rev().take(10);
        let warning = calls.fold(warning, |told, (at, name)| told.related(*at, format!("`{name}` is called")));
        self.sink.push(if asked.overlaps(at) { warning } else { warning.related(at, "it is written") });
    }
}

/// The first of `names` that is not there, and the keys that are.
fn absent<'a>(from: &Value, names: &'a [Name]) -> Option<(&'a Name, Vec<Rc<str>>)> {
    let mut at = from.clone();
    for name in names {
        let next = match &at {
            Value::Map(map) => match map.entries.borrow().get(&name.name) {
                Some(value) => value.clone(),
                None => return Some((name, map.entries.borrow().keys().cloned().collect())),
            },
            _ => return None,
        };
        at = next;
    }
    None
}
