//! Typed reading of what `walk` let pass.
//!
//! A value of the wrong type was reported there and reads as absent here; `Object::has` tells the two apart.

use std::time::Duration;

use sluicegate_drivers::parse_duration;

use super::kind::At;
use super::kind::Record;
use super::namespaces::{canonical, scopes_of};
use super::walk::is_meant;
use crate::suggest::closest;
use crate::tree::{Member, Node, Span, Value};

/// An object of the config.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    node: &'a Node,
}

impl<'a> Object<'a> {
    pub(crate) fn new(node: &'a Node) -> Self {
        Self { node }
    }

    /// `None` for anything else, which was reported.
    pub(crate) fn of(node: &'a Node) -> Option<Self> {
        matches!(node.value, Value::Object(_)).then_some(Self { node })
    }

    pub(crate) fn node(self) -> &'a Node {
        self.node
    }

    /// Its opening bracket.
    pub(crate) fn mark(self) -> Span {
        self.node.mark()
    }

    pub(crate) fn has(self, key: &str) -> bool {
        self.member(key).is_some()
    }

    /// Whether it has a key of `record`, or one that was probably meant to be it and was reported.
    pub(crate) fn has_or_means(self, record: &Record, key: &str) -> bool {
        self.has(key) || is_meant(self.node.members(), record, key)
    }

    /// Whether a namespace of `extra_config` that does not exist, which was reported, was probably meant to be `name`.
    pub(crate) fn means_namespace(self, name: &str) -> bool {
        let members = self.get("extra_config").map_or(&[][..], Node::members);
        let unknown = |member: &&Member| scopes_of(canonical(&member.key)).is_empty();
        members.iter().filter(unknown).any(|member| closest(&member.key, [name]).is_some())
    }

    pub(crate) fn member(self, key: &str) -> Option<&'a Member> {
        self.node.member(key)
    }

    pub(crate) fn get(self, key: &str) -> Option<&'a Node> {
        self.member(key).map(|member| &member.value)
    }

    pub(crate) fn object(self, key: &str) -> Option<Self> {
        self.get(key).and_then(Self::of)
    }

    /// The objects of a list.
    pub(crate) fn objects(self, key: &str) -> impl Iterator<Item = Self> {
        let items = self.get(key).map_or(&[][..], Node::items);
        items.iter().filter_map(Self::of)
    }

    pub(crate) fn text(self, key: &str) -> Option<At<&'a str>> {
        self.get(key).and_then(text)
    }

    /// The strings of a list.
    pub(crate) fn texts(self, key: &str) -> Vec<At<&'a str>> {
        self.get(key).map_or(&[][..], Node::items).iter().filter_map(text).collect()
    }

    /// False when absent.
    pub(crate) fn flag(self, key: &str) -> bool {
        matches!(self.get(key), Some(Node { value: Value::Bool(true), .. }))
    }

    pub(crate) fn integer(self, key: &str) -> Option<At<i64>> {
        self.get(key).and_then(integer)
    }

    /// The whole numbers of a list.
    pub(crate) fn integers(self, key: &str) -> Vec<At<i64>> {
        self.get(key).map_or(&[][..], Node::items).iter().filter_map(integer).collect()
    }

    pub(crate) fn number(self, key: &str) -> Option<At<f64>> {
        let node = self.get(key)?;
        let Value::Number(number) = &node.value else { return None };
        number.parse().ok().map(|value| At { value, span: node.span })
    }

    pub(crate) fn duration(self, key: &str) -> Option<At<Duration>> {
        let text = self.text(key)?;
        parse_duration(text.value).ok().map(|value| At { value, span: text.span })
    }

    /// A member of `extra_config`, under its short or its long name.
    pub(crate) fn namespace(self, name: &str) -> Option<&'a Member> {
        let members = self.get("extra_config")?.members();
        members.iter().rev().find(|member| canonical(&member.key) == name)
    }

    /// A member of `extra_config` that is an object.
    pub(crate) fn extra(self, name: &str) -> Option<Self> {
        Self::of(&self.namespace(name)?.value)
    }
}

fn text(node: &Node) -> Option<At<&str>> {
    node.text().map(|text| At { value: text.value.as_str(), span: node.span })
}

fn integer(node: &Node) -> Option<At<i64>> {
    let Value::Number(number) = &node.value else { return None };
    number.parse().ok().map(|value| At { value, span: node.span })
}
