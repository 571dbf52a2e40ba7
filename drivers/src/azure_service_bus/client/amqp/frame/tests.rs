use super::*;

fn read(out: &[u8]) -> Frame {
    let mut bytes = BytesMut::from(out);
    let frame = parse(&mut bytes, 1 << 20).unwrap().unwrap();
    assert!(bytes.is_empty());
    frame
}

#[test]
fn frames_are_written_and_read() {
    let mut out = Vec::new();
    open(&mut out, "c", "h", 65_536, 30_000);
    assert!(matches!(read(&out), Frame::Open { max_frame: 65_536, idle: Some(30_000) }));
    out.clear();
    begin(&mut out, 5_000, 7);
    assert!(matches!(read(&out), Frame::Begin { incoming_window: 5_000, next_outgoing_id: 0, handle_max: u32::MAX }));
    out.clear();
    empty(&mut out);
    assert!(matches!(read(&out), Frame::Empty));
    out.clear();
    let windows = Windows { next_incoming_id: 3, incoming_window: 9, next_outgoing_id: 1, outgoing_window: 2 };
    flow(&mut out, windows, Some((4, 5, 6, true)));
    let Frame::Flow(flow) = read(&out) else { panic!("a flow") };
    assert_eq!((flow.handle, flow.delivery_count, flow.credit, flow.drain), (Some(4), Some(5), Some(6), true));
    out.clear();
    disposition(&mut out, true, 8, false, described(0x24, Vec::new()));
    let Frame::Disposition(said) = read(&out) else { panic!("a disposition") };
    assert_eq!((said.receives, said.first, said.last, said.settled), (true, 8, 8, false));
}

#[test]
fn large_messages_take_several_frames() {
    let payload: Vec<u8> = (0..2_000_u32).map(|at| at as u8).collect();
    let mut out = Vec::new();
    let mut at = transfer(&mut out, 1, Some((300, &[1, 2, 3, 4], false)), &payload, MIN_MAX_FRAME);
    while at < payload.len() {
        at += transfer(&mut out, 1, None, &payload[at..], MIN_MAX_FRAME);
    }
    let (mut bytes, mut joined, mut frames) = (BytesMut::from(&out[..]), Vec::new(), 0);
    while let Some(frame) = parse(&mut bytes, MIN_MAX_FRAME).unwrap() {
        let Frame::Transfer { transfer, payload } = frame else { panic!("a transfer") };
        joined.extend_from_slice(&payload);
        frames += 1;
        assert_eq!(transfer.more, joined.len() < 2_000);
        assert_eq!(transfer.delivery_id, (frames == 1).then_some(300));
    }
    assert!(frames > 3 && joined == payload);
}

#[test]
fn what_is_no_frame_is_refused() {
    for bytes in [&b"HTTP/1.1 400 Bad Request"[..], &[0, 0, 0, 4, 2, 0, 0, 0], &[0xff, 0, 0, 0, 2, 0, 0, 0]] {
        assert!(parse(&mut BytesMut::from(bytes), 65_536).is_err(), "{bytes:?}");
    }
    assert!(parse(&mut BytesMut::from(&[0, 0, 0, 9, 2, 0, 0][..]), 65_536).unwrap().is_none());
}
