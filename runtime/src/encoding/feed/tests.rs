use proptest::prelude::*;
use serde_json::Value;

use super::decode;
use super::text::{named_person, of_markup};

/// Feeds, and what gofeed 1.1.3 makes of them.
const TABLE: &[(&str, &str)] = &[
    (include_str!("tests/minimal.xml"), include_str!("tests/minimal.expected.json")),
    (include_str!("tests/rss.xml"), include_str!("tests/rss.expected.json")),
    (include_str!("tests/rdf.xml"), include_str!("tests/rdf.expected.json")),
    (include_str!("tests/atom.xml"), include_str!("tests/atom.expected.json")),
    (include_str!("tests/feed.json"), include_str!("tests/feed.expected.json")),
];

#[test]
fn feeds_are_read_as_gofeed_reads_them() {
    for (feed, expected) in TABLE {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(decode(feed.as_bytes()).unwrap(), expected);
    }
}

#[test]
fn what_is_no_feed_is_refused() {
    for body in ["", "text", "<html/>", "{", "<rss><channel></rss>", "[1]"] {
        assert!(decode(body.as_bytes()).is_err(), "{body}");
    }
    assert_eq!(decode(b"<html/>").unwrap_err(), "feed: `html` is neither RSS nor Atom");
    let empty = decode(b"<rss/>").unwrap();
    assert_eq!((&empty["items"], &empty["type"]), (&serde_json::json!([]), &"rss".into()));
}

#[test]
fn people_are_found_in_text() {
    for (text, expected) in [
        ("Ada", r#"{"name":"Ada"}"#),
        ("ada@x.test", r#"{"email":"ada@x.test"}"#),
        ("ada@x.test (Ada)", r#"{"name":"Ada","email":"ada@x.test"}"#),
        ("Ada (ada@x.test)", r#"{"name":"Ada","email":"ada@x.test"}"#),
        ("a@b@c", "{}"),
        ("Ada (", "{}"),
    ] {
        assert_eq!(named_person(text).to_string(), expected, "{text}");
    }
}

#[test]
fn entities_and_cdata_are_resolved() {
    for (markup, expected) in [
        ("a &amp; b &lt;i&gt;", "a & b <i>"),
        ("&eacute;&#233;&#xE9;&nbsp;", "ééé\u{A0}"),
        ("AT&T &unknown; & x;", "AT&T &unknown; & x;"),
        ("<![CDATA[<b>&amp;</b>]]>", "<b>&amp;</b>"),
        ("a&gt;<![CDATA[b]]>c", "a>bc"),
        ("<![CDATA[open", "<![CDATA[open"),
        ("&#0;&#xD800;", "\u{FFFD}\u{FFFD}"),
    ] {
        assert_eq!(of_markup(markup), expected, "{markup}");
    }
}

proptest! {
    /// Never a panic, whatever is cut out of a feed or put into it.
    #[test]
    fn any_change_is_read_or_refused(feed in 0..5usize, at in 0.0..1.0f64, length in 0..60usize, put in r#"[<>/&;"=a-z\[\]{}!0-9: é-]{0,8}"#) {
        let mut text = TABLE[feed].0.to_owned();
        let floor = |mut offset: usize| {
            while !text.is_char_boundary(offset) {
                offset -= 1;
            }
            offset
        };
        let start = floor((text.len() as f64 * at) as usize);
        let end = floor((start + length).min(text.len())).max(start);
        text.replace_range(start..end, &put);
        let _ = decode(text.as_bytes());
    }
}
