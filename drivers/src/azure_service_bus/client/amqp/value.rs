//! AMQP's types: values, as they are read and written (part 1 of the standard).

#[cfg(test)]
mod tests;

use bytes::{Buf as _, Bytes};

/// How deep values may lie in each other, and how many of them there may be: each takes more memory than bytes on the wire.
const MOST_DEPTH: u32 = 32;
const MOST_VALUES: u32 = 1 << 18;

/// How many elements of an array may have no bytes of their own.
const MOST_EMPTY: usize = 1_024;

/// What an array's descriptor takes for each element counts as one more value for as many bytes.
const BYTES_OF_A_VALUE: usize = 32;

/// A value of any type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// A decimal number of 4, 8 or 16 bytes, which nothing here reckons with.
    Decimal(Bytes),
    Char(char),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(String),
    Symbol(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Array(Vec<Value>),
    /// A value with its descriptor.
    Described(Box<(Value, Value)>),
}

const TRUNCATED: &str = "a value is cut off";

impl Value {
    pub(crate) fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn symbol(text: impl Into<String>) -> Self {
        Self::Symbol(text.into())
    }

    /// A text or a symbol.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// A number without a sign, of any width.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Ubyte(number) => Some(number.into()),
            Self::Ushort(number) => Some(number.into()),
            Self::Uint(number) => Some(number.into()),
            Self::Ulong(number) => Some(number),
            _ => None,
        }
    }

    /// A number of any width that fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Byte(number) => Some(number.into()),
            Self::Short(number) => Some(number.into()),
            Self::Int(number) => Some(number.into()),
            Self::Long(number) => Some(number),
            ref other => other.as_u64().and_then(|number| i64::try_from(number).ok()),
        }
    }

    pub(crate) fn as_u32(&self) -> Option<u32> {
        self.as_u64().and_then(|number| u32::try_from(number).ok())
    }

    /// The value of the entry called `name`, where this is a map.
    pub(crate) fn entry(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    }

    /// Reads one value and leaves what follows it.
    ///
    /// # Errors
    /// It is cut off, or no value.
    pub(crate) fn decode(bytes: &mut Bytes) -> Result<Self, &'static str> {
        Self::read(bytes, &mut Limits::default())
    }

    /// Reads one value of several, which have their limits together.
    pub(super) fn read(bytes: &mut Bytes, limits: &mut Limits) -> Result<Self, &'static str> {
        let code = byte(bytes)?;
        if code != 0 {
            return Self::read_as(code, bytes, limits);
        }
        limits.inside(|limits| {
            let descriptor = Self::read(bytes, limits)?;
            Ok(Self::Described(Box::new((descriptor, Self::read(bytes, limits)?))))
        })
    }

    fn read_as(code: u8, bytes: &mut Bytes, limits: &mut Limits) -> Result<Self, &'static str> {
        limits.take(1)?;
        // The width is in the upper half of the code.
        let fixed = [0, 1, 2, 4, 8, 16].get(usize::from(code >> 4).wrapping_sub(4)).copied();
        if let Some(width) = fixed
            && bytes.len() < width
        {
            return Err(TRUNCATED);
        }
        Ok(match code {
            0x40 => Self::Null,
            0x41 => Self::Bool(true),
            0x42 => Self::Bool(false),
            0x43 => Self::Uint(0),
            0x44 => Self::Ulong(0),
            0x45 => Self::List(Vec::new()),
            0x50 => Self::Ubyte(bytes.get_u8()),
            0x51 => Self::Byte(bytes.get_i8()),
            0x52 => Self::Uint(bytes.get_u8().into()),
            0x53 => Self::Ulong(bytes.get_u8().into()),
            0x54 => Self::Int(bytes.get_i8().into()),
            0x55 => Self::Long(bytes.get_i8().into()),
            0x56 => Self::Bool(bytes.get_u8() != 0),
            0x60 => Self::Ushort(bytes.get_u16()),
            0x61 => Self::Short(bytes.get_i16()),
            0x70 => Self::Uint(bytes.get_u32()),
            0x71 => Self::Int(bytes.get_i32()),
            0x72 => Self::Float(bytes.get_f32()),
            0x73 => Self::Char(char::from_u32(bytes.get_u32()).ok_or("no character")?),
            0x80 => Self::Ulong(bytes.get_u64()),
            0x81 => Self::Long(bytes.get_i64()),
            0x82 => Self::Double(bytes.get_f64()),
            0x83 => Self::Timestamp(bytes.get_i64()),
            0x74 => Self::Decimal(bytes.split_to(4)),
            0x84 => Self::Decimal(bytes.split_to(8)),
            0x94 => Self::Decimal(bytes.split_to(16)),
            0x98 => {
                let mut uuid = [0; 16];
                bytes.copy_to_slice(&mut uuid);
                Self::Uuid(uuid)
            }
            0xa0 | 0xb0 => Self::Binary(sized(code, bytes)?),
            0xa1 | 0xb1 => Self::String(text(sized(code, bytes)?)?),
            0xa3 | 0xb3 => Self::Symbol(text(sized(code, bytes)?)?),
            0xc0 | 0xd0 => Self::List(items(code, sized(code, bytes)?, limits)?),
            0xc1 | 0xd1 => {
                let mut items = items(code, sized(code, bytes)?, limits)?.into_iter();
                let mut entries = Vec::with_capacity(items.len() / 2);
                while let Some(key) = items.next() {
                    entries.push((key, items.next().ok_or("a map has a key without a value")?));
                }
                Self::Map(entries)
            }
            0xe0 | 0xf0 => Self::Array(elements(code, sized(code, bytes)?, limits)?),
            _ => return Err("a value of an unknown type"),
        })
    }

    /// Appends the value.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0x40),
            Self::Bool(true) => out.push(0x41),
            Self::Bool(false) => out.push(0x42),
            Self::Ubyte(number) => out.extend_from_slice(&[0x50, *number]),
            Self::Ushort(number) => put(out, 0x60, &number.to_be_bytes()),
            Self::Uint(0) => out.push(0x43),
            Self::Uint(number) => match u8::try_from(*number) {
                Ok(number) => out.extend_from_slice(&[0x52, number]),
                Err(_) => put(out, 0x70, &number.to_be_bytes()),
            },
            Self::Ulong(0) => out.push(0x44),
            Self::Ulong(number) => match u8::try_from(*number) {
                Ok(number) => out.extend_from_slice(&[0x53, number]),
                Err(_) => put(out, 0x80, &number.to_be_bytes()),
            },
            Self::Byte(number) => put(out, 0x51, &number.to_be_bytes()),
            Self::Short(number) => put(out, 0x61, &number.to_be_bytes()),
            Self::Int(number) => put(out, 0x71, &number.to_be_bytes()),
            Self::Long(number) => put(out, 0x81, &number.to_be_bytes()),
            Self::Float(number) => put(out, 0x72, &number.to_be_bytes()),
            Self::Double(number) => put(out, 0x82, &number.to_be_bytes()),
            Self::Decimal(bytes) => put(out, [0x74, 0x84, 0x94][(bytes.len() / 8).min(2)], bytes),
            Self::Char(char) => put(out, 0x73, &u32::from(*char).to_be_bytes()),
            Self::Timestamp(time) => put(out, 0x83, &time.to_be_bytes()),
            Self::Uuid(uuid) => put(out, 0x98, uuid),
            Self::Binary(bytes) => put_sized(out, 0xa0, bytes),
            Self::String(text) => put_sized(out, 0xa1, text.as_bytes()),
            Self::Symbol(text) => put_sized(out, 0xa3, text.as_bytes()),
            Self::List(items) if items.is_empty() => out.push(0x45),
            Self::List(items) => {
                let list = Open::new(out, 0xd0, items.len());
                items.iter().for_each(|item| item.encode(out));
                list.close(out);
            }
            Self::Map(entries) => {
                let map = Open::new(out, 0xd1, 2 * entries.len());
                for (key, value) in entries {
                    key.encode(out);
                    value.encode(out);
                }
                map.close(out);
            }
            Self::Array(items) => encode_array(items, out),
            Self::Described(described) => {
                out.push(0);
                described.0.encode(out);
                described.1.encode(out);
            }
        }
    }
}

