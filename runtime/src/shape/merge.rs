//! Several shaped objects into one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::Shaped;
use super::text::decode;

/// Up to this many members are compared one by one, which is faster than hashing them.
const FEW: usize = 24;

/// Where a member of the root object is in the output of [`Shape::apply_fields`](super::Shape::apply_fields).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The text of the key, between its quotes and with its escapes.
    pub key: Range<usize>,
    /// The text of the value.
    pub value: Range<usize>,
}

impl Root {
    /// Whether this is the member called `name`, however its key is escaped. `text` is the output it was recorded for.
    pub fn is(&self, text: &[u8], name: &str) -> bool {
        *decode(&text[self.key.clone()]) == *name.as_bytes()
    }

    /// The member from the quote of its key to the end of its value.
    pub(super) fn member(&self) -> Range<usize> {
        self.key.start - 1..self.value.end
    }

    pub(super) fn move_back(&mut self, length: usize) {
        self.key = self.key.start - length..self.key.end - length;
        self.value = self.value.start - length..self.value.end - length;
    }
}

/// Appends one object with the members of all `parts`, each an output and its roots, to `output`.
///
/// Root keys only, objects below are not merged (KrakenD trap 33). A later part overwrites an earlier one: the member
/// stays where the key first was, as with `{...a, ...b}` in JavaScript, and has the last value. KrakenD merges in the
/// order of arrival; here the order of `parts` counts.
///
/// # Panics
///
/// When roots were recorded for another text.
pub fn merge(parts: &[(&[u8], &[Root])], output: &mut Vec<u8>) -> Shaped {
    let count = parts.iter().map(|(_, roots)| roots.len()).sum();
    let mut members: Vec<(Cow<'_, [u8]>, &[u8])> = Vec::with_capacity(count);
    let mut known: HashMap<Cow<'_, [u8]>, usize> = HashMap::new();
    for (text, roots) in parts {
        for root in *roots {
            let key = decode(&text[root.key.clone()]);
            let member = &text[root.member()];
            let place = if count <= FEW {
                members.iter().position(|(earlier, _)| *earlier == key)
            } else {
                known.get(&key).copied()
            };
            match place {
                Some(place) => members[place].1 = member,
                None => {
                    if count > FEW {
                        known.insert(key.clone(), members.len());
                    }
                    members.push((key, member));
                }
            }
        }
    }
    output.reserve(members.iter().map(|(_, member)| member.len() + 1).sum::<usize>() + 2);
    output.push(b'{');
    for (index, (_, member)) in members.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        output.extend_from_slice(member);
    }
    output.push(b'}');
    if members.is_empty() { Shaped::Empty } else { Shaped::Object }
}

/// For each of `roots` whether a later one has the same key. `None` when all keys are different. `escaped` is false when
/// no key has an escape in it.
pub(super) fn overwritten(text: &[u8], roots: &[Root], escaped: bool) -> Option<Vec<bool>> {
    let key = |root: &Root| {
        let raw = &text[root.key.clone()];
        if escaped { decode(raw) } else { Cow::Borrowed(raw) }
    };
    let mut overwritten = vec![];
    let mut mark = |index: usize| {
        overwritten.resize(roots.len(), false);
        overwritten[index] = true;
    };
    if roots.len() <= FEW {
        // Keys that differ in length, first or last byte mostly have bits of their own, and need no comparison.
        let mut bits = 0_u128;
        for (index, root) in roots.iter().enumerate() {
            let name = key(root);
            let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
            let bit = 1 << ((name.len() + end(name.first()) * 5 + end(name.last()) * 17) % 128);
            if bits & bit != 0
                && let Some(earlier) = roots[..index].iter().rposition(|earlier| key(earlier) == name)
            {
                mark(earlier);
            }
            bits |= bit;
        }
    } else {
        let mut last = HashMap::with_capacity(roots.len());
        for (index, root) in roots.iter().enumerate() {
            if let Some(earlier) = last.insert(key(root), index) {
                mark(earlier);
            }
        }
    }
    (!overwritten.is_empty()).then_some(overwritten)
}
