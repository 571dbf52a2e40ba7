//! Finds single values in a JSON body: one pass over it, however many are wanted.

use super::error::JsonError;
use super::scan::{Key, Scanner, Separator};
use super::text::{decode, decode_into};

/// How many values are kept without allocating.
const FEW: usize = 8;

/// The ways to the values that are wanted of a body.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    root: Node,
    count: usize,
}

/// What was found in one body.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    few: [Option<&'a str>; FEW],
    more: Vec<Option<&'a str>>,
    problem: Option<String>,
}

/// A value on the way, or at the end of one.
#[derive(Debug, Default)]
struct Node {
    name: &'static str,
    /// The name as the place in a list.
    index: Option<usize>,
    /// Where its text goes, when it is wanted itself.
    slot: Option<usize>,
    inside: Vec<Self>,
}

struct Search<'a> {
    text: &'a str,
    scan: Scanner<'a>,
    found: Found<'a>,
}

impl Lookup {
    /// Adds a way to a value, and says under which number it will be found.
    pub(crate) fn add(&mut self, path: &[&'static str]) -> usize {
        let mut node = &mut self.root;
        for &name in path {
            let at = node.inside.iter().position(|inside| inside.name == name).unwrap_or_else(|| {
                node.inside.push(Node { name, index: index(name), ..Node::default() });
                node.inside.len() - 1
            });
            node = &mut node.inside[at];
        }
        *node.slot.get_or_insert_with(|| {
            self.count += 1;
            self.count - 1
        })
    }

    /// Reads the first value in `body`, all of it: of duplicate keys the last one counts, as everywhere. Nothing is found in
    /// what is not JSON or not UTF-8.
    pub(crate) fn find<'a>(&self, body: &'a [u8]) -> Found<'a> {
        if self.count == 0 {
            return Found::default();
        }
        let Ok(text) = simdutf8::basic::from_utf8(body) else {
            return Found { problem: Some("the body is not UTF-8".to_owned()), ..Found::default() };
        };
        let found = Found { more: vec![None; self.count.saturating_sub(FEW)], ..Found::default() };
        let mut search = Search { text, scan: Scanner::new(body), found };
        match search.value(&self.root) {
            Ok(()) => search.found,
            Err(error) => Found { problem: Some(format!("the body is not JSON: {error}")), ..Found::default() },
        }
    }
}

/// As JSON Pointer writes one (RFC 6901, section 4).
fn index(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if plain { name.parse().ok() } else { None }
}

// === impl Search ===

impl<'a> Search<'a> {
    fn value(&mut self, node: &Node) -> Result<(), JsonError> {
        self.found.forget(node);
        let first = self.scan.peek();
        match first {
            b'{' if !node.inside.is_empty() => return self.object(node),
            b'[' if !node.inside.is_empty() => return self.array(node),
            _ => {}
        }
        let start = self.scan.pos();
        self.scan.value()?;
        if let (Some(slot), false) = (node.slot, matches!(first, b'{' | b'[' | b'n')) {
            self.found.set(slot, self.text.get(start..self.scan.pos()));
        }
        Ok(())
    }

    fn object(&mut self, node: &Node) -> Result<(), JsonError> {
        if !self.scan.open_object()? {
            return Ok(());
        }
        loop {
            let key = self.scan.key()?;
            match node.inside.iter().find(|inside| self.is(key, inside.name)) {
                Some(inside) => self.value(inside)?,
                None => self.scan.value()?,
            }
            if let Separator::Brace = self.scan.separator()? {
                return Ok(());
            }
            self.scan.space();
        }
    }

    fn array(&mut self, node: &Node) -> Result<(), JsonError> {
        if !self.scan.open_array()? {
            return Ok(());
        }
        for place in 0.. {
            match node.inside.iter().find(|inside| inside.index == Some(place)) {
                Some(inside) => self.value(inside)?,
                None => self.scan.value()?,
            }
            if self.scan.end_of_array()? {
                break;
            }
            self.scan.space();
        }
        Ok(())
    }

    fn is(&self, key: Key, name: &str) -> bool {
        let text = &self.text.as_bytes()[key.start..key.end];
        if key.escaped { *decode(text) == *name.as_bytes() } else { text == name.as_bytes() }
    }
}

// === impl Found ===

