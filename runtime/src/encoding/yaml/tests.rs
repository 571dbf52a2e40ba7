use proptest::prelude::*;

use super::decode;

fn read(document: &str) -> Result<String, String> {
    decode(document.as_bytes()).map(|json| String::from_utf8(json).unwrap())
}

#[test]
fn documents_become_json() {
    for (document, expected) in [
        ("a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: ~}", r#"{"a":1,"b":["x","y","z\u000a"],"c":{"d":null}}"#),
        ("- 1\n- 2", "[1,2]"),
        // Numbers keep their digits, and what is no number for JSON is text.
        (
            "[0.1000, 1E3, -0, 123456789012345678901234567890, 0x1F, .5, .inf]",
            r#"[0.1000,1E3,-0,123456789012345678901234567890,31,0.5,".inf"]"#,
        ),
        ("[yes, 2001-01-01, 12:30]", r#"["yes","2001-01-01","12:30"]"#),
        ("[!!str 12, !!int '12', !mine 12, '12']", r#"["12",12,"12","12"]"#),
        // Keys are text; of equal ones the last counts.
        ("1: a\ntrue: b\n~: c", r#"{"1":"a","true":"b","~":"c"}"#),
        ("a: 1\na: 2", r#"{"a":2}"#),
        ("&k a: 1\n*k : 2", r#"{"a":2}"#),
        ("x: &x {a: 1}\ny: *x", r#"{"x":{"a":1},"y":{"a":1}}"#),
        ("b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}", r#"{"b":{"x":1,"y":2},"c":{"x":1,"y":3}}"#),
        ("c: {<<: [{x: 1}, {x: 2, y: 2}], z: 3}", r#"{"c":{"y":2,"x":1,"z":3}}"#),
        ("t: |\n  a\n  b\nf: >\n  a\n  b", r#"{"t":"a\u000ab\u000a","f":"a b\u000a"}"#),
        ("--- {a: 1}\n...\n--- ignored", r#"{"a":1}"#),
        ("\u{FEFF}a: é", r#"{"a":"é"}"#),
        (r#"{"a": [1, {"b": null}]}"#, r#"{"a":[1,{"b":null}]}"#),
    ] {
        assert_eq!(read(document).as_deref(), Ok(expected), "{document}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (document, expected) in [
        ("", "YAML: no document in it"),
        ("a: [1", "YAML: "),
        ("? [a]\n: 1", "YAML, line 1: a key that is not text"),
        ("a: 1\nb:\n  <<: 1", "YAML, line 4: `<<` takes in mappings only"),
        ("a: &a [*a]", "YAML, line 1: an alias of what it stands in"),
        ("a: *b", "YAML: "),
    ] {
        let error = read(document).unwrap_err();
        assert!(error.starts_with(expected), "{document}: {error}");
    }
    assert!(decode(b"a: \xff").is_err());
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(120)).is_ok());
    for levels in [121, 20_000] {
        assert!(read(&nested(levels)).is_err(), "{levels}");
    }
    // Levels that only aliases add count as well.
    let mut document = format!("# {}\na0: &a0 [1]\n", "x".repeat(100_000));
    for level in 1..200 {
        document.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(read(&document).unwrap_err().ends_with("more than 120 levels"));
}

#[test]
fn a_small_document_does_not_become_a_large_one() {
    let mut document = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        document.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(read(&document).unwrap_err().ends_with("its aliases make it too large"));
    let wide = format!("a: &a {}\nb: [{}]", "x".repeat(10_000), vec!["*a"; 1_000].join(", "));
    assert!(read(&wide).unwrap_err().ends_with("its aliases make it too large"));
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(document in r#"(&a |\*a|a|: |- |\n|  |\[|\]|\{|\}|, |"|'|\||>|<<|# |!!str |~|1|\? |---|%|é){0,40}"#) {
        if let Ok(json) = read(&document) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
            prop_assert!(json.len() <= 20 * document.len() + 2 * 64 * 1024, "{}", json.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}
