use proptest::prelude::*;

use super::*;

fn reads(text: &str) -> (Option<Node>, bool, Vec<String>) {
    let sink = Sink::default();
    let Read { root, whole } = read(text, 0, &sink);
    let found = sink.finish(root.as_ref());
    if let Some(root) = &root {
        crate::yaml::in_bounds(root, text);
    }
    for found in &found {
        assert!(text.get(found.span.start..found.span.end).is_some(), "{text:?}: {found:#?}");
    }
    (root, whole, found.into_iter().map(|found| found.message).collect())
}

#[test]
fn values() {
    for (text, expected) in [
        ("a = 1\nb = \"x\"\nc = true\n", r#"{"a":1,"b":"x","c":true}"#),
        (
            "a = 1_000\nb = 0xff\nc = +5\nd = 1e5\ne = 5e+2_2\nf = -0.5\ng = 0o17\nh = 0b11",
            r#"{"a":1000,"b":255,"c":5,"d":1e5,"e":5e+22,"f":-0.5,"g":15,"h":3}"#,
        ),
        ("a.b.c = 1\na.b.d = 2\n", r#"{"a":{"b":{"c":1,"d":2}}}"#),
        ("[x.y]\nz = 1\n[x]\nw = 2\n", r#"{"x":{"y":{"z":1},"w":2}}"#),
        ("[[t]]\nn=1\n[t.s]\nq=1\n[[t]]\nn=2\n[[t.u]]\n", r#"{"t":[{"n":1,"s":{"q":1}},{"n":2,"u":[{}]}]}"#),
        ("a = [{b = 1}, {b.c = 2}, [], {}]\n", r#"{"a":[{"b":1},{"b":{"c":2}},[],{}]}"#),
        ("a = \"\"\"\nx \\\n   y\n\"\"\"\nb = '''\n'x'\\'''\n", r#"{"a":"x y\n","b":"'x'\\"}"#),
        ("\u{feff}\"a b\" = 'c'\r\n'd.e'.f = \"\\u00e9\\t\"\r\n", "{\"a b\":\"c\",\"d.e\":{\"f\":\"\u{e9}\\t\"}}"),
        ("a = 1\na = 2\n[b]\n[b]\n[[c]]\n[c]\n", r#"{"a":1,"a":2,"b":{},"b":{},"c":[{}],"c":{}}"#),
        ("a = {}\n[a.b]\n[d]\ne.f = 1\n[d.e]\n", r#"{"a":{},"a":{"b":{}},"d":{"e":{"f":1},"e":{}}}"#),
    ] {
        let (root, whole, found) = reads(text);
        assert!(whole && found.is_empty(), "{text:?}: {found:?}");
        assert_eq!(root.expect("a value").to_json(), expected, "{text:?}");
    }
}

#[test]
fn what_stands_for_a_table() {
    let text = "# c\nv = 1\n[a.b]\nx = 1\n[[t]]\nn.m = 1\n[[t]]\ni = {j = [1]}\n";
    let root = reads(text).0.expect("a value");
    let mark = |pointer: &str| {
        let mark = root.resolve(pointer).mark();
        (mark.start, &text[mark.start..mark.end])
    };
    assert_eq!(mark(""), (4, ""));
    assert_eq!(mark("/a"), (11, "a"));
    assert_eq!(mark("/a/b"), (10, "[a.b]"));
    assert_eq!(mark("/t"), (24, "t"));
    assert_eq!(mark("/t/0"), (22, "[[t]]"));
    assert_eq!(mark("/t/0/n"), (28, "n"));
    assert_eq!(mark("/t/1"), (36, "[[t]]"));
    assert_eq!(mark("/t/1/i"), (46, "{"));
    assert_eq!(mark("/t/1/i/j"), (51, "["));
}

#[test]
fn depth_is_bounded() {
    let dots = vec!["a"; 100_000].join(".");
    for text in [
        "a = [".to_owned() + &"[".repeat(100_000),
        "a = ".to_owned() + &"{a=".repeat(100_000),
        format!("{dots} = 1"),
        format!("[{dots}]"),
    ] {
        let (_, whole, found) = reads(&text);
        assert!(!whole && found.len() <= 2, "{found:?}");
    }
    let (root, whole, _) = reads(&format!("a = {}{}", "[".repeat(100), "]".repeat(100)));
    assert!(whole && root.is_some());
}

/// Pieces that mean something in TOML.
const PIECES: [&str; 32] = [
    "a",
    "b = ",
    "\n",
    "[",
    "]",
    "[[a]]\n",
    "[a.b]\n",
    "{",
    "}",
    ", ",
    ".",
    "=",
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "\\",
    "\\n",
    "\\u00e9",
    "1",
    "0x1",
    "01",
    "1.5",
    "inf",
    "true",
    "2026-11-28",
    "# c",
    "\r\n",
    "\t",
    "\u{e9}",
    "\u{1f980}",
    "a.b.c = 1\n",
];

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,60}|[ -~\n]{0,80}") {
        reads(&text);
    }

    #[test]
    fn nothing_that_looks_like_toml_panics(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40)) {
        reads(&pieces.concat());
    }

    #[test]
    fn texts_come_from_their_bytes(text in "[a-z\u{e9}\u{1f980}'\"\\\\ \n]{1,24}", style in 0..4) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let value = match style {
            0 => format!("\"{}\"", quoted.replace('\n', "\\n")),
            1 if !text.contains(['\'', '\n']) => format!("'{text}'"),
            2 => format!("\"\"\"\n{}\\\n\n   \"\"\"", quoted.replace('e', "\\u0065")),
            3 if !text.contains('\'') => format!("'''{}{text}'''", if text.starts_with('\n') { "\n" } else { "" }),
            _ => return Ok(()),
        };
        let source = format!("\"\u{e9}\" = 1\n[[b]]\nc = {value}\n[d]\n");
        let (root, whole, found) = reads(&source);
        prop_assert!(whole && found.is_empty(), "{source:?}: {found:?}");
        let root = root.expect("a value");
        let string = root.resolve("/b/0/c").text().expect("a text");
        prop_assert_eq!(&string.value, &text, "{:?}", source);
        prop_assert!(string.escapes.iter().all(|escape| escape.decoded.1 - escape.decoded.0 <= 4), "{source:?}: {string:?}");
    }

    #[test]
    fn mutations_never_panic(at in 0..500_usize, length in 0..12_usize, piece in proptest::sample::select(&PIECES[..])) {
        let text = include_str!("../../tests/diagnostics/toml_missing_key_in_object.toml").repeat(3);
        let start = at.min(text.len());
        let end = (start + length).min(text.len());
        reads(&format!("{}{piece}{}", &text[..start], &text[end..]));
    }
}
