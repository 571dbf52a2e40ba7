use super::*;

const TOPIC: &str = "arn:aws:sns:us-east-2:123456789012:orders";

fn value(data_type: &str, text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type(data_type).string_value(text).build().expect("whole")
}

fn wire(body: &str, attributes: &[(&str, &str)]) -> Wire {
    let attributes = attributes.iter().map(|(name, text)| ((*name).to_owned(), value("String", text))).collect();
    Wire::builder()
        .message_id("m-1")
        .receipt_handle("r-1")
        .body(body)
        .attributes(System::SentTimestamp, "1700000000123")
        .attributes(System::ApproximateReceiveCount, "3")
        .set_message_attributes(Some(attributes))
        .build()
}

fn read(wire: Wire, reading: &Reading) -> (Vec<u8>, Vec<(String, String)>) {
    let received = Received::new(wire, reading).expect("it can be settled");
    let attributes = received.message.attributes.into_iter();
    (received.message.body.into(), attributes.map(|one| (one.name.into_owned(), one.value)).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of_topic() -> Reading {
    Reading { raw: false, topic: Some(TOPIC.to_owned()) }
}

#[test]
fn what_sqs_says_of_a_message() {
    let received = Received::new(wire("hello", &[]), &Reading::default()).expect("it can be settled");
    assert_eq!((received.count, received.message.id.as_deref()), (Some(3), Some("m-1")));
    assert_eq!(received.sent, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)));
    let mut fifo = wire("hello", &[]);
    fifo.attributes.get_or_insert_default().extend([
        (System::MessageGroupId, "g".to_owned()),
        (System::MessageDeduplicationId, "d".to_owned()),
        (System::SequenceNumber, "18849496460467696128".to_owned()),
        (System::AwsTraceHeader, "Root=1".to_owned()),
    ]);
    let received = Received::new(fifo, &Reading::default()).expect("it can be settled");
    assert_eq!((received.message.key.as_deref(), received.message.id.as_deref()), (Some("g"), Some("d")));
    assert_eq!(received.message.attribute(SEQUENCE_NUMBER), Some("18849496460467696128"));
    assert_eq!(received.message.attribute(TRACE_HEADER), Some("Root=1"));
    let without = Wire::builder().body("hello").build();
    assert!(Received::new(without, &Reading::default()).is_none());
}

#[test]
fn plain_attributes_and_those_of_a_krakend() {
    let plain = [("Content-Type", "application/json"), ("X", "100%25")];
    assert_eq!(read(wire("x", &plain), &Reading::default()), (b"x".to_vec(), pairs(&plain)));
    let escaped = wire("x", &[("Content-Type", "application%2Fjson"), ("X__0x20__Y", "caf%C3%A9")]);
    let unescaped = pairs(&[("Content-Type", "application/json"), ("X Y", "caf\u{e9}")]);
    assert_eq!(read(escaped, &Reading::default()), (b"x".to_vec(), unescaped));
    let mut marked = wire("x", &[]);
    marked.message_attributes =
        Some(HashMap::from([("Content-Type".to_owned(), value(PLAIN_STRING, "application%2Fjson"))]));
    assert_eq!(read(marked, &Reading::default()).1, pairs(&[("Content-Type", "application%2Fjson")]));
}

#[test]
fn numbers_and_bytes_are_texts() {
    let mut message = wire("x", &[]);
    let bytes = MessageAttributeValue::builder().data_type("Binary").binary_value(vec![0_u8, 255].into());
    message.message_attributes =
        Some(HashMap::from([("N".to_owned(), value("Number", "42")), ("B".to_owned(), bytes.build().expect("whole"))]));
    assert_eq!(read(message, &Reading::default()).1, pairs(&[("B", "AP8="), ("N", "42")]));
}

#[test]
fn bodies_of_base64() {
    let reading = Reading::default();
    assert_eq!(read(wire("/w==", &[("base64encoded", "true")]), &reading), (vec![255], vec![]));
    assert_eq!(read(wire("/w==", &[]), &reading), (b"/w==".to_vec(), vec![]));
    // As go-cloud does.
    assert_eq!(read(wire("no base64", &[("base64encoded", "true")]), &reading), (b"no base64".to_vec(), vec![]));
    let received = Received::new(wire("/w==", &[("base64encoded", "true")]), &reading).expect("it can be settled");
    assert_eq!(received.original.with_body(&received.message).body.as_deref(), Some("/w=="));
}

#[test]
fn envelopes() {
    let envelope = format!(
        r#"{{"Type":"Notification","TopicArn":"{TOPIC}","Message":"/w==","MessageAttributes":
        {{"X":{{"Type":"String","Value":"1"}},"base64encoded":{{"Type":"String","Value":"true"}}}}}}"#
    );
    // Whoever can choose a body can write one: its attributes are believed where the topic is known.
    assert_eq!(read(wire(&envelope, &[]), &Reading::default()), (vec![255], vec![]));
    assert_eq!(read(wire(&envelope, &[]), &of_topic()), (vec![255], pairs(&[("X", "1")])));
    let untouched = (envelope.clone().into_bytes(), vec![]);
    assert_eq!(read(wire(&envelope, &[]), &Reading { raw: true, topic: None }), untouched);
    let other = Reading { topic: Some(format!("{TOPIC}2")), raw: false };
    assert_eq!(read(wire(&envelope, &[]), &other), untouched);
    // SNS sets no attributes beside an envelope, and our own publisher marks what only looks like one.
    assert_eq!(read(wire(&envelope, &[("Sqs-Plain", "true")]), &of_topic()), untouched);
    let received = Received::new(wire(&envelope, &[]), &of_topic()).expect("it can be settled");
    assert_eq!(received.original.with_body(&received.message).body, Some(envelope));
}

#[test]
fn a_publisher_does_not_say_what_sqs_says() {
    let forged = [("Sqs-Sequence-Number", "1"), ("sqs-trace-header", "x"), ("Sqs-Else", "1")];
    assert_eq!(read(wire("x", &forged), &Reading::default()).1, pairs(&[("Sqs-Else", "1")]));
    let escaped = [
        ("Content-Type", "application%2Fjson"),
        ("Sqs__0x2d__Sequence-Number", "1"),
        ("sqs__0x2d__Trace-Header", "x"),
        ("base64__0x65__ncoded", "true"),
    ];
    assert_eq!(read(wire("x", &escaped), &Reading::default()).1, pairs(&[("Content-Type", "application/json")]));
}
