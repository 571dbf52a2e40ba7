use super::*;

const STANDARD: Rules = Rules { fifo: false, max_bytes: 1000 };
const FIFO: Rules = Rules { fifo: true, max_bytes: 1000 };

fn message(body: &[u8], attributes: &[(&'static str, &str)]) -> Message {
    let mut message = Message::new(body.to_vec());
    for (name, value) in attributes {
        message.set_attribute(*name, *value);
    }
    message
}

fn kind(message: Message, rules: Rules) -> PublishErrorKind {
    Parcel::new(message, rules).expect_err("refused").kind
}

fn values(parcel: &Parcel) -> Vec<(&str, &str, &str)> {
    let values = parcel.attributes.iter().flatten();
    let text = |value: &MessageAttributeValue| value.string_value.clone().unwrap_or_default().leak() as &str;
    let mut values: Vec<_> = values.map(|(name, value)| (&**name, &*value.data_type, text(value))).collect();
    values.sort_unstable();
    values
}

#[test]
fn texts_and_other_bodies() {
    for (body, sent, attributes) in [
        (&b"hello"[..], "hello", &[][..]),
        ("a\tb\r\n\u{e9}\u{1f980}".as_bytes(), "a\tb\r\n\u{e9}\u{1f980}", &[]),
        (b"a\0b", "YQBi", &[("base64encoded", "String", "true")]),
        (b"\xff", "/w==", &[("base64encoded", "String", "true")]),
        (br#"{"TopicArn":"x"}"#, r#"{"TopicArn":"x"}"#, &[("Sqs-Plain", "String", "true")]),
    ] {
        let parcel = Parcel::new(message(body, &[]), STANDARD).expect("taken");
        assert_eq!(parcel.body, sent);
        assert_eq!(values(&parcel), attributes, "{sent}");
    }
    assert_eq!(kind(Message::default(), STANDARD), PublishErrorKind::Invalid);
}

#[test]
fn attributes_that_cannot_be_carried() {
    for (name, value) in [
        ("a b", "x"),
        ("AWS.x", "x"),
        ("base64encoded", "x"),
        ("Sqs-Nothing", "x"),
        ("Sqs-Sequence-Number", "1"),
        ("Sqs-Delay-Seconds", "901"),
        ("Sqs-Delay-Seconds", "1.5"),
        ("X", ""),
        ("X", "a\0b"),
    ] {
        assert_eq!(kind(message(b"x", &[(name, value)]), STANDARD), PublishErrorKind::Invalid, "{name}");
    }
    const NAMES: [&str; 11] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"];
    let of = |body: &[u8], count| message(body, &NAMES.map(|name| (name, "1"))[..count]);
    assert!(Parcel::new(of(b"x", 10), STANDARD).is_ok());
    assert_eq!(kind(of(b"x", 11), STANDARD), PublishErrorKind::Invalid);
    // Its body's encoding is one as well.
    assert!(Parcel::new(of(b"\xff", 9), STANDARD).is_ok());
    assert_eq!(kind(of(b"\xff", 10), STANDARD), PublishErrorKind::Invalid);
    // What SQS is told is none.
    let told = message(b"x", &[("sqs-delay-seconds", "900"), ("Sqs-Trace-Header", "Root=1")]);
    let parcel = Parcel::new(told, STANDARD).expect("taken");
    assert_eq!((parcel.delay, parcel.trace.as_deref(), parcel.attributes), (Some(900), Some("Root=1"), None));
}

#[test]
fn what_looks_escaped_is_marked() {
    let looks = message(b"x", &[("Content-Type", "application%2Fjson"), ("X", "1")]);
    let parcel = Parcel::new(looks, STANDARD).expect("taken");
    let marked = [("Content-Type", "String.plain", "application%2Fjson"), ("X", "String.plain", "1")];
    assert_eq!(values(&parcel), marked);
    // What is no attribute on the wire does not change how the others look there.
    let beside =
        [("Content-Type", "application%2Fjson"), ("X", "a%20b"), ("Sqs-Trace-Header", "Root=1;Parent=2;Sampled=1")];
    let parcel = Parcel::new(message(b"x", &beside), STANDARD).expect("taken");
    let marked = [("Content-Type", "String.plain", "application%2Fjson"), ("X", "String.plain", "a%20b")];
    assert_eq!(values(&parcel), marked);
}

#[test]
fn sizes() {
    let of = |bytes, attributes| message(&vec![b'a'; bytes], attributes);
    assert_eq!(Parcel::new(of(1000, &[]), STANDARD).expect("taken").bytes, 1000);
    assert_eq!(kind(of(1001, &[]), STANDARD), PublishErrorKind::TooLarge);
    // Name, type and value.
    assert_eq!(Parcel::new(of(990, &[("X", "abc")]), STANDARD).expect("taken").bytes, 1000);
    assert_eq!(kind(of(991, &[("X", "abc")]), STANDARD), PublishErrorKind::TooLarge);
    assert_eq!(kind(message(&[0; 751], &[]), STANDARD), PublishErrorKind::TooLarge);
}

#[test]
fn groups_and_identities() {
    let of = |key: Option<&str>, id: Option<&str>| Message {
        key: key.map(str::to_owned),
        id: id.map(str::to_owned),
        ..Message::new("x")
    };
    let parcel = Parcel::new(of(Some("a"), Some("b")), FIFO).expect("taken");
    assert_eq!((parcel.group.as_deref(), parcel.deduplication.as_deref()), (Some("a"), Some("b")));
    // A standard queue has no place for an identity.
    let parcel = Parcel::new(of(Some("a"), Some("b c")), STANDARD).expect("taken");
    assert_eq!((parcel.group.as_deref(), parcel.deduplication.as_deref()), (Some("a"), None));
    assert_eq!(kind(of(None, Some("b")), FIFO), PublishErrorKind::Invalid);
    let long = "x".repeat(129);
    for wrong in ["", "a b", "\u{e9}", &long] {
        assert_eq!(kind(of(Some(wrong), None), FIFO), PublishErrorKind::Invalid);
        assert_eq!(kind(of(Some(wrong), None), STANDARD), PublishErrorKind::Invalid);
        assert_eq!(kind(of(Some("a"), Some(wrong)), FIFO), PublishErrorKind::Invalid);
    }
    // It may get one when it is sent.
    assert_eq!(Parcel::new(of(Some("a"), None), FIFO).expect("taken").deduplication, None);
    assert_eq!(kind(message(b"x", &[("Sqs-Delay-Seconds", "1")]), FIFO), PublishErrorKind::Invalid);
}
