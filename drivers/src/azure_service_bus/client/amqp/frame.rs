//! Frames: what is said on a connection, as it is read and written (part 2 of the standard).

#[cfg(test)]
mod tests;
mod write;

use bytes::{Buf as _, Bytes, BytesMut};

pub(super) use self::write::*;
use super::Failure;
use super::value::Value;

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

/// The descriptor and fields of a composite value.
pub(super) fn composite(value: Value) -> Option<(u64, Vec<Value>)> {
    let Value::Described(described) = value else { return None };
    let (descriptor, Value::List(fields)) = *described else { return None };
    Some((code(&descriptor)?, fields))
}

/// The number that a descriptor is, or that its name stands for.
pub(super) fn code(descriptor: &Value) -> Option<u64> {
    let Value::Symbol(name) = descriptor else { return descriptor.as_u64() };
    Some(match &**name {
        "amqp:open:list" => OPEN,
        "amqp:begin:list" => BEGIN,
        "amqp:attach:list" => ATTACH,
        "amqp:flow:list" => FLOW,
        "amqp:transfer:list" => TRANSFER,
        "amqp:disposition:list" => DISPOSITION,
        "amqp:detach:list" => DETACH,
        "amqp:end:list" => END,
        "amqp:close:list" => CLOSE,
        "amqp:error:list" => 0x1d,
        "amqp:received:list" => 0x23,
        "amqp:accepted:list" => 0x24,
        "amqp:rejected:list" => 0x25,
        "amqp:released:list" => 0x26,
        "amqp:modified:list" => 0x27,
        "amqp:sasl-mechanisms:list" => SASL_MECHANISMS,
        "amqp:sasl-outcome:list" => SASL_OUTCOME,
        "amqp:header:list" => 0x70,
        "amqp:delivery-annotations:map" => 0x71,
        "amqp:message-annotations:map" => 0x72,
        "amqp:properties:list" => 0x73,
        "amqp:application-properties:map" => 0x74,
        "amqp:data:binary" => 0x75,
        "amqp:amqp-sequence:list" => 0x76,
        "amqp:amqp-value:*" => 0x77,
        "amqp:footer:map" => 0x78,
        _ => return None,
    })
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
