use super::*;

fn show(text: &str) {
    let sink = Sink::default();
    let read = read(text, 0, &sink);
    let file = crate::SourceFile::new("gateway.toml", "", text);
    let found = sink.finish(read.root.as_ref());
    println!("=== {text:?} whole {}", read.whole);
    println!("{}", read.root.map_or("nothing".to_owned(), |root| root.to_json()));
    println!("{}", crate::render_human(&file, &found, false));
}

#[test]
fn tour() {
    for text in [
        "", "# c\n", "a = 1\n", "a: 1\n", "a 1\n", "a\n", "a =\n", "a = \n[b]\n", "[a\nb = 1\n", "[[a]\n", "[a]]\n", "a = [1, 2\nb = 3\n", "a = [1 2]\n", "a = {x = 1\n", "a = {x: 1}\n", "a = {x = 1 y = 2}\n", "a = [1,,2]\n",
        "a/b = 1\n", "[a/b]\n", "[extra_config.qos/x]\n", "a = yes\n", "a = True\n", "a = null\n", "a = 30s\n", "a = \"x\nb = 1\n", "a = 'x\n", "a = \"\"\"x\n", "a = \"\\q\"\n", "a = \"\\u12\"\n", "a = 010\n", "a = 2024-01-01\n", "a = 10:00:00\n", "a = inf\n", "a = -nan\n",
        "a = 1_000\nb = 0xff\nc = +5\nd = 1e5\ne = 5e+2_2\nf = -0.5\n", "a = 1.\n", "a = .5\n", "a = 1__0\n", "a = 99999999999999999999999999999999999999999\n", "a = 1 b = 2\n", "a = \"x\" y\n", "a.b.c = 1\na.b.d = 2\n[x.y]\nz = 1\n[x]\nw = 2\n[[t]]\nn=1\n[t.s]\nq=1\n[[t]]\nn=2\n",
        "a = 1\na = 2\n[b]\n[b]\n[[c]]\n[c]\n[d]\ne.f = 1\n[d.e]\n", "= 1\n", ".a = 1\n", "a. = 1\n", "a = {}\n[a.b]\nc = 1\n", "a = [{b = 1}, {b = 2,}]\n", "\u{feff}a = 1\r\nb = 2\r\n", "a = \"\"\"\nx \\\n   y\n\"\"\"\n", "a = 1 // c\n", "{\"a\": 1}\n", "a = [1\n", "]\n", "a = }\n", "\"a\" = 1\n'b' = 2\n\"\"\"c\"\"\" = 3\n", "a = \"\t\u{1}\"\n", "a = 1 # \u{1}\n", "a = b.c\n", "a = 1\rb = 2\n", "a = \"x\" \"y\"\n", "a = ''x''\n",
    ] {
        show(text);
    }
}