/// A list or map whose length is not known yet.
struct Open {
    at: usize,
}

impl Open {
    fn new(out: &mut Vec<u8>, code: u8, count: usize) -> Self {
        out.push(code);
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(count as u32).to_be_bytes());
        Self { at }
    }

    fn close(self, out: &mut [u8]) {
        let length = (out.len() - self.at - 4) as u32;
        out[self.at..self.at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Of elements of one type that has one width: what this client sends.
fn encode_array(items: &[Value], out: &mut Vec<u8>) {
    let array = Open::new(out, 0xf0, items.len());
    let code = match items.first() {
        None | Some(Value::Null) => 0x40,
        Some(Value::Uuid(_)) => 0x98,
        Some(Value::Long(_)) => 0x81,
        Some(Value::Timestamp(_)) => 0x83,
        Some(Value::Symbol(_)) => 0xb3,
        Some(_) => 0xb1,
    };
    out.push(code);
    for item in items {
        match item {
            Value::Uuid(uuid) if code == 0x98 => out.extend_from_slice(uuid),
            Value::Long(number) if code == 0x81 => out.extend_from_slice(&number.to_be_bytes()),
            Value::Timestamp(time) if code == 0x83 => out.extend_from_slice(&time.to_be_bytes()),
            Value::Symbol(text) | Value::String(text) if code == 0xb3 || code == 0xb1 => {
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            _ => {}
        }
    }
    array.close(out);
}

fn put(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend_from_slice(bytes);
}

/// Appends what has a length, in its short form where it is short. The long form's code is 0x10 above.
pub(super) fn put_sized(out: &mut Vec<u8>, short: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[short, length]),
        Err(_) => put(out, short + 0x10, &(bytes.len() as u32).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

fn byte(bytes: &mut Bytes) -> Result<u8, &'static str> {
    bytes.try_get_u8().map_err(|_| TRUNCATED)
}

/// A length of one byte, or of four where the code has its fifth bit (0xb0, 0xd0, 0xf0).
fn length(code: u8, bytes: &mut Bytes) -> Result<usize, &'static str> {
    match code & 0x10 {
        0 => byte(bytes).map(usize::from),
        _ => bytes.try_get_u32().map(|length| length as usize).map_err(|_| TRUNCATED),
    }
}

fn sized(code: u8, bytes: &mut Bytes) -> Result<Bytes, &'static str> {
    let length = length(code, bytes)?;
    if length > bytes.len() {
        return Err(TRUNCATED);
    }
    Ok(bytes.split_to(length))
}

fn text(bytes: Bytes) -> Result<String, &'static str> {
    String::from_utf8(bytes.into()).map_err(|_| "a text that is not UTF-8")
}

