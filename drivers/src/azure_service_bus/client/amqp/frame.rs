//! Frames: what is said on a connection, as it is read and written (part 2 of the standard).

use bytes::{Buf as _, Bytes, BytesMut};

use super::Failure;
use super::value::{Value, put_sized};

pub(super) const AMQP_HEADER: &[u8; 8] = b"AMQP\x00\x01\x00\x00";
pub(super) const SASL_HEADER: &[u8; 8] = b"AMQP\x03\x01\x00\x00";

/// The smallest limit on a frame that the standard allows.
pub(super) const MIN_MAX_FRAME: usize = 512;

const OPEN: u64 = 0x10;
const BEGIN: u64 = 0x11;
const ATTACH: u64 = 0x12;
const FLOW: u64 = 0x13;
const TRANSFER: u64 = 0x14;
const DISPOSITION: u64 = 0x15;
const DETACH: u64 = 0x16;
const END: u64 = 0x17;
const CLOSE: u64 = 0x18;
const SASL_MECHANISMS: u64 = 0x40;
const SASL_INIT: u64 = 0x41;
const SASL_OUTCOME: u64 = 0x44;

/// What came in, as far as a client needs it.
#[derive(Debug)]
pub(super) enum Frame {
    Open {
        max_frame: usize,
        idle: Option<u32>,
    },
    Begin {
        incoming_window: u32,
        next_outgoing_id: u32,
        handle_max: u32,
    },
    Attach(Attached),
    Flow(Flow),
    Transfer {
        transfer: Transfer,
        payload: Bytes,
    },
    Disposition(Disposition),
    Detach {
        handle: u32,
        failure: Option<Failure>,
    },
    End(Option<Failure>),
    Close(Option<Failure>),
    Mechanisms(Value),
    Outcome(u64),
    /// Says only that the peer is there.
    Empty,
}

/// The peer's word on a link.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) name: String,
    pub(super) handle: u32,
    /// Whether the peer is the one that receives.
    pub(super) receives: bool,
    pub(super) source: Value,
    pub(super) target: Value,
    pub(super) initial_delivery_count: u32,
    pub(super) max_message_size: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) next_incoming_id: Option<u32>,
    pub(super) incoming_window: u32,
    pub(super) handle: Option<u32>,
    pub(super) delivery_count: Option<u32>,
    pub(super) credit: Option<u32>,
    pub(super) drain: bool,
    pub(super) echo: bool,
}

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) handle: u32,
    pub(super) delivery_id: Option<u32>,
    pub(super) tag: Option<Bytes>,
    pub(super) settled: bool,
    pub(super) more: bool,
    pub(super) aborted: bool,
}

#[derive(Debug)]
pub(super) struct Disposition {
    /// Whether the peer is the one that receives.
    pub(super) receives: bool,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) settled: bool,
    pub(super) state: Value,
}

/// The fields of a composite value; those that are not there are null.
struct Fields(Vec<Value>);

impl Fields {
    fn take(&mut self, index: usize) -> Value {
        self.0.get_mut(index).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    fn number(&self, index: usize) -> Option<u32> {
        self.0.get(index).and_then(Value::as_u32)
    }

    fn flag(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Value::Bool(true)))
    }
}

/// The descriptor and fields of a composite value. Their descriptor may be a number or a name; this peer says numbers.
pub(super) fn composite(value: Value) -> Option<(u64, Vec<Value>)> {
    let Value::Described(described) = value else { return None };
    let (descriptor, Value::List(fields)) = *described else { return None };
    Some((descriptor.as_u64()?, fields))
}

/// Takes the next frame, where all of it is there.
///
/// # Errors
/// It is no frame, or larger than it may be.
pub(super) fn parse(bytes: &mut BytesMut, largest: usize) -> Result<Option<Frame>, String> {
    let Some(head) = bytes.first_chunk::<8>() else { return Ok(None) };
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let offset = usize::from(head[4]) * 4;
    if offset < 8 || length < offset {
        return Err("it does not speak AMQP 1.0".to_owned());
    }
    if length > largest {
        return Err(format!("it sent a frame of {length} bytes, and {largest} were agreed on"));
    }
    if bytes.len() < length {
        return Ok(None);
    }
    let mut frame = bytes.split_to(length).freeze();
    frame.advance(offset);
    if frame.is_empty() {
        return Ok(Some(Frame::Empty));
    }
    let value = Value::decode(&mut frame).map_err(|what| format!("it sent what cannot be read: {what}"))?;
    let (code, fields) = composite(value).ok_or("it sent a frame that says nothing")?;
    Ok(Some(interpret(code, Fields(fields), frame)?))
}

