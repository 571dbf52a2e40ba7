//! Values of pipelines and of the words in them.

use std::rc::Rc;

use super::super::ast::{Command, Name, Pipe, What, Word};
use super::super::lex::Number;
use super::super::value::{Value, Width};
use super::call::Piped;
use super::{Eval, Executor, Failure};

impl Executor<'_> {
    /// The value of a pipeline, which its variables get.
    pub(super) fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Eval<Value> {
        let mut piped: Option<Piped<'_>> = None;
        for command in &pipe.commands {
            let found = self.command(command, dot, piped)?;
            // An interface that holds nothing is nothing.
            let value = if matches!(found, Value::Nil) { Value::Missing } else { found };
            piped = Some(Piped { value, from: command });
        }
        let value = piped.map_or(Value::Missing, |piped| piped.value);
        // A loop gives its variables their values turn by turn; whatever they have before is not seen.
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())
            } else {
                self.variables.push((name.clone(), value.clone()))
            }
        }
        Ok(value)
    }

    pub(super) fn assign(&mut self, name: &Rc<str>, value: Value) {
        if let Some((_, slot)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            *slot = value;
        }
    }

    pub(super) fn variable(&self, name: &Rc<str>) -> Value {
        self.variables.iter().rev().find(|(known, _)| known == name).map_or(Value::Missing, |(_, value)| value.clone())
    }

    /// A command, with the value that is piped into it.
    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Piped<'_>>) -> Eval<Value> {
        let Some(first) = command.words.first() else { return Ok(Value::Missing) };
        let has_arguments = command.words.len() > 1 || piped.is_some();
        match &first.what {
            What::Function(name) => return self.call(name, command, dot, piped),
            What::Nil => return self.fail(&first.at, "`nil` alone has no value", "it can only be given to a function"),
            _ if has_arguments => {
                let word = self.source(&first.at).to_owned();
                let message = format!("`{word}` is no function, and is given something");
                let mut failure = Failure::new(self.span(&first.at), message, "not a function");
                if let What::Field(names) | What::Variable(_, names) = &first.what
                    && !names.is_empty()
                {
                    failure = failure.help(format!("`index {word} ...` looks into it"));
                }
                return Err(Box::new(failure));
            }
            _ => {}
        }
        self.word(first, dot)
    }

    /// The value of a word by itself.
    pub(super) fn word(&mut self, word: &Word, dot: &Value) -> Eval<Value> {
        match &word.what {
            What::Dot => Ok(dot.clone()),
            What::Nil => Ok(Value::Nil),
            What::Bool(value) => Ok(Value::Bool(*value)),
            What::Number(Number::Int(value)) => Ok(Value::Int(*value, Width::Int)),
            What::Number(Number::Float(value)) => Ok(Value::Float(*value)),
            What::Text(text) => Ok(Value::Text(text.clone())),
            What::Field(names) => self.fields(dot.clone(), names),
            What::Variable(name, names) => self.fields(self.variable(name), names),
            What::Pipe(pipe) => self.pipe(pipe, dot),
            What::Function(name) => self.call_word(name, word, dot),
            What::Chain(inner, names) => {
                let value = self.word(inner, dot)?;
                self.fields(value, names)
            }
        }
    }

    fn fields(&self, mut value: Value, names: &[Name]) -> Eval<Value> {
        for name in names {
            value = match &value {
                Value::Map(map) => map.entries.borrow().get(&name.name).cloned().unwrap_or(Value::Missing),
                Value::Missing => Value::Missing,
                Value::Nil => {
                    return self.fail(
                        &name.at,
                        format!("`{}` is looked for in null", name.name),
                        "what stands before it is null",
                    );
                }
                other => {
                    let message = format!("`{}` is looked for in {}", name.name, other.described());
                    return self.fail(&name.at, message, format!("what stands before it is {}", other.described()));
                }
            };
        }
        Ok(value)
    }
}
