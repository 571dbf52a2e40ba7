//! Calls of functions: their arguments have the types that Go gives them.

use std::rc::Rc;

use super::super::ast::{At, Command, What, Word};
use super::super::functions::{self, Function, MOST_BYTES, Run, Type};
use super::super::lex::Number;
use super::super::value::{Value, Width};
use super::told::CALLED_WITHOUT;
use super::{Eval, Executor, Failure, MAX_MADE, Unset};
use crate::tree::Span;

/// Functions that are asked what to do about a variable that is not set.
#[rustfmt::skip]
const AWARE: &[&str] = &[
    "all", "and", "any", "coalesce", "compact", "contains", "default", "empty", "eq", "hasPrefix", "hasSuffix", "len", "ne", "not",
    "or", "regexMatch", "ternary",
];

/// Functions that look at everything in what they are given.
#[rustfmt::skip]
const LOOKS_INSIDE: &[&str] = &[
    "cat", "deepCopy", "deepEqual", "has", "html", "join", "js", "marshal", "merge", "mergeOverwrite", "mustDeepCopy",
    "mustHas", "mustMerge", "mustMergeOverwrite", "mustToJson", "mustToPrettyJson", "mustToRawJson", "mustUniq",
    "mustWithout", "print", "printf", "println", "quote", "sortAlpha", "squote", "toDecimal", "toJson", "toPrettyJson",
    "toRawJson", "toString", "toStrings", "uniq", "urlquery", "without",
];

/// What is piped into a function, and what gave it.
pub(super) struct Piped<'a> {
    pub(super) value: Value,
    pub(super) from: &'a Command,
}

