//! `flatmap_filter`: moves, deletes and appends by paths with wildcards.
//!
//! The one kind of shaping that needs a tree: a value may go anywhere. The tree and its operations are those of the Go
//! package krakend/flatmap, whose nodes keep an array's elements under their numbers and do not vanish when they are
//! emptied: what lost its last member is `null`.

use std::borrow::Cow;

use super::error::JsonError;
use super::text::write_string;
use super::tree::{Tree, separated};
use super::{Root, Shape, Shaped};

/// Stands for every member or element.
const EACH: &str = "*";

/// An operation of `flatmap_filter`. Paths are split at dots; one at least is in each.
#[derive(Clone, Copy, Debug)]
pub enum FlatmapOp {
    /// `move`: from the first path to the second. As long paths give a new name in place; to a shorter one the value is
    /// put there; to a longer one it goes down from where it was.
    Move(&'static [&'static str], &'static [&'static str]),
    /// `del`.
    Delete(&'static [&'static str]),
    /// `append`: the elements of the first array behind those of the second, when both are arrays.
    Append(&'static [&'static str], &'static [&'static str]),
}

/// `shape` with its operations, between target and group. An error leaves `output` as it was, and no roots.
#[inline(never)]
pub(super) fn run(
    shape: &Shape,
    input: &[u8],
    output: &mut Vec<u8>,
    roots: Option<&mut Vec<Root>>,
) -> Result<Shaped, JsonError> {
    match changed(shape, input) {
        Ok(text) => Shape { group: shape.group, ..Shape::OBJECT }.run(&text, output, roots),
        Err(error) => {
            roots.into_iter().for_each(Vec::clear);
            Err(error)
        }
    }
}

fn changed(shape: &Shape, input: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut text = Vec::new();
    let inner = Shape { flatmap: &[], group: None, ..*shape };
    if inner.run(input, &mut text, None)? == Shaped::Null {
        return Ok(text);
    }
    let mut root = Node::from(Tree::parse(&text)?);
    root.apply(shape.flatmap);
    let mut changed = Vec::with_capacity(text.len());
    root.write(&mut changed);
    Ok(changed)
}

#[derive(Clone)]
struct Node<'t> {
    edges: Vec<Edge<'t>>,
    is_list: bool,
    /// What it is without edges, as text: a scalar, or an empty object or array of the input.
    value: Cow<'t, str>,
}

#[derive(Clone)]
struct Edge<'t> {
    label: Cow<'t, str>,
    node: Node<'t>,
}

/// An edge that was taken out, and how it was reached.
struct Taken<'t> {
    indices: Vec<usize>,
    labels: Vec<Cow<'t, str>>,
    node: Node<'t>,
}

/// Where nodes are: by indices, and by the labels on the way.
type Places<'t> = Vec<(Vec<usize>, Vec<Cow<'t, str>>)>;

impl<'t> Node<'t> {
    fn apply(&mut self, ops: &'static [FlatmapOp]) {
        for op in ops {
            match *op {
                FlatmapOp::Move(source, target) => self.shift(source, target),
                FlatmapOp::Delete(path) => self.delete(path),
                FlatmapOp::Append(source, target) => self.append(source, target),
            }
        }
    }

    fn child(&self, label: &str) -> Option<&Self> {
        self.edges.iter().find(|edge| edge.label == label).map(|edge| &edge.node)
    }

    fn child_mut(&mut self, label: &str) -> Option<&mut Self> {
        self.edges.iter_mut().find(|edge| edge.label == label).map(|edge| &mut edge.node)
    }

