use bytes::Bytes;
#[cfg(any(feature = "xml", feature = "yaml"))]
use proptest::prelude::*;

use super::{missing, write};
use crate::endpoint::Output;

fn written(output: Output, json: &str) -> (String, String) {
    let (body, content_type) = write(output, &Bytes::from(json.to_owned())).unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), content_type.to_str().unwrap().to_owned())
}

#[test]
fn collections() {
    for (json, expected) in [
        (r#"{"collection":[{"id": 1},2.50],"x":1}"#, r#"[{"id": 1},2.50]"#),
        (r#"{"collection":{"a":1}}"#, r#"{"a":1}"#),
        (r#"{"c\u006fllection":[1],"collection":[2]}"#, "[2]"),
        (r#"{"a":1}"#, "[]"),
        ("{}", "[]"),
        ("null", "[]"),
    ] {
        let (body, content_type) = written(Output::Collection, json);
        assert_eq!((body.as_str(), content_type.as_str()), (expected, "application/json; charset=utf-8"), "{json}");
    }
}

#[test]
fn texts() {
    for (json, expected) in [
        (r#"{"content":"line\n\u00fc \ud83c\udf0d","other":1}"#, "line\nü 🌍"),
        (r#"{"content":12}"#, ""),
        (r#"{"content":null}"#, ""),
        (r#"{"a":"b"}"#, ""),
        ("null", ""),
    ] {
        let (body, content_type) = written(Output::Text, json);
        assert_eq!((body.as_str(), content_type.as_str()), (expected, "text/plain; charset=utf-8"), "{json}");
    }
}

#[test]
fn what_would_be_left_out_is_noticed() {
    for (output, json, expected) in [
        (Output::Text, r#"{"content":""}"#, None),
        (Output::Text, r#"{"content":"a","b":1}"#, None),
        (Output::Text, r#"{"content":12}"#, Some("text under `content`")),
        (Output::Text, r#"{"id":1}"#, Some("text under `content`")),
        (Output::Collection, r#"{"collection":{}}"#, None),
        (Output::Collection, r#"{"id":1}"#, Some("`collection`")),
        (Output::Json, r#"{"id":1}"#, None),
    ] {
        assert_eq!(missing(output, &Bytes::from_static(json.as_bytes())), expected, "{output:?} of {json}");
    }
}

/// As mxj 2.7 writes them, but for the last ones, of which it makes no XML.
#[test]
fn xml() {
    for (json, expected) in [
        (r#"{"a":1,"b":[1,"x"],"c":{"d":null}}"#, "<doc><a>1</a><b>1</b><b>x</b><c><d/></c></doc>"),
        (r#"{"content":{"a":1}}"#, "<content><a>1</a></content>"),
        (r#"{"b":1,"a":"two"}"#, "<doc><a>two</a><b>1</b></doc>"),
        (r#"{"l":[{"a":1},{"a":2}]}"#, "<l><a>1</a></l><l><a>2</a></l>"),
        (r#"{"l":[{"a":1},2]}"#, "<doc><l><a>1</a></l><l>2</l></doc>"),
        (r#"{"l":[]}"#, "<l/>"),
        (r#"{"l":[[1,[2]],[]]}"#, "<doc><l>1</l><l>2</l><l/></doc>"),
        (
            r##"{"r":{"-z":1,"-a":"<\"'&>","#text":"t & u","x":true}}"##,
            r#"<r a="&lt;&quot;&apos;&amp;&gt;" z="1">t &amp; u<x>true</x></r>"#,
        ),
        (r##"{"r":{"-a":true,"#text":"t"}}"##, r#"<r a="true">t</r>"#),
        (r#"{"r":{"-a":"1"}}"#, r#"<r a="1"/>"#),
        (r#"{"r":""}"#, "<r/>"),
        (r#"{"n":1E3,"d":0.1000,"a":1,"a":2}"#, "<doc><a>2</a><d>0.1000</d><n>1E3</n></doc>"),
        ("{}", "<doc/>"),
        ("null", "<doc/>"),
        (
            r#"{"a b":1,"2":"\u0001\u000b","<":{"-x":{"y":1}},"":""}"#,
            "<doc><_/><_2>\u{FFFD}\u{FFFD}</_2><__><_-x><y>1</y></_-x></__><a_b>1</a_b></doc>",
        ),
    ] {
        let (body, content_type) = written(Output::Xml, json);
        assert_eq!((body.as_str(), content_type.as_str()), (expected, "application/xml"), "{json}");
    }
}

/// As goccy/go-yaml 1.19 writes them, but for the last ones, which it writes so that they are read as something else.
#[test]
fn yaml() {
    for (json, expected) in [
        (r#"{"b":1,"a":{"z":[1,2],"t":"x: y"}}"#, "a:\n  t: \"x: y\"\n  z:\n  - \"1\"\n  - \"2\"\nb: \"1\"\n"),
        (
            r#"{"q":[[1,"x"],[]],"r":[{"a":1,"b":{"c":2}},{"d":[]}]}"#,
            "q:\n- - \"1\"\n  - x\n- []\nr:\n- a: \"1\"\n  b:\n    c: \"2\"\n- d: []\n",
        ),
        (
            r#"{"a":null,"b":true,"c":"true","d":"","e":"~","f":"no","o":{}}"#,
            "a: null\nb: true\nc: \"true\"\nd: \"\"\ne: \"~\"\nf: \"no\"\no: {}\n",
        ),
        (
            r#"{"y":"it's","n":"say \"hi\"","1":"a\\b","a: b":"http://x/y"}"#,
            "\"1\": \"a\\\\b\"\n\"a: b\": http://x/y\n\"n\": say \"hi\"\n\"y\": it's\n",
        ),
        (
            r#"{"k":"a\nb","l":"a\nb\n","m":{"s":["a\n\nb"],"t":"a\n\nb"}}"#,
            "k: |-\n  a\n  b\nl: |\n  a\n  b\nm:\n  s:\n  - |-\n    a\n\n    b\n  t: |-\n    a\n    \n    b\n",
        ),
        (
            r#"{"d":0.1000,"e":1E3,"huge":123456789012345678901234567890,"neg":-0,"tiny":1e-400,"x":1.5e3}"#,
            "d: \"0.1000\"\ne: 1E3\nhuge: \"123456789012345678901234567890\"\nneg: \"-0\"\ntiny: 1e-400\nx: \"1.5e3\"\n",
        ),
        (
            r#"{"d":"2001-01-01","t":"12:30","x":"0x1F","u":"1_000","s":" lead","e":"trail "}"#,
            "d: \"2001-01-01\"\ne: \"trail \"\ns: \" lead\"\nt: \"12:30\"\nu: \"1_000\"\nx: \"0x1F\"\n",
        ),
        ("{}", "{}\n"),
        ("null", "{}\n"),
        (
            r#"{"a\nb":"? x","c":"\u0001\u00a0","e":"1e3","n":"\n","i":".inf"}"#,
            "\"a\\nb\": \"? x\"\nc: \"\\x01\\u00a0\"\ne: \"1e3\"\ni: \".inf\"\n\"n\": \"\\n\"\n",
        ),
    ] {
        let (body, content_type) = written(Output::Yaml, json);
        assert_eq!((body.as_str(), content_type.as_str()), (expected, "application/yaml; charset=utf-8"), "{json}");
    }
}

#[test]
fn too_deep_for_a_tree() {
    let deep = Bytes::from(format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)));
    for output in [Output::Xml, Output::Yaml] {
        assert!(write(output, &deep).is_err());
    }
    assert!(write(Output::Collection, &deep).is_ok());
}

#[cfg(any(feature = "xml", feature = "yaml"))]
fn value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        r#"[ -~\n\té:#'"&*!?|>%@`{}\[\],-]{0,8}"#,
        any::<String>(),
        proptest::sample::select(vec!["true", "~", "12", "1e3", "0x1F", "- x", "a: b", "---", "2001-01-01"])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => any::<bool>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::vec((r#"[a-z -~\n]{0,5}"#, inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

#[cfg(any(feature = "xml", feature = "yaml"))]
proptest! {
    /// Whatever is written is read as the same again, its numbers as strings.
    #[cfg(feature = "yaml")]
    #[test]
    fn yaml_is_read_again(value in value()) {
        fn numbers_as_text(value: serde_json::Value) -> serde_json::Value {
            match value {
                serde_json::Value::Number(number) => number.to_string().into(),
                serde_json::Value::Array(list) => list.into_iter().map(numbers_as_text).collect(),
                serde_json::Value::Object(members) => {
                    members.into_iter().map(|(name, value)| (name, numbers_as_text(value))).collect()
                }
                value => value,
            }
        }
        let object = serde_json::json!({ "root": value });
        let (text, _) = written(Output::Yaml, &object.to_string());
        let read = crate::encoding::yaml::decode(text.as_bytes());
        let read = read.map(|json| serde_json::from_slice::<serde_json::Value>(&json).unwrap());
        prop_assert_eq!(read, Ok(numbers_as_text(object)), "{}", text);
    }

    /// Whatever is written is XML.
    #[cfg(feature = "xml")]
    #[test]
    fn xml_is_read_again(value in value()) {
        let object = serde_json::json!({ "root": value, "other": 1 });
        let (text, _) = written(Output::Xml, &object.to_string());
        let read = crate::encoding::xml::decode(text.as_bytes());
        prop_assert!(read.is_ok(), "{read:?}: {text}");
    }
}