fn items(code: u8, mut bytes: Bytes, limits: &mut Limits) -> Result<Vec<Value>, &'static str> {
    let count = length(code, &mut bytes)?;
    limits.inside(|limits| {
        // What is promised takes no memory before it is there.
        let mut items = Vec::with_capacity(count.min(bytes.len()).min(16));
        for _ in 0..count {
            items.push(Value::read(&mut bytes, limits)?);
        }
        Ok(items)
    })
}

fn elements(code: u8, mut bytes: Bytes, limits: &mut Limits) -> Result<Vec<Value>, &'static str> {
    let count = length(code, &mut bytes)?;
    limits.inside(|limits| {
        let mut of = byte(&mut bytes)?;
        let mut descriptor = None;
        if of == 0 {
            let read = Value::read(&mut bytes, limits)?;
            // It is there again for each element.
            if !matches!(read, Value::Ulong(_) | Value::Symbol(_)) {
                return Err("a descriptor that is neither a number nor a name");
            }
            descriptor = Some(read);
            of = byte(&mut bytes)?;
        }
        let has_bytes = !matches!(of, 0x40..=0x4f);
        if count > MOST_EMPTY && !has_bytes {
            return Err("there are too many values without bytes");
        }
        // A pair in a box, and the name.
        let beside = descriptor
            .as_ref()
            .map_or(0, |descriptor: &Value| 2 + descriptor.as_text().map_or(0, str::len) / BYTES_OF_A_VALUE);
        let mut elements = Vec::new();
        for _ in 0..count {
            limits.take(beside)?;
            let value = Value::read_as(of, &mut bytes, limits)?;
            elements.push(match &descriptor {
                None => value,
                Some(descriptor) => Value::Described(Box::new((descriptor.clone(), value))),
            });
        }
        Ok(elements)
    })
}

/// How much deeper values may lie, and how many more there may be.
pub(super) struct Limits {
    depth: u32,
    values: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: MOST_DEPTH, values: MOST_VALUES }
    }
}

impl Limits {
    fn take(&mut self, values: usize) -> Result<(), &'static str> {
        let left = u32::try_from(values).ok().and_then(|values| self.values.checked_sub(values));
        self.values = left.ok_or("there are too many values")?;
        Ok(())
    }

    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, &'static str>) -> Result<T, &'static str> {
        self.depth = self.depth.checked_sub(1).ok_or("values lie too deep in each other")?;
        let read = read(self)?;
        self.depth += 1;
        Ok(read)
    }
}