    fn delete(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [EACH] => self.edges.clear(),
            [EACH, rest @ ..] => self.edges.iter_mut().for_each(|edge| edge.node.delete(rest)),
            [label] => {
                if let Some(at) = self.edges.iter().position(|edge| edge.label == *label) {
                    self.edges.remove(at);
                }
            }
            [label, rest @ ..] => {
                if let Some(child) = self.child_mut(label) {
                    child.delete(rest);
                }
            }
        }
    }

    /// The elements of the array at a path; with wildcards, what is found behind each.
    fn elements(&self, path: &[&str]) -> Option<Vec<Self>> {
        match path {
            _ if self.edges.is_empty() => (path.is_empty() && self.value == "[]").then(Vec::new),
            [] => self.is_list.then(|| self.edges.iter().map(|edge| edge.node.clone()).collect()),
            [EACH, rest @ ..] => Some(self.edges.iter().map(|edge| edge.node.get(rest)).collect()),
            [label, rest @ ..] => self.child(label)?.elements(rest),
        }
    }

    /// What is at a path; `null` where nothing is.
    fn get(&self, path: &[&str]) -> Self {
        match path {
            [] => self.clone(),
            [label, rest @ ..] if *label != EACH => {
                self.child(label).map_or_else(Self::default, |child| child.get(rest))
            }
            _ => self.elements(path).map_or_else(Self::default, Self::list),
        }
    }

    fn append(&mut self, source: &[&str], target: &[&str]) {
        let (Some(more), Some(mut list)) = (self.elements(source), self.elements(target)) else { return };
        list.extend(more);
        let found = target.iter().try_fold(&mut *self, |node, label| node.child_mut(label));
        if let Some(found) = found {
            *found = Self::list(list);
        }
        self.delete(source);
    }

    fn list(nodes: Vec<Self>) -> Self {
        let value = Cow::Borrowed(if nodes.is_empty() { "[]" } else { "null" });
        let edges = nodes.into_iter().enumerate();
        let edges = edges.map(|(index, node)| Edge { label: index.to_string().into(), node }).collect();
        Self { edges, is_list: true, value }
    }

    fn shift(&mut self, source: &'static [&'static str], target: &'static [&'static str]) {
        let (Some((name, above)), Some((new_name, new_above))) = (source.split_last(), target.split_last()) else {
            return;
        };
        let mut parents = Vec::new();
        self.find(above, &mut Vec::new(), &mut Vec::new(), &mut parents);
        let relabels = source.len() == target.len();
        let mut taken = Vec::new();
        for (indices, labels) in parents {
            let parent = self.at(&indices);
            let Some(at) = parent.edges.iter().position(|edge| edge.label == *name) else { continue };
            if relabels {
                parent.relabel(at, new_name);
            } else {
                taken.push(Taken { indices, labels, node: parent.edges.remove(at).node });
            }
        }
        for Taken { indices, labels, node } in taken {
            let place = if target.len() < source.len() {
                self.nearest(new_above, &indices, &labels)
            } else {
                self.at(&indices).deepest(&new_above[source.len() - 1..])
            };
            // What is moved takes the place of what had the name; the last is what was moved there before.
            match place.edges.last_mut().filter(|last| last.label == *new_name) {
                Some(last) if !place.is_list => last.node = node,
                _ => {
                    if !place.is_list {
                        place.edges.retain(|edge| edge.label != *new_name);
                    }
                    place.edges.push(Edge { label: Cow::Borrowed(new_name), node });
                }
            }
        }
    }

    /// Collects where the nodes are that `path` leads to.
    fn find(&self, path: &[&str], indices: &mut Vec<usize>, labels: &mut Vec<Cow<'t, str>>, found: &mut Places<'t>) {
        let Some((step, rest)) = path.split_first() else {
            found.push((indices.clone(), labels.clone()));
            return;
        };
        for (index, edge) in self.edges.iter().enumerate() {
            if *step != EACH && edge.label != *step {
                continue;
            }
            indices.push(index);
            labels.push(edge.label.clone());
            edge.node.find(rest, indices, labels, found);
            indices.pop();
            labels.pop();
            if *step != EACH {
                return;
            }
        }
    }

    /// The node at a place that [`find`](Self::find) found. Edges behind it may have been added since, none removed.
    fn at(&mut self, indices: &[usize]) -> &mut Self {
        indices.iter().fold(self, |node, index| &mut node.edges[*index].node)
    }

    /// Gives an edge another name. What had that name is gone, as if it were overwritten; Go takes a random one of both.
    fn relabel(&mut self, at: usize, name: &'static str) {
        self.edges[at].label = Cow::Borrowed(name);
        if !self.is_list {
            let mut index = 0;
            self.edges.retain(|edge| {
                index += 1;
                index - 1 == at || edge.label != name
            });
        }
    }

    /// As far as `path` can be followed; a wildcard in it is the label that the source had there, at one of `indices`.
    fn nearest(&mut self, path: &[&str], indices: &[usize], labels: &[Cow<'t, str>]) -> &mut Self {
        let mut node = self;
        for (step, (had, index)) in path.iter().zip(labels.iter().zip(indices)) {
            let label: &str = if *step == EACH { had } else { step };
            let Some(at) = node.position(label, *index) else { return node };
            node = &mut node.edges[at].node;
        }
        node
    }

    /// Where the edge with this label is: most often where the source has it, or where an array has its elements. Only then
    /// it is searched for: done for every element of a long array, that takes minutes.
    fn position(&self, label: &str, hint: usize) -> Option<usize> {
        let is_at = |at: &usize| self.edges.get(*at).is_some_and(|edge| edge.label == label);
        let element = || self.is_list.then(|| label.parse().ok()).flatten().filter(is_at);
        let search = || self.edges.iter().position(|edge| edge.label == label);
        Some(hint).filter(is_at).or_else(element).or_else(search)
    }

    /// The node at the end of `path`, made where there is none.
    fn deepest(&mut self, path: &'static [&'static str]) -> &mut Self {
        path.iter().fold(self, |node, label| {
            let at = node.edges.iter().position(|edge| edge.label == *label).unwrap_or_else(|| {
                node.edges.push(Edge { label: Cow::Borrowed(label), node: Self::default() });
                node.edges.len() - 1
            });
            &mut node.edges[at].node
        })
    }

    fn write(&self, output: &mut Vec<u8>) {
        match self.is_list {
            _ if self.edges.is_empty() => output.extend_from_slice(self.value.as_bytes()),
            true => separated(&self.edges, [b'[', b']'], output, |edge, output| edge.node.write(output)),
            false => separated(&self.edges, [b'{', b'}'], output, |edge, output| {
                write_string(&edge.label, output);
                output.push(b':');
                edge.node.write(output);
            }),
        }
    }
}

impl Default for Node<'_> {
    /// `null`.
    fn default() -> Self {
        Self { edges: Vec::new(), is_list: false, value: Cow::Borrowed("null") }
    }
}

impl<'t> From<Tree<'t>> for Node<'t> {
    fn from(tree: Tree<'t>) -> Self {
        match tree {
            Tree::Leaf(value) => Self { value, ..Self::default() },
            Tree::List(list) => Self::list(list.into_iter().map(Self::from).collect()),
            Tree::Object(members) if members.is_empty() => Self { value: Cow::Borrowed("{}"), ..Self::default() },
            Tree::Object(members) => {
                let edge = |(label, value)| Edge { label, node: Self::from(value) };
                Self { edges: members.into_iter().map(edge).collect(), ..Self::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
