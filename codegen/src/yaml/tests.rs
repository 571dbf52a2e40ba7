use proptest::prelude::*;

use super::*;

fn reads(text: &str) -> (Option<Node>, bool, Vec<String>) {
    let sink = Sink::default();
    let Read { root, whole } = read(text, 0, &sink);
    let found = sink.finish(root.as_ref());
    if let Some(root) = &root {
        in_bounds(root, text);
    }
    for found in &found {
        assert!(text.get(found.span.start..found.span.end).is_some(), "{text:?}: {found:#?}");
    }
    (root, whole, found.into_iter().map(|found| found.message).collect())
}

fn json(text: &str) -> String {
    let (root, whole, found) = reads(text);
    assert!(whole && found.is_empty(), "{text:?}: {found:?}");
    root.expect("a value").to_json()
}

/// Every span lies on characters, and every byte of a text came from some.
pub(crate) fn in_bounds(node: &Node, text: &str) {
    assert!(text.get(node.span.start..node.span.end).is_some(), "{text:?}: {:?}", node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| in_bounds(item, text)),
        Value::Object(members) => {
            for member in members {
                assert!(text.get(member.key_span.start..member.key_span.end).is_some(), "{text:?}: {}", member.key);
                in_bounds(&member.value, text);
            }
        }
        Value::String(string) => {
            for (start, letter) in string.value.char_indices() {
                let span = node.part(start..start + letter.len_utf8());
                let source = text.get(span.start..span.end);
                assert!(source.is_some(), "{text:?}: {letter:?} at {span:?}");
                // What is no escape and no white space stands there as it is.
                let escaped = string.escapes.iter().any(|escape| escape.decoded.0 <= start && start < escape.decoded.1);
                assert!(escaped || source == Some(letter.encode_utf8(&mut [0; 4])), "{text:?}: {letter:?} at {span:?}");
            }
        }
        _ => {}
    }
}

