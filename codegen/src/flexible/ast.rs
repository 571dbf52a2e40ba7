//! What a template says. Everything knows its bytes.

use std::ops::Range;
use std::rc::Rc;

use super::lex::Number;

/// Bytes of the template's file.
pub(super) type At = Range<usize>;

/// Nodes one after the other.
pub(super) type Body = Vec<Node>;

#[derive(Debug)]
pub(super) enum Node {
    /// Copied as it is.
    Text(At),
    /// `{{ pipeline }}`, from brace to brace.
    Action(At, Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{ template "name" pipeline }}`, also what a `block` calls.
    Template {
        at: At,
        name: Rc<str>,
        name_at: At,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) body: Body,
    pub(super) otherwise: Body,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) at: At,
    pub(super) variables: Vec<Rc<str>>,
    /// `=`, not `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) at: At,
    /// At least one.
    pub(super) words: Vec<Word>,
}

#[derive(Debug)]
pub(super) struct Word {
    pub(super) at: At,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Rc<str>),
    /// `.a.b`.
    Field(Vec<Name>),
    /// `$x.a.b`.
    Variable(Rc<str>, Vec<Name>),
    Function(Rc<str>),
    Pipe(Pipe),
    /// `(pipeline).a.b`, `function.a`.
    Chain(Box<Word>, Vec<Name>),
}

/// The name of a field, without its dot.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) at: At,
    pub(super) name: Rc<str>,
}

/// A template that a file defines.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: Rc<str>,
    pub(super) at: At,
    pub(super) body: Body,
}

/// Whether there is nothing in it but spaces: such a definition replaces no other.
pub(super) fn is_empty(body: &Body, text: &str) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(at) if text[at.clone()].trim().is_empty()))
}
