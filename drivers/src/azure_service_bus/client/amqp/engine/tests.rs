//! The connection's task, beside a peer that says what a test wants it to.

mod limits;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::super::frame::{Frame, Windows, described};
use super::super::{Event, Receiver, Sender, Session, accepted};
use super::*;
use crate::azure_service_bus::client::amqp::Value;

const PATIENCE: Duration = Duration::from_secs(60);

struct Peer {
    stream: DuplexStream,
    read: BytesMut,
}

/// A task whose peer takes frames of so many bytes, and so many of them at first.
fn start(max_frame: usize, window: u32) -> (Session, Peer) {
    start_with(max_frame, window, 255, 64 << 10)
}

fn start_with(max_frame: usize, window: u32, handle_max: u32, buffer: usize) -> (Session, Peer) {
    let (near, far) = duplex(buffer);
    let terms =
        Terms { max_frame, idle: None, handle_max, silence: PATIENCE, remote_window: window, next_incoming_id: 0 };
    let (commands, receiver) = mpsc::unbounded_channel();
    let (over, is_over) = watch::channel(None);
    tokio::spawn(Engine::new(near, BytesMut::new(), terms, receiver, over).run());
    (Session::new("test".into(), commands, is_over), Peer { stream: far, read: BytesMut::new() })
}

impl Peer {
    async fn next(&mut self) -> Frame {
        let next = async {
            loop {
                if let Some(frame) = parse(&mut self.read, 1 << 20).expect("a frame") {
                    return frame;
                }
                assert_ne!(self.stream.read_buf(&mut self.read).await.expect("it reads"), 0, "it has gone");
            }
        };
        timeout(PATIENCE, next).await.expect("a frame within a minute")
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("it takes it");
    }

    /// Lets the next link be attached.
    async fn attach(&mut self) -> u32 {
        let Frame::Attach(attached) = self.next().await else { panic!("a link") };
        let mut out = Vec::new();
        write_attach(&mut out, &attached.name, attached.handle, !attached.receives, true);
        self.say(&out).await;
        attached.handle
    }

    async fn credit(&mut self, handle: u32, windows: (u32, u32), count: u32, credit: u32) {
        let mut out = Vec::new();
        let windows = Windows {
            next_incoming_id: windows.0,
            incoming_window: windows.1,
            next_outgoing_id: 0,
            outgoing_window: 0,
        };
        frame::flow(&mut out, windows, Some((handle, count, credit, false)));
        self.say(&out).await;
    }

    async fn transfer(&mut self) -> (u32, bool, Bytes) {
        let Frame::Transfer { transfer, payload } = self.next().await else { panic!("a message") };
        (transfer.delivery_id.unwrap_or_default(), transfer.more, payload)
    }
}

/// A peer's answer to a link; without a terminus, it refuses.
fn write_attach(out: &mut Vec<u8>, name: &str, handle: u32, receives: bool, takes: bool) {
    let terminus = |code| if takes { described(code, vec![Value::string("x")]) } else { Value::Null };
    let spec = crate::azure_service_bus::client::amqp::Attach {
        name: name.into(),
        receives,
        settled: false,
        source: terminus(0x28),
        target: terminus(0x29),
        properties: Value::Null,
    };
    frame::attach(out, handle, &spec);
}

async fn sender(session: &Session, peer: &mut Peer) -> (Sender, u32) {
    let (sender, handle) = tokio::join!(session.open_sender("q"), peer.attach());
    (sender.unwrap_or_else(|error| panic!("{error}")), handle)
}

async fn receiver(session: &Session, peer: &mut Peer) -> (Receiver, u32) {
    let spec = session.receiving("q", Value::Null, Value::Null);
    let (receiver, handle) = tokio::join!(session.open_receiver(spec), peer.attach());
    (receiver.unwrap_or_else(|error| panic!("{error}")), handle)
}

fn send(sender: &Sender, payload: impl Into<Bytes>) -> oneshot::Receiver<Sending> {
    let (reply, sent) = oneshot::channel();
    sender.send(Parcel { payload: payload.into(), reply, permits: [None, None] });
    sent
}

async fn end(sent: oneshot::Receiver<Sending>) -> Sending {
    timeout(PATIENCE, sent).await.expect("an end within a minute").expect("an end")
}

