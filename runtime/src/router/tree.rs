use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;

use super::pattern::{Pattern, Segment};
use super::{Handle, RouteError};

/// One path of the gateway with the handlers of its methods.
pub(super) struct Entry {
    pub(super) pattern: Pattern,
    methods: Vec<(Method, Arc<dyn Handle>)>,
}

impl Entry {
    pub(super) fn handler(&self, method: &Method) -> Option<&Arc<dyn Handle>> {
        self.methods.iter().find(|(own, _)| own == method).map(|(_, handler)| handler)
    }

    pub(super) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().map(|(method, _)| method)
    }

    /// Answers `OPTIONS` with `handler`, unless an endpoint does.
    pub(super) fn add_options(&mut self, handler: Arc<dyn Handle>) {
        if self.handler(&Method::OPTIONS).is_none() {
            self.methods.push((Method::OPTIONS, handler));
        }
    }
}

/// Every path of the gateway by segments.
///
/// gin keeps a tree per method, so a path may belong to one endpoint by `GET` and to another by `DELETE`:
/// `GET /a/me` beside `DELETE /a/{id}`. Here one tree is asked for the best entry that has the method.
#[derive(Default)]
pub(super) struct Tree {
    root: Node,
    pub(super) entries: Vec<Entry>,
}

#[derive(Default)]
struct Node {
    literals: BTreeMap<&'static str, Node>,
    /// This node's own literal in lower case.
    folded: String,
    /// Parameters behind a prefix, the longest prefix first.
    prefixed: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    wildcard: Option<usize>,
    entry: Option<usize>,
}

impl Tree {
    /// Adds an endpoint.
    pub(super) fn add(
        &mut self,
        method: Method,
        path: &'static str,
        handler: Arc<dyn Handle>,
    ) -> Result<(), RouteError> {
        let pattern = Pattern::parse(path)?;
        let mut node = &mut self.root;
        let mut wildcard = false;
        for segment in &pattern.segments {
            match *segment {
                Segment::Literal(literal) => {
                    node = node.literals.entry(literal).or_default();
                    node.folded = literal.to_lowercase();
                }
                Segment::Parameter => node = node.parameter.get_or_insert_default(),
                Segment::Prefixed(prefix) => node = node.prefixed(prefix),
                Segment::Wildcard => wildcard = true,
            }
        }
        let place = if wildcard { &mut node.wildcard } else { &mut node.entry };
        let index = *place.get_or_insert(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(Entry { pattern, methods: Vec::new() });
        }
        let Some(entry) = self.entries.get_mut(index) else { return Ok(()) };
        if entry.handler(&method).is_some() {
            return Err(RouteError::Duplicate { method, path });
        }
        entry.methods.push((method, handler));
        Ok(())
    }

    /// The best entry for a decoded `path` that has `method`: literals before parameters, those behind a prefix first,
    /// before wildcards.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<&Entry> {
        self.search(path, false, method)
    }

    /// The same, without regard to the case of the literals.
    pub(super) fn find_folded(&self, method: &Method, path: &str) -> Option<&Entry> {
        self.search(&path.to_lowercase(), true, method)
    }

    /// Every method that some entry for `path` has, sorted.
    pub(super) fn methods(&self, path: &str) -> Vec<&Method> {
        let mut methods = Vec::new();
        self.visit(path, false, &mut |index| {
            methods.extend(self.entries[index].methods());
            false
        });
        methods.sort_unstable_by_key(|method| method.as_str());
        methods.dedup();
        methods
    }

    /// Whether matchit, axum's matcher, can hold all these patterns and prefers the same ones. It refuses a
    /// parameter beside a wildcard or behind different prefixes, and no parameter is empty to it.
    pub(super) fn suits_axum(&self) -> bool {
        self.root.suits_axum()
    }

    fn search(&self, path: &str, folded: bool, method: &Method) -> Option<&Entry> {
        let mut found = None;
        self.visit(path, folded, &mut |index| {
            found = self.entries.get(index).filter(|entry| entry.handler(method).is_some());
            found.is_some()
        });
        found
    }

    /// Calls `stop` with each entry that matches `path`, best first, until it says so.
    fn visit(&self, path: &str, folded: bool, stop: &mut impl FnMut(usize) -> bool) {
        if let Some(rest) = path.strip_prefix('/') {
            self.root.visit(Some(rest), folded, stop);
        }
    }
}

impl Node {
    fn visit(&self, rest: Option<&str>, folded: bool, stop: &mut impl FnMut(usize) -> bool) -> bool {
        let Some(rest) = rest else { return self.entry.is_some_and(stop) };
        let (segment, tail) = match rest.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (rest, None),
        };
        let literal = if folded {
            let mut alike = self.literals.values().filter(|node| node.folded == segment);
            alike.any(|node| node.visit(tail, folded, stop))
        } else {
            self.literals.get(segment).is_some_and(|node| node.visit(tail, folded, stop))
        };
        // gin lets a parameter be empty inside a path (`/a//b`), not at its end (`/a/`).
        let fits = tail.is_some() || !segment.is_empty();
        literal
            || self.prefixed.iter().any(|(prefix, node)| {
                let value = match folded {
                    true => segment.strip_prefix(node.folded.as_str()),
                    false => segment.strip_prefix(prefix),
                };
                value.is_some_and(|value| tail.is_some() || !value.is_empty()) && node.visit(tail, folded, stop)
            })
            || (fits && self.parameter.as_ref().is_some_and(|node| node.visit(tail, folded, stop)))
            || self.wildcard.is_some_and(stop)
    }

    fn prefixed(&mut self, prefix: &'static str) -> &mut Self {
        let index = match self.prefixed.iter().position(|(known, _)| *known == prefix) {
            Some(index) => index,
            None => {
                let longer = self.prefixed.iter().take_while(|(known, _)| known.len() >= prefix.len()).count();
                self.prefixed.insert(longer, (prefix, Self { folded: prefix.to_lowercase(), ..Self::default() }));
                longer
            }
        };
        &mut self.prefixed[index].1
    }

    fn has_children(&self) -> bool {
        !self.literals.is_empty() || !self.prefixed.is_empty() || self.parameter.is_some() || self.wildcard.is_some()
    }

    fn suits_axum(&self) -> bool {
        let empty_inside = self.literals.get("").is_some_and(Node::has_children);
        !empty_inside
            && self.prefixed.is_empty()
            && (self.wildcard.is_none() || self.parameter.is_none())
            && self.parameter.as_ref().is_none_or(|node| node.suits_axum())
            && self.literals.values().all(Node::suits_axum)
    }
}
