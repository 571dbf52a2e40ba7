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
        let mut sent = Self { lane: Lane::new(true, false), receivers: Vec::new(), ends: Ends::new() };
        sent.lane.add(&exchange);
        sent.lane.open(&mut Vec::new(), 1, 0).unwrap();
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
    // A queue did not take it, and another one may have.
    let doubt = failed(PublishErrorKind::Unknown);
    assert_eq!(sent.ends(), [doubt, doubt, TAKEN, TAKEN, None]);
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
    assert!(sent.lane.refusal("ex").is_some());
    assert_eq!(sent.ends(), [failed(Refused), failed(Refused)]);
    // One alone.
    let mut sent = Sent::new(&["a", "b"]);
    sent.closed(60, "ACCESS_REFUSED - no", 10);
    assert!(sent.lane.refusal("ex").is_none());
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
    // What says nothing of any message, or comes when the exchange was there.
    for class in [0, 20, 40] {
        let mut sent = Sent::new(&["a", "b"]);
        sent.lane.answered();
        sent.confirm(1, false, true).unwrap();
        sent.closed(class, "INTERNAL_ERROR", 20);
        assert!(sent.lane.refusal("ex").is_none());
        assert_eq!(sent.ends(), [TAKEN, failed(Unknown)]);
    }
    let mut sent = Sent::new(&["a"]);
    sent.closed(0, "PRECONDITION_FAILED - timed out", 10);
    assert_eq!(sent.ends(), [failed(Unknown)]);
}

/// With equal bodies and keys, the properties tell them apart, even where a server writes them anew.
#[test]
fn what_comes_back_with_other_properties() {
    fn properties(id: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut message = Message { id: Some(id.to_owned()), ..Message::new("") };
        for (name, value) in headers {
            message.set_attribute((*name).to_owned(), *value);
        }
        let mut bytes = Vec::new();
        super::super::properties::encode(&mut bytes, &message, None).unwrap();
        bytes
    }
    let back = |properties| Returned {
        text: "NO_ROUTE (312)".to_owned(),
        exchange: "ex".to_owned(),
        key: "a".to_owned(),
        properties,
        body: b"0123456789".to_vec(),
    };
    let ends = |second: &[(&str, &str)], with: Vec<u8>| {
        let mut sent = Sent::new(&["a", "a", "a"]);
        let all = [properties("1", &[("To", "x")]), properties("1", second), properties("2", second)];
        for (pending, properties) in sent.lane.pending.iter_mut().flatten().zip(all) {
            pending.parcel.properties = properties;
        }
        sent.lane.returned(&back(with)).unwrap();
        sent.confirm(3, true, true).unwrap();
        sent.ends()
    };
    let (refused, doubt) = (failed(PublishErrorKind::Refused), failed(PublishErrorKind::Unknown));
    // A header more, by the server.
    assert_eq!(
        ends(&[("To", "y")], properties("1", &[("timestamp_in_ms", "1"), ("To", "y")])),
        [TAKEN, refused, TAKEN]
    );
    // Two are the same.
    assert_eq!(ends(&[("To", "x")], properties("1", &[("To", "x"), ("By", "z")])), [refused, TAKEN, TAKEN]);
    // It may be either.
    assert_eq!(ends(&[("By", "z")], properties("1", &[("To", "x"), ("By", "z")])), [doubt, doubt, TAKEN]);
}

/// A queue gets it later.
#[test]
fn a_delayed_message_that_comes_back_is_not_refused() {
    let exchange = Arc::from("ex");
    let mut message = Message { key: Some("a".to_owned()), ..Message::new("0123456789") };
    message.set_attribute("x-delay", "1000");
    let parcel = Parcel::new(&exchange, None, message).unwrap();
    let mut sent = Sent::new(&[]);
    let (pending, receiver) = Pending::new(parcel, 0, 10);
    sent.lane.push(pending);
    sent.receivers.push(receiver);
    sent.returned("a").unwrap();
    sent.confirm(1, false, true).unwrap();
    assert_eq!(sent.ends(), [failed(PublishErrorKind::Unknown)]);
}

/// What is refused of one is no other's.
#[test]
fn exchanges_that_share_a_channel() {
    use crate::Declaration;
    let mut lane = Lane::new(true, true);
    let [first, second, third] = ["first", "second", "third"].map(Arc::<str>::from);
    for exchange in [&first, &second, &third] {
        lane.add(exchange);
        lane.declare(exchange, &declaring::exchange(exchange, &Declaration::new()));
    }
    assert!(!lane.differs("first", &declaring::exchange("first", &Declaration::new().kind("topic"))));
    assert!(lane.differs("first", &declaring::exchange("first", &Declaration::new().kind("fanout"))));
    lane.open(&mut Vec::new(), 1, 0).unwrap();
    assert!(lane.is_taken(), "until all are there");
    lane.answered();
    let reply_text = "PRECONDITION_FAILED - inequivalent arg 'type'".into();
    let close = channel::Close { reply_code: 406, reply_text, class_id: EXCHANGE, method_id: 10 };
    lane.closed(&close, 100, &mut Ends::new());
    let refused = [&first, &second, &third].map(|exchange| lane.refusal(exchange).is_some());
    assert_eq!(refused, [false, true, false]);
    let mut bytes = Vec::new();
    lane.open(&mut bytes, 1, 100).unwrap();
    lane.answered();
    lane.answered();
    assert!(!lane.is_taken());
    // Asked for again once its time is over.
    lane.refused[0].until = Instant::now();
    bytes.clear();
    lane.open(&mut bytes, 1, 200).unwrap();
    assert!(!bytes.is_empty() && lane.is_taken());
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
    sent.lane.answered();
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
