//! Limits: on credit, on links, on what is kept, and on how long the peer may take.

use super::*;

/// A task that a test runs itself.
fn by_hand(buffer: usize) -> (Engine<DuplexStream>, Session, Peer) {
    let (near, far) = duplex(buffer);
    let terms = Terms {
        max_frame: 65_536,
        idle: None,
        handle_max: 255,
        silence: PATIENCE,
        remote_window: u32::MAX >> 1,
        next_incoming_id: 0,
    };
    let (commands, receiver) = mpsc::unbounded_channel();
    let (over, is_over) = watch::channel(None);
    let engine = Engine::new(near, BytesMut::new(), terms, receiver, over);
    (engine, Session::new("test".into(), commands, is_over), Peer { stream: far, read: BytesMut::new() })
}

/// The peer's word on a drain that the last message ended comes after it, and says nothing of the next one.
#[tokio::test]
async fn a_late_word_on_a_drain_ends_no_other() {
    let (session, mut peer) = start(65_536, 100);
    let (mut receiver, from) = receiver(&session, &mut peer).await;
    receiver.add_credit(1);
    receiver.drain();
    for _ in 0..2 {
        assert!(matches!(peer.next().await, Frame::Flow(flow) if flow.credit == Some(1)));
    }
    let mut out = Vec::new();
    frame::transfer(&mut out, from, Some((0, b"t", false)), b"x", 512);
    peer.say(&out).await;
    assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    assert!(matches!(receiver.next().await, Some(Event::Drained)));
    receiver.add_credit(1);
    receiver.drain();
    for _ in 0..2 {
        assert!(
            matches!(peer.next().await, Frame::Flow(flow) if (flow.credit, flow.delivery_count) == (Some(1), Some(1)))
        );
    }
    // Late, then a message for the new credit.
    peer.credit(from, (0, 100), 1, 0).await;
    out.clear();
    frame::transfer(&mut out, from, Some((1, b"t", false)), b"y", 512);
    peer.say(&out).await;
    assert!(matches!(receiver.next().await, Some(Event::Message(message)) if message.id == 1));
    assert!(matches!(receiver.next().await, Some(Event::Drained)));
}

/// A message that is taken back is not what somebody waits for.
#[tokio::test]
async fn an_aborted_message_costs_no_credit() {
    let (session, mut peer) = start(65_536, 100);
    let (mut receiver, from) = receiver(&session, &mut peer).await;
    receiver.add_credit(1);
    assert!(matches!(peer.next().await, Frame::Flow(flow) if flow.credit == Some(1)));
    let mut out = vec![0, 0, 0, 0, 2, 0, 0, 0];
    let mut fields = vec![Value::Uint(from), Value::Uint(0), Value::Binary(Bytes::from_static(b"t"))];
    fields.resize(9, Value::Null);
    fields.push(Value::Bool(true));
    described(0x14, fields).encode(&mut out);
    let length = (out.len() as u32).to_be_bytes();
    out[..4].copy_from_slice(&length);
    peer.say(&out).await;
    let Frame::Flow(flow) = peer.next().await else { panic!("credit") };
    assert_eq!((flow.credit, flow.delivery_count), (Some(1), Some(1)));
    out.clear();
    frame::transfer(&mut out, from, Some((1, b"t", false)), b"y", 512);
    peer.say(&out).await;
    assert!(matches!(receiver.next().await, Some(Event::Message(message)) if message.id == 1));
}

/// A flow that takes back what a sender does not use.
fn drain(handle: u32, count: u32, credit: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let windows = Windows { next_incoming_id: 0, incoming_window: 100, next_outgoing_id: 0, outgoing_window: 0 };
    frame::flow(&mut out, windows, Some((handle, count, credit, true)));
    out
}

#[tokio::test]
async fn a_drain_by_the_peer_is_answered_after_the_last_message() {
    let (session, mut peer) = start(512, 100);
    let (sender, handle) = sender(&session, &mut peer).await;
    let all: Vec<_> = (0..3).map(|number| send(&sender, vec![number; 1_000])).collect();
    peer.say(&drain(handle, 0, 10)).await;
    let mut messages = 0;
    let answer = loop {
        match peer.next().await {
            Frame::Transfer { transfer, .. } => messages += u32::from(!transfer.more),
            Frame::Flow(flow) => break flow,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(messages, 3);
    assert_eq!((answer.delivery_count, answer.credit, answer.drain), (Some(10), Some(0), true));
    // With nothing to send, at once.
    peer.say(&drain(handle, 10, 5)).await;
    assert!(
        matches!(peer.next().await, Frame::Flow(flow) if (flow.delivery_count, flow.credit) == (Some(15), Some(0)))
    );
    peer.say(&decide(0, Some(2), accepted())).await;
    for sent in all {
        assert!(matches!(end(sent).await, Sending::Decided(Outcome::Accepted)));
    }
}

/// Whoever does not wait any more takes no place, also where the link has no credit.
#[tokio::test]
async fn what_nobody_waits_for_gives_its_place_up() {
    let (session, mut peer) = start(512, 100);
    let (sender, handle) = sender(&session, &mut peer).await;
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(2));
    let place = || std::sync::Arc::clone(&places).try_acquire_owned().expect("a place");
    let [(first, one), (second, two)] = [oneshot::channel(), oneshot::channel()];
    for (reply, byte) in [(first, 1), (second, 2)] {
        sender.send(Parcel { payload: vec![byte].into(), reply, permits: [Some(place()), None] });
    }
    assert_eq!(places.available_permits(), 0);
    drop(one);
    let _free = timeout(PATIENCE, places.acquire()).await.expect("a place within a minute").expect("a place");
    // The other goes its way.
    peer.credit(handle, (0, 100), 0, 5).await;
    assert_eq!(peer.transfer().await.2, [2][..]);
    peer.say(&decide(0, None, accepted())).await;
    assert!(matches!(end(two).await, Sending::Decided(Outcome::Accepted)));
}

/// As many links as the peer takes; one more waits for the end of another.
#[tokio::test]
async fn a_link_waits_for_a_number() {
    let (session, mut peer) = start_with(65_536, 100, 2, 64 << 10);
    let (one, handle) = sender(&session, &mut peer).await;
    let (_two, _) = sender(&session, &mut peer).await;
    let third = async {
        // Nobody waits for this one any more.
        assert!(timeout(Duration::from_millis(50), session.open_sender("gone")).await.is_err());
        session.open_sender("q").await
    };
    let ending = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(one);
        assert!(matches!(peer.next().await, Frame::Detach { handle: ended, .. } if ended == handle));
        peer.say(&detach(handle, "x:y")).await;
        assert_eq!(peer.attach().await, handle);
    };
    let (third, ()) = tokio::join!(third, ending);
    assert!(third.is_ok());
    // Those that wait hear of the end.
    let (late, ()) = tokio::join!(session.open_sender("late"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(peer);
    });
    assert!(matches!(late.err(), Some(Error::Lost(_))));
}

