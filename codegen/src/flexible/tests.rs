//! What Go itself makes of templates, recorded in `tests/flexible/cases.json`, beside what is made of them here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::rc::Rc;

use serde::Deserialize;

use super::*;
use crate::diagnostic::Severity;
use crate::json;

#[derive(Deserialize)]
struct Recorded {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    settings: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    partials: BTreeMap<String, String>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    main: String,
    text: Option<String>,
    error: Option<String>,
}

impl Outside for &Group {
    fn partial(&mut self, name: &str, asker: Span) -> Result<(u32, Rc<str>), Box<Diagnostic>> {
        let text = self.partials.get(name).map(|text| (100, text.as_str().into()));
        text.ok_or_else(|| {
            Box::new(Diagnostic::error("missing-partial", asker, format!("there is no partial `{name}`")))
        })
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(OsString::from)
    }
}

fn render(mut group: &Group, main: &str) -> (Option<Rendered>, Vec<Diagnostic>, Vec<String>) {
    let sink = Sink::default();
    let mut flexible = Flexible::default();
    let mut texts = vec![main.to_owned()];
    flexible.template("gateway.json", 0, main, &sink);
    for (name, text) in &group.templates {
        flexible.template(name, u32::try_from(texts.len()).expect("few"), text, &sink);
        texts.push(text.clone());
    }
    for (name, value) in &group.settings {
        let text = value.to_string();
        let root = json::read(&text, u32::try_from(texts.len()).expect("few"), &sink).root.expect("JSON");
        flexible.settings(name, &root, &sink);
        texts.push(text);
    }
    let rendered = flexible.render(&mut group, &sink);
    (rendered, sink.finish(None), texts)
}

fn recorded() -> Vec<Group> {
    let text = fs::read_to_string("tests/flexible/cases.json").expect("the file is there");
    serde_json::from_str::<Recorded>(&text).expect("it is JSON").groups
}

/// Where Go gives a text and a build does not, and why.
const REFUSED: &[(&str, &str)] = &[];

/// Where Go has an error and a build gives a text, and which.
const TAKEN: &[(&str, &str)] = &[];