fn decide(id: u32, last: Option<u32>, state: Value) -> Vec<u8> {
    let fields =
        vec![Value::Bool(true), Value::Uint(id), last.map_or(Value::Null, Value::Uint), Value::Bool(true), state];
    let mut out = vec![0, 0, 0, 0, 2, 0, 0, 0];
    described(0x15, fields).encode(&mut out);
    let length = (out.len() as u32).to_be_bytes();
    out[..4].copy_from_slice(&length);
    out
}

fn detach(handle: u32, condition: &str) -> Vec<u8> {
    let error = described(0x1d, vec![Value::symbol(condition), Value::string("why")]);
    let mut out = vec![0, 0, 0, 0, 2, 0, 0, 0];
    described(0x16, vec![Value::Uint(handle), Value::Bool(true), error]).encode(&mut out);
    let length = (out.len() as u32).to_be_bytes();
    out[..4].copy_from_slice(&length);
    out
}

#[tokio::test]
async fn messages_keep_to_credit_and_window() {
    let (session, mut peer) = start(512, 3);
    let (sender, handle) = sender(&session, &mut peer).await;
    let (one, other) = (send(&sender, vec![1; 1_000]), send(&sender, vec![2; 100]));
    // Without credit there is nothing. A message takes three frames, and the window is as large.
    peer.credit(handle, (0, 3), 0, 1).await;
    let mut whole = Vec::new();
    for number in 0..3 {
        let (_, more, part) = peer.transfer().await;
        whole.extend_from_slice(&part);
        assert_eq!(more, number < 2);
    }
    assert_eq!(whole, [1; 1_000]);
    peer.say(&decide(0, None, accepted())).await;
    assert!(matches!(end(one).await, Sending::Decided(Outcome::Accepted)));
    // Credit without a window, and then a window.
    peer.credit(handle, (3, 0), 1, 1).await;
    assert!(timeout(Duration::from_millis(200), peer.stream.read_buf(&mut peer.read)).await.is_err());
    peer.credit(handle, (3, 1), 1, 1).await;
    assert_eq!(peer.transfer().await.2, [2; 100][..]);
    peer.say(&decide(1, Some(1), Value::Null)).await;
    assert!(matches!(end(other).await, Sending::Decided(Outcome::Nothing)));
}

#[tokio::test]
async fn one_decision_may_be_about_many() {
    let (session, mut peer) = start(65_536, 100);
    let (sender, handle) = sender(&session, &mut peer).await;
    peer.credit(handle, (0, 100), 0, 10).await;
    let all: Vec<_> = (0..10).map(|number| send(&sender, vec![number])).collect();
    for number in 0..10 {
        assert_eq!(peer.transfer().await.0, number);
    }
    peer.say(&decide(0, Some(u32::MAX / 2), accepted())).await;
    for sent in all {
        assert!(matches!(end(sent).await, Sending::Decided(Outcome::Accepted)));
    }
}

#[tokio::test]
async fn a_link_that_ends_tells_what_was_sent_from_what_was_not() {
    let (session, mut peer) = start(512, 2);
    let (sender, handle) = sender(&session, &mut peer).await;
    peer.credit(handle, (0, 2), 0, 2).await;
    let sent = [send(&sender, vec![1; 10]), send(&sender, vec![2; 2_000]), send(&sender, vec![3; 10])];
    // The first one whole, a part of the second.
    assert!(!peer.transfer().await.1 && peer.transfer().await.1);
    peer.say(&detach(handle, "amqp:link:detach-forced")).await;
    let [one, two, three] = sent;
    assert!(
        matches!(end(one).await, Sending::Unknown(Error::Refused(failure)) if failure.is("amqp:link:detach-forced"))
    );
    assert!(matches!(end(two).await, Sending::NotSent(Error::Refused(_))));
    assert!(matches!(end(three).await, Sending::NotSent(Error::Refused(_))));
    assert!(matches!(peer.next().await, Frame::Detach { handle: answer, .. } if answer == handle));
    assert!(sender.ended().is_some());
    assert!(matches!(end(send(&sender, vec![4])).await, Sending::NotSent(_)));
    // The connection goes on.
    let (_again, _) = tokio::join!(session.open_sender("q"), peer.attach());
}

