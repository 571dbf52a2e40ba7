//! KrakenD's Flexible Config: a config that is a Go template, with sprig's functions.
//!
//! The engine is our own. The crates that there are do not do: gtmpl is not kept any more, and gotmpl, which is, drops the rest
//! of a template behind a stray `end`, takes a block without an end, finds unknown functions only where they are called, and has
//! values that cannot be changed (`set` of sprig changes an object for everybody who has it) and do not know their Go types.
//! Its parser says where an action begins and not where it ends. What Go itself does is recorded in `tests/flexible`, and held
//! against what is done here, case by case.

mod ast;
mod exec;
mod functions;
mod lex;
mod parse;
mod print;
mod to_json;
mod unquote;
mod value;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::Piece;
use crate::tree::{Node, Span, Value as Tree};

use exec::{Origins, Template, Templates};
use value::Value;

pub(crate) use exec::Outside;

/// Everything that a config is rendered from.
#[derive(Debug, Default)]
pub(crate) struct Flexible {
    templates: Templates,
    settings: BTreeMap<Rc<str>, Value>,
    origins: Origins,
    main: Rc<str>,
    failed: bool,
}

/// What came out.
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
}

// === impl Flexible ===

impl Flexible {
    /// A template that is a file called `name`; the first is the config. What is wrong in it is in `sink`.
    pub(crate) fn template(&mut self, name: &str, file: u32, text: &str, sink: &Sink) {
        let text: Rc<str> = text.into();
        let parsed = parse::parse(&text);
        for mistake in parsed.mistakes {
            self.failed = true;
            let span = Span { file, start: mistake.at.start, end: mistake.at.end };
            let told = Diagnostic::error("template-syntax", span, mistake.message).label(mistake.label);
            sink.push(mistake.help.into_iter().fold(told, Diagnostic::help));
        }
        let name: Rc<str> = name.into();
        if self.templates.is_empty() {
            self.main = name.clone();
        }
        let mut own: BTreeMap<Rc<str>, ast::At> = BTreeMap::new();
        let whole = ast::Definition { name, at: 0..0, body: parsed.body };
        for definition in parsed.definitions.into_iter().chain([whole]) {
            let empty = ast::is_empty(&definition.body, &text);
            let at = definition.at.clone();
            if !empty && let Some(first) = own.insert(definition.name.clone(), at.clone()) {
                self.failed = true;
                let span = |at: &ast::At| Span { file, start: at.start, end: at.end };
                let message = format!("the template `{}` is defined twice", definition.name);
                sink.push(
                    Diagnostic::error("template-syntax", span(&at), message)
                        .label("again")
                        .related(span(&first), "first"),
                );
            }
            self.define(definition, empty, file, &text, sink);
        }
    }

    /// A later template takes the place of an earlier one, unless there is nothing in it.
    fn define(&mut self, definition: ast::Definition, empty: bool, file: u32, text: &Rc<str>, sink: &Sink) {
        let ast::Definition { name, at, body } = definition;
        if let Some(known) = self.templates.get(&name) {
            if empty {
                return;
            }
            let was_empty = ast::is_empty(&known.body, &known.text);
            if known.file != file && !was_empty {
                let span = |file, at: &ast::At| Span { file, start: at.start, end: at.end };
                let message = format!("the template `{name}` is defined in two files, and this one counts");
                let told = Diagnostic::warning("template-twice", span(file, &at), message).label("defined again");
                sink.push(told.related(span(known.file, &known.at), "first defined"));
            }
        }
        self.templates.insert(name, Template { file, text: text.clone(), at, body });
    }

    /// A file of settings, which stands in the context under `name`.
    pub(crate) fn settings(&mut self, name: &str, root: &Node, sink: &Sink) {
        if !matches!(root.value, Tree::Object(_)) {
            self.failed = true;
            let message = format!("a file of settings is an object, not {}", root.type_name());
            sink.push(Diagnostic::error("bad-flexible-config", root.mark(), message).label("expected an object"));
            return;
        }
        let origins = &mut self.origins;
        let value = Value::from_tree(root, &mut |text, span| origins.insert(text, span));
        self.settings.insert(name.into(), value);
    }

    /// The text of the config. `None` where the templates cannot be carried out; why is in `sink`.
    pub(crate) fn render(self, outside: &mut dyn Outside, sink: &Sink) -> Option<Rendered> {
        if self.failed {
            return None;
        }
        let executed =
            exec::execute(&self.main, Value::map(self.settings), &self.templates, self.origins, outside, sink)?;
        Some(Rendered { text: executed.text, pieces: executed.pieces })
    }
}

#[cfg(test)]
mod tests;
