//! Endpoints that get in each other's way.

use std::collections::HashMap;

use super::Context;
use super::path::{ParsedPath, Segment};
use crate::diagnostic::Diagnostic;
use crate::model::Method;
use crate::tree::{Node, Span};

/// Every route so far.
#[derive(Default)]
pub(super) struct Routes {
    /// Method and path, with parameters without their names.
    taken: HashMap<(Method, String), Span>,
    /// The name of the parameter (`*` for the rest) that stands behind a method and the path before it.
    params: HashMap<(Method, String), (String, Span)>,
}

impl Routes {
    /// Takes a plain path that the gateway answers itself.
    pub(super) fn reserve(&mut self, method: Method, path: &str, span: Span) {
        self.taken.insert((method, path.to_owned()), span);
    }

    /// Adds an endpoint and reports what it collides with. KrakenD panics at start on each.
    pub(super) fn add(&mut self, context: &Context<'_>, method: Method, parsed: &ParsedPath, node: &Node) {
        let mut shape = String::with_capacity(parsed.path.text.len());
        for segment in &parsed.segments {
            shape.push('/');
            let (name, range) = match segment {
                Segment::Text(text) => {
                    shape.push_str(text);
                    continue;
                }
                Segment::Param(name, range) => (name.as_str(), range.clone()),
                Segment::Prefixed(prefix, name, range) => {
                    shape.push_str(prefix);
                    (name.as_str(), range.clone())
                }
                Segment::Rest(range) => ("*", range.clone()),
            };
            let span = node.part(range);
            let before = (method, shape.clone());
            // A brace cannot stand in literal text, so that the two never look alike.
            shape.push_str(if name == "*" { "{*}" } else { "{}" });
            match self.params.get(&before) {
                Some((known, first)) if known != name => {
                    let (known, name) = (written(known), written(name));
                    let message = format!("`{name}` stands where another `{}` path has `{known}`", method.as_str());
                    let error = Diagnostic::error("conflicting-parameter", span, message);
                    let error = error.label("one place has one name").related(*first, format!("`{known}` is here"));
                    let named = known != "*" && name != "*";
                    context.push(match named {
                        true => error.help(format!("write `{known}` in both")),
                        false => error.help("begin the paths with different segments"),
                    });
                    return;
                }
                Some(_) => {}
                None => drop(self.params.insert(before, (name.to_owned(), span))),
            }
        }
        if let Some(first) = self.taken.get(&(method, shape.clone())) {
            let message = format!("`{} {}` is given twice", method.as_str(), parsed.path.text);
            let error = Diagnostic::error("duplicate-endpoint", node.span, message).label("given again here");
            let error = error.related(*first, "first given here");
            context.push(error.help("remove one, or give it another path or method"));
        } else {
            self.taken.insert((method, shape), node.span);
        }
    }
}

/// A parameter as a path writes it.
fn written(name: &str) -> String {
    if name == "*" { name.to_owned() } else { format!("{{{name}}}") }
}
