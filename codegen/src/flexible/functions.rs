//! Every function that a template can call: Go's own, sprig's and KrakenD's, by name, with the types that Go gives them.

mod builtin;
mod dict;
mod encoding;
mod list;
mod math;
mod refused;
mod regexp;
mod text;
mod url;
mod words;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use super::value::{Map, Value};

/// What a function gives, or why it cannot.
pub(super) type Outcome = Result<Value, String>;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `interface{}`: nothing becomes nil.
    Any,
    /// `reflect.Value`: as it is.
    Reflect,
    Text,
    Int,
    Float,
    Bool,
    Map,
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) params: &'static [Type],
    /// The type of any more.
    pub(super) rest: Option<Type>,
    pub(super) run: Run,
}

/// How a function is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    Plain(fn(&[Value]) -> Outcome),
    And,
    Or,
    Include,
    Env,
    ExpandEnv,
    /// Known, and not there for this reason.
    Refused(&'static str),
}

/// No text, list or output of a function is longer: a mistake in a template ends a build, and not the machine.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// Nor has a list more items.
pub(super) const MOST_ITEMS: usize = 1 << 20;

pub(super) fn find(name: &str) -> Option<&'static Function> {
    table().get(name).copied()
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<_> = table()
        .values()
        .filter(|function| !matches!(function.run, Run::Refused(_)))
        .map(|function| function.name)
        .collect();
    names.sort_unstable();
    names.into_iter()
}

fn table() -> &'static HashMap<&'static str, &'static Function> {
    static TABLE: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    TABLE.get_or_init(|| {
        // What stands further down takes the place of what has its name: sprig's `slice` that of Go's own.
        let tables = [
            builtin::FUNCTIONS,
            text::FUNCTIONS,
            list::FUNCTIONS,
            dict::FUNCTIONS,
            math::FUNCTIONS,
            encoding::FUNCTIONS,
            regexp::FUNCTIONS,
            url::FUNCTIONS,
            words::FUNCTIONS,
            refused::FUNCTIONS,
            KRAKEND,
        ];
        tables.into_iter().flatten().map(|function| (function.name, function)).collect()
    })
}

const KRAKEND: &[Function] = &[
    special("include", &[Type::Any], None, Run::Include),
    special("env", &[Type::Text], None, Run::Env),
    special("expandenv", &[Type::Text], None, Run::ExpandEnv),
];

const fn plain(name: &'static str, params: &'static [Type], run: fn(&[Value]) -> Outcome) -> Function {
    Function { name, params, rest: None, run: Run::Plain(run) }
}

/// One that takes any more of `rest`.
const fn variadic(name: &'static str, params: &'static [Type], rest: Type, run: fn(&[Value]) -> Outcome) -> Function {
    Function { name, params, rest: Some(rest), run: Run::Plain(run) }
}

const fn special(name: &'static str, params: &'static [Type], rest: Option<Type>, run: Run) -> Function {
    Function { name, params, rest, run }
}

// === impl Type ===

impl Type {
    /// What a person calls it.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Any | Self::Reflect => "a value",
            Self::Text => "a text",
            Self::Int => "an integer",
            Self::Float => "a number with a fraction",
            Self::Bool => "a boolean",
            Self::Map => "an object",
        }
    }

    /// Whether nothing is none of its values.
    pub(super) fn is_strict(self) -> bool {
        matches!(self, Self::Text | Self::Int | Self::Float | Self::Bool)
    }

    pub(super) fn takes(self, value: &Value) -> bool {
        use super::value::{Of, Width};
        match self {
            Self::Any | Self::Reflect => true,
            Self::Text => matches!(value, Value::Text(_)),
            Self::Int => matches!(value, Value::Int(_, Width::Int)),
            Self::Float => matches!(value, Value::Float(_)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Map => matches!(value, Value::Map(map) if map.of == Of::Any),
        }
    }
}

/// The arguments have the types of the table: anything else would be a mistake in this crate, and is nothing.
fn text(values: &[Value], index: usize) -> Rc<str> {
    match values.get(index) {
        Some(Value::Text(text)) => text.clone(),
        _ => "".into(),
    }
}

fn int(values: &[Value], index: usize) -> i64 {
    match values.get(index) {
        Some(Value::Int(value, _)) => *value,
        _ => 0,
    }
}

fn map(values: &[Value], index: usize) -> Result<Rc<Map>, String> {
    match values.get(index) {
        Some(Value::Map(map)) => Ok(map.clone()),
        _ => Err("it wants an object".into()),
    }
}

/// A length that a text may have.
fn bounded(length: usize) -> Result<usize, String> {
    if length > MOST_BYTES { Err(format!("more than {MOST_BYTES} bytes would come out")) } else { Ok(length) }
}
