//! What is told of a template that goes on.

use std::rc::Rc;

use super::super::ast::{At, Command, Name, Pipe, What, Word};
use super::super::value::Value;
use super::{Executor, Failure, listed};
use crate::diagnostic::{Diagnostic, Severity};
use crate::suggest::closest;
use crate::tree::Span;

/// What to do about a template that was given nothing.
pub(super) const CALLED_WITHOUT: &str =
    "this template was called without a value: `{{ template \"name\" . }}` hands on all there is";

impl Executor<'_> {
    /// Go prints `<no value>`, which nobody means.
    pub(super) fn nothing(&self, at: &At, pipe: &Pipe, dot: &Value) {
        let mut failure = Failure::new(self.span(at), "this writes `<no value>`", "nothing is there").code("no-value");
        let only = match pipe.commands.as_slice() {
            [Command { words, .. }] if words.len() == 1 => words.first(),
            _ => None,
        };
        if let Some((name, keys)) = only.and_then(|word| self.absent(word, dot)) {
            failure.span = self.span(&name.at);
            failure.message = format!("there is no `{}` here, and the template writes `<no value>`", name.name);
            failure.label = "not there".into();
            if let Some(close) = closest(&name.name, keys.iter().map(|key| &**key)) {
                failure = failure.help(format!("did you mean `{close}`?"));
            } else if !keys.is_empty() && keys.len() <= 8 {
                failure = failure.help(format!("there is {}", listed(&keys)));
            }
        }
        if only.is_some_and(|word| self.is_called_without(word, dot)) {
            failure = failure.help(CALLED_WITHOUT);
        }
        self.sink.push(self.told(failure.help("`default \"...\"` gives a value where there is none")));
    }

    /// Whether a field is read in a template that was given nothing: a dot was forgotten.
    pub(super) fn is_called_without(&self, word: &Word, dot: &Value) -> bool {
        !self.calls.is_empty() && matches!(dot, Value::Missing) && matches!(word.what, What::Field(_))
    }

    /// The key on the way of a word that is not there, and those that are.
    fn absent<'a>(&self, word: &'a Word, dot: &Value) -> Option<(&'a Name, Vec<Rc<str>>)> {
        match &word.what {
            What::Field(names) => absent(dot, names),
            What::Variable(name, names) => absent(&self.variable(name), names),
            _ => None,
        }
    }

    /// The key that is not there, and the one of a similar name that is.
    pub(super) fn misspelt<'a>(&self, word: &'a Word, dot: &Value) -> Option<(&'a Name, String)> {
        let (name, keys) = self.absent(word, dot)?;
        let close = closest(&name.name, keys.iter().map(|key| &**key))?;
        Some((name, close.to_owned()))
    }

    /// What may not be there is asked for by `if`, `with` and `default`; elsewhere a similar name is probably meant.
    pub(super) fn warn_if_misspelt(&self, word: &Word, dot: &Value, what: &str) {
        if let Some((name, close)) = self.misspelt(word, dot) {
            let message = format!("there is no `{}` here, and {what}", name.name);
            let failure =
                Failure::new(self.span(&name.at), message, "not there").help(format!("did you mean `{close}`?"));
            let told = self.told(failure.code("no-setting"));
            self.sink.push(Diagnostic { severity: Severity::Warning, ..told });
        }
    }

    pub(super) fn warn_if_unset(&mut self, text: &Rc<str>, at: Span) {
        let Some(unset) = self.unset.iter_mut().find(|unset| Rc::ptr_eq(&unset.text, text) && !unset.told) else {
            return;
        };
        unset.told = true;
        let (name, asked) = (&unset.name, unset.at);
        let warning = Diagnostic::warning(
            "env-not-set",
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