fn interpret(code: u64, mut fields: Fields, payload: Bytes) -> Result<Frame, String> {
    let needs = |what: Option<u32>| what.ok_or_else(|| "it sent a frame without what it needs".to_owned());
    Ok(match code {
        OPEN => Frame::Open {
            max_frame: fields.number(2).map_or(usize::MAX, |size| size as usize).max(MIN_MAX_FRAME),
            idle: fields.number(4).filter(|idle| *idle > 0),
        },
        BEGIN => Frame::Begin {
            next_outgoing_id: needs(fields.number(1))?,
            incoming_window: needs(fields.number(2))?,
            handle_max: fields.number(4).unwrap_or(u32::MAX),
        },
        ATTACH => Frame::Attach(Attached {
            name: fields.take(0).as_text().unwrap_or_default().to_owned(),
            handle: needs(fields.number(1))?,
            receives: fields.flag(2),
            source: fields.take(5),
            target: fields.take(6),
            initial_delivery_count: fields.number(9).unwrap_or_default(),
            max_message_size: fields.take(10).as_u64().filter(|size| *size > 0),
        }),
        FLOW => Frame::Flow(Flow {
            next_incoming_id: fields.number(0),
            incoming_window: needs(fields.number(1))?,
            handle: fields.number(4),
            delivery_count: fields.number(5),
            credit: fields.number(6),
            drain: fields.flag(8),
            echo: fields.flag(9),
        }),
        TRANSFER => {
            let transfer = Transfer {
                handle: needs(fields.number(0))?,
                delivery_id: fields.number(1),
                tag: match fields.take(2) {
                    Value::Binary(tag) => Some(tag),
                    _ => None,
                },
                settled: fields.flag(4),
                more: fields.flag(5),
                aborted: fields.flag(9),
            };
            Frame::Transfer { transfer, payload }
        }
        DISPOSITION => {
            let first = needs(fields.number(1))?;
            Frame::Disposition(Disposition {
                receives: fields.flag(0),
                first,
                last: fields.number(2).unwrap_or(first),
                settled: fields.flag(3),
                state: fields.take(4),
            })
        }
        DETACH => Frame::Detach { handle: needs(fields.number(0))?, failure: Failure::read(fields.take(2)) },
        END => Frame::End(Failure::read(fields.take(0))),
        CLOSE => Frame::Close(Failure::read(fields.take(0))),
        SASL_MECHANISMS => Frame::Mechanisms(fields.take(0)),
        SASL_OUTCOME => Frame::Outcome(fields.take(0).as_u64().unwrap_or(u64::MAX)),
        other => return Err(format!("it sent a frame of an unknown kind ({other:#x})")),
    })
}

