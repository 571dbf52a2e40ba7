use amq_protocol::protocol::channel;
use tokio::sync::oneshot;

use super::super::parcel::{Parcel, Published, tell};
use super::*;
use crate::Message;

/// Messages of ten bytes each on one channel, and who waits for them.
struct Sent {
    lane: Lane,
    receivers: Vec<oneshot::Receiver<Published>>,
    ends: Ends,
}

impl Sent {
    fn new(keys: &[&str]) -> Self {
        let exchange = Arc::from("ex");
        let mut sent = Self { lane: Lane::new(&exchange, true), receivers: Vec::new(), ends: Ends::new() };
        sent.lane.open(&mut Vec::new(), 1).unwrap();
        for (index, key) in keys.iter().enumerate() {
            let message = Message { key: Some((*key).to_owned()), ..Message::new("0123456789") };
            let parcel = Parcel::new(&exchange, None, message).unwrap();
            let (start, end) = (index as u64 * 10, index as u64 * 10 + 10);
            let (pending, receiver) = Pending::new(parcel, start, end);
            sent.lane.push(pending);
            sent.receivers.push(receiver);
        }
        sent
    }

    fn confirm(&mut self, tag: u64, multiple: bool, taken: bool) -> Result<(), String> {
        let Self { lane, ends, .. } = self;
        lane.confirm(tag, multiple, |pending| pending.confirm(taken, ends))
    }

    fn returned(&mut self, key: &str) -> Result<(), String> {
        let properties = self.lane.pending.iter().flatten().map(|pending| pending.parcel.properties.clone()).next();
        self.lane.returned(&Returned {
            text: "NO_ROUTE (312)".to_owned(),
            exchange: "ex".to_owned(),
            key: key.to_owned(),
            properties: properties.unwrap_or_default(),
            body: b"0123456789".to_vec(),
        })
    }

    fn closed(&mut self, class_id: u16, text: &str, written: u64) {
        let close = channel::Close { reply_code: 406, reply_text: text.into(), class_id, method_id: 40 };
        self.lane.closed(&close, written, &mut self.ends);
    }

    /// How each has ended so far: its kind, or that it is taken, or nothing.
    fn ends(mut self) -> Vec<Option<Result<(), PublishErrorKind>>> {
        tell(&mut self.ends);
        let end = |receiver: &mut oneshot::Receiver<Published>| {
            receiver.try_recv().ok().map(|published| published.map(drop).map_err(|error| error.kind))
        };
        self.receivers.iter_mut().map(end).collect()
    }
}

const TAKEN: Option<Result<(), PublishErrorKind>> = Some(Ok(()));

fn failed(kind: PublishErrorKind) -> Option<Result<(), PublishErrorKind>> {
    Some(Err(kind))
}

#[test]
fn confirmations_in_any_order() {
    let mut sent = Sent::new(&["a", "b", "c", "d", "e"]);
    sent.confirm(3, false, true).unwrap();
    sent.confirm(2, true, false).unwrap();
    sent.confirm(4, true, true).unwrap();
    let full = failed(PublishErrorKind::Full);
    assert_eq!(sent.ends(), [full, full, TAKEN, TAKEN, None]);
    let mut sent = Sent::new(&["a", "b"]);
    sent.confirm(0, true, true).unwrap();
    assert_eq!(sent.ends(), [TAKEN, TAKEN]);
    for (tag, multiple) in [(0, false), (3, false), (3, true), (u64::MAX - 1, true)] {
        Sent::new(&["a", "b"]).confirm(tag, multiple, true).unwrap_err();
    }
    let mut sent = Sent::new(&["a", "b"]);
    sent.confirm(1, false, true).unwrap();
    sent.confirm(1, false, true).unwrap_err();
}

