use proptest::prelude::*;

use super::*;

fn round(value: &Value) -> Value {
    let mut out = Vec::new();
    value.encode(&mut out);
    for cut in 0..out.len() {
        assert!(Value::decode(&mut Bytes::copy_from_slice(&out[..cut])).is_err(), "{value:?} cut at {cut}");
    }
    let mut bytes = Bytes::from(out);
    let read = Value::decode(&mut bytes).unwrap();
    assert!(bytes.is_empty());
    read
}

#[test]
fn values_are_written_and_read() {
    let long = "x".repeat(300);
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Ubyte(7),
        Value::Ushort(700),
        Value::Uint(0),
        Value::Uint(255),
        Value::Uint(u32::MAX),
        Value::Ulong(0),
        Value::Ulong(0x73),
        Value::Ulong(u64::MAX),
        Value::Byte(-1),
        Value::Short(-300),
        Value::Int(i32::MIN),
        Value::Long(i64::MIN),
        Value::Float(1.5),
        Value::Double(-0.25),
        Value::Decimal(Bytes::from_static(&[1, 2, 3, 4])),
        Value::Decimal(Bytes::from_static(&[1; 8])),
        Value::Decimal(Bytes::from_static(&[1; 16])),
        Value::Char('é'),
        Value::Timestamp(1_700_000_000_123),
        Value::Uuid([9; 16]),
        Value::Binary(Bytes::from_static(b"\0\xff")),
        Value::string(long.clone()),
        Value::symbol("amqp:not-found"),
        Value::List(Vec::new()),
        Value::List(vec![Value::Null, Value::string("é")]),
        Value::Map(vec![(Value::symbol("a"), Value::List(vec![Value::Bool(true)])), (Value::Int(1), Value::Null)]),
        Value::Array(vec![Value::Uuid([1; 16]), Value::Uuid([2; 16])]),
        Value::Array(vec![Value::symbol("a"), Value::symbol("b")]),
        Value::Array(vec![Value::Timestamp(1), Value::Timestamp(-1)]),
        Value::Described(Box::new((Value::Ulong(0x29), Value::List(vec![Value::Uint(3)])))),
    ] {
        assert_eq!(round(&value), value);
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let deep = [0xc0, 200, 1].repeat(60);
    for bytes in [&[0x99][..], &[0xa1, 1, 0xff], &[0x73, 0, 0, 0xd8, 0], &[0xc1, 2, 1, 0x40], &[0xd0; 9], &deep] {
        assert!(Value::decode(&mut Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
    }
    // A count that promises more than there is takes no memory.
    let bytes = [0xd0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40];
    assert!(Value::decode(&mut Bytes::copy_from_slice(&bytes)).is_err());
    let bytes = [0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40];
    assert_eq!(Value::decode(&mut Bytes::copy_from_slice(&bytes)), Err("there are too many values without bytes"));
}

/// An array of `count` elements of the type `of`, each described by a name of `length` bytes.
fn described_array(count: u32, length: usize, of: u8, elements: &[u8]) -> Bytes {
    let mut array = count.to_be_bytes().to_vec();
    array.push(0);
    Value::Symbol("n".repeat(length)).encode(&mut array);
    array.push(of);
    array.extend_from_slice(elements);
    let mut out = Vec::new();
    out.push(0xf0);
    out.extend_from_slice(&(array.len() as u32).to_be_bytes());
    out.extend(array);
    out.into()
}

/// What is read takes memory in proportion to what came in, or to the limit.
#[test]
fn descriptors_of_arrays_are_counted_for_each_element() {
    let refused = |mut bytes: Bytes| Value::decode(&mut bytes).expect_err("it is too much");
    assert_eq!(refused(described_array(262_000, 200_000, 0x40, &[])), "there are too many values without bytes");
    assert_eq!(refused(described_array(262_000, 2_000, 0x45, &[])), "there are too many values without bytes");
    // 1,024 of 200 KB, and 100,000 of 2 KB that have a byte each.
    assert_eq!(refused(described_array(1_024, 200_000, 0x40, &[])), "there are too many values");
    assert_eq!(refused(described_array(100_000, 2_000, 0x50, &[7; 100_000])), "there are too many values");
    // What is usual is read.
    let Ok(Value::Array(elements)) = Value::decode(&mut described_array(1_024, 20, 0x50, &[7; 1_024])) else {
        panic!("an array");
    };
    assert_eq!(elements[1_023], Value::Described(Box::new((Value::Symbol("n".repeat(20)), Value::Ubyte(7)))));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u32>().prop_map(Value::Uint),
        any::<u64>().prop_map(Value::Ulong),
        any::<i64>().prop_map(Value::Long),
        any::<i64>().prop_map(Value::Timestamp),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        any::<char>().prop_map(Value::Char),
        ".{0,300}".prop_map(Value::String),
        "[a-z:-]{0,40}".prop_map(Value::Symbol),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Binary(bytes.into())),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..8).prop_map(Value::Map),
            (inner.clone(), inner).prop_map(|both| Value::Described(Box::new(both))),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_comes_back(value in values()) {
        let mut out = Vec::new();
        value.encode(&mut out);
        let mut bytes = Bytes::from(out);
        prop_assert_eq!(Value::decode(&mut bytes), Ok(value));
        prop_assert!(bytes.is_empty());
    }

    /// Bytes that are wrong in places are read or refused.
    #[test]
    fn no_bytes_are_too_much(
        value in values(),
        wrong in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut out = Vec::new();
        value.encode(&mut out);
        for (at, byte) in wrong {
            let at = at.index(out.len());
            out[at] = byte;
        }
        let _ = Value::decode(&mut Bytes::from(out));
        let _ = Value::decode(&mut Bytes::from(noise));
    }
}
