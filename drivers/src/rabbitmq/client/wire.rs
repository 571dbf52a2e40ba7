//! The frames of AMQP 0-9-1, as far as a publisher has to do with them.

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parse_frame};
use amq_protocol::protocol::AMQPClass;

/// What a client says first.
pub(super) const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";

/// A frame without anything in it, on the channel of the connection.
pub(super) const HEARTBEAT: &[u8] = &[8, 0, 0, 0, 0, 0, 0, END];

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// The bytes of a frame beside its content.
pub(super) const OVERHEAD: usize = 8;

const BASIC: u16 = 60;
const PUBLISH: u16 = 40;
const ACK: u16 = 80;
const NACK: u16 = 120;

/// What has come in.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// The server has messages, or does not take them.
    Confirm {
        channel: u16,
        tag: u64,
        multiple: bool,
        taken: bool,
    },
    Method(u16, AMQPClass),
    /// The head of a message that comes back: its properties, and the length of its body.
    Header {
        channel: u16,
        length: u64,
        properties: &'a [u8],
    },
    /// A part of its body.
    Body {
        channel: u16,
        part: &'a [u8],
    },
    Heartbeat,
}

/// Takes the first frame of `bytes`, and says how long it is. `None` where it is not there in whole yet.
///
/// # Errors
/// It is no frame.
pub(super) fn parse(bytes: &[u8], frame_max: usize) -> Result<Option<(Incoming<'_>, usize)>, String> {
    let Some((&[kind, c1, c2, l1, l2, l3, l4], rest)) = bytes.split_first_chunk() else { return Ok(None) };
    if kind == b'A' {
        return Err("it speaks another version of AMQP".to_owned());
    }
    let channel = u16::from_be_bytes([c1, c2]);
    let length = u32::from_be_bytes([l1, l2, l3, l4]) as usize;
    if length > frame_max {
        return Err(format!("it sent a frame of {length} bytes, and {frame_max} were agreed on"));
    }
    let Some((content, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    match rest.first() {
        None => return Ok(None),
        Some(&END) => {}
        Some(_) => return Err("it sent a frame without an end".to_owned()),
    }
    let whole = length + OVERHEAD;
    let incoming = match (kind, content) {
        (METHOD, _) => method(channel, content, &bytes[..whole])?,
        (HEADER, [_, _, _, _, length @ ..]) if length.len() >= 10 => {
            let (length, properties) = length.split_first_chunk().ok_or("it sent a header without a length")?;
            Incoming::Header { channel, length: u64::from_be_bytes(*length), properties }
        }
        (BODY, part) => Incoming::Body { channel, part },
        (8, _) => Incoming::Heartbeat,
        _ => return Err("it sent a frame that is none of AMQP's".to_owned()),
    };
    Ok(Some((incoming, whole)))
}

/// Confirmations are most of what comes in.
fn method<'a>(channel: u16, content: &[u8], frame: &[u8]) -> Result<Incoming<'a>, String> {
    if let Some((&[a, b, c, d, tag @ .., flags], [])) = content.split_first_chunk::<13>() {
        let tag: [u8; 8] = tag;
        let (class, id) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if class == BASIC && (id == ACK || id == NACK) {
            let (tag, multiple) = (u64::from_be_bytes(tag), flags & 1 == 1);
            return Ok(Incoming::Confirm { channel, tag, multiple, taken: id == ACK });
        }
    }
    match parse_frame(frame) {
        Ok((_, AMQPFrame::Method(channel, method))) => Ok(Incoming::Method(channel, method)),
        _ => Err("it sent a method that is none of AMQP's".to_owned()),
    }
}

/// Appends a method's frame.
///
/// # Errors
/// A text in it is too long for the protocol.
pub(super) fn push_method(bytes: &mut Vec<u8>, channel: u16, method: AMQPClass) -> Result<(), String> {
    let frame = AMQPFrame::Method(channel, method);
    let written = gen_frame(&frame)(WriteContext::from(Vec::new())).map_err(|error| error.to_string())?;
    bytes.extend_from_slice(&written.into_inner().0);
    Ok(())
}

/// Appends the frames of a message. `exchange` and `key` are short strings, and `properties` fit into a frame.
pub(super) fn push_message(
    bytes: &mut Vec<u8>,
    channel: u16,
    (exchange, key): (&str, &str),
    properties: &[u8],
    body: &[u8],
    frame_max: usize,
) {
    let part = frame_max - OVERHEAD;
    let frames = 3 + body.len() / part;
    bytes.reserve(exchange.len() + key.len() + properties.len() + body.len() + 21 + frames * OVERHEAD);
    begin(bytes, METHOD, channel, 4 + 2 + 1 + exchange.len() + 1 + key.len() + 1);
    bytes.extend_from_slice(&BASIC.to_be_bytes());
    bytes.extend_from_slice(&PUBLISH.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    push_short(bytes, exchange);
    push_short(bytes, key);
    // Mandatory: a message that reaches no queue comes back.
    bytes.push(1);
    bytes.push(END);
    begin(bytes, HEADER, channel, 12 + properties.len());
    bytes.extend_from_slice(&BASIC.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
    bytes.extend_from_slice(properties);
    bytes.push(END);
    for part in body.chunks(part) {
        begin(bytes, BODY, channel, part.len());
        bytes.extend_from_slice(part);
        bytes.push(END);
    }
}

fn begin(bytes: &mut Vec<u8>, kind: u8, channel: u16, length: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
}

/// Appends a text of at most 255 bytes.
pub(super) fn push_short(bytes: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= 255, "a short string");
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
}

/// Appends a text.
pub(super) fn push_long(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use amq_protocol::protocol::basic;

    use super::*;

    #[test]
    fn messages_are_written_as_the_protocol_says() {
        let mut bytes = Vec::new();
        push_message(&mut bytes, 7, ("ex", "key"), &[0, 0], b"0123456789", 4096);
        let (rest, method) = parse_frame(&bytes[..]).unwrap();
        let expected =
            basic::Publish { exchange: "ex".into(), routing_key: "key".into(), mandatory: true, immediate: false };
        assert_eq!(method, AMQPFrame::Method(7, AMQPClass::Basic(basic::AMQPMethod::Publish(expected))));
        let (rest, header) = parse_frame(rest).unwrap();
        assert!(matches!(header, AMQPFrame::Header(7, header) if header.class_id == 60 && header.body_size == 10));
        let (rest, body) = parse_frame(rest).unwrap();
        assert_eq!(body, AMQPFrame::Body(7, b"0123456789".to_vec()));
        assert!(rest.is_empty());
        // An empty body has no frame, and a long one has several.
        bytes.clear();
        push_message(&mut bytes, 1, ("", ""), &[0, 0], b"", 4096);
        let (mut rest, mut frames) = (&bytes[..], 0);
        while let Some((_, length)) = parse(rest, 4096).unwrap() {
            rest = &rest[length..];
            frames += 1;
        }
        assert_eq!((frames, rest.len()), (2, 0));
        bytes.clear();
        push_message(&mut bytes, 1, ("", ""), &[0, 0], &[1; 9000], 4096);
        let (_, method) = parse(&bytes, 4096).unwrap().unwrap();
        let (_, header) = parse(&bytes[method..], 4096).unwrap().unwrap();
        let (part, _) = parse(&bytes[method + header..], 4096).unwrap().unwrap();
        assert!(matches!(part, Incoming::Body { channel: 1, part } if part.len() == 4088), "{part:?}");
    }

    #[test]
    fn what_comes_in_is_read() {
        let mut bytes = Vec::new();
        let ack = basic::Ack { delivery_tag: 258, multiple: true };
        push_method(&mut bytes, 3, AMQPClass::Basic(basic::AMQPMethod::Ack(ack))).unwrap();
        let (incoming, length) = parse(&bytes, 4096).unwrap().unwrap();
        assert!(matches!(incoming, Incoming::Confirm { channel: 3, tag: 258, multiple: true, taken: true }));
        assert_eq!(length, bytes.len());
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut], 4096).unwrap().is_none());
        }
        let nack = basic::Nack { delivery_tag: 1, multiple: false, requeue: true };
        bytes.clear();
        push_method(&mut bytes, 3, AMQPClass::Basic(basic::AMQPMethod::Nack(nack))).unwrap();
        let (incoming, _) = parse(&bytes, 4096).unwrap().unwrap();
        assert!(matches!(incoming, Incoming::Confirm { channel: 3, tag: 1, multiple: false, taken: false }));
        assert!(matches!(parse(HEARTBEAT, 4096), Ok(Some((Incoming::Heartbeat, 8)))));
        for wrong in [
            &b"AMQP\x00\x00\x09\x01"[..],
            &[1, 0, 0, 0, 0, 0, 1, 9, 9],
            &[9, 0, 0, 0, 0, 0, 0, END],
            &[1, 0, 0, 1, 0, 0, 0, 0],
        ] {
            assert!(parse(wrong, 4096).is_err(), "{wrong:?}");
        }
    }
}
