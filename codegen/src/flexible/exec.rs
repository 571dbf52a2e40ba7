//! What a template says, carried out by the rules of Go's `text/template`, with where each byte of the output comes from.

mod call;
mod failure;
mod told;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::Arc;

use super::ast::{At, Body, Branch, Node, Pipe};
use super::functions::MOST_BYTES;
use super::print::shown;
use super::value::{Value, Width};
use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{Piece, Way};
use crate::suggest::closest;
use crate::tree::Span;

pub(super) use failure::Failure;

/// Templates and blocks inside each other. Bounds the stack.
const MAX_DEPTH: usize = 150;
/// Turns of all loops and calls of templates together: a mistake in a template ends a build, and not the machine.
const MAX_TURNS: usize = 1_000_000;
/// All that functions make, whether it is kept or not.
const MAX_MADE: usize = 2 << 30;

/// What a template asks the outside for.
pub(crate) trait Outside {
    /// The text of a partial, asked for at `asker`, and its file.
    fn partial(&mut self, name: &str, asker: Span) -> Result<(u32, Rc<str>), Box<Diagnostic>>;
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<OsString>;
}

/// A template that can be called.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) file: u32,
    pub(super) text: Rc<str>,
    /// Where its name is given, if it is not the file's.
    pub(super) at: At,
    pub(super) body: Body,
}

pub(super) type Templates = BTreeMap<Rc<str>, Template>;

/// Texts that stand in a file as they are, by where they are kept.
#[derive(Debug, Default)]
pub(super) struct Origins {
    spans: HashMap<*const u8, Span>,
    /// So that no other text comes to stand in the same place.
    kept: Vec<Rc<str>>,
}

impl Origins {
    pub(super) fn insert(&mut self, text: &Rc<str>, span: Span) {
        if !text.is_empty() {
            self.spans.insert(text.as_ptr(), span);
            self.kept.push(text.clone());
        }
    }

    fn get(&self, text: &Rc<str>) -> Option<Span> {
        self.spans.get(&text.as_ptr()).copied()
    }
}

pub(super) struct Executor<'a> {
    templates: &'a Templates,
    outside: &'a mut dyn Outside,
    sink: &'a Sink,
    origins: Origins,
    /// Variables that are not set, as they were given out, and where.
    unset: Vec<Unset>,
    out: String,
    pieces: Vec<Piece>,
    variables: Vec<(Rc<str>, Value)>,
    /// Templates that are being carried out, and where they are called.
    calls: Vec<(Span, Rc<str>)>,
    /// The same for what is written.
    way: Option<Arc<Way>>,
    file: u32,
    text: Rc<str>,
    depth: usize,
    turns: usize,
    /// What functions have made, in bytes.
    made: usize,
}

/// A variable that is not set, asked for at one place.
struct Unset {
    text: Rc<str>,
    name: String,
    at: Span,
    told: bool,
}

/// What a template gave.
pub(super) struct Executed {
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

/// How it goes on behind a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Eval<T> = Result<T, Box<Failure>>;

/// Carries out the template `name` with `dot`. What is wrong is in `sink`; the first mistake that has no value ends it.
pub(super) fn execute(
    name: &str,
    dot: Value,
    templates: &Templates,
    origins: Origins,
    outside: &mut dyn Outside,
    sink: &Sink,
) -> Option<Executed> {
    let template = templates.get(name)?;
    let mut executor = Executor {
        templates,
        outside,
        sink,
        origins,
        unset: Vec::new(),
        out: String::new(),
        pieces: Vec::new(),
        variables: vec![("$".into(), dot.clone())],
        calls: Vec::new(),
        way: None,
        file: template.file,
        text: template.text.clone(),
        depth: 0,
        turns: 0,
        made: 0,
    };
    match executor.walk(&template.body, &dot) {
        Ok(_) => Some(Executed { text: executor.out, pieces: executor.pieces }),
        Err(failure) => {
            sink.push(executor.told(*failure));
            None
        }
    }
}

// === impl Executor ===

impl Executor<'_> {
    fn span(&self, at: &At) -> Span {
        Span { file: self.file, start: at.start, end: at.end }
    }

