use super::FlatmapOp::{self, Append, Delete, Move};
use crate::shape::{Problem, Root, Shape, Shaped};

fn filtered(ops: &'static [FlatmapOp], body: &str) -> String {
    let mut output = Vec::new();
    Shape::OBJECT.flatmap(ops).apply(body.as_bytes(), &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

/// What krakend/flatmap does, by its tests and by KrakenD's recorded answers.
#[test]
fn operations_are_those_of_krakend() {
    for (ops, body, expected) in [
        // del
        (&[Delete(&["abc"])][..], r#"{"a":42,"b":false}"#, r#"{"a":42,"b":false}"#),
        (&[Delete(&["a"])], r#"{"a":42,"b":false}"#, r#"{"b":false}"#),
        (&[Delete(&["d", "*", "p"])], r#"{"d":[]}"#, r#"{"d":[]}"#),
        (&[Delete(&["d", "*", "p"])], r#"{"d":{}}"#, r#"{"d":{}}"#),
        (
            &[Delete(&["a", "*", "s"])],
            r#"{"a":{"x":{"s":1,"t":2},"0":{"s":1}},"s":3}"#,
            r#"{"a":{"x":{"t":2},"0":null},"s":3}"#,
        ),
        (
            &[Delete(&["c", "*", "secret"]), Delete(&["c", "*", "deep", "k"])],
            r#"{"c":[{"id":1,"secret":"x","deep":{"k":1,"z":2}},{"id":2,"secret":"y","deep":{"k":3}}]}"#,
            r#"{"c":[{"id":1,"deep":{"z":2}},{"id":2,"deep":null}]}"#,
        ),
        (&[Delete(&["a", "1"])], r#"{"a":[1,2,3]}"#, r#"{"a":[1,3]}"#),
        (&[Delete(&["a", "*"])], r#"{"a":[1,2,3],"b":1}"#, r#"{"a":null,"b":1}"#),
        (&[Delete(&["a", "b"])], r#"{"a":1}"#, r#"{"a":1}"#),
        // The last one leaves nothing of the whole.
        (&[Delete(&["*"])], r#"{"a":1,"b":2}"#, "null"),
        (&[Delete(&["*"])], "{}", "{}"),
        // move: a new name
        (&[Move(&["a"], &["b"])], r#"{"a":42}"#, r#"{"b":42}"#),
        (&[Move(&["b", "a"], &["b", "c"])], r#"{"a":1,"b":{"a":42}}"#, r#"{"a":1,"b":{"c":42}}"#),
        (
            &[Move(&["b", "*", "c"], &["b", "*", "x"])],
            r#"{"b":[{"c":42},{"c":{"d":42}},1]}"#,
            r#"{"b":[{"x":42},{"x":{"d":42}},1]}"#,
        ),
        (&[Move(&["a"], &["b"])], r#"{"a":1,"b":2}"#, r#"{"b":1}"#),
        (&[Move(&["a"], &["b"])], r#"{"b":2,"a":1}"#, r#"{"b":1}"#),
        // move: up
        (&[Move(&["a", "b", "c"], &["top"])], r#"{"a":{"b":{"c":1,"d":[1,2]}}}"#, r#"{"a":{"b":{"d":[1,2]}},"top":1}"#),
        (&[Move(&["b", "a"], &["c"])], r#"{"a":1,"b":{"a":42}}"#, r#"{"a":1,"b":null,"c":42}"#),
        (&[Move(&["b", "a"], &["c"])], r#"{"b":{"a":42},"c":1}"#, r#"{"b":null,"c":42}"#),
        (
            &[Move(&["a", "*", "b", "c"], &["a", "*", "d"])],
            r#"{"a":[{"b":{"c":1}},{"b":{"c":2,"e":3}}]}"#,
            r#"{"a":[{"b":null,"d":1},{"b":{"e":3},"d":2}]}"#,
        ),
        // move: down
        (&[Move(&["b", "a"], &["b", "x", "y"])], r#"{"b":{"a":42,"x":{"z":1}}}"#, r#"{"b":{"x":{"z":1,"y":42}}}"#),
        (
            &[Move(&["b", "*", "c"], &["b", "*", "c", "b", "x"])],
            r#"{"b":{"f":{"c":{"d":42}},"l":{"m":42,"c":1}}}"#,
            r#"{"b":{"f":{"c":{"b":{"x":{"d":42}}}},"l":{"m":42,"c":{"b":{"x":1}}}}}"#,
        ),
        (
            &[Move(&["a", "*", "b"], &["a", "*", "c"]), Delete(&["a", "*", "c"])],
            r#"{"a":[{"b":1,"z":2}]}"#,
            r#"{"a":[{"z":2}]}"#,
        ),
        // append
        (&[Append(&["a"], &["b"])], r#"{"a":[42],"b":[1]}"#, r#"{"b":[1,42]}"#),
        (&[Append(&["k2"], &["k1"])], r#"{"k1":[1,2],"k2":[3]}"#, r#"{"k1":[1,2,3]}"#),
        (&[Append(&["a"], &["b"])], r#"{"a":[],"b":[]}"#, r#"{"b":[]}"#),
        (&[Append(&["a"], &["b"])], r#"{"a":1,"b":[1]}"#, r#"{"a":1,"b":[1]}"#),
        (&[Append(&["a"], &["b"])], r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (
            &[Append(&["a", "*", "x"], &["b"])],
            r#"{"a":[{"x":1,"y":2},{"x":3},4],"b":[0]}"#,
            r#"{"a":[{"y":2},null,4],"b":[0,1,3,null]}"#,
        ),
        (&[Append(&["a"], &["b", "c"])], r#"{"a":[{"x":1}],"b":{"c":[0]}}"#, r#"{"b":{"c":[0,{"x":1}]}}"#),
        // Nothing else changes: digits, escapes.
        (&[Delete(&["a"])], r#"{"a":1,"n":[1E3,-0,0.10],"s":"\u00e9\/"}"#, r#"{"n":[1E3,-0,0.10],"s":"\u00e9\/"}"#),
        (&[Delete(&["é"])], r#"{"\u00e9":1,"b":{"é":2}}"#, r#"{"b":{"é":2}}"#),
    ] {
        assert_eq!(filtered(ops, body), expected, "{ops:?} on {body}");
    }
}

#[test]
fn it_stands_between_target_and_group() {
    static SHAPE: Shape = Shape::OBJECT.target(&["d"]).flatmap(&[Delete(&["b"])]).group("g");
    for (body, expected, shaped) in [
        (r#"{"d":{"a":1,"b":2},"b":3}"#, r#"{"g":{"a":1}}"#, Shaped::Object),
        (r#"{"d":{"b":2}}"#, r#"{"g":null}"#, Shaped::Object),
        (r#"{"x":1}"#, r#"{"g":{}}"#, Shaped::Object),
    ] {
        let (mut output, mut roots) = (b"before".to_vec(), Vec::new());
        assert_eq!(SHAPE.apply_fields(body.as_bytes(), &mut output, &mut roots), Ok(shaped));
        assert_eq!(String::from_utf8_lossy(&output), format!("before{expected}"));
        let [Root { key, value }] = &roots[..] else { panic!("{roots:?}") };
        assert_eq!(
            (&output[key.clone()], &output[value.clone()]),
            (&b"g"[..], &expected.as_bytes()[5..expected.len() - 1])
        );
    }
}

#[test]
fn collections_and_null() {
    static SHAPE: Shape = Shape::COLLECTION.flatmap(&[Delete(&["collection", "*", "s"])]);
    for (body, expected) in [
        (r#"[{"id":1,"s":2},3]"#, Ok((r#"{"collection":[{"id":1},3]}"#, Shaped::Object))),
        ("null", Ok((r#"{"collection":null}"#, Shaped::Object))),
        ("{}", Err(Problem::NotAnArray)),
    ] {
        let mut output = Vec::new();
        let found = SHAPE.apply(body.as_bytes(), &mut output).map_err(|error| error.problem);
        assert_eq!(found.map(|shaped| (std::str::from_utf8(&output).unwrap(), shaped)), expected, "{body}");
    }
    assert_eq!(filtered(&[Delete(&["a"])], "null"), "null");
}

#[test]
fn an_error_leaves_nothing() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for (body, problem) in
        [(deep.as_str(), Problem::TreeDepth), ("[1]", Problem::NotAnObject), ("{\"a\":", Problem::End)]
    {
        let (mut output, mut roots) = (b"x".to_vec(), vec![Root { key: 0..1, value: 0..1 }]);
        let shape = Shape::OBJECT.flatmap(&[Delete(&["b"])]);
        let error = shape.apply_fields(body.as_bytes(), &mut output, &mut roots).unwrap_err();
        assert_eq!((error.problem, output.as_slice(), roots.len()), (problem, &b"x"[..], 0), "{body}");
    }
}

/// Searched for one after the other, these would take minutes.
#[test]
fn long_arrays_and_objects() {
    const COUNT: usize = 200_000;
    let list = |element: &dyn Fn(usize) -> String| {
        let all: Vec<_> = (0..COUNT).map(element).collect();
        all.join(",")
    };
    let nested = list(&|index| format!(r#"{{"x":{{"y":{index}}}}}"#));
    let empty = list(&|_| r#"{"k":0}"#.to_owned());
    let moved = list(&|index| format!(r#"{{"x":null,"z":{index}}}"#));
    let members = list(&|index| format!(r#""m{index}":{{"x":{{"y":{index}}}}}"#));
    let emptied = list(&|index| format!(r#""m{index}":{{"x":null}}"#));
    for (ops, body, expected) in [
        (
            &[Move(&["a", "*", "x", "y"], &["a", "*", "z"])][..],
            format!(r#"{{"a":[{nested}]}}"#),
            format!(r#"{{"a":[{moved}]}}"#),
        ),
        (
            &[Move(&["a", "*", "x", "y"], &["b", "*", "z"])],
            format!(r#"{{"a":[{nested}],"b":[{empty}]}}"#),
            format!(
                r#"{{"a":[{}],"b":[{}]}}"#,
                list(&|_| r#"{"x":null}"#.to_owned()),
                list(&|index| format!(r#"{{"k":0,"z":{index}}}"#))
            ),
        ),
        (
            &[Move(&["a", "*", "x"], &["a", "*", "x", "a", "b"])],
            format!(r#"{{"a":[{}]}}"#, list(&|index| format!(r#"{{"x":{index}}}"#))),
            format!(r#"{{"a":[{}]}}"#, list(&|index| format!(r#"{{"x":{{"a":{{"b":{index}}}}}}}"#))),
        ),
        (&[Move(&["*", "x", "y"], &["z"])], format!("{{{members}}}"), format!(r#"{{{emptied},"z":{}}}"#, COUNT - 1)),
    ] {
        assert!(filtered(ops, &body) == expected, "{ops:?}");
    }
}