#[tokio::test]
async fn a_connection_that_ends_tells_everybody() {
    for close in [true, false] {
        let (session, mut peer) = start(65_536, 100);
        let (sender, handle) = sender(&session, &mut peer).await;
        let (mut receiver, from) = receiver(&session, &mut peer).await;
        peer.credit(handle, (0, 100), 0, 1).await;
        receiver.add_credit(1);
        let (sent, unsent) = (send(&sender, vec![1]), send(&sender, vec![2]));
        let mut seen = 0;
        while seen < 2 {
            match peer.next().await {
                Frame::Transfer { .. } | Frame::Flow(_) => seen += 1,
                other => panic!("{other:?}"),
            }
        }
        let mut out = Vec::new();
        frame::transfer(&mut out, from, Some((7, b"tag", false)), b"x", 65_536);
        peer.say(&out).await;
        let Some(Event::Message(message)) = receiver.next().await else { panic!("a message") };
        let settled = receiver.settler().settle(message.id, accepted());
        let opening = session.open_sender("other");
        let request = session.request("$cbs", Vec::new(), Value::Null);
        let ending = async {
            assert!(matches!(peer.next().await, Frame::Disposition(said) if said.first == 7 && !said.settled));
            if close {
                let mut out = Vec::new();
                frame::close(&mut out);
                peer.say(&out).await;
            } else {
                drop(peer);
            }
        };
        let (opened, asked, ()) = tokio::join!(opening, request, ending);
        assert!(matches!(opened.err(), Some(Error::Lost(_))) && matches!(asked, Err(Error::Lost(_))));
        assert!(matches!(end(sent).await, Sending::Unknown(_)));
        assert!(matches!(end(unsent).await, Sending::NotSent(_)));
        assert!(matches!(settled.await, Ok(Err(Error::Lost(_)))));
        assert!(receiver.next().await.is_none());
        assert!(session.is_over());
        assert!(matches!(session.open_sender("late").await.err(), Some(Error::Lost(_))));
    }
}

#[tokio::test]
async fn a_refused_link_says_why() {
    let (session, mut peer) = start(65_536, 100);
    let refuse = async {
        let Frame::Attach(attached) = peer.next().await else { panic!("a link") };
        let mut out = Vec::new();
        write_attach(&mut out, &attached.name, 9, true, false);
        out.extend(detach(9, "amqp:not-found"));
        peer.say(&out).await;
    };
    let (opened, ()) = tokio::join!(session.open_sender("q"), refuse);
    assert!(matches!(opened.err(), Some(Error::Refused(failure)) if failure.is("amqp:not-found")));
}

/// Also where the peer takes its time with it, as for a session with messages.
#[tokio::test]
async fn a_link_that_nobody_waits_for_is_given_up() {
    let (session, mut peer) = start(65_536, 100);
    let spec = session.receiving("q", Value::Null, Value::Null);
    assert!(timeout(Duration::from_millis(50), session.open_receiver(spec)).await.is_err());
    let Frame::Attach(attached) = peer.next().await else { panic!("a link") };
    assert!(matches!(peer.next().await, Frame::Detach { handle, .. } if handle == attached.handle));
    // It comes late.
    let mut out = Vec::new();
    write_attach(&mut out, &attached.name, 4, false, true);
    out.extend(detach(4, "x:y"));
    peer.say(&out).await;
    let (_opened, handle) = sender(&session, &mut peer).await;
    assert!(handle <= 1);
}

#[tokio::test]
async fn deliveries_and_drains() {
    let (session, mut peer) = start(65_536, 100);
    let (mut receiver, from) = receiver(&session, &mut peer).await;
    receiver.add_credit(3);
    assert!(matches!(peer.next().await, Frame::Flow(flow) if flow.credit == Some(3) && !flow.drain));
    // In several frames, and one that is taken back.
    let mut out = Vec::new();
    let mut at = 0;
    let whole = vec![5; 1_200];
    while at < whole.len() {
        at += frame::transfer(&mut out, from, (at == 0).then_some((0, b"t", false)), &whole[at..], 512);
    }
    peer.say(&out).await;
    let Some(Event::Message(message)) = receiver.next().await else { panic!("a message") };
    assert_eq!((message.id, &message.tag[..], &message.payload[..]), (0, &b"t"[..], &whole[..]));
    let settled = receiver.settler().settle(0, accepted());
    assert!(matches!(peer.next().await, Frame::Disposition(_)));
    let mut out = Vec::new();
    frame::disposition(&mut out, false, 0, true, described(0x25, vec![described(0x1d, vec![Value::symbol("a:lost")])]));
    peer.say(&out).await;
    let said = settled.await.expect("an answer").expect("an outcome");
    assert!(matches!(said, Outcome::Rejected(Some(failure)) if failure.is("a:lost")));
    receiver.drain();
    assert!(matches!(peer.next().await, Frame::Flow(flow) if flow.credit == Some(2) && flow.drain));
    peer.credit(from, (0, 100), 3, 0).await;
    assert!(matches!(receiver.next().await, Some(Event::Drained)));
    receiver.add_credit(1);
    assert!(matches!(peer.next().await, Frame::Flow(flow) if (flow.credit, flow.delivery_count) == (Some(1), Some(3))));
}

