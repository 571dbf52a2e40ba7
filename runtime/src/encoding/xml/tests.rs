use proptest::prelude::*;

use super::{decode, parse};

/// Documents, and what mxj 2.7 makes of them; nothing where it refuses them.
const TABLE: &[(&str, Option<&str>)] = &[
    (
        r#"<?xml version="1.0"?><order id="9"><item qty="2">pen</item><item qty="1">ink</item><note>a &amp; b</note><e/></order>"#,
        Some(
            r##"{"order":{"-id":"9","item":[{"-qty":"2","#text":"pen"},{"-qty":"1","#text":"ink"}],"note":"a & b","e":""}}"##,
        ),
    ),
    // Nothing is a number.
    ("<r><n>0012</n><b>false</b></r>", Some(r#"{"r":{"n":"0012","b":"false"}}"#)),
    // Of several runs of text the last counts, but one in front of all elements wins.
    ("<r>text<a/>more</r>", Some(r##"{"r":{"a":"","#text":"text"}}"##)),
    ("<r><a/>one<b/>two</r>", Some(r##"{"r":{"a":"","#text":"two","b":""}}"##)),
    (r#"<r x="1">text<a/>more</r>"#, Some(r##"{"r":{"-x":"1","#text":"more","a":""}}"##)),
    ("<r>a<!-- c -->b</r>", Some(r#"{"r":"b"}"#)),
    ("<r>a<![CDATA[<b>]]>c</r>", Some(r#"{"r":"c"}"#)),
    ("<r><![CDATA[ <b> ]]></r>", Some(r#"{"r":"<b>"}"#)),
    ("<r><a>1</a><b/><a>2</a><a x=\"3\">4</a></r>", Some(r##"{"r":{"a":["1","2",{"-x":"3","#text":"4"}],"b":""}}"##)),
    // Prefixes go, and declarations are attributes.
    (r#"<a:b xmlns:a="u" a:c="1" xmlns="d"><a:d/></a:b>"#, Some(r#"{"b":{"-a":"u","-c":"1","-xmlns":"d","d":""}}"#)),
    ("<x:/>", Some(r#"{"x:":""}"#)),
    ("<a:b:c/>", None),
    // What surrounds the first element is not looked at.
    ("lead<r/>trailing <", Some(r#"{"r":""}"#)),
    ("\u{FEFF}<r>x</r>", Some(r#"{"r":"x"}"#)),
    ("<!DOCTYPE r><r>1</r>", Some(r#"{"r":"1"}"#)),
    ("<r>  pad \t\r\n</r>", Some(r#"{"r":"pad"}"#)),
    ("<r>a\r\nb\rc</r>", Some(r#"{"r":"a\nb\nc"}"#)),
    ("<r a=\"x\ny\tz\"/>", Some(r#"{"r":{"-a":"x\ny\tz"}}"#)),
    (r#"<r a="1" a="2"/>"#, Some(r#"{"r":{"-a":"2"}}"#)),
    ("<r>&#65;&#x42;&lt;&#xD800;</r>", Some("{\"r\":\"AB<\u{FFFD}\"}")),
    // Only the five entities of XML, whatever a document type declares.
    ("<r>&nbsp;</r>", None),
    ("<!DOCTYPE r [<!ENTITY x \"y\">]><r>&x;</r>", None),
    ("<r>a & b</r>", None),
    ("<r>&#1;</r>", None),
    ("<r>&#x110000;</r>", None),
    ("<r>\u{1}</r>", None),
    ("<r>]]></r>", None),
    (r#"<?xml version="1.0" encoding="ISO-8859-1"?><r/>"#, None),
    (r#"<?xml version="1.0" encoding="UTF-8"?><r/>"#, Some(r#"{"r":""}"#)),
    (r#"<?xml version="1.1"?><r/>"#, None),
    ("<r a=1/>", None),
    ("<r a/>", None),
    ("<r a=\"<\"/>", None),
    ("<1/>", None),
    ("<r><a>1</r>", None),
    ("<r>", None),
    ("<r", None),
    ("", None),
    ("text", None),
];

#[test]
fn documents_are_read_as_mxj_reads_them() {
    for (document, expected) in TABLE {
        let found = decode(document.as_bytes());
        assert_eq!(found.as_ref().ok().map(ToString::to_string).as_deref(), *expected, "{document}: {found:?}");
    }
    assert!(decode(b"<r>\xff</r>").is_err());
}

#[test]
fn an_error_is_one_line_with_its_place() {
    let error = decode(b"<r>\n<a>&x;</a></r>").unwrap_err();
    assert_eq!(error, "XML, before byte 10: unknown entity `x`");
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(decode(nested(120).as_bytes()).is_ok());
    for levels in [121, 100_000] {
        assert_eq!(decode(nested(levels).as_bytes()).unwrap_err(), "XML: more than 120 levels");
        assert_eq!(parse(&nested(levels)).unwrap_err(), "XML: more than 120 levels");
    }
}

#[test]
fn entities_are_not_expanded() {
    let mut document = String::from("<!DOCTYPE r [<!ENTITY a0 \"lol\">");
    for level in 1..10 {
        let references = format!("&a{};", level - 1).repeat(10);
        document.push_str(&format!("<!ENTITY a{level} \"{references}\">"));
    }
    document.push_str("]><r>&a9;</r>");
    assert!(decode(document.as_bytes()).unwrap_err().ends_with("unknown entity `a9`"));
}

proptest! {
    /// Never a panic, and never much more than what came in: a value is at most its text, escaped.
    #[test]
    fn anything_is_read_or_refused(document in r#"(<[ab?!/]?|[ab]|>|/>|</a>|</b>|"|'|=| |&amp;|&#65;|&x;|]]>|<!\[CDATA\[|<!--|-->|é|\n){0,40}"#) {
        if let Ok(value) = decode(document.as_bytes()) {
            prop_assert!(value.to_string().len() <= 8 * document.len() + 16, "{value}");
        }
        let _ = parse(&document);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}