#[test]
fn as_go_does_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for group in &recorded() {
        for case in &group.cases {
            count += 1;
            let (rendered, told, texts) = render(group, &case.main);
            let errors: Vec<_> = told
                .iter()
                .filter(|told| told.severity == Severity::Error && told.code != "no-value")
                .map(|told| format!("{}: {}", told.code, told.message))
                .collect();
            let text = rendered.as_ref().map(|rendered| rendered.text.as_str());
            let refused = REFUSED.iter().any(|(main, _)| *main == case.main);
            let taken = TAKEN.iter().find(|(main, _)| *main == case.main).map(|(_, text)| *text);
            let right = match (&case.text, text) {
                (Some(_), None) => refused,
                (Some(expected), Some(text)) => expected == text && errors.is_empty() && !refused,
                (None, None) => !errors.is_empty() && taken.is_none(),
                (None, Some(text)) => taken == Some(text),
            };
            if !right {
                let go = case.text.as_ref().or(case.error.as_ref());
                wrong.push(format!("{}: {}\n    Go:   {go:?}\n    here: {text:?} {errors:?}", group.name, case.main));
            }
            if let Some(rendered) = &rendered {
                pieces_are_right(rendered, &texts, group, &case.main);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 500, "{count}");
}

/// Each byte of the output belongs to one piece, and what is copied is what stands there.
fn pieces_are_right(rendered: &Rendered, texts: &[String], group: &Group, main: &str) {
    let mut at = 0;
    for piece in &rendered.pieces {
        assert_eq!(piece.output.start, at, "{main}");
        assert!(piece.output.end > at, "{main}");
        at = piece.output.end;
        let file = usize::try_from(piece.source.file).expect("few");
        let own = texts.get(file).map(String::as_str);
        let bytes = piece.source.start..piece.source.end;
        let source = match own {
            Some(text) => vec![&text[bytes]],
            None => group.partials.values().filter_map(|text| text.get(bytes.clone())).collect(),
        };
        let output = &rendered.text[piece.output.clone()];
        if piece.copied {
            assert!(source.contains(&output), "{main}: {output:?} is not {source:?}");
        } else {
            assert!(source[0].starts_with("{{") && source[0].ends_with("}}"), "{main}: {source:?}");
        }
    }
    assert_eq!(at, rendered.text.len(), "{main}");
}

/// What is cut off, left out or written twice is refused or not, and nothing panics.
#[test]
fn broken_templates_do_not_panic() {
    for group in &recorded() {
        let small = Group {
            name: group.name.clone(),
            settings: BTreeMap::from([(
                "s".into(),
                serde_json::json!({ "name": "a", "list": [1, "b"], "obj": { "a": null } }),
            )]),
            partials: group.partials.clone(),
            templates: BTreeMap::from([("sub.tmpl".into(), "[{{ . }}]".into())]),
            variables: BTreeMap::new(),
            cases: Vec::new(),
        };
        for case in &group.cases {
            let main = &case.main;
            // Few places in each: there are many.
            for (at, letter) in main.char_indices().step_by(29) {
                let behind = at + letter.len_utf8();
                for broken in [
                    main[..at].to_owned(),
                    format!("{}{}", &main[..at], &main[behind..]),
                    format!("{}{}", &main[..behind], &main[at..]),
                ] {
                    let (rendered, told, _) = render(&small, &broken);
                    assert!(rendered.is_some() || told.iter().any(|told| told.severity == Severity::Error), "{broken}");
                }
            }
        }
    }
}

#[test]
fn what_has_no_end_is_refused() {
    let group = &recorded()[0];
    for main in [
        r#"{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}"#,
        r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}"#,
        r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ marshal $d }}"#,
        r#"{{ $d := dict }}{{ range until 100000 }}{{ $d = dict "d" $d }}{{ end }}{{ toJson $d }}"#,
        r#"{{ $d := list 1 }}{{ range until 40 }}{{ $d = list $d $d }}{{ end }}{{ $d }}"#,
        r#"{{ range 9223372036854775807 }}{{ end }}"#,
        r#"{{ until 9223372036854775807 }}"#,
        r#"{{ $x := repeat 60000000 "a" }}{{ $x }}{{ $x }}"#,
        r#"{{ repeat 9223372036854775807 "ab" }}"#,
        r#"{{ indent 9223372036854775807 "ab" }}"#,
        r#"{{ $s := "a" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}"#,
        r#"{{ $s := "a" }}{{ range until 40 }}{{ $s = join "" (list $s $s) }}{{ end }}"#,
        r#"{{ $s := list 1 }}{{ range until 40 }}{{ $s = concat $s $s }}{{ end }}"#,
        r#"{{ $s := list (repeat 60000000 "a") }}{{ range until 10 }}{{ $s = concat $s $s }}{{ end }}{{ toJson $s }}"#,
        r#"{{ printf (repeat 1000 "%[1]1000000d") 1 }}"#,
        r#"{{ $s := repeat 1000000 "a" }}{{ regexReplaceAll "a" $s $s }}"#,
        r#"{{ join (repeat 1000000 "a") (until 1000) }}"#,
        r#"{{ define "f" }}{{ if . }}{{ template "f" (rest .) }}{{ template "f" (rest .) }}{{ end }}{{ end }}{{ template "f" (until 40) }}"#,
    ] {
        let (rendered, told, _) = render(group, main);
        assert!(rendered.is_none() && told.len() == 1 && told[0].code == "template-fails", "{main}: {told:?}");
    }
    let deep = format!("{}1{}", "{{ (".to_owned() + &"(".repeat(5000), ")".repeat(5001) + " }}");
    assert_eq!(render(group, &deep).1[0].code, "template-syntax");
    let deep = "{{ if true }}".repeat(5000) + &"{{ end }}".repeat(5000);
    assert_eq!(render(group, &deep).1[0].code, "template-syntax");
    let chain = format!("{{{{ if false }}}}{}{{{{ end }}}}", "{{ else if false }}".repeat(5000));
    assert_eq!(render(group, &chain).1[0].code, "template-syntax");
}