impl Executor<'_> {
    /// `name argument argument`, with a value that is piped in as the last.
    pub(super) fn call(
        &mut self,
        name: &Rc<str>,
        command: &Command,
        dot: &Value,
        piped: Option<Piped<'_>>,
    ) -> Eval<Value> {
        let at = command.words[0].at.clone();
        self.run(name, &at, &command.at, &command.words[1..], dot, piped)
    }

    /// A function that stands where a value is wanted: it is called without anything.
    pub(super) fn call_word(&mut self, name: &Rc<str>, word: &Word, dot: &Value) -> Eval<Value> {
        self.run(name, &word.at, &word.at, &[], dot, None)
    }

    fn run(
        &mut self,
        name: &Rc<str>,
        at: &At,
        whole: &At,
        words: &[Word],
        dot: &Value,
        piped: Option<Piped<'_>>,
    ) -> Eval<Value> {
        let Some(function) = functions::find(name) else {
            return self.fail(at, format!("there is no function `{name}`"), "unknown");
        };
        if let Run::Refused(why) = function.run {
            let failure = Failure::new(self.span(at), format!("`{name}` cannot be called by a build"), "not here");
            return Err(Box::new(failure.code("refused-function").help(why)));
        }
        self.count_arguments(function, at, words.len() + usize::from(piped.is_some()))?;
        if let Run::And | Run::Or = function.run {
            return self.logic(function, words, dot, piped);
        }
        let mut given = Vec::with_capacity(words.len() + 1);
        for (index, word) in words.iter().enumerate() {
            given.push(self.argument(function, type_of(function, index), word, dot)?);
        }
        if let Some(Piped { value, from }) = piped {
            let kind = type_of(function, words.len());
            if let ([word], Value::Missing) = (from.words.as_slice(), &value)
                && kind.is_strict()
            {
                return self.missing(kind, function, word, dot);
            }
            given.push(self.fitting(value, kind, function, at, "what is piped into it")?);
        }
        if !AWARE.contains(&function.name) {
            let span = self.span(at);
            for value in &given {
                if let Value::Text(text) = value {
                    self.warn_if_unset(text, span);
                }
            }
        }
        if LOOKS_INSIDE.contains(&function.name) {
            for value in &given {
                value.measure().or_else(|why| self.fail(whole, format!("`{name}` cannot: {why}"), "in this call"))?;
            }
        }
        match function.run {
            Run::Plain(run) => {
                let result = run(&given);
                let value =
                    result.or_else(|why| self.fail(whole, format!("`{name}` cannot: {why}"), "in this call"))?;
                self.made(&value, whole)?;
                Ok(value)
            }
            Run::Include => self.include(&given, words, at),
            Run::Env => self.env(&given, whole),
            Run::ExpandEnv => self.expand_env(&given, at),
            Run::And | Run::Or | Run::Refused(_) => Ok(Value::Missing),
        }
    }

    /// Bounds what is made: a text that a loop doubles, lists that nobody keeps.
    fn made(&mut self, value: &Value, at: &At) -> Eval<()> {
        let size = match value {
            Value::Text(text) => text.len(),
            Value::List(list) => list.items.len().saturating_mul(size_of::<Value>()),
            _ => 0,
        };
        self.made = self.made.saturating_add(size);
        if size > MOST_BYTES || self.made > MAX_MADE {
            let most = if size > MOST_BYTES { MOST_BYTES } else { MAX_MADE };
            let message = format!("the functions of the template make more than {most} bytes");
            return self.fail(at, message, "here it became too much");
        }
        Ok(())
    }

    fn count_arguments(&self, function: &Function, at: &At, count: usize) -> Eval<()> {
        let wanted = function.params.len();
        let enough = if function.rest.is_some() { count >= wanted } else { count == wanted };
        if enough {
            return Ok(());
        }
        let least = if function.rest.is_some() { "at least " } else { "" };
        let values = if wanted == 1 { "value" } else { "values" };
        let message = format!("`{}` takes {least}{wanted} {values}, and is given {count}", function.name);
        let failure = Failure::new(self.span(at), message, format!("expected {least}{wanted}"));
        let types: Vec<_> = function.params.iter().map(|kind| kind.described()).collect();
        Err(Box::new(if types.is_empty() { failure } else { failure.help(format!("it takes {}", types.join(", "))) }))
    }

    /// `and` and `or` look no further than they have to.
    fn logic(&mut self, function: &Function, words: &[Word], dot: &Value, piped: Option<Piped<'_>>) -> Eval<Value> {
        let stops_at = matches!(function.run, Run::Or);
        let mut value = Value::Missing;
        for word in words {
            value = self.argument(function, Type::Reflect, word, dot)?;
            if value.is_true() == stops_at {
                return Ok(value);
            }
        }
        Ok(piped.map_or(value, |piped| piped.value))
    }

    fn argument(&mut self, function: &Function, kind: Type, word: &Word, dot: &Value) -> Eval<Value> {
        // A number that is written takes the type that is wanted.
        match (&word.what, kind) {
            #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
            (What::Number(Number::Int(value)), Type::Float) => return Ok(Value::Float(*value as f64)),
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction")]
            (What::Number(Number::Float(value)), Type::Int) if value.fract() == 0.0 && value.abs() < 1e18 => {
                return Ok(Value::Int(*value as i64, Width::Int));
            }
            (What::Nil, Type::Map) => return Ok(Value::map(Default::default())),
            _ => {}
        }
        let value = self.word(word, dot)?;
        if matches!(value, Value::Missing) && !AWARE.contains(&function.name) {
            if kind.is_strict() {
                return self.missing(kind, function, word, dot);
            }
            self.warn_if_misspelt(word, dot, &format!("`{}` is given nothing", function.name));
        }
        let text = format!("`{}`", self.source(&word.at));
        self.fitting(value, kind, function, &word.at, &text)
    }

    /// An argument that is not there, where one has to be.
    fn missing(&self, kind: Type, function: &Function, word: &Word, dot: &Value) -> Eval<Value> {
        let text = self.source(&word.at);
        let message = format!("`{}` takes {}, and `{text}` is not there", function.name, kind.described());
        let failure = Failure::new(self.span(&word.at), message, format!("expected {}", kind.described()));
        let failure = match self.misspelt(word, dot) {
            Some((_, close)) => failure.help(format!("did you mean `{close}`?")),
            None if self.is_called_without(word, dot) => failure.help(CALLED_WITHOUT),
            None => failure,
        };
        Err(Box::new(failure.help(format!("`({text} | default ...)` gives a value where there is none"))))
    }

    /// `value` as a parameter of `kind` takes it.
    fn fitting(&self, value: Value, kind: Type, function: &Function, at: &At, what: &str) -> Eval<Value> {
        match (kind, value) {
            (Type::Any, Value::Missing) => Ok(Value::Nil),
            (Type::Map, Value::Missing) => Ok(Value::map(Default::default())),
            (_, value) if kind.takes(&value) => Ok(value),
            (_, value) => {
                let is = match &value {
                    Value::Missing => "is not there".to_owned(),
                    value => format!("is {}", value.described()),
                };
                let message = format!("`{}` takes {} here, and {what} {is}", function.name, kind.described());
                let failure = Failure::new(self.span(at), message, format!("expected {}", kind.described()));
                let help = match (kind, &value) {
                    (Type::Int, Value::Int(..) | Value::Float(_) | Value::Text(_)) => {
                        Some("`int` makes an integer of it")
                    }
                    (Type::Float, Value::Int(..) | Value::Text(_)) => Some("`float64` makes one of it"),
                    (Type::Text, Value::List(_) | Value::Map(_)) => Some("`marshal` or `join` make a text of it"),
                    (Type::Text, Value::Int(..) | Value::Float(_) | Value::Bool(_)) => {
                        Some("`toString` makes a text of it")
                    }
                    _ => None,
                };
                Err(Box::new(match help {
                    Some(help) => failure.help(help),
                    None => failure,
                }))
            }
        }
    }

    fn include(&mut self, given: &[Value], words: &[Word], at: &At) -> Eval<Value> {
        let name_at = words.first().map_or(at, |word| &word.at);
        let Some(Value::Text(name)) = given.first() else {
            let is = given.first().map_or("nothing", Value::described);
            return self.fail(
                name_at,
                format!("`include` takes the name of a file, and this is {is}"),
                "expected a text",
            );
        };
        let asker = self.span(name_at);
        match self.outside.partial(name, asker) {
            Ok((file, text)) => {
                self.origins.insert(&text, Span { file, start: 0, end: text.len() });
                Ok(Value::Text(text))
            }
            Err(diagnostic) => Err(Box::new(Failure::of(*diagnostic))),
        }
    }

    fn env(&mut self, given: &[Value], at: &At) -> Eval<Value> {
        let Some(Value::Text(name)) = given.first() else { return Ok(Value::text("")) };
        match self.outside.variable(name) {
            Some(value) => match value.into_string() {
                Ok(value) => Ok(Value::text(value)),
                Err(_) => self.fail(at, format!("the variable `{name}` is not UTF-8"), "cannot be written"),
            },
            None => {
                let span = self.span(at);
                if let Some(known) = self.unset.iter().find(|unset| unset.at == span && *unset.name == **name) {
                    return Ok(Value::Text(known.text.clone()));
                }
                let text: Rc<str> = "".into();
                self.unset.push(Unset { text: text.clone(), name: name.to_string(), at: span, told: false });
                Ok(Value::Text(text))
            }
        }
    }

    /// Go's `os.ExpandEnv`: `$NAME` and `${NAME}`.
    fn expand_env(&mut self, given: &[Value], at: &At) -> Eval<Value> {
        let Some(Value::Text(text)) = given.first() else { return Ok(Value::text("")) };
        let mut out = String::new();
        let mut rest: &str = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let behind = &rest[dollar + 1..];
            let (name, length) = match behind.strip_prefix('{') {
                Some(inner) => match inner.find('}') {
                    Some(end) => (&inner[..end], end + 2),
                    None => ("", 1),
                },
                None => {
                    let length = match behind.chars().next() {
                        Some(letter) if "*#$@!?-0123456789".contains(letter) => 1,
                        _ => {
                            behind.len()
                                - behind
                                    .trim_start_matches(|letter: char| letter == '_' || letter.is_ascii_alphanumeric())
                                    .len()
                        }
                    };
                    (&behind[..length], length)
                }
            };
            if name.is_empty() && length == 0 {
                out.push('$');
            } else if !name.is_empty() {
                let value = self.outside.variable(name).unwrap_or_default();
                match value.into_string() {
                    Ok(value) => out.push_str(&value),
                    Err(_) => return self.fail(at, format!("the variable `{name}` is not UTF-8"), "cannot be written"),
                }
            }
            rest = &behind[length..];
        }
        out.push_str(rest);
        Ok(Value::text(out))
    }
}

fn type_of(function: &Function, index: usize) -> Type {
    function.params.get(index).copied().or(function.rest).unwrap_or(Type::Any)
}
