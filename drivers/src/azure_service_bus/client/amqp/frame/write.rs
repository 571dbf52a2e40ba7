//! Frames as they are written.

use bytes::Bytes;

use super::{ATTACH, BEGIN, CLOSE, DETACH, DISPOSITION, END, FLOW, OPEN, SASL_INIT, TRANSFER};
use crate::azure_service_bus::client::amqp::value::{Value, put_sized};
use crate::azure_service_bus::client::amqp::{Attach, Failure};

/// Writes frames to the end of a buffer.
pub(crate) struct Writer<'a> {
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
pub(crate) fn described(code: u64, fields: Vec<Value>) -> Value {
    Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
}

pub(crate) fn sasl_anonymous(out: &mut Vec<u8>, hostname: &str) {
    let fields =
        vec![Value::symbol("ANONYMOUS"), Value::Binary(Bytes::from_static(b"sluicegate")), Value::string(hostname)];
    write(out, 1, SASL_INIT, fields);
}

pub(crate) fn open(out: &mut Vec<u8>, container: &str, hostname: &str, max_frame: usize, idle_ms: u32) {
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

pub(crate) fn begin(out: &mut Vec<u8>, incoming_window: u32, outgoing_window: u32) {
    let fields = vec![Value::Null, Value::Uint(0), Value::Uint(incoming_window), Value::Uint(outgoing_window)];
    write(out, 0, BEGIN, fields);
}

pub(crate) fn attach(out: &mut Vec<u8>, handle: u32, spec: &Attach) {
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
pub(crate) struct Windows {
    pub(crate) next_incoming_id: u32,
    pub(crate) incoming_window: u32,
    pub(crate) next_outgoing_id: u32,
    pub(crate) outgoing_window: u32,
}

/// What a flow says of a link: its handle, delivery count, credit, and whether it is drained.
pub(crate) type LinkFlow = (u32, u32, u32, bool);

pub(crate) fn flow(out: &mut Vec<u8>, windows: Windows, link: Option<LinkFlow>) {
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
pub(crate) fn transfer(
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
pub(crate) fn disposition(out: &mut Vec<u8>, receives: bool, first: u32, settled: bool, state: Value) {
    let fields = vec![Value::Bool(receives), Value::Uint(first), Value::Null, Value::Bool(settled), state];
    write(out, 0, DISPOSITION, fields);
}

/// The end of a link, and why, where something was wrong with it.
pub(crate) fn detach(out: &mut Vec<u8>, handle: u32, failure: Option<&Failure>) {
    let mut fields = vec![Value::Uint(handle), Value::Bool(true)];
    fields.extend(failure.map(|failure| {
        described(0x1d, vec![Value::symbol(&*failure.condition), Value::string(&*failure.description)])
    }));
    write(out, 0, DETACH, fields);
}

pub(crate) fn end(out: &mut Vec<u8>) {
    write(out, 0, END, Vec::new());
}

pub(crate) fn close(out: &mut Vec<u8>) {
    write(out, 0, CLOSE, Vec::new());
}

/// Says only that somebody is there.
pub(crate) fn empty(out: &mut Vec<u8>) {
    Writer::new(out, 0).finish();
}

/// Appends a section of a message that is bytes.
pub(crate) fn data(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(&[0, 0x53, 0x75]);
    put_sized(out, 0xa0, body);
}