#[test]
fn values() {
    for (text, expected) in [
        ("a: 1\nb: [x, 'y', \"z\"]\n", r#"{"a":1,"b":["x","y","z"]}"#),
        ("- a\n-\n- ~\n- ''\n", r#"["a",null,null,""]"#),
        ("a:\n- b\n- - c\n  - d\n", r#"{"a":["b",["c","d"]]}"#),
        ("{version: 3, endpoints: []}", r#"{"version":3,"endpoints":[]}"#),
        ("404: a\ntrue: b\n0x10: c\n", r#"{"404":"a","true":"b","16":"c"}"#),
        ("---\na: b\n...\n", r#"{"a":"b"}"#),
        ("%YAML 1.2\n---\na: b\n", r#"{"a":"b"}"#),
        ("\u{feff}a: 1\r\nb: \"x\r\n y\"\r\n", r#"{"a":1,"b":"x y"}"#),
        ("a: |\n  x\n   y\n\n  z\nb: >\n  x\n  y\n\n  z\n", r#"{"a":"x\n y\n\nz\n","b":"x y\nz\n"}"#),
        ("a: |+\n  x\n\nb: |-\n  x\n\nc: |2\n    x\n", r#"{"a":"x\n\n","b":"x","c":"  x\n"}"#),
        ("a: &x |\n  y\nb: *x\nc: !!str 5\nd: !!int '5'\n", r#"{"a":"y\n","b":"y\n","c":"5","d":5}"#),
        ("a: \"x\\\n  y \\ud7ff\\x41\"\n", "{\"a\":\"xy \u{d7ff}A\"}"),
        ("a: one\n  two\n\n  three\n", r#"{"a":"one two\nthree"}"#),
        ("{\n\t\"a\": [1,],\n}", r#"{"a":[1]}"#),
        ("a:\n  b: [\n    1,\n  ]\n", r#"{"a":{"b":[1]}}"#),
        ("a: |\n  x", r#"{"a":"x"}"#),
        ("a: |+\n  x\n  y ", r#"{"a":"x\ny "}"#),
        ("a: >\n  x\n  y", r#"{"a":"x y"}"#),
        ("a: |\n  x\n# x", r#"{"a":"x\n"}"#),
        ("a: {-0: b}\n", r#"{"a":{"0":"b"}}"#),
        ("a: *b", ""),
    ] {
        if expected.is_empty() {
            assert!(!reads(text).1);
        } else {
            assert_eq!(json(text), expected, "{text:?}");
        }
    }
}

#[test]
fn aliases_and_merges() {
    let base = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n";
    let merged = |rest: &str| reads(&format!("{base}{rest}")).0.expect("a value").resolve("/c").to_json();
    assert_eq!(merged("c: *a"), r#"{"x":1,"y":2}"#);
    assert_eq!(merged("c: {<<: *a, y: 0}"), r#"{"y":0,"x":1}"#);
    assert_eq!(merged("c: {<<: [*a, *b]}"), r#"{"x":1,"y":2,"z":4}"#);
    assert_eq!(merged("c: {\"<<\": *a}"), r#"{"<<":{"x":1,"y":2}}"#);
    // What an alias repeats stands where it was written, and itself where the alias is.
    let text = format!("{base}c: *a");
    let root = reads(&text).0.expect("a value");
    let node = root.resolve("/c");
    assert_eq!(&text[node.span.start..node.span.end], "*a");
    assert_eq!(node.mark(), node.span);
    assert_eq!(node.members()[0].value.span.start, text.find('1').expect("there"));
}

#[test]
fn aliases_are_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let (_, whole, found) = reads(&bomb);
    assert!(!whole);
    assert_eq!(found, ["aliases make the config too large"]);
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert_eq!(reads(&deep).2, ["aliases make the config too large"]);
}

/// Long keys and escapes count as what they take.
#[test]
fn aliases_of_long_keys_are_bounded() {
    let key = "k".repeat(100_000);
    let aliases = "*a, ".repeat(1_000);
    let escapes = "\\n".repeat(10_000);
    for text in
        [format!("a: &a\n  ? \"{key}\"\n  : 1\nb: [{aliases}]\n"), format!("a: &a \"{escapes}\"\nb: [{aliases}]\n")]
    {
        let sink = Sink::default();
        read(&text, 0, &sink);
        let found = sink.finish(None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].message, "aliases make the config too large");
    }
}

/// The span of a tag is found without a look at the rest of its line.
#[test]
fn tags_in_one_long_line() {
    let text = format!("a: [{}]", "!t x, ".repeat(20_000));
    assert_eq!(reads(&text).2.len(), 20_000);
}

#[test]
fn tags_hold_what_they_say() {
    for (value, tag) in [("5.5", "int"), ("yes", "bool"), ("'no'", "bool"), ("x", "float")] {
        assert_eq!(reads(&format!("a: !!{tag} {value}\n")).2, [format!("this is no `!!{tag}`")]);
    }
    assert_eq!(json("a: !!float 5\nb: !!bool 'true'\n"), r#"{"a":5,"b":true}"#);
}

#[test]
fn keys_that_are_no_texts() {
    for key in ["1.0", "1e3", "017", "2001-01-01", ".inf", "99999999999999999999"] {
        assert_eq!(reads(&format!("a:\n  {key}: b\n")).2, [format!("`{key}` is no text, and a key is one")]);
        assert_eq!(json(&format!("a:\n  '{key}': b\n")), format!(r#"{{"a":{{"{key}":"b"}}}}"#));
    }
}

#[test]
fn depth_is_bounded() {
    for open in ["[", "{a: ", "- ", "? "] {
        let (_, whole, found) = reads(&open.repeat(100_000));
        assert!(!whole && found.len() == 1, "{open}: {found:?}");
    }
    assert!(json(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).starts_with("[["));
}

#[test]
fn what_stands_for_a_collection() {
    let text = "a:\n  b: 1\nc:\n- d: 1\n- [x]\n- {y: 1}\n";
    let root = reads(text).0.expect("a value");
    let mark = |pointer: &str| {
        let mark = root.resolve(pointer).mark();
        (mark.start, &text[mark.start..mark.end])
    };
    assert_eq!(mark(""), (0, ""));
    assert_eq!(mark("/a"), (0, "a"));
    assert_eq!(mark("/c"), (10, "c"));
    assert_eq!(mark("/c/0"), (13, "-"));
    assert_eq!(mark("/c/1"), (22, "["));
    assert_eq!(mark("/c/2"), (28, "{"));
}

/// Pieces that mean something in YAML.
const PIECES: [&str; 44] = [
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    ": ",
    ":",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "\\",
    "\\n",
    "\\u00e9",
    "|",
    ">",
    "|-\n  ",
    ">+2\n",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "? ",
    "<<: ",
    "~",
    "1",
    "0x1",
    "010",
    "# c",
    " #",
    "---\n",
    "...",
    "%YAML 1.2\n",
    "\t",
    "\r\n",
    "\u{e9}",
    "\u{1f980}",
    "\u{feff}",
    "@",
    "yes",
];

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,60}|[ -~\n]{0,80}") {
        reads(&text);
    }

    #[test]
    fn nothing_that_looks_like_yaml_panics(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40)) {
        reads(&pieces.concat());
    }

    #[test]
    fn texts_come_from_their_bytes(text in "[a-z\u{e9}\u{1f980}'\"\\\\ \n]{1,24}", style in 0..4, crlf: bool) {
        let Some((source, pointer)) = written(&text, style) else { return Ok(()) };
        let source = if crlf { source.replace('\n', "\r\n") } else { source };
        let (root, whole, found) = reads(&source);
        prop_assert!(whole && found.is_empty(), "{source:?}: {found:?}");
        let root = root.expect("a value");
        let string = root.resolve(pointer).text().expect("a text");
        prop_assert_eq!(&string.value, &text, "{:?}", source);
        // Not coarsely: no escape stands for more than white space and one character.
        for escape in &string.escapes {
            let decoded = &text[escape.decoded.0..escape.decoded.1];
            prop_assert!(decoded.chars().count() <= 1 || decoded.trim().is_empty(), "{source:?}: {decoded:?}");
        }
    }
}

/// A text in one of the styles that can hold it.
fn written(text: &str, style: i32) -> Option<(String, &'static str)> {
    let indented = text.replace('\n', "\n      ");
    let ends =
        text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']) || text.contains(" \n") || text.contains("\n ");
    let value = match style {
        0 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        1 if !ends && !text.contains("\n\n") => format!("'{}'", indented.replace('\'', "''").replace('\n', "\n\n")),
        2 if !ends => format!("|-\n      {indented}"),
        3 if !ends && !text.contains('\n') => format!(">-\n      {}", text.replace(' ', "\n      ")),
        _ => return None,
    };
    let folded = style != 3 || !text.contains("  ");
    folded.then(|| (format!("\u{e9}: 1\nb:\n  - c: {value}\nd: 2\n"), "/b/0/c"))
}

proptest! {
    #[test]
    fn mutations_never_panic(at in 0..700_usize, length in 0..12_usize, piece in proptest::sample::select(&PIECES[..])) {
        let text = include_str!("../../tests/diagnostics/yaml_alias_told_once.yaml").repeat(3);
        let start = at.min(text.len());
        let end = (start + length).min(text.len());
        reads(&format!("{}{piece}{}", &text[..start], &text[end..]));
    }
}
