//! Finding attributes by name while they are read.

use std::collections::HashMap;

use crate::Attribute;

/// Up to as many are looked through, which is what nearly every message has.
const FEW: usize = 16;

/// Where the attributes stand that were read so far, each name once. Beyond a few they are not looked through any more: a
/// message of a megabyte has room for a hundred thousand.
#[derive(Default)]
pub(super) struct Index(HashMap<String, usize>);

impl Index {
    /// The place of `name` among `attributes`, which only ever grow.
    pub(super) fn find(&mut self, attributes: &[Attribute], name: &str) -> Option<usize> {
        if attributes.len() <= FEW {
            return attributes.iter().position(|attribute| attribute.name == name);
        }
        for (place, attribute) in attributes.iter().enumerate().skip(self.0.len()) {
            self.0.insert(attribute.name.to_string(), place);
        }
        self.0.get(name).copied()
    }
}