    fn source(&self, at: &At) -> &str {
        &self.text[at.clone()]
    }

    fn fail<T>(&self, at: &At, message: impl Into<String>, label: impl Into<String>) -> Eval<T> {
        Err(Box::new(Failure::new(self.span(at), message, label)))
    }

    /// A diagnostic with the chain of templates that lead to it.
    fn told(&self, failure: Failure) -> Diagnostic {
        self.calls
            .iter()
            .rev()
            .take(10)
            .fold(failure.into_diagnostic(), |told, (at, name)| told.related(*at, format!("`{name}` is called")))
    }

    fn walk(&mut self, body: &Body, dot: &Value) -> Eval<Flow> {
        for node in body {
            let flow = match node {
                Node::Text(at) => {
                    let start = self.out.len();
                    self.out.push_str(&self.text[at.clone()]);
                    self.piece(start, self.span(at), true, None);
                    self.limit(at)?;
                    Flow::On
                }
                Node::Action(at, pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        value
                            .measure()
                            .or_else(|why| self.fail(at, format!("this cannot be written: {why}"), "in this action"))?;
                        self.print(&value, at, pipe, dot);
                        self.limit(at)?;
                    }
                    Flow::On
                }
                Node::If(branch) => self.scoped(&branch.pipe.at, |this| {
                    let value = this.pipe(&branch.pipe, dot)?;
                    this.walk(if value.is_true() { &branch.body } else { &branch.otherwise }, dot)
                })?,
                Node::With(branch) => self.scoped(&branch.pipe.at, |this| {
                    let value = this.pipe(&branch.pipe, dot)?;
                    if value.is_true() { this.walk(&branch.body, &value) } else { this.walk(&branch.otherwise, dot) }
                })?,
                Node::Range(branch) => self.scoped(&branch.pipe.at, |this| this.range(branch, dot))?,
                Node::Template { at, name, name_at, pipe } => {
                    self.call_template(at, name, name_at, pipe.as_ref(), dot)?
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// With variables that are gone behind it.
    fn scoped(&mut self, at: &At, run: impl FnOnce(&mut Self) -> Eval<Flow>) -> Eval<Flow> {
        if self.depth >= MAX_DEPTH {
            return self.fail(
                at,
                "templates and blocks are too deep inside each other",
                format!("more than {MAX_DEPTH}"),
            );
        }
        self.depth += 1;
        let known = self.variables.len();
        let flow = run(self);
        self.variables.truncate(known);
        self.depth -= 1;
        flow
    }

    /// Notes where the output from `start` on comes from; `by` is the action that copied it from another file.
    fn piece(&mut self, start: usize, source: Span, copied: bool, by: Option<Span>) {
        if self.out.len() > start {
            let way = match by {
                Some(at) => Some(Arc::new(Way { at, from: self.way.clone() })),
                None => self.way.clone(),
            };
            self.pieces.push(Piece { output: start..self.out.len(), source, copied, way });
        }
    }

    fn limit(&self, at: &At) -> Eval<()> {
        if self.out.len() > MOST_BYTES {
            return self.fail(
                at,
                format!("the template gives more than {MOST_BYTES} bytes"),
                "here it became too much",
            );
        }
        Ok(())
    }

    fn print(&mut self, value: &Value, at: &At, pipe: &Pipe, dot: &Value) {
        let start = self.out.len();
        shown(value, &mut self.out);
        let action = self.span(at);
        match value {
            Value::Text(text) => {
                self.warn_if_unset(text, action);
                match self.origins.get(text) {
                    Some(origin) => self.piece(start, origin, true, Some(action)),
                    None => self.piece(start, action, false, None),
                }
            }
            Value::Missing | Value::Nil => {
                self.piece(start, action, false, None);
                self.nothing(at, pipe, dot);
            }
            _ => self.piece(start, action, false, None),
        }
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Eval<Flow> {
        let pipe = &branch.pipe;
        let value = self.pipe(pipe, dot)?;
        let items: Vec<(Value, Value)> = match &value {
            Value::List(list) => {
                list.items.iter().enumerate().map(|(index, item)| (Value::int(index), item.clone())).collect()
            }
            Value::Map(map) => {
                map.entries.borrow().iter().map(|(key, item)| (Value::Text(key.clone()), item.clone())).collect()
            }
            Value::Int(count, width) => {
                if pipe.variables.len() > 1 {
                    return self.fail(&pipe.at, "a `range` over a number has one variable", "this is a number");
                }
                return self.count(branch, *count, *width, dot);
            }
            Value::Missing | Value::Nil => {
                if let [command] = pipe.commands.as_slice()
                    && let [word] = command.words.as_slice()
                {
                    self.warn_if_misspelt(word, dot, "nothing is gone over");
                }
                Vec::new()
            }
            other => {
                let message =
                    format!("`range` goes over a list, an object or an integer, and this is {}", other.described());
                return self.fail(&pipe.at, message, "cannot be gone over");
            }
        };
        if items.is_empty() {
            return self.walk(&branch.otherwise, dot);
        }
        for (index, item) in items {
            if self.turn(branch, Some(index), item)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn count(&mut self, branch: &Branch, count: i64, width: Width, dot: &Value) -> Eval<Flow> {
        if count <= 0 {
            return self.walk(&branch.otherwise, dot);
        }
        for number in 0..count {
            if self.turn(branch, None, Value::Int(number, width))? == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    /// One turn of a loop.
    fn turn(&mut self, branch: &Branch, index: Option<Value>, item: Value) -> Eval<Flow> {
        self.turns += 1;
        if self.turns > MAX_TURNS {
            return self.fail(
                &branch.pipe.at,
                format!("the loops have more than {MAX_TURNS} turns"),
                "here it became too much",
            );
        }
        let pipe = &branch.pipe;
        let known = self.variables.len();
        let values: Vec<Value> = match (pipe.variables.len(), index) {
            (0, _) => Vec::new(),
            (2, Some(index)) => vec![index, item.clone()],
            _ => vec![item.clone()],
        };
        for (name, value) in pipe.variables.iter().zip(values) {
            if pipe.assigns { self.assign(name, value) } else { self.variables.push((name.clone(), value)) }
        }
        let flow = self.walk(&branch.body, &item);
        self.variables.truncate(known);
        flow
    }

    fn call_template(&mut self, at: &At, name: &Rc<str>, name_at: &At, pipe: Option<&Pipe>, dot: &Value) -> Eval<Flow> {
        let dot = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Missing,
        };
        let templates = self.templates;
        let Some(template) = templates.get(name) else {
            let mut failure = Failure::new(self.span(name_at), format!("there is no template `{name}`"), "unknown")
                .code("unknown-template");
            let others: Vec<&str> = templates.keys().map(|name| &**name).collect();
            failure = match closest(name, others.iter().copied()) {
                Some(close) => failure.help(format!("did you mean `{close}`?")),
                None if others.len() > 1 => failure.help(format!("there is {}", listed(&others))),
                None => failure.help("templates are the files `*.tmpl` of the folder FC_TEMPLATES, by their whole names, and what a `define` names"),
            };
            return Err(Box::new(failure));
        };
        self.turns += 1;
        if self.turns > MAX_TURNS {
            let message = format!("templates are called more than {MAX_TURNS} times");
            return self.fail(at, message, "here it became too much");
        }
        let call = self.span(at);
        self.scoped(at, |this| {
            let variables = std::mem::replace(&mut this.variables, vec![("$".into(), dot.clone())]);
            let file = std::mem::replace(&mut this.file, template.file);
            let text = std::mem::replace(&mut this.text, template.text.clone());
            this.calls.push((call, name.clone()));
            let way = this.way.clone();
            this.way = Some(Arc::new(Way { at: call, from: way.clone() }));
            let flow = this.walk(&template.body, &dot);
            // A failure is told with the calls that led to it, and they stay for that.
            if flow.is_ok() {
                this.calls.pop();
                this.way = way;
                this.variables = variables;
                this.file = file;
                this.text = text;
            }
            flow.map(|_| Flow::On)
        })
    }
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<_> = names.iter().take(8).map(|name| format!("`{}`", name.as_ref())).collect();
    let more = if names.len() > 8 { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