impl<'a> Found<'a> {
    /// Appends the value found under `slot`: a string without its quotes and escapes, a number or a boolean as it is written.
    /// False where there is none.
    pub(crate) fn append(&self, slot: usize, into: &mut String) -> bool {
        let value = match slot.checked_sub(FEW) {
            None => self.few[slot],
            Some(slot) => self.more.get(slot).copied().flatten(),
        };
        let Some(value) = value else { return false };
        match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(text) => decode_into(text, into),
            None => into.push_str(value),
        }
        true
    }

    /// Why nothing could be found.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn set(&mut self, slot: usize, value: Option<&'a str>) {
        let place = match slot.checked_sub(FEW) {
            None => self.few.get_mut(slot),
            Some(slot) => self.more.get_mut(slot),
        };
        if let Some(place) = place {
            *place = value;
        }
    }

    /// Of duplicate keys the last one counts: forgets what another one led to.
    fn forget(&mut self, node: &Node) {
        if let Some(slot) = node.slot {
            self.set(slot, None);
        }
        for inside in &node.inside {
            self.forget(inside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `paths`, their names joined with dots, lead to.
    fn found(body: &[u8], paths: &[&'static str]) -> Vec<Option<String>> {
        let mut lookup = Lookup::default();
        let slots: Vec<_> = paths.iter().map(|path| lookup.add(&path.split('.').collect::<Vec<_>>())).collect();
        let found = lookup.find(body);
        let value = |slot| {
            let mut text = String::new();
            found.append(slot, &mut text).then_some(text)
        };
        slots.into_iter().map(value).collect()
    }

    #[test]
    fn values_and_what_they_are_in_text() {
        for (body, path, expected) in [
            (r#"{"id": "a b"}"#, "id", Some("a b")),
            (r#" {"x": [{}], "id" : 1.50e3 , "y": null} "#, "id", Some("1.50e3")),
            (r#"{"id": -0}"#, "id", Some("-0")),
            (r#"{"id": true}"#, "id", Some("true")),
            (r#"{"id": ""}"#, "id", Some("")),
            (r#"{"id": "\"\\\u00e9\ud83d\ude00\n"}"#, "id", Some("\"\\é😀\n")),
            (r#"{"\u0069d": 1}"#, "id", Some("1")),
            (r#"{"a": {"b": {"c": 1}}}"#, "a.b.c", Some("1")),
            (r#"{"a": [{"b": 1}, {"b": 2}]}"#, "a.1.b", Some("2")),
            (r#"{"a": [[1, 2], [3]]}"#, "a.0.1", Some("2")),
            (r#"{"a": {"0": 1}}"#, "a.0", Some("1")),
            ("[1, 2]", "1", Some("2")),
            (r#"{"id": 1} and more"#, "id", Some("1")),
            (r#"{"id": null}"#, "id", None),
            (r#"{"id": {"x": 1}}"#, "id", None),
            (r#"{"id": [1]}"#, "id", None),
            (r#"{"ID": 1}"#, "id", None),
            ("{}", "id", None),
            (r#"{"a": []}"#, "a.0", None),
            (r#"{"a": [1, 2]}"#, "a.01", None),
            (r#"{"a": [1, 2]}"#, "a.2", None),
            (r#"{"a": "x"}"#, "a.b", None),
            (r#""id""#, "id", None),
            (r#"{"id": 1, "id": 2}"#, "id", Some("2")),
            (r#"{"id": 1, "id": null}"#, "id", None),
            (r#"{"a": {"b": 1}, "a": 2}"#, "a.b", None),
            (r#"{"id": 1, "x": }"#, "id", None),
            (r#"{"id": 1"#, "id", None),
            (r#"{"id": "\ud800"}"#, "id", None),
            ("", "id", None),
        ] {
            assert_eq!(found(body.as_bytes(), &[path]), [expected.map(str::to_owned)], "{body}");
        }
    }

    #[test]
    fn several_values_of_one_body() {
        let body = br#"{"a": 1, "b": {"c": "x", "d": [true]}}"#;
        let paths = ["b.c", "a", "b", "b.d.0", "a", "n"];
        let expected = [Some("x"), Some("1"), None, Some("true"), Some("1"), None];
        assert_eq!(found(body, &paths), expected.map(|value| value.map(str::to_owned)));
    }

    #[test]
    fn more_than_a_few() {
        let names: Vec<&'static str> = "abcdefghijklmnopqrst".split("").filter(|name| !name.is_empty()).collect();
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\": \"{name}{name}\"")).collect();
        let body = format!("{{{}}}", members.join(","));
        let expected: Vec<_> = names.iter().map(|name| Some(format!("{name}{name}"))).collect();
        assert_eq!(found(body.as_bytes(), &names), expected);
    }

    #[test]
    fn what_is_wrong_with_the_body_is_told() {
        let mut lookup = Lookup::default();
        lookup.add(&["id"]);
        assert_eq!(lookup.find(b"{\"id\": 1}").problem(), None);
        assert_eq!(lookup.find(b"{\"id\": \xff}").problem(), Some("the body is not UTF-8"));
        let problem = "the body is not JSON: invalid JSON at byte 7: a value was expected";
        assert_eq!(lookup.find(b"{\"id\": x}").problem(), Some(problem));
        assert_eq!(Lookup::default().find(b"{").problem(), None, "nothing is read when nothing is wanted");
    }

    proptest::proptest! {
        /// What `serde_json` finds is found, and what it refuses is refused. (It lacks only our limits.)
        #[test]
        fn as_a_tree_has_it(body in r#"\{("[abc]":("x"|1|null|true|\{"b":[12]\}|\[1,\{"c":2\}\]),?){0,4}\}?"#) {
            let tree = serde_json::from_str::<serde_json::Value>(&body);
            for (path, pointer) in [("a", "/a"), ("a.b", "/a/b"), ("b.1.c", "/b/1/c"), ("c.0", "/c/0")] {
                let expected = tree.as_ref().ok().and_then(|tree| tree.pointer(pointer)).and_then(|value| match value {
                    serde_json::Value::String(text) => Some(text.clone()),
                    serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
                    _ => None,
                });
                proptest::prop_assert_eq!(found(body.as_bytes(), &[path]), [expected], "{} in {}", path, body);
            }
        }
    }
}
