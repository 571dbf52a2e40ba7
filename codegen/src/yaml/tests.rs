use super::*;

fn show(text: &str) {
    let sink = Sink::default();
    let read = read(text, 0, &sink);
    let file = crate::SourceFile::new("gateway.yaml", "", text);
    let found = sink.finish(read.root.as_ref());
    println!("=== {text:?} whole {}", read.whole);
    println!("{}", read.root.map_or("nothing".to_owned(), |root| root.to_json()));
    println!("{}", crate::render_human(&file, &found, false));
}

#[test]
fn tour() {
    for text in [
        "a: 1\n\tb: 1\n", "a: \"open\nb: 1\n", "a: [1, 2\nb: 3\n", "a: {x: 1\nb: 3\n", "a: `x`\n", "a: 1\nport 8080 # x\nb: 2\n", "a: 1\nport:8080\nb: 2\n", "port:8080\nb: 2", "a: 1\n- b\n", "a: !x\n", "a: |0\n x\n", "a: ? b\n",
        "a:\n  b: [\n    1,\n  ]\n  c: {\n    x: 1\n  }\n", "a: >\n x\n  y\nb\n", "a: [1,\n", "b:\n- c\n -d: 1\n", "endpoints:\n  - endpoint: /a\n    backend:\n     - host: [a]\n      url_pattern: /b\n",
        "a: b: 'c'", "x: 'a' b: c", "a:b:c", "a: b\n  c: d\n", "k: {a: b: c}", "k: [a, b]c\n", "x:\n  - a: 1\n  b: 2\n", "x: - 1\n", "a: ,\n", "a: [a,,b]\n", "{\n  \"version\": 3,\n  \"a\": [1,],\n}", "{\n\t\"version\": 3\n}", "{\"a\": 1 \"b\": 2}", "{'a':1,\"b\":[]}", "// c\na: 1\n",
    ] {
        show(text);
    }
}