/// Nothing follows a goodbye, and the peer's is answered.
#[tokio::test]
async fn goodbyes() {
    let (session, mut peer) = start(512, 100);
    let (sender, handle) = sender(&session, &mut peer).await;
    let sent = send(&sender, vec![1; 100]);
    let closing = session.close();
    let peers = async {
        assert!(matches!(peer.next().await, Frame::End(None)));
        peer.credit(handle, (0, 100), 0, 5).await;
        assert!(matches!(peer.next().await, Frame::Close(None)));
        assert_eq!(peer.stream.read_buf(&mut peer.read).await.expect("an end"), 0);
    };
    tokio::join!(closing, peers);
    assert!(matches!(end(sent).await, Sending::NotSent(Error::Lost(_))));

    let (session, mut peer) = start(512, 100);
    let mut out = Vec::new();
    frame::close(&mut out);
    peer.say(&out).await;
    assert!(matches!(peer.next().await, Frame::Close(None)));
    assert_eq!(&*session.ended().await, "it ended the connection");
}

/// With always more to be written than a slow peer takes, what it has taken is let go of.
#[tokio::test]
async fn a_slow_peer_costs_no_more_than_what_it_has_not_taken() {
    let (mut engine, session, mut peer) = by_hand(4 << 10);
    let working = async {
        let mut most = 0;
        poll_fn(|cx| {
            let polled = engine.poll(cx);
            most = most.max(engine.out.capacity());
            polled
        })
        .await;
        most
    };
    let talking = async {
        let (sender, handle) = sender(&session, &mut peer).await;
        peer.credit(handle, (0, u32::MAX >> 1), 0, 10_000).await;
        let payload = Bytes::from(vec![7; 100 << 10]);
        // There always are some more that wait.
        let mut sent = VecDeque::new();
        let (mut messages, mut id) = (0, 0);
        while messages < 300 {
            while sent.len() < 8 {
                sent.push_back(send(&sender, payload.clone()));
            }
            let Frame::Transfer { transfer, .. } = peer.next().await else { panic!("a message") };
            id = transfer.delivery_id.unwrap_or(id);
            if !transfer.more {
                messages += 1;
                peer.say(&decide(id, None, accepted())).await;
                let Some(first) = sent.pop_front() else { panic!("a message") };
                assert!(matches!(end(first).await, Sending::Decided(Outcome::Accepted)));
            }
        }
        drop(peer);
    };
    let (most, ()) = tokio::join!(working, talking);
    assert!(most < 4 << 20, "{most} bytes are kept");
}

/// A message that the service says nothing about has the end of its link, and not that of the connection.
#[tokio::test]
async fn what_is_not_answered_ends_alone() {
    let (mut engine, session, mut peer) = by_hand(64 << 10);
    let sending = async {
        let (sender, handle) = sender(&session, &mut peer).await;
        peer.credit(handle, (0, 100), 0, 1).await;
        let sent = [send(&sender, vec![1]), send(&sender, vec![2])];
        assert_eq!(peer.transfer().await.2, [1][..]);
        (sender, handle, sent)
    };
    let (sender, handle, [one, two]) = tokio::select! {
        reason = poll_fn(|cx| engine.poll(cx)) => panic!("{reason}"),
        sent = sending => sent,
    };
    engine.forget_unanswered(Instant::now() + DECISION);
    assert!(matches!(end(one).await, Sending::Unknown(Error::Lost(_))));
    // This one may have another link.
    assert!(matches!(end(two).await, Sending::NotSent(Error::Refused(_))));
    assert!(matches!(sender.ended(), Some(Error::Refused(_))));
    let going_on = async {
        assert!(matches!(peer.next().await, Frame::Detach { handle: ended, .. } if ended == handle));
        super::sender(&session, &mut peer).await
    };
    tokio::select! {
        reason = poll_fn(|cx| engine.poll(cx)) => panic!("{reason}"),
        // Its number is not given away before its end is answered.
        (_again, other) = going_on => assert_ne!(other, handle),
    }
}
