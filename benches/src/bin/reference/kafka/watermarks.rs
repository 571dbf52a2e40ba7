//! Up to where a group has settled each partition.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

/// Where a message stands. Of an assignment: what an earlier one handed out settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) partition: i32,
    offset: i64,
    assignment: u64,
}

#[derive(Default)]
pub(crate) struct Watermarks {
    partitions: BTreeMap<i32, Partition>,
    given_back: VecDeque<(Message, Bytes)>,
    assignments: u64,
}

struct Partition {
    assignment: u64,
    /// Offsets that were handed out and are not below the watermark, and whether they are settled. They grow.
    handed_out: VecDeque<(i64, bool)>,
}

// === impl Watermarks ===

impl Watermarks {
    /// A message that arrived is handed out.
    pub(crate) fn receive(&mut self, partition: i32, offset: i64) -> Message {
        let assignments = &mut self.assignments;
        let found = self.partitions.entry(partition).or_insert_with(|| {
            *assignments += 1;
            Partition { assignment: *assignments, handed_out: VecDeque::new() }
        });
        found.handed_out.push_back((offset, false));
        Message { partition, offset, assignment: found.assignment }
    }

    /// One that was given back is handed out again.
    pub(crate) fn take(&mut self) -> Option<(Message, Bytes)> {
        self.given_back.pop_front()
    }

    /// Keeps `body` for the next one who asks.
    pub(crate) fn give_back(&mut self, message: Message, body: Bytes) {
        if self.find(message).is_some() {
            self.given_back.push_back((message, body));
        }
    }

    /// The watermark, when it moved: what is to be read first after a restart.
    pub(crate) fn settle(&mut self, message: Message) -> Option<i64> {
        let handed_out = &mut self.find(message)?.handed_out;
        let index = handed_out.binary_search_by_key(&message.offset, |(offset, _)| *offset).ok()?;
        handed_out[index].1 = true;
        let mut watermark = None;
        while let Some((offset, _)) = handed_out.front().filter(|(_, is_settled)| *is_settled) {
            watermark = Some(offset + 1);
            handed_out.pop_front();
        }
        watermark
    }

    /// Forgets `partition`, which somebody else reads from now on.
    pub(crate) fn revoke(&mut self, partition: i32) {
        self.partitions.remove(&partition);
        self.given_back.retain(|(message, _)| message.partition != partition);
    }

    fn find(&mut self, message: Message) -> Option<&mut Partition> {
        self.partitions.get_mut(&message.partition).filter(|found| found.assignment == message.assignment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_contiguous_is_settled() {
        let mut watermarks = Watermarks::default();
        // 7 is a gap: of a transaction, or compacted away.
        let [a, b, c] = [5, 6, 8].map(|offset| watermarks.receive(0, offset));
        let other = watermarks.receive(1, 3);
        assert_eq!(watermarks.settle(b), None);
        assert_eq!(watermarks.settle(other), Some(4));
        assert_eq!(watermarks.settle(a), Some(7));
        assert_eq!(watermarks.settle(a), None, "twice");
        assert_eq!(watermarks.settle(c), Some(9));
    }

    #[test]
    fn what_was_given_back_comes_again() {
        let mut watermarks = Watermarks::default();
        let [a, b] = [5, 6].map(|offset| watermarks.receive(0, offset));
        watermarks.give_back(a, Bytes::from_static(b"a"));
        assert_eq!(watermarks.settle(b), None);
        assert_eq!(watermarks.take(), Some((a, Bytes::from_static(b"a"))));
        assert_eq!(watermarks.take(), None);
        assert_eq!(watermarks.settle(a), Some(7));
    }

    #[test]
    fn a_partition_that_was_taken_away_is_forgotten() {
        let mut watermarks = Watermarks::default();
        let [a, b] = [5, 6].map(|offset| watermarks.receive(0, offset));
        watermarks.give_back(b, Bytes::new());
        watermarks.revoke(0);
        watermarks.give_back(a, Bytes::new());
        assert_eq!(watermarks.take(), None);
        let again = watermarks.receive(0, 5);
        assert_eq!(watermarks.settle(a), None, "of the assignment before");
        assert_eq!(watermarks.settle(again), Some(6));
    }
}
