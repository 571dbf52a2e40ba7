//! Values as Go has them: what a template prints and compares depends on their types.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::tree;

/// A value of a template.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// What a key that is not there gives: printed as `<no value>`.
    Missing,
    /// `null` in a list or an object, or what a function gave.
    Nil,
    Bool(bool),
    Int(i64, Width),
    Float(f64),
    Text(Rc<str>),
    List(Rc<List>),
    Map(Rc<Map>),
}

/// The integers of Go that a template can come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    Int,
    Int64,
    /// A byte of a text.
    Uint8,
}

/// What a list or a map is made of, by its Go type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Any,
    Text,
    Int,
    Lists,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Vec<Value>,
    pub(super) of: Of,
    /// Go's nil slice: empty, and `null` in JSON.
    pub(super) nil: bool,
}

/// Shared, as in Go: `set` changes it for all who have it. Sorted, where Go has it in no order or sorts it.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) entries: RefCell<BTreeMap<Rc<str>, Value>>,
    pub(super) of: Of,
}

/// Lists and objects inside each other that may be looked into. Bounds the stack.
const MAX_DEPTH: usize = 100;
/// Values of one that may be looked into.
const MAX_NODES: usize = 4 << 20;

impl Drop for List {
    fn drop(&mut self) {
        bury(std::mem::take(&mut self.items));
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        bury(std::mem::take(self.entries.get_mut()).into_values().collect());
    }
}

/// Drops values one after the other: what a loop has put into each other would not fit on the stack.
fn bury(mut dead: Vec<Value>) {
    while let Some(value) = dead.pop() {
        match value {
            Value::List(mut list) => {
                if let Some(list) = Rc::get_mut(&mut list) {
                    dead.append(&mut list.items);
                }
            }
            Value::Map(mut map) => {
                if let Some(map) = Rc::get_mut(&mut map) {
                    dead.extend(std::mem::take(map.entries.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

// === impl Value ===

impl Value {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn int(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX), Width::Int)
    }

    pub(super) fn int64(value: i64) -> Self {
        Self::Int(value, Width::Int64)
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(List { items, of: Of::Any, nil: false }))
    }

    /// A list that Go has not made yet when it is empty.
    pub(super) fn list_or_nil(items: Vec<Self>) -> Self {
        Self::List(Rc::new(List { nil: items.is_empty(), items, of: Of::Any }))
    }

    pub(super) fn texts<T: Into<Rc<str>>>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(Self::text).collect();
        Self::List(Rc::new(List { items, of: Of::Text, nil: false }))
    }

    pub(super) fn map(entries: BTreeMap<Rc<str>, Self>) -> Self {
        Self::Map(Rc::new(Map { entries: RefCell::new(entries), of: Of::Any }))
    }

    pub(super) fn is_nil(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => true,
            Self::List(list) => list.nil,
            _ => false,
        }
    }

    /// What `if` asks, and the opposite of `empty`.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.borrow().is_empty(),
        }
    }

    /// Its type, as Go writes it.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_, Width::Int) => "int",
            Self::Int(_, Width::Int64) => "int64",
            Self::Int(_, Width::Uint8) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(list) => match list.of {
                Of::Any => "[]interface {}",
                Of::Text => "[]string",
                Of::Int => "[]int",
                Of::Lists => "[][]interface {}",
            },
            Self::Map(map) if map.of == Of::Text => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
        }
    }

    /// The kind of its type, as Go writes it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            other => other.go_type(),
        }
    }

    /// What it is, in words of people.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Self::Missing => "nothing",
            Self::Nil => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(..) => "an integer",
            Self::Float(_) => "a float64, as every number of a settings file is",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Whether everything in it can be looked at: not too deep, not too much, and not itself.
    pub(super) fn measure(&self) -> Result<(), String> {
        let mut left = MAX_NODES;
        self.measured(MAX_DEPTH, &mut left)
    }

    fn measured(&self, depth: usize, left: &mut usize) -> Result<(), String> {
        let mut inside = |values: &mut dyn Iterator<Item = &Self>| {
            for value in values {
                *left = left.checked_sub(1).ok_or("too much is in it")?;
                value.measured(depth.checked_sub(1).ok_or("it holds itself, or is too deep")?, left)?;
            }
            Ok(())
        };
        match self {
            Self::List(list) => inside(&mut list.items.iter()),
            Self::Map(map) => inside(&mut map.entries.borrow().values()),
            // The same long text in a list a thousand times is written a thousand times.
            Self::Text(text) => {
                *left = left.checked_sub(text.len() / 16).ok_or("too much is in it")?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Go's `reflect.DeepEqual`.
    pub(super) fn deep_equal(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing | Self::Nil, Self::Missing | Self::Nil) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Int(one, width), Self::Int(two, other)) => one == two && width == other,
            (Self::Float(one), Self::Float(two)) => one == two,
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::List(one), Self::List(two)) => {
                one.of == two.of
                    && one.nil == two.nil
                    && one.items.len() == two.items.len()
                    && one.items.iter().zip(&two.items).all(|(one, two)| one.deep_equal(two))
            }
            (Self::Map(one), Self::Map(two)) => {
                let (a, b) = (one.entries.borrow(), two.entries.borrow());
                one.of == two.of
                    && a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((a, one), (b, two))| a == b && one.deep_equal(two))
            }
            _ => false,
        }
    }

    /// Go's `copystructure.Copy`.
    pub(super) fn deep_copy(&self) -> Self {
        match self {
            Self::List(list) => Self::List(Rc::new(List {
                items: list.items.iter().map(Self::deep_copy).collect(),
                of: list.of,
                nil: list.nil,
            })),
            Self::Map(map) => {
                let entries =
                    map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.deep_copy())).collect();
                Self::Map(Rc::new(Map { entries: RefCell::new(entries), of: map.of }))
            }
            other => other.clone(),
        }
    }

    /// A file's value as Go's `encoding/json` reads it: every number is a `float64`, of a key given twice the last counts.
    /// `texts` is told of each text that stands in the file as it is.
    pub(super) fn from_tree(node: &tree::Node, texts: &mut dyn FnMut(&Rc<str>, tree::Span)) -> Self {
        match &node.value {
            tree::Value::Unreadable | tree::Value::Null => Self::Nil,
            tree::Value::Bool(value) => Self::Bool(*value),
            tree::Value::Number(number) => Self::Float(number.parse().unwrap_or(f64::INFINITY)),
            tree::Value::String(text) => {
                let value: Rc<str> = text.value.as_str().into();
                if text.escapes.is_empty() {
                    texts(&value, node.span.at(text.start, text.start + value.len()));
                }
                Self::Text(value)
            }
            tree::Value::Array(items) => Self::list(items.iter().map(|item| Self::from_tree(item, texts)).collect()),
            tree::Value::Object(members) => {
                let entries =
                    members.iter().map(|member| (member.key.as_str().into(), Self::from_tree(&member.value, texts)));
                Self::map(entries.collect())
            }
        }
    }
}
