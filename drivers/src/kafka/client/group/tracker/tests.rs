use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { messages: 4, bytes: 100 };

fn handed_out(offsets: &[i64]) -> (Tracker<i64>, Vec<u64>) {
    let mut tracker = Tracker::default();
    let numbers = offsets.iter().map(|offset| tracker.hand_out(*offset, 10).expect("in order")).collect();
    (tracker, numbers)
}

#[test]
fn watermark_is_contiguous() {
    let (mut tracker, numbers) = handed_out(&[7, 8, 12]);
    assert_eq!(tracker.watermark(), None);
    assert_eq!(tracker.settle(numbers[1]), Some(Settled::Behind));
    assert_eq!(tracker.watermark(), None);
    assert_eq!(tracker.settle(numbers[0]), Some(Settled::Watermark));
    assert_eq!(tracker.watermark(), Some(9));
    assert_eq!(tracker.settle(numbers[2]), Some(Settled::Watermark));
    assert_eq!(tracker.watermark(), Some(13));
    assert_eq!(tracker.unsettled(), 0);
}

#[test]
fn settled_once() {
    let (mut tracker, numbers) = handed_out(&[7, 8]);
    assert_eq!(tracker.settle(numbers[1]), Some(Settled::Behind));
    assert_eq!(tracker.settle(numbers[1]), None);
    assert!(!tracker.give_back(numbers[1], Instant::now(), 8));
    assert_eq!(tracker.settle(numbers[0]), Some(Settled::Watermark));
    assert_eq!(tracker.settle(numbers[0]), None);
    assert_eq!(tracker.settle(99), None);
}

#[test]
fn given_back_comes_when_due() {
    let (mut tracker, numbers) = handed_out(&[7, 8, 9]);
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    assert!(tracker.give_back(numbers[0], later, 7));
    assert!(tracker.give_back(numbers[2], now, 9));
    assert!(tracker.give_back(numbers[1], now, 8));
    assert_eq!(tracker.next_due(), Some(now));
    // Of those that are due at the same time, the first published first.
    assert_eq!(tracker.take_due(now), Some((numbers[1], 8)));
    assert_eq!(tracker.take_due(now), Some((numbers[2], 9)));
    assert_eq!(tracker.take_due(now), None);
    assert_eq!(tracker.next_due(), Some(later));
    assert_eq!(tracker.settle(numbers[1]), Some(Settled::Behind));
    assert_eq!(tracker.take_due(later), Some((numbers[0], 7)));
    assert_eq!(tracker.settle(numbers[0]), Some(Settled::Watermark));
    assert_eq!(tracker.watermark(), Some(9));
}

#[test]
fn gap_is_limited() {
    let (mut tracker, numbers) = handed_out(&[1, 2, 3]);
    assert!(!tracker.is_full(LIMITS));
    tracker.hand_out(4, 10).expect("in order");
    assert!(tracker.is_full(LIMITS));
    // What is settled behind an unsettled one keeps its place.
    tracker.settle(numbers[1]);
    assert!(tracker.is_full(LIMITS));
    tracker.settle(numbers[0]);
    assert!(!tracker.is_full(LIMITS));
    tracker.hand_out(5, 90).expect("in order");
    assert!(tracker.is_full(LIMITS));
}

#[test]
fn offsets_never_go_back() {
    let (mut tracker, numbers) = handed_out(&[7]);
    assert_eq!(tracker.hand_out(7, 1), None);
    tracker.settle(numbers[0]);
    assert_eq!(tracker.hand_out(7, 1), None);
    assert!(tracker.hand_out(8, 1).is_some());
}

#[derive(Clone, Debug)]
enum Step {
    HandOut { hole: i64, bytes: usize },
    Settle(usize),
    GiveBack(usize, u64),
    TakeDue(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4_i64, 0..50_usize).prop_map(|(hole, bytes)| Step::HandOut { hole, bytes }),
        3 => (0..64_usize).prop_map(Step::Settle),
        2 => (0..64_usize, 0..20_u64).prop_map(|(which, wait)| Step::GiveBack(which, wait)),
        2 => (0..20_u64).prop_map(Step::TakeDue),
    ]
}

proptest! {
    /// Against a model that keeps every offset: nothing is lost, nothing is settled before its time, no offset is
    /// committed over an unsettled one.
    #[test]
    fn as_a_model_says(steps in prop::collection::vec(step(), 0..200)) {
        let start = Instant::now();
        let at = |wait: u64| start + Duration::from_millis(wait);
        let mut tracker = Tracker::default();
        let mut next = 0;
        // Offset -> number, bytes, and when it is due where it was given back.
        let mut unsettled = BTreeMap::<i64, (u64, usize, Option<u64>)>::new();
        let mut last_settled = None::<i64>;
        for step in steps {
            let held: Vec<_> = unsettled.iter().filter(|(_, (_, _, due))| due.is_none()).map(|(k, v)| (*k, v.0)).collect();
            match step {
                Step::HandOut { hole, bytes } => {
                    next += hole;
                    let number = tracker.hand_out(next, bytes).expect("in order");
                    unsettled.insert(next, (number, bytes, None));
                }
                Step::Settle(which) => if let Some((offset, number)) = held.get(which % held.len().max(1)) {
                    let first = *unsettled.keys().next().expect("one is held");
                    unsettled.remove(offset);
                    last_settled = last_settled.max(Some(*offset));
                    let moved = tracker.settle(*number).expect("it is held");
                    prop_assert_eq!(moved == Settled::Watermark, *offset == first);
                }
                Step::GiveBack(which, wait) => if let Some((offset, number)) = held.get(which % held.len().max(1)) {
                    prop_assert!(tracker.give_back(*number, at(wait), *offset));
                    unsettled.get_mut(offset).expect("it is held").2 = Some(wait);
                }
                Step::TakeDue(now) => {
                    let due = unsettled.iter().filter_map(|(offset, (number, _, due))| Some(((*due)?, *number, *offset))).min();
                    let expected = due.filter(|(due, ..)| *due <= now).map(|(_, number, offset)| (number, offset));
                    prop_assert_eq!(tracker.take_due(at(now)), expected);
                    if let Some((_, offset)) = expected {
                        unsettled.get_mut(&offset).expect("it was given back").2 = None;
                    }
                }
            }
            prop_assert_eq!(tracker.unsettled(), unsettled.len());
            prop_assert_eq!(tracker.held(), unsettled.values().filter(|(_, _, due)| due.is_none()).count());
            prop_assert_eq!(tracker.unsettled_bytes, unsettled.values().map(|(_, bytes, _)| bytes).sum::<usize>());
            if let Some(watermark) = tracker.watermark() {
                prop_assert!(unsettled.keys().all(|offset| *offset >= watermark));
                prop_assert!(watermark <= last_settled.expect("something was settled") + 1);
            }
            if unsettled.is_empty() {
                prop_assert_eq!(tracker.watermark(), last_settled.map(|last| last + 1));
                prop_assert!(tracker.slots.is_empty());
            }
        }
    }
}
