use proptest::prelude::*;

use super::*;
use crate::diagnostic::Severity;

fn errors(text: &str) -> (Option<Node>, Vec<(usize, usize, String)>) {
    let sink = Sink::default();
    let node = parse(text, 0, &sink);
    let errors = sink.finish(node.as_ref()).into_iter();
    (node, errors.map(|error| (error.span.start, error.span.end, error.message)).collect())
}

#[test]
fn every_syntax_error_has_its_place() {
    for (text, expected) in [
        ("", vec![(0, 0, "the file is empty")]),
        (" \n", vec![(0, 0, "the file is empty")]),
        ("\u{feff}{}", vec![(0, 3, "the file begins with a byte order mark")]),
        ("[1,]", vec![(2, 3, "JSON has no trailing commas")]),
        ("{\"a\":1,}", vec![(6, 7, "JSON has no trailing commas")]),
        ("[1,,2]", vec![(3, 4, "two commas follow each other")]),
        ("[1 2]", vec![]),
        ("[\"a\" \"b\"]", vec![(4, 4, "a comma is missing")]),
        ("{\"a\" 1}", vec![(4, 4, "a colon is missing")]),
        ("{\"a\"=1}", vec![(4, 5, "a key is followed by `:`, not by `=`")]),
        ("{a:1}", vec![(1, 2, "keys are written in double quotes")]),
        ("['a']", vec![(1, 4, "strings are written in double quotes")]),
        ("{// x\n}", vec![(1, 3, "JSON has no comments")]),
        ("[1] x", vec![(4, 5, "there is more after the end of the config")]),
        ("[True]", vec![(1, 5, "`True` is not a JSON value")]),
        (
            "[01, +1, .5, 1., 30s, -]",
            vec![
                (1, 3, "`01` is not a JSON number"),
                (5, 7, "`+1` is not a JSON number"),
                (9, 11, "`.5` is not a JSON number"),
                (13, 15, "`1.` is not a JSON number"),
                (17, 20, "`30s` is not a JSON number"),
                (22, 23, "`-` is not a JSON number"),
            ],
        ),
        (
            "[\"\\x\", \"\\u12\", \"\\ud800\"]",
            vec![
                (2, 4, "`\\x` is not an escape sequence of JSON"),
                (8, 10, "`\\u` wants four hexadecimal digits"),
                (16, 22, "half of a surrogate pair is not a character"),
            ],
        ),
        ("{\"a\": [1", vec![(6, 7, "this `[` is never closed")]),
        ("{\"a\": [1}", vec![(8, 9, "`[` is closed by `}`")]),
        ("{\"a\":", vec![(5, 5, "the file ends too early")]),
        ("{\"a\": }", vec![(6, 7, "a value is missing")]),
        ("[\"a\n\"]", vec![(1, 3, "this string is not closed on its line")]),
        ("[\"a\tb\"]", vec![(3, 4, "a control character stands in a string")]),
    ] {
        let (_, found) = errors(text);
        let found: Vec<_> = found.iter().map(|(start, end, message)| (*start, *end, message.as_str())).collect();
        if text == "[1 2]" {
            assert_eq!(found, [(2, 2, "a comma is missing")], "{text:?}");
            continue;
        }
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn reading_goes_on_behind_an_error() {
    let (node, found) = errors("{\"a\": 'x', // no\n \"b\": [1,],\n \"c\" \"d\"}");
    assert_eq!(found.len(), 4);
    let node = node.expect("recovered");
    assert_eq!(node.to_json(), r#"{"a":"x","b":[1],"c":"d"}"#);
}

#[test]
fn parts_of_a_string_map_back_through_escapes() {
    let source = r#"["a\u00e4\n😀z"]"#;
    let (node, found) = errors(source);
    assert_eq!(found, []);
    let node = node.expect("valid");
    let text = &node.items()[0];
    let decoded = "aä\n😀z";
    assert_eq!(text.text().map(|text| text.value.as_str()), Some(decoded));
    for (part, expected) in [
        ("a", "a"),
        ("ä", "\\u00e4"),
        ("\n", "\\n"),
        ("😀", "😀"),
        ("z", "z"),
        ("ä\n", "\\u00e4\\n"),
        ("\n😀z", "\\n😀z"),
    ] {
        let start = decoded.find(part).expect("part of it");
        let span = text.part(start..start + part.len());
        assert_eq!(&source[span.start..span.end], expected, "{part:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let (node, found) = errors(&"[".repeat(100_000));
    assert!(node.is_none());
    assert_eq!(found[0].0, MAX_DEPTH);
    let text = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(errors(&text).1, []);
}

#[test]
fn pointers_escape_their_tokens() {
    let source = r#"{"a/b": [{"c~": 1}]}"#;
    let (node, _) = errors(source);
    let node = node.expect("valid");
    let span = Span { file: 0, start: source.find('1').expect("there"), end: source.find('1').expect("there") + 1 };
    assert_eq!(crate::tree::pointers(&node, &[span]), ["/a~1b/0/c~0"]);
    assert_eq!(node.resolve("/a~1b/0/c~0").span, span);
}

fn agree(text: &str) {
    let sink = Sink::default();
    let node = parse(text, 0, &sink);
    let diagnostics = sink.finish(node.as_ref());
    let valid = diagnostics.is_empty();
    let expected = serde_json::from_str::<serde_json::Value>(text);
    assert_eq!(valid, expected.is_ok(), "{text:?}: {diagnostics:?}");
    if let (true, Ok(expected)) = (valid, expected) {
        let ours: serde_json::Value =
            serde_json::from_str(&node.expect("valid").to_json()).expect("what we write is JSON");
        assert_eq!(ours, expected);
    }
    for diagnostic in diagnostics {
        assert_eq!(diagnostic.severity, Severity::Error);
        assert!(diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len());
        assert!(text.is_char_boundary(diagnostic.span.start) && text.is_char_boundary(diagnostic.span.end));
    }
}

proptest! {
    #[test]
    fn any_text_agrees_with_serde_json(text in any::<String>()) {
        agree(&text);
    }

    #[test]
    fn json_like_text_agrees_with_serde_json(
        text in r#"([\{\}\[\],: \n"'/*#]|"[a-c]"|\\u[0-9a-fD]{4}|\\[nx"]|-?[0-9.eE+]{1,4}|true|null|é|"a":|\t){0,24}"#,
    ) {
        agree(&text);
    }

    #[test]
    fn strings_agree_with_serde_json(inside in r#"([a-zé😀]|\\u[dD][89a-f][0-9a-f]{2}|\\u[0-9a-f]{4}|\\["\\/bfnrtuxé]){0,12}"#) {
        agree(&format!("[\"{inside}\"]"));
    }
}

#[test]
fn quotes_that_do_not_pair_up_are_one_mistake() {
    for (text, underlined, root) in [
        (r#"{"a": "x, "b": 1, "c": 2}"#, r#""x, ""#, r#"{"a":null,"b":1,"c":2}"#),
        (r#"{"a": "say "hi" now", "c": 2}"#, r#"""#, r#"{"a":null,"c":2}"#),
        (r#"["x, "y", "z"]"#, r#""x, ""#, r#"[null,"y","z"]"#),
        ("{\"a\": \"x,\n\"b\": 1}", "\"x,", r#"{"a":null,"b":1}"#),
    ] {
        let sink = Sink::default();
        let read = read(text, 0, &sink);
        assert_eq!(read.root.map(|root| root.to_json()).as_deref(), Some(root), "{text}");
        let found = sink.finish(None);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert_eq!(&text[found[0].span.start..found[0].span.end], underlined, "{text}");
    }
}

#[test]
fn what_was_read_before_the_end_is_kept() {
    for (text, root) in [
        (r#"{"a": 1, "b": ["#, r#"{"a":1,"b":[]}"#),
        (r#"{"a": {"b": 1, "c": }"#, r#"{"a":{"b":1,"c":null}}"#),
        (r#"{"a": [1, {"b": "x"#, r#"{"a":[1,{"b":null}]}"#),
        (r#"{"a": [1}}"#, r#"{"a":[1]}"#),
    ] {
        let sink = Sink::default();
        let read = read(text, 0, &sink);
        assert!(!read.whole, "{text}");
        assert_eq!(read.root.map(|root| root.to_json()).as_deref(), Some(root), "{text}");
    }
}
