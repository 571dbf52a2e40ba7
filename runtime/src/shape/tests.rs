use proptest::prelude::*;
use serde_json::{Map, Value};

use super::reference::{Keys, as_go_reads, shaped};
use super::*;

static ADDRESS: Shape = Shape::OBJECT
    .target(&["data", "user"])
    .fields(Fields::Allow(&[
        Field::keep("id"),
        Field::renamed("login", "name"),
        Field::inside("address", Fields::Allow(&[Field::keep("city")])),
    ]))
    .group("user");

fn apply(shape: Shape, input: &str) -> String {
    apply_bytes(shape, input.as_bytes())
}

fn apply_bytes(shape: Shape, input: &[u8]) -> String {
    let mut output = Vec::new();
    match shape.apply(input, &mut output) {
        Ok(_) => String::from_utf8(output).expect("the output is UTF-8"),
        Err(error) => {
            assert_eq!(output, b"", "nothing is left behind after {error}");
            error.to_string()
        }
    }
}

#[test]
fn every_rule() {
    use Fields::{AllExcept, Allow};
    const fn all(named: &'static [Field]) -> Shape {
        Shape::OBJECT.fields(AllExcept(named))
    }
    const fn only(named: &'static [Field]) -> Shape {
        Shape::OBJECT.fields(Allow(named))
    }
    static TABLE: &[(Shape, &str, &str)] = &[
        // The whole.
        (Shape::OBJECT, r#" {"a": [1, 2 ],"b":{} } "#, r#"{"a": [1, 2 ],"b":{} }"#),
        (Shape::OBJECT, "{\n}", "{}"),
        (Shape::OBJECT, "null", "null"),
        (Shape::OBJECT, "{} garbage", "{}"),
        (
            Shape::OBJECT,
            r#"{"a":0.1000,"b":1E3,"c":-0,"d":123456789012345678901234567890}"#,
            r#"{"a":0.1000,"b":1E3,"c":-0,"d":123456789012345678901234567890}"#,
        ),
        (Shape::OBJECT, r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
        (Shape::OBJECT.group("g"), r#"{"a":1}"#, r#"{"g":{"a":1}}"#),
        (Shape::OBJECT.group("x.y\"\n"), "{}", r#"{"x.y\"\u000a":{}}"#),
        (Shape::OBJECT.group("g"), "null", r#"{"g":null}"#),
        // Target.
        (Shape::OBJECT.target(&["a"]), r#"{"b":0,"a":{"c":1},"d":2}"#, r#"{"c":1}"#),
        (Shape::OBJECT.target(&["a", "b"]), r#"{"a":{"b":{"c":1},"x":0}}"#, r#"{"c":1}"#),
        (Shape::OBJECT.target(&["a", "b"]), r#"{"a":{"c":1}}"#, "{}"),
        (Shape::OBJECT.target(&["a"]), r#"{"a":[{"c":1}]}"#, "{}"),
        (Shape::OBJECT.target(&["a"]), r#"{"a":null}"#, "{}"),
        (Shape::OBJECT.target(&["a"]), "{}", "{}"),
        (Shape::OBJECT.target(&["a"]), "null", "{}"),
        (Shape::OBJECT.target(&["a"]).group("g"), "null", r#"{"g":{}}"#),
        (Shape::OBJECT.target(&["a"]), r#"{"a":{"c":1},"a":{"d":1}}"#, r#"{"d":1}"#),
        (Shape::OBJECT.target(&["a"]), r#"{"a":{"c":1},"a":5}"#, "{}"),
        (Shape::OBJECT.target(&["id"]), r#"{"\u0069d":{"c":1}}"#, r#"{"c":1}"#),
        (
            ADDRESS,
            r#"{"data":{"user":{"x":[],"login":"ada","id":7,"address":{"zip":1,"city":"Turin"}}}}"#,
            r#"{"user":{"name":"ada","id":7,"address":{"city":"Turin"}}}"#,
        ),
        // Allow.
        (only(&[Field::keep("a"), Field::keep("b")]), r#"{"c":0, "b" : 1 , "a":2 , "d":3}"#, r#"{"b" : 1 , "a":2 }"#),
        (only(&[Field::keep("a"), Field::keep("b")]), r#"{"b":1,"c":0,"a":2}"#, r#"{"b":1,"a":2}"#),
        (only(&[Field::keep("a")]), r#"{"b":1}"#, "{}"),
        (only(&[Field::keep("a")]), r#"{"a":{}}"#, r#"{"a":{}}"#),
        (only(&[Field::inside("a", Allow(&[Field::keep("b")]))]), r#"{"a":{"c":1}}"#, "{}"),
        (only(&[Field::inside("a", Allow(&[Field::keep("b")]))]), r#"{"a":[{"b":1}]}"#, "{}"),
        (only(&[Field::inside("a", Allow(&[Field::keep("b")]))]), r#"{"a":"b"}"#, "{}"),
        (only(&[Field::inside("a", Allow(&[Field::keep("b")]))]), r#"{"a":{}}"#, "{}"),
        (
            only(&[Field::inside("a", Allow(&[Field::keep("b")])), Field::keep("z")]),
            r#"{"a":{"b":1},"a":{},"z":1}"#,
            r#"{"z":1}"#,
        ),
        (only(&[Field::keep("a")]), r#"{"a":1,"x":0,"a":2}"#, r#"{"a":2}"#),
        (only(&[Field::keep("id")]), r#"{"\u0069\u0064":1}"#, r#"{"\u0069\u0064":1}"#),
        (only(&[Field::keep("🌍")]), r#"{"\ud83c\udf0d":1,"\ud83c":2}"#, r#"{"\ud83c\udf0d":1}"#),
        (only(&[Field::keep("a/\"\\\n")]), r#"{"a\/\"\\\n":1}"#, r#"{"a\/\"\\\n":1}"#),
        (only(&[Field::keep("")]), r#"{"":1,"x":2}"#, r#"{"":1}"#),
        (only(&[]), r#"{"a":1}"#, "{}"),
        // Deny.
        (all(&[Field::drop("b")]), r#"{"a":1, "b":2, "c":3, "d":4}"#, r#"{"a":1,"c":3, "d":4}"#),
        (all(&[Field::drop("a")]), r#"{"a":1}"#, "{}"),
        (all(&[Field::inside("a", AllExcept(&[Field::drop("b")]))]), r#"{"a":{"b":1},"c":2}"#, r#"{"a":{},"c":2}"#),
        (all(&[Field::inside("a", AllExcept(&[Field::drop("b")]))]), r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":1}]}"#),
        (all(&[Field::inside("a", AllExcept(&[Field::drop("b")]))]), r#"{"a":{"b":1},"a":3}"#, r#"{"a":3}"#),
        (all(&[Field::drop("b")]), r#"{"b":1,"x":1,"b":2,"x":2}"#, r#"{"x":1,"x":2}"#),
        // Mapping.
        (all(&[Field::renamed("a", "b")]), r#"{"a":1,"c":2}"#, r#"{"b":1,"c":2}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"b":0,"a":1}"#, r#"{"b":1}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"a":1,"c":{"a":1},"\u0062":0,"b":0}"#, r#"{"b":1,"c":{"a":1}}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"a":1,"c":2, "b" : 0 }"#, r#"{"b":1,"c":2}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"c":2, "b" : 0 , "a":1}"#, r#"{"c":2,"b":1}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"b":0,"c":1}"#, r#"{"b":0,"c":1}"#),
        (all(&[Field::renamed("a", "b")]), r#"{"a":1,"c":0,"a":2}"#, r#"{"c":0,"b":2}"#),
        (all(&[Field::renamed("a", "b"), Field::renamed("b", "a")]), r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#),
        (all(&[Field::renamed("a", "x"), Field::renamed("b", "x")]), r#"{"b":2,"a":1,"x":0}"#, r#"{"x":2}"#),
        (all(&[Field::renamed("a", "x"), Field::renamed("b", "x")]), r#"{"x":0,"a":1}"#, r#"{"x":1}"#),
        (all(&[Field::renamed("a", "b"), Field::drop("b")]), r#"{"a":1,"b":2}"#, r#"{"b":1}"#),
        (only(&[Field::keep("b"), Field::renamed("a", "b")]), r#"{"a":1,"b":2}"#, r#"{"b":1}"#),
        (
            only(&[Field::inside("a", Allow(&[Field::keep("z")])).rename("b"), Field::keep("b")]),
            r#"{"a":{},"b":2}"#,
            r#"{"b":2}"#,
        ),
        (
            all(&[Field::inside("a", AllExcept(&[Field::drop("z")])).rename("b")]),
            r#"{"a":{"z":1,"y":2}}"#,
            r#"{"b":{"y":2}}"#,
        ),
        (all(&[Field::inside("a", AllExcept(&[Field::drop("z")])).rename("b")]), r#"{"a":[1]}"#, r#"{"b":[1]}"#),
        // Collections.
        (Shape::COLLECTION, " [1, 2]", r#"{"collection":[1, 2]}"#),
        (Shape::COLLECTION, "[]", r#"{"collection":[]}"#),
        (Shape::COLLECTION, "null", r#"{"collection":null}"#),
        (Shape::COLLECTION.group("g"), "[]", r#"{"g":{"collection":[]}}"#),
        (Shape::COLLECTION.target(&["collection"]), "[{}]", "{}"),
        (Shape::COLLECTION.fields(Allow(&[Field::keep("id")])), r#"[{"id":1}]"#, "{}"),
        (Shape::COLLECTION.fields(Allow(&[Field::keep("collection")])), "[1]", r#"{"collection":[1]}"#),
        (Shape::COLLECTION.fields(Allow(&[Field::inside("collection", Allow(&[]))])), "[1]", "{}"),
        (
            Shape::COLLECTION.fields(AllExcept(&[Field::inside("collection", AllExcept(&[]))])),
            "[1]",
            r#"{"collection":[1]}"#,
        ),
        (Shape::COLLECTION.fields(AllExcept(&[Field::renamed("collection", "items")])), "[1]", r#"{"items":[1]}"#),
        (Shape::COLLECTION.fields(AllExcept(&[Field::drop("collection")])), "[1]", "{}"),
        // Refused.
        (Shape::OBJECT, "", "invalid JSON at byte 0: unexpected end"),
        (Shape::OBJECT, " \n", "invalid JSON at byte 2: unexpected end"),
        (Shape::OBJECT, "\u{FEFF}{}", "invalid JSON at byte 0: a value was expected"),
        (Shape::OBJECT, "[1]", "unexpected JSON at byte 0: not an object"),
        (Shape::OBJECT, " \"a\"", "unexpected JSON at byte 1: not an object"),
        (Shape::OBJECT, "[1", "invalid JSON at byte 2: unexpected end"),
        (Shape::COLLECTION, "{}", "unexpected JSON at byte 0: not an array, but is_collection is set"),
        (Shape::OBJECT, "nul", "invalid JSON at byte 3: unexpected end"),
        (ADDRESS, r#"{"data":{"user":{}},"x":tru}"#, "invalid JSON at byte 27: a value was expected"),
    ];
    for (shape, input, expected) in TABLE {
        assert_eq!(apply(*shape, input), *expected, "{input} through {shape:?}");
    }
}

#[test]
fn grammar() {
    let table = [
        (r#"{"a"}"#, "4: `:` was expected"),
        (r#"{"a":}"#, "5: a value was expected"),
        (r#"{"a":1,}"#, "7: a key was expected"),
        (r#"{,}"#, "1: a key was expected"),
        (r#"{a:1}"#, "1: a key was expected"),
        (r#"{"a":1 "b":2}"#, "7: `,` or `}` was expected"),
        (r#"{"a":[1 2]}"#, "8: `,` or `]` was expected"),
        (r#"{"a":[1,]}"#, "8: a value was expected"),
        (r#"{"a":[,]}"#, "6: a value was expected"),
        (r#"{"a":[1}}"#, "7: `,` or `]` was expected"),
        (r#"{"a":{"b":1]}"#, "11: `,` or `}` was expected"),
        (r#"{"a":01}"#, "6: `,` or `}` was expected"),
        (r#"{"a":-}"#, "6: bad number"),
        (r#"{"a":1.}"#, "7: bad number"),
        (r#"{"a":.5}"#, "5: a value was expected"),
        (r#"{"a":1e}"#, "7: bad number"),
        (r#"{"a":1e+"#, "8: unexpected end"),
        (r#"{"a":+1}"#, "5: a value was expected"),
        (r#"{"a":tru }"#, "8: a value was expected"),
        (r#"{"a":NaN}"#, "5: a value was expected"),
        (r#"{"a":'b'}"#, "5: a value was expected"),
        ("{\"a\":\"\t\"}", "6: control character in a string"),
        ("{\"a\":\"123456789\n\"}", "15: control character in a string"),
        ("{\"a\":\"\0\"}", "6: control character in a string"),
        ("{\"a\0\":1}", "3: control character in a string"),
        ("{\"a\":1\0}", "6: `,` or `}` was expected"),
        ("{\u{a0}\"a\":1}", "1: a key was expected"),
        ("{\"a\":1,\u{c}\"b\":1}", "7: a key was expected"),
        (r#"{"a":"\x"}"#, "7: bad escape"),
        (r#"{"a":"\u12g4"}"#, "10: bad escape"),
        (r#"{"a":"\u+123"}"#, "8: bad escape"),
        (r#"{"a":"\ud800\u12"}"#, "16: bad escape"),
        (r#"{"a":"\u12"#, "10: unexpected end"),
        (r#"{"a":"\"#, "7: unexpected end"),
        (r#"{"a":"b"#, "7: unexpected end"),
        (r#"{"a"#, "3: unexpected end"),
        (r#"{"a":"#, "5: unexpected end"),
        (r#"{"a":1"#, "6: unexpected end"),
        (r#"{"a":1,"#, "7: unexpected end"),
        ("{", "1: unexpected end"),
    ];
    // Plain, with roots or fields to look for, and inside something that is dropped, must all see the same.
    const NAMED: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("z")]));
    for (input, expected) in table {
        let expected = format!("invalid JSON at byte {expected}");
        assert_eq!(apply(Shape::OBJECT, input), expected, "{input:?} plain");
        assert_eq!(apply(NAMED, input), expected, "{input:?} with a field");
        assert_eq!(validate(input.as_bytes()).map_err(|error| error.to_string()), Err(expected), "{input:?} validated");
        let (mut output, mut roots) = (b"before".to_vec(), vec![]);
        Shape::OBJECT.apply_fields(input.as_bytes(), &mut output, &mut roots).expect_err(input);
        assert_eq!((&output[..], &roots[..]), (&b"before"[..], &[][..]));
    }
    let objects = [
        ("{ }", Ok(Shaped::Empty)),
        (" {\"a\":1} x", Ok(Shaped::Object)),
        ("null", Ok(Shaped::Null)),
        (" []", Err(JsonError { offset: 1, problem: Problem::NotAnObject })),
        ("{", Err(JsonError { offset: 1, problem: Problem::End })),
    ];
    for (input, expected) in objects {
        assert_eq!(validate_object(input.as_bytes()).map(|(_, shaped)| shaped), expected, "{input}");
        assert_eq!(Shape::OBJECT.apply(input.as_bytes(), &mut vec![]), expected, "{input}");
    }
    assert!(Shape::OBJECT.is_plain() && !Shape::COLLECTION.is_plain() && !NAMED.is_plain() && !ADDRESS.is_plain());
    for accepted in ["0", "-0.5e-7", "10E+2", "\"\u{7f}\"", r#""\/\b\f\n\r\t\"\\\u00e9""#, "[ ]", "{ }", "\t\r\n null"]
    {
        let text = validate(accepted.as_bytes()).map(|text| text.into_owned());
        assert_eq!(text, Ok(accepted.trim().into()), "{accepted}");
    }
}

#[test]
fn what_is_not_unicode_becomes_the_replacement_character() {
    let table: &[(&[u8], &str)] = &[
        (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{FFFD}\"}"),
        // One for each byte, as in Go.
        (b"{\"a\":\"\xe2\x82\"}", "{\"a\":\"\u{FFFD}\u{FFFD}\"}"),
        (b"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\u{FFFD}\u{FFFD}\u{FFFD}\"}"),
        (b"{\"a\":1} \xff", "{\"a\":1}"),
        (b"{\"a\":\"\xff\", \"b\": tru}", "invalid JSON at byte 18: a value was expected"),
        (b"\xff{}", "invalid JSON at byte 0: a value was expected"),
        (b"{\xff}", "invalid JSON at byte 1: a key was expected"),
        (br#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
        (br#"{"a":"\uDC00x"}"#, r#"{"a":"\ufffdx"}"#),
        (br#"{"a":"\ud800\ud83c\udf0d"}"#, r#"{"a":"\ufffd\ud83c\udf0d"}"#),
        (br#"{"a":"\ud83c\u0041"}"#, r#"{"a":"\ufffd\u0041"}"#),
        (br#"{"a":"\\ud800"}"#, r#"{"a":"\\ud800"}"#),
        (br#"{"\ud800":1}"#, r#"{"\ufffd":1}"#),
        (b"{\"a\":\"\xff\\ud800\"}", "{\"a\":\"\u{FFFD}\\ufffd\"}"),
    ];
    for (input, expected) in table {
        assert_eq!(apply_bytes(Shape::OBJECT, input), *expected, "{}", input.escape_ascii());
        let validated = validate(input).map(|text| String::from_utf8(text.into_owned()).expect("it is UTF-8"));
        assert_eq!(validated.unwrap_or_else(|error| error.to_string()), *expected, "{}", input.escape_ascii());
    }
    const REPLACED: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("\u{FFFD}")]));
    assert_eq!(apply_bytes(REPLACED, b"{\"\xff\":1,\"b\":2}"), "{\"\u{FFFD}\":1}");
    assert_eq!(apply(REPLACED, r#"{"\udfff":1,"b":2}"#), r#"{"\ufffd":1}"#);
    assert!(matches!(validate(b" [1] x"), Ok(Cow::Borrowed(b"[1]"))), "what needs no repair is not copied");
}

#[test]
fn ten_thousand_levels() {
    fn nested(open: &str, close: &str, levels: usize) -> String {
        format!("{{\"a\":{}1{}}}", open.repeat(levels - 1), close.repeat(levels - 1))
    }
    const INSIDE: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::inside(
        "a",
        Fields::AllExcept(&[Field::inside("a", Fields::AllExcept(&[Field::drop("b")]))]),
    )]));
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let each = open.matches(['[', '{']).count();
        for (levels, allowed) in [(9_999, true), (10_001, false), (1_000_001, false)] {
            let body = nested(open, close, 1 + (levels - 1) / each);
            for shape in [Shape::OBJECT, Shape::OBJECT.fields(Fields::Allow(&[])), Shape::OBJECT.target(&["a"]), INSIDE]
            {
                let result = shape.apply(body.as_bytes(), &mut Vec::new());
                assert_eq!(result.is_ok(), allowed, "{levels} levels of {open}");
            }
        }
    }
    assert!(validate(nested("[", "]", 10_000).as_bytes()).is_ok());
    let error = validate(nested("[", "]", 10_001).as_bytes()).expect_err("one too many");
    assert_eq!((error.offset, error.problem), (5 + 9_999, Problem::Depth));
}

#[test]
fn roots_are_unique_and_where_they_say() {
    const RENAMED: Shape = Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("a", "b"), Field::drop("x")]));
    const INSIDE: Shape = Shape::OBJECT
        .fields(Fields::Allow(&[Field::inside("a", Fields::Allow(&[Field::keep("b")])), Field::keep("c")]));
    let table: &[(Shape, &str, &str)] = &[
        (Shape::OBJECT, "null", ""),
        (Shape::OBJECT, "{ }", ""),
        (Shape::OBJECT, r#"{"a":1, "b" : [2] , "\u0063":{"a":3}}"#, r#"a=1;b=[2];\u0063={"a":3}"#),
        (Shape::OBJECT, r#"{"a":1,"b":2,"\u0061":3,"c":4,"b":5}"#, r#"\u0061=3;c=4;b=5"#),
        (Shape::OBJECT.group("g"), r#"{"a":1}"#, r#"g={"a":1}"#),
        (Shape::OBJECT.group("g"), "null", "g=null"),
        (Shape::COLLECTION, "[1]", "collection=[1]"),
        (Shape::OBJECT.target(&["t"]), r#"{"x":0,"t":{"a":1,"b":2},"t":{"c":3}}"#, "c=3"),
        (Shape::OBJECT.target(&["t"]), r#"{"x":0,"t":{"a":1},"t":0}"#, ""),
        (RENAMED, r#"{"c":0,"b":1,"x":2,"d":3,"a":4,"e":5}"#, "c=0;d=3;b=4;e=5"),
        (RENAMED, r#"{"a":0,"c":1,"a":2,"c":3,"x":4,"a":5,"c":6}"#, "b=5;c=6"),
        (INSIDE, r#"{"c":0,"a":{"b":1,"x":2},"c":{"b":3},"a":{"x":1}}"#, r#"c={"b":3}"#),
        (INSIDE, r#"{"x":[],"a":{"x":2,"b":1},"c":3}"#, r#"a={"b":1};c=3"#),
    ];
    for (shape, input, expected) in table {
        let (mut output, mut roots) = (b"before ".to_vec(), vec![Root { key: 0..9, value: 9..99 }]);
        shape.apply_fields(input.as_bytes(), &mut output, &mut roots).expect(input);
        let text = |range: &std::ops::Range<usize>| str::from_utf8(&output[range.clone()]).expect("it is UTF-8");
        let found: Vec<String> =
            roots.iter().map(|root| format!("{}={}", text(&root.key), text(&root.value))).collect();
        assert_eq!(found.join(";"), *expected, "{input} through {shape:?}");
    }
    // More than are compared one by one.
    let body: String = (0..200).map(|index| format!("\"k{}\":{index},", index % 60)).collect();
    let (mut output, mut roots) = (vec![], vec![]);
    let body = format!("{{{}}}", body.trim_end_matches(','));
    Shape::OBJECT.apply_fields(body.as_bytes(), &mut output, &mut roots).expect("it is an object");
    let expected: Map<String, Value> = (140..200).map(|index| (format!("k{}", index % 60), index.into())).collect();
    assert_eq!(output, serde_json::to_vec(&expected).expect("it can be written"));
    assert!(roots[0].is(&output, "k20") && roots[59].is(&output, "k19"));
}

#[test]
fn many_removals_take_no_quadratic_time() {
    // Were each duplicate to move all that is kept, this would move some 10^12 bytes.
    let kept: String = (0..100_000).map(|index| format!("\"k{index}\":0,")).collect();
    let body = format!("{{\"a\":0,\"b\":0,{kept}{}\"z\":1}}", "\"a\":1,\"b\":2,\"\\u0061\":3,".repeat(300_000));
    const SHAPE: Shape = Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("a", "c"), Field::renamed("b", "d")]));
    let (mut output, mut roots) = (vec![], vec![]);
    SHAPE.apply_fields(body.as_bytes(), &mut output, &mut roots).expect("it is an object");
    assert_eq!(roots.len(), 100_003);
    assert!(output.ends_with(br#""k99999":0,"d":2,"c":3,"z":1}"#));
}

#[test]
fn merging() {
    let table: &[(&[&str], &str)] = &[
        (&[], "{}"),
        (&["null", "{}"], "{}"),
        (&[r#"{"a":1,"b": {"x":1}}"#, r#"{"c":3}"#], r#"{"a":1,"b": {"x":1},"c":3}"#),
        (&[r#"{"a":1,"b":{"x":1},"c":0}"#, r#"{"b":{"y":2}}"#], r#"{"a":1,"b":{"y":2},"c":0}"#),
        (&[r#"{"a":1}"#, "null", r#"{"\u0061":2}"#, r#"{"z":0,"a":3}"#], r#"{"a":3,"z":0}"#),
    ];
    for (inputs, expected) in table {
        let parts: Vec<(Vec<u8>, Vec<Root>)> = inputs
            .iter()
            .map(|input| {
                let (mut output, mut roots) = (b"before".to_vec(), vec![]);
                Shape::OBJECT.apply_fields(input.as_bytes(), &mut output, &mut roots).expect(input);
                (output, roots)
            })
            .collect();
        let parts: Vec<(&[u8], &[Root])> = parts.iter().map(|(text, roots)| (&text[..], &roots[..])).collect();
        let mut output = Vec::new();
        let result = merge(&parts, &mut output);
        assert_eq!(str::from_utf8(&output), Ok(*expected));
        assert_eq!(result, if *expected == "{}" { Shaped::Empty } else { Shaped::Object });
    }
}

/// Keys that meet often, as they stand in a document: some of them escaped.
fn key() -> impl Strategy<Value = String> {
    let keys = ["a", "b", "c", "d", "\\u0061", "\\u0062", "collection", "", "é\\\"", "\\ud83c\\udf0d", "🌍", "\\ud800"];
    prop::sample::select(keys.to_vec()).prop_map(|key| format!("\"{key}\""))
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r\n        ")]
}

fn document() -> impl Strategy<Value = String> {
    let scalars = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.50",
        "1E400",
        "12345678901234567890123",
        "\"\"",
        "\"a\"",
        "\"é🌍\"",
        "\"\\ud83c\\udf0d\"",
        "\"\\udc00 and \\\\ud800\"",
        "\"long enough for more than one word\"",
        "\"\\n\\u0000\"",
        "{}",
        "[]",
        "\"{[:,\\\"\"",
    ];
    let leaf = prop::sample::select(scalars.to_vec()).prop_map(String::from);
    let value = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            4 => prop::collection::vec((key(), space(), inner.clone(), space()), 0..7).prop_map(object),
            1 => prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))),
        ]
    });
    let members = prop::collection::vec((key(), space(), value.clone(), space()), 0..7);
    prop_oneof![8 => members.prop_map(object), 2 => prop::collection::vec(value.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))), 1 => value]
}

fn object(members: Vec<(String, &'static str, String, &'static str)>) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(key, before, value, after)| format!("{before}{key}{after}:{before}{value}{after}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn keys() -> impl Strategy<Value = Keys> {
    let name = || prop::sample::select(&["a", "b", "c", "d", "collection", "🌍", "\u{FFFD}", ""][..]);
    let path = move || prop::collection::vec(name(), 1..4).prop_map(|parts| parts.join("."));
    let target = prop_oneof![3 => Just(None), 1 => path().prop_map(Some)];
    let list = move || prop_oneof![2 => Just(vec![]), 3 => prop::collection::vec(path(), 1..6)];
    let mapping =
        prop::collection::btree_map(name(), prop_oneof![3 => name().prop_map(String::from), 1 => path()], 0..4);
    let group = prop::option::weighted(0.2, name());
    let step = prop_oneof![3 => name(), 1 => Just("*")];
    let deleted = prop::collection::vec(step, 1..4).prop_map(|parts| parts.join("."));
    let deleted = prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(deleted, 1..4)];
    (prop::bool::weighted(0.15), target, list(), list(), mapping, group, deleted).prop_map(
        |(is_collection, target, allow, deny, mapping, group, deleted)| Keys {
            is_collection,
            target: target.filter(|target| !target.is_empty()),
            allow,
            deny,
            mapping: mapping.into_iter().map(|(old, new)| (old.into(), new)).collect(),
            deleted,
            group: group.filter(|group| !group.is_empty()).map(Into::into),
        },
    )
}

/// A document with some bytes changed, so that most are no longer JSON.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop_oneof![4 => prop::sample::select(&b"{}[]:,\"\\ \n0189-+.eEutfnrlsa\x1f"[..]), 1 => any::<u8>()];
    let edit = (any::<prop::sample::Index>(), 0..4, byte());
    (document(), prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.splice(at..(at + 1).min(bytes.len()), [byte])),
                2 => drop(bytes.drain(at..(at + 1).min(bytes.len()))),
                _ if byte.is_multiple_of(4) => bytes.truncate(at),
                _ => bytes.extend_from_slice(&[b' ', byte]),
            }
        }
        bytes
    })
}

/// The first value of a body as a strict parser that is not ours reads it.
fn parse(input: &[u8]) -> Option<Value> {
    let text = as_go_reads(input);
    // That parser wants to see the end of a literal, Go's does not.
    for (literal, value) in [("null", Value::Null), ("true", true.into()), ("false", false.into())] {
        if text.trim_ascii_start().starts_with(literal) {
            return Some(value);
        }
    }
    serde_json::Deserializer::from_str(&text).into_iter().next()?.ok()
}

fn compare(keys: &Keys, input: &[u8]) -> Result<(), TestCaseError> {
    let shape = keys.shape();
    let expected = parse(input).and_then(|value| keys.format(value));
    let mut output = b"before".to_vec();
    let result = shape.apply(input, &mut output);
    let (mut recorded, mut roots) = (b"before".to_vec(), vec![]);
    prop_assert_eq!(result, shape.apply_fields(input, &mut recorded, &mut roots));
    let Some(expected) = expected else {
        prop_assert!(result.is_err(), "accepted as {}", output.escape_ascii());
        prop_assert_eq!(output, b"before");
        return Ok(());
    };
    prop_assert!(result.is_ok(), "{:?}", result);
    for output in [&output, &recorded] {
        let value: Value = serde_json::from_slice(&output[6..]).expect("the output is JSON");
        prop_assert_eq!(&value, &expected, "from {}", output.escape_ascii());
    }
    prop_assert_eq!(result, Ok(shaped(&expected)));
    let from_roots = members(&recorded, &roots);
    prop_assert_eq!(from_roots.len(), roots.len());
    prop_assert_eq!(&from_roots, &expected.as_object().cloned().unwrap_or_default());
    Ok(())
}

fn members(text: &[u8], roots: &[Root]) -> Map<String, Value> {
    let read = |range: std::ops::Range<usize>| serde_json::from_slice::<Value>(&text[range]).expect("it is JSON");
    let key = |root: &Root| read(root.key.start - 1..root.key.end + 1).as_str().map(String::from);
    roots.iter().map(|root| (key(root).expect("a string"), read(root.value.clone()))).collect()
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn shapes_as_lura_does(keys in keys(), input in document()) {
        compare(&keys, input.as_bytes())?;
    }

    #[test]
    fn accepts_what_a_strict_parser_accepts(keys in keys(), input in mutated()) {
        compare(&keys, &input)?;
    }

    #[test]
    fn validates_as_a_strict_parser_does(input in mutated()) {
        // Inside an array, because the other parser also looks at what is behind a number.
        let array = [b"[", &input[..], b"]"].concat();
        let ours = validate(&array).ok().map(|text| serde_json::from_slice::<Value>(&text).expect("it is JSON"));
        prop_assert_eq!(ours, parse(&array));
    }

    #[test]
    fn merges_in_order(inputs in prop::collection::vec(document(), 0..5)) {
        let mut expected = Map::new();
        let mut parts = vec![];
        for input in &inputs {
            let (mut output, mut roots) = (vec![], vec![]);
            if Shape::OBJECT.apply_fields(input.as_bytes(), &mut output, &mut roots).is_ok() {
                expected.extend(members(&output, &roots));
                parts.push((output, roots));
            }
        }
        let parts: Vec<(&[u8], &[Root])> = parts.iter().map(|(text, roots)| (&text[..], &roots[..])).collect();
        let mut output = Vec::new();
        merge(&parts, &mut output);
        let merged: Map<String, Value> = serde_json::from_slice(&output).expect("it is JSON");
        prop_assert_eq!(merged.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn reads_any_bytes(input in prop::collection::vec(any::<u8>(), 0..64), keys in keys()) {
        compare(&keys, &input)?;
    }
}
