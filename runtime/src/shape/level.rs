//! What is known while one object is read, and what becomes of each of its members.

use std::ops::Range;

use super::{Field, Fields, Keep};

/// Where a member is in the output, its comma included; `end` is 0 while it is not there.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// One object being read.
pub(super) struct Level {
    pub(super) named: &'static [Field],
    /// Whether the others are kept.
    pub(super) others: bool,
    /// Whether its members are to be recorded as roots.
    pub(super) record: bool,
    /// Its first place. There are two for each named field: its own, then that of a member that has its new name.
    pub(super) places: usize,
    /// What was kept but is not copied yet, a part of the input; `start == end` when there is nothing.
    pub(super) run: Range<usize>,
}

/// What becomes of a member, and the index of its place.
pub(super) enum Decision {
    Copy(Option<usize>),
    Drop(Option<usize>),
    Write(usize, &'static Field),
}

impl Level {
    /// What becomes of the member called `name`, whose value begins with `first`.
    #[inline(always)]
    pub(super) fn decide(&self, name: &[u8], first: u8) -> Decision {
        let Some(index) = self.named.iter().position(|field| field.name.as_bytes() == name) else {
            if !self.others {
                return Decision::Drop(None);
            }
            let rival = self.named.iter().position(|field| field.renamed.is_some_and(|new| new.as_bytes() == name));
            return Decision::Copy(rival.map(|index| self.named.len() + index));
        };
        let field = &self.named[index];
        match field.value {
            Keep::Nothing => Decision::Drop(Some(index)),
            Keep::Inside(Fields::Allow(_)) if first != b'{' => Decision::Drop(Some(index)),
            Keep::Inside(_) if first == b'{' => Decision::Write(index, field),
            _ if field.renamed.is_some() => Decision::Write(index, field),
            _ => Decision::Copy(Some(index)),
        }
    }
}

impl Fields {
    /// The named fields, and whether all others are kept.
    pub(super) fn parts(self) -> (&'static [Field], bool) {
        match self {
            Self::Allow(named) => (named, false),
            Self::AllExcept(named) => (named, true),
        }
    }
}