#[tokio::test]
async fn a_peer_that_takes_liberties_is_left() {
    let (session, mut peer) = start(65_536, 100);
    let (mut receiver, from) = receiver(&session, &mut peer).await;
    let mut out = Vec::new();
    for id in 0..9 {
        frame::transfer(&mut out, from, Some((id, b"t", false)), b"x", 512);
    }
    peer.say(&out).await;
    // A few are taken: they are held back from others all the same.
    for id in 0..8 {
        assert!(matches!(receiver.next().await, Some(Event::Message(message)) if message.id == id));
    }
    let ended = receiver.next().await;
    assert!(matches!(ended, Some(Event::Detached(failure)) if failure.is("amqp:link:transfer-limit-exceeded")));
    assert!(matches!(peer.next().await, Frame::Detach { handle, .. } if handle == from));
    peer.say(&detach(from, "x:y")).await;
    // Only the link.
    let _again = sender(&session, &mut peer).await;
}

/// What the peer does not take is not kept for it: no more than a few answers wait.
#[tokio::test]
async fn a_peer_that_asks_and_does_not_listen() {
    let (_session, mut peer) = start(65_536, 100);
    let fields = [0, 1, 0, 0].map(Value::Uint).into_iter().chain(std::iter::repeat_n(Value::Null, 5));
    let mut echo = vec![0, 0, 0, 0, 2, 0, 0, 0];
    described(0x13, fields.chain([Value::Bool(true)]).collect()).encode(&mut echo);
    let length = (echo.len() as u32).to_be_bytes();
    echo[..4].copy_from_slice(&length);
    let many = echo.repeat(1_000);
    let mut written = 0_usize;
    while timeout(Duration::from_millis(500), peer.stream.write_all(&many)).await.is_ok() {
        written += many.len();
        assert!(written < 64 << 20, "it takes everything");
    }
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let small = 0..4_u32;
    let fields = proptest::collection::vec(
        prop_oneof![
            Just(Value::Null),
            small.clone().prop_map(Value::Uint),
            any::<u32>().prop_map(Value::Uint),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::string("test-0")),
            Just(Value::string("test-1")),
            Just(Value::Binary(Bytes::from_static(b"t"))),
            (0x24..0x2a_u64).prop_map(|code| described(code, Vec::new())),
        ],
        0..12,
    );
    (0x10..0x19_u64, fields, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(code, fields, payload)| {
        let mut out = vec![0, 0, 0, 0, 2, 0, 0, 0];
        described(code, fields).encode(&mut out);
        out.extend(payload);
        let length = (out.len() as u32).to_be_bytes();
        out[..4].copy_from_slice(&length);
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever it says, everybody who waits hears of an end once it has gone.
    #[test]
    fn no_peer_is_too_strange(said in proptest::collection::vec(frames(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (session, mut peer) = start(512, 2);
            let opening = session.open_sender("q");
            let receiving = session.open_receiver(session.receiving("q", Value::Null, Value::Null));
            let talking = async {
                for frame in said {
                    if peer.stream.write_all(&frame).await.is_err() {
                        break;
                    }
                }
                drop(peer);
            };
            let work = async {
                let (opened, receiver, ()) = tokio::join!(opening, receiving, talking);
                if let Ok(sender) = opened {
                    let sent = [send(&sender, vec![1; 1_000]), send(&sender, vec![2])];
                    for sent in sent {
                        let _ = sent.await.expect("an end");
                    }
                }
                if let Ok(mut receiver) = receiver {
                    receiver.add_credit(2);
                    while receiver.next().await.is_some() {}
                }
                session.ended().await;
            };
            timeout(PATIENCE, work).await.expect("an end within a minute");
        });
    }
}
