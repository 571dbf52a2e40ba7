//! Where spans stand in a tree, as RFC 6901 pointers.

use super::{Member, Node, Span, Value};

/// For each span the pointer of the smallest value whose bytes, its key's included, hold it; empty where none does.
///
/// One walk for all of them, whatever files the values come from: what is written inside another value in one format
/// stands far from it in another.
pub(crate) fn pointers(root: &Node, spans: &[Span]) -> Vec<String> {
    let mut sorted: Vec<usize> = (0..spans.len()).collect();
    sorted.sort_by_key(|index| (spans[*index].file, spans[*index].start));
    let mut walk = Walk { spans, sorted, steps: Vec::new(), found: vec![None; spans.len()] };
    if !spans.is_empty() {
        walk.node(root, None);
    }
    (0..spans.len()).map(|index| walk.pointer(index)).collect()
}

struct Walk<'a> {
    spans: &'a [Span],
    /// Indices of the spans, by file and first byte.
    sorted: Vec<usize>,
    /// The way to each value that a span was found in: the step before, and the step.
    steps: Vec<(Option<usize>, Step<'a>)>,
    /// Length of the smallest value so far, and the step that leads to it; `None` in that is the root.
    found: Vec<Option<(usize, Option<usize>)>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Walk<'a> {
    fn node(&mut self, node: &'a Node, way: Option<usize>) {
        self.hold(node.span, way);
        match &node.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(item, way, Step::Index(index), None);
                }
            }
            Value::Object(members) => {
                for Member { key, key_span, value } in members {
                    self.step(value, way, Step::Key(key), Some(*key_span));
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, node: &'a Node, before: Option<usize>, step: Step<'a>, key: Option<Span>) {
        let index = self.steps.len();
        self.steps.push((before, step));
        if let Some(key) = key {
            self.hold(key, Some(index));
            // What lies between a key and its value is the value's, where both stand together.
            if key.file == node.span.file && key.end <= node.span.start {
                self.hold(key.at(key.start, node.span.end), Some(index));
            }
        }
        self.node(node, Some(index));
    }

    /// Notes that everything inside `span` has been met at `way`.
    fn hold(&mut self, span: Span, way: Option<usize>) {
        let first = self.sorted.partition_point(|index| {
            let other = self.spans[*index];
            (other.file, other.start) < (span.file, span.start)
        });
        for index in &self.sorted[first..] {
            let other = self.spans[*index];
            if other.file != span.file || other.start > span.end {
                break;
            }
            let length = span.end - span.start;
            let is_smaller = self.found[*index].is_none_or(|(smallest, _)| length < smallest);
            // A place between two values is neither's.
            let inside = other.end <= span.end && (other.start < span.end || other.start == span.start);
            if inside && is_smaller {
                self.found[*index] = Some((length, way));
            }
        }
    }

    fn pointer(&self, index: usize) -> String {
        let mut steps = Vec::new();
        let mut way = self.found[index].and_then(|(_, way)| way);
        while let Some(at) = way {
            let (before, step) = self.steps[at];
            steps.push(step);
            way = before;
        }
        let mut pointer = String::new();
        for step in steps.iter().rev() {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}