#[test]
fn what_comes_back_is_known_whenever_it_is_confirmed() {
    let mut sent = Sent::new(&["a", "b", "c"]);
    sent.returned("b").unwrap();
    sent.confirm(1, false, true).unwrap();
    sent.confirm(3, true, true).unwrap();
    assert_eq!(sent.ends(), [TAKEN, failed(PublishErrorKind::Refused), TAKEN]);
    // Two that are alike: as many of them as came back.
    let mut sent = Sent::new(&["a", "a", "a"]);
    sent.returned("a").unwrap();
    sent.returned("a").unwrap();
    sent.confirm(3, true, true).unwrap();
    let refused = failed(PublishErrorKind::Refused);
    assert_eq!(sent.ends(), [refused, refused, TAKEN]);
    let mut sent = Sent::new(&["a"]);
    sent.returned("b").unwrap_err();
    sent.returned("a").unwrap();
    sent.returned("a").unwrap_err();
}

#[test]
fn a_closed_channel_is_put_down_to_who_caused_it() {
    use PublishErrorKind::{Refused, TooLarge, Unknown, Unreachable};
    // The exchange was looked at first: nothing was stored.
    let mut sent = Sent::new(&["a", "b"]);
    sent.closed(40, "NOT_FOUND - no exchange 'ex' in vhost '/'", 20);
    assert!(sent.lane.refusal().is_some());
    assert_eq!(sent.ends(), [failed(Refused), failed(Refused)]);
    // One alone.
    let mut sent = Sent::new(&["a", "b"]);
    sent.closed(60, "ACCESS_REFUSED - no", 10);
    assert!(sent.lane.refusal().is_none());
    assert_eq!(sent.ends(), [failed(Refused), failed(Unreachable)]);
    // One of several, and the server says which.
    let mut sent = Sent::new(&["a", "b"]);
    sent.returned("b").unwrap();
    sent.closed(60, "ACCESS_REFUSED - no", 20);
    assert_eq!(sent.ends(), [failed(Unknown), failed(Refused)]);
    let mut sent = Sent::new(&["a", "b"]);
    sent.closed(60, "PRECONDITION_FAILED - message size 10 is larger than configured max size 5", 20);
    assert_eq!(sent.ends(), [failed(TooLarge), failed(TooLarge)]);
    let mut sent = Sent::new(&["a", "b"]);
    sent.closed(60, "PRECONDITION_FAILED - message size 11 is larger than configured max size 5", 20);
    assert_eq!(sent.ends(), [failed(Unknown), failed(Unknown)]);
}

#[test]
fn what_was_not_written_was_not_sent() {
    let mut sent = Sent::new(&["a", "b", "c"]);
    sent.lane.disconnected("gone", 15, &mut sent.ends);
    use PublishErrorKind::{Unknown, Unreachable};
    assert_eq!(sent.ends(), [failed(Unknown), failed(Unreachable), failed(Unreachable)]);
}

#[test]
fn the_first_message_goes_alone() {
    let mut sent = Sent::new(&[]);
    assert!(!sent.lane.is_taken());
    sent = Sent::new(&["a"]);
    assert!(sent.lane.is_taken());
    sent.confirm(1, false, true).unwrap();
    sent = Sent { lane: sent.lane, ..Sent::new(&[]) };
    assert!(!sent.lane.is_taken());
    // Not for good.
    let mut sent = Sent::new(&["a"]);
    sent.lane.alone = Instant::now().checked_sub(ALONE);
    assert!(!sent.lane.is_taken());
    // With others on the channel, always.
    let mut sent = Sent::new(&["a"]);
    sent.lane.shared = true;
    sent.confirm(1, false, true).unwrap();
    assert!(!sent.lane.is_taken() && sent.lane.goes_alone());
}

#[test]
fn what_the_server_says_of_sizes() {
    for (text, expected) in [
        ("PRECONDITION_FAILED - message size 20 is larger than configured max size 10", Some((20, 10))),
        ("PRECONDITION_FAILED - message size 20 is larger than max size 10", Some((20, 10))),
        ("PRECONDITION_FAILED - something else", None),
        ("is larger than", None),
    ] {
        assert_eq!(too_large(text), expected, "{text}");
    }
}