/// Writes frames to the end of a buffer.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>, kind: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, 2, kind, 0, 0]);
        Self { out, start }
    }

    fn finish(self) {
        let length = (self.out.len() - self.start) as u32;
        self.out[self.start..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

fn write(out: &mut Vec<u8>, kind: u8, code: u64, fields: Vec<Value>) {
    let writer = Writer::new(out, kind);
    described(code, fields).encode(writer.out);
    writer.finish();
}

/// A composite value.
pub(super) fn described(code: u64, fields: Vec<Value>) -> Value {
    Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
}

pub(super) fn sasl_anonymous(out: &mut Vec<u8>, hostname: &str) {
    let fields =
        vec![Value::symbol("ANONYMOUS"), Value::Binary(Bytes::from_static(b"sluicegate")), Value::string(hostname)];
    write(out, 1, SASL_INIT, fields);
}

pub(super) fn open(out: &mut Vec<u8>, container: &str, hostname: &str, max_frame: usize, idle_ms: u32) {
    let properties = Value::Map(vec![
        (Value::symbol("product"), Value::string("Sluicegate")),
        (Value::symbol("version"), Value::string(env!("CARGO_PKG_VERSION"))),
        (Value::symbol("platform"), Value::string("Rust")),
    ]);
    let fields = vec![
        Value::string(container),
        Value::string(hostname),
        Value::Uint(max_frame as u32),
        Value::Ushort(0),
        Value::Uint(idle_ms),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        properties,
    ];
    write(out, 0, OPEN, fields);
}

pub(super) fn begin(out: &mut Vec<u8>, incoming_window: u32, outgoing_window: u32) {
    let fields = vec![Value::Null, Value::Uint(0), Value::Uint(incoming_window), Value::Uint(outgoing_window)];
    write(out, 0, BEGIN, fields);
}

pub(super) fn attach(out: &mut Vec<u8>, handle: u32, spec: &super::Attach) {
    let settle = |settles: bool| Value::Ubyte(settles.into());
    let fields = vec![
        Value::string(&*spec.name),
        Value::Uint(handle),
        Value::Bool(spec.receives),
        // Unsettled: somebody always waits for the other's word, but where an answer is all there is to wait for.
        settle(spec.settled),
        // Settled second: what is decided of a delivery is confirmed.
        settle(spec.receives && !spec.settled),
        spec.source.clone(),
        spec.target.clone(),
        Value::Null,
        Value::Null,
        if spec.receives { Value::Null } else { Value::Uint(0) },
        Value::Null,
        Value::Null,
        Value::Null,
        spec.properties.clone(),
    ];
    write(out, 0, ATTACH, fields);
}

/// What a flow says of the session.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub(super) next_incoming_id: u32,
    pub(super) incoming_window: u32,
    pub(super) next_outgoing_id: u32,
    pub(super) outgoing_window: u32,
}

/// What a flow says of a link: its handle, delivery count, credit, and whether it is drained.
pub(super) type LinkFlow = (u32, u32, u32, bool);

pub(super) fn flow(out: &mut Vec<u8>, windows: Windows, link: Option<LinkFlow>) {
    let mut fields = vec![
        Value::Uint(windows.next_incoming_id),
        Value::Uint(windows.incoming_window),
        Value::Uint(windows.next_outgoing_id),
        Value::Uint(windows.outgoing_window),
    ];
    if let Some((handle, delivery_count, credit, drain)) = link {
        fields.extend([
            Value::Uint(handle),
            Value::Uint(delivery_count),
            Value::Uint(credit),
            Value::Null,
            Value::Bool(drain),
        ]);
    }
    write(out, 0, FLOW, fields);
}

/// A message, or as much of it as a frame holds. Returns how much that was.
pub(super) fn transfer(
    out: &mut Vec<u8>,
    handle: u32,
    delivery: Option<(u32, &[u8], bool)>,
    payload: &[u8],
    max_frame: usize,
) -> usize {
    let writer = Writer::new(out, 0);
    let (id, tag, format, settled) = match delivery {
        Some((id, tag, settled)) => {
            (Value::Uint(id), Value::Binary(Bytes::copy_from_slice(tag)), Value::Uint(0), Value::Bool(settled))
        }
        None => (Value::Null, Value::Null, Value::Null, Value::Null),
    };
    let mut fields = vec![Value::Uint(handle), id, tag, format, settled, Value::Bool(false)];
    let mut performative = Vec::new();
    described(TRANSFER, fields.clone()).encode(&mut performative);
    let room = max_frame - 8 - performative.len();
    let taken = payload.len().min(room);
    if taken < payload.len() {
        // As long as the other.
        fields[5] = Value::Bool(true);
        performative.clear();
        described(TRANSFER, fields).encode(&mut performative);
    }
    writer.out.extend_from_slice(&performative);
    writer.out.extend_from_slice(&payload[..taken]);
    writer.finish();
    taken
}

/// What is decided of a delivery, by the one who `receives` it or by the other.
pub(super) fn disposition(out: &mut Vec<u8>, receives: bool, first: u32, settled: bool, state: Value) {
    let fields = vec![Value::Bool(receives), Value::Uint(first), Value::Null, Value::Bool(settled), state];
    write(out, 0, DISPOSITION, fields);
}

pub(super) fn detach(out: &mut Vec<u8>, handle: u32) {
    write(out, 0, DETACH, vec![Value::Uint(handle), Value::Bool(true)]);
}

pub(super) fn end(out: &mut Vec<u8>) {
    write(out, 0, END, Vec::new());
}

pub(super) fn close(out: &mut Vec<u8>) {
    write(out, 0, CLOSE, Vec::new());
}

/// Says only that somebody is there.
pub(super) fn empty(out: &mut Vec<u8>) {
    Writer::new(out, 0).finish();
}

/// Appends a section of a message that is bytes.
pub(super) fn data(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(&[0, 0x53, 0x75]);
    put_sized(out, 0xa0, body);
}

#[cfg(test)]
mod tests {
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
        assert!(matches!(
            read(&out),
            Frame::Begin { incoming_window: 5_000, next_outgoing_id: 0, handle_max: u32::MAX }
        ));
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
}
