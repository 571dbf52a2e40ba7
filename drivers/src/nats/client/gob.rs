//! What a KrakenD publishes without `natsv2`: a message's metadata and its body as two values of Go's gob encoding.
//!
//! Only that is read: a definition of `map[string]string`, one value of it, one value of `[]byte`, and nothing else.

use bytes::Bytes;

use super::index::Index;
use crate::Attribute;

/// `[]byte`, which every gob stream knows.
const BYTES: i64 = 5;

/// After a new type's number: a map whose keys and values are strings (`MapT`, its `CommonType` with only a number).
const MAP_BEFORE_ID: &[u8] = &[4, 1, 2];
const MAP_AFTER_ID: &[u8] = &[0, 1, 12, 1, 12, 0, 0];

/// The metadata and the body in `message`, where it is such a message.
pub(crate) fn read(message: &Bytes) -> Option<(Vec<Attribute>, Bytes)> {
    // The first message defines a type, and starts with its own length and a negative number.
    let mut rest = &message[..];
    let id = defined_map(sized(&mut rest)?)?;
    let attributes = map(sized(&mut rest)?, id)?;
    let body = bytes(sized(&mut rest)?)?;
    rest.is_empty().then(|| (attributes, message.slice_ref(body)))
}

/// The number of the map type that `message` defines.
fn defined_map(mut message: &[u8]) -> Option<i64> {
    let id = signed(&mut message)?.checked_neg().filter(|id| *id > 0)?;
    message = message.strip_prefix(MAP_BEFORE_ID)?;
    (signed(&mut message)? == id && message == MAP_AFTER_ID).then_some(id)
}

fn map(mut message: &[u8], id: i64) -> Option<Vec<Attribute>> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut index = Index::default();
    let count = value(&mut message, id).and_then(|()| unsigned(&mut message))?;
    for _ in 0..count {
        let name = text(&mut message)?;
        let value = text(&mut message)?;
        if index.find(&attributes, &name).is_some() {
            return None;
        }
        attributes.push(Attribute { name: name.into(), value });
    }
    message.is_empty().then_some(attributes)
}

fn bytes(mut message: &[u8]) -> Option<&[u8]> {
    value(&mut message, BYTES)?;
    let bytes = sized(&mut message)?;
    message.is_empty().then_some(bytes)
}

/// The head of a value that is no struct: its type, and a zero.
fn value(message: &mut &[u8], id: i64) -> Option<()> {
    (signed(message)? == id && take(message, 1)? == [0]).then_some(())
}

fn text(message: &mut &[u8]) -> Option<String> {
    String::from_utf8(sized(message)?.to_vec()).ok()
}

/// Bytes behind their length.
fn sized<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(unsigned(message)?).ok()?;
    take(message, length)
}

/// Below 128 one byte, otherwise as many as the first one says, negated, the highest first.
fn unsigned(message: &mut &[u8]) -> Option<u64> {
    match take(message, 1)?[0] {
        small @ 0..128 => Some(small.into()),
        length => {
            let length = usize::from(length.wrapping_neg());
            let bytes = (length <= 8).then(|| take(message, length))??;
            // Shorter where it can be: other than that, it is not Go that wrote it.
            (bytes[0] != 0).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
    }
}

/// The sign is in the lowest bit.
fn signed(message: &mut &[u8]) -> Option<i64> {
    let bits = unsigned(message)?;
    let number = (bits >> 1).cast_signed();
    Some(if bits & 1 == 1 { !number } else { number })
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by Go's encoding/gob.
    const ONE: &[u8] = b"\x0d\x7f\x04\x01\x02\xff\x80\x00\x01\x0c\x01\x0c\x00\x00\
        \x1c\xff\x80\x00\x01\x0cContent-Type\x0atext/plain\x05\x0a\x00\x02hi";
    const NO_BODY: &[u8] =
        b"\x0d\x7f\x04\x01\x02\xff\x80\x00\x01\x0c\x01\x0c\x00\x00\x07\xff\x80\x00\x01\x01A\x00\x03\x0a\x00\x00";
    const LONG: &[u8] = b"\x0d\x7f\x04\x01\x02\xff\x80\x00\x01\x0c\x01\x0c\x00\x00\
        \x08\xff\x80\x00\x01\x01A\x01x\xfe\x01\x31\x0a\x00\xfe\x01\x2c";

    type Pairs = Vec<(String, String)>;

    fn read_pairs(message: &[u8]) -> Option<(Pairs, Vec<u8>)> {
        let (attributes, body) = read(&Bytes::copy_from_slice(message))?;
        let pairs = attributes.into_iter().map(|attribute| (attribute.name.into_owned(), attribute.value));
        Some((pairs.collect(), body.to_vec()))
    }

    fn pair(name: &str, value: &str) -> Pairs {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn what_a_krakend_wrote() {
        assert_eq!(read_pairs(ONE), Some((pair("Content-Type", "text/plain"), b"hi".to_vec())));
        assert_eq!(read_pairs(NO_BODY), Some((pair("A", ""), Vec::new())));
        let body = [b'b'; 300];
        assert_eq!(read_pairs(&[LONG, &body].concat()), Some((pair("A", "x"), body.to_vec())));
    }

    #[test]
    fn anything_else_is_a_body() {
        for cut in 0..ONE.len() {
            assert_eq!(read_pairs(&ONE[..cut]), None, "{cut}");
        }
        assert_eq!(read_pairs(&[ONE, b"\n"].concat()), None);
        for index in 0..15 {
            let mut other = ONE.to_vec();
            other[index] ^= 1;
            assert_eq!(read_pairs(&other), None, "{index}");
        }
        for other in [&b"{\"a\":1}"[..], b"", b"\x00", b"\xff", b"\xf0\x01\x02", b"\x0d\x7f\x04"] {
            assert_eq!(read_pairs(other), None, "{other:?}");
        }
    }

    /// Whoever may publish can send that. Looking through them for each would take minutes.
    #[test]
    fn a_map_of_a_hundred_thousand_names() {
        let message = |last: &str| {
            let mut map = b"\xff\x80\x00\xfd\x01\x86\xa0".to_vec();
            for number in 0..100_000 {
                let name = if number == 99_999 { last.to_owned() } else { number.to_string() };
                map.push(name.len() as u8);
                map.extend_from_slice(name.as_bytes());
                map.push(0);
            }
            let mut message = ONE[..14].to_vec();
            message.push(0xfd);
            message.extend_from_slice(&(map.len() as u32).to_be_bytes()[1..]);
            message.extend_from_slice(&map);
            message.extend_from_slice(b"\x05\x0a\x00\x02hi");
            message
        };
        let (attributes, body) = read_pairs(&message("last")).expect("a KrakenD could have written it");
        assert_eq!((attributes.len(), &*body), (100_000, &b"hi"[..]));
        assert_eq!(read_pairs(&message("0")), None, "a map has no name twice");
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0..ONE.len()) {
            let _ = read_pairs(&bytes);
            let _ = read_pairs(&[&ONE[..at], &bytes].concat());
        }
    }
}
