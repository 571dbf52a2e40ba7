//! What lura's `proxy/formatter.go` does, step by step over `Value`, and the shape that stands for the same keys.

use serde_json::{Map, Value};

use super::{Field, Fields, FlatmapOp, Shape, Shaped};

/// A backend's shaping keys as `gateway.json` has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) is_collection: bool,
    pub(super) target: Option<String>,
    pub(super) allow: Vec<String>,
    pub(super) deny: Vec<String>,
    /// Old and new names; the old ones are different from each other.
    pub(super) mapping: Vec<(String, String)>,
    /// Paths of `flatmap_filter`'s `del`, which take the place of the lists and of `mapping`.
    pub(super) deleted: Vec<String>,
    pub(super) group: Option<String>,
}

/// A list of paths as a tree, in the order of the list.
#[derive(Default)]
struct Tree(Vec<(String, Option<Tree>)>);

impl Tree {
    fn child(&mut self, name: &str) -> &mut Option<Tree> {
        let index = self.0.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.0.push((name.into(), Some(Tree::default())));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }

    fn get(&self, name: &str) -> Option<&Option<Tree>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, tree)| tree)
    }

    /// `newAllowlistingFilter`: a later entry replaces an earlier leaf or tree.
    fn allow(paths: &[String]) -> Self {
        let mut root = Self::default();
        for path in paths {
            let mut parts: Vec<&str> = path.split('.').collect();
            let leaf = parts.pop().unwrap_or_default();
            let parent = parts.iter().fold(&mut root, |tree, part| tree.child(part).get_or_insert_with(Tree::default));
            *parent.child(leaf) = None;
        }
        root
    }

    /// `newDenylistingFilter`, `buildDenyTree`: what is denied stays denied.
    fn deny(paths: &[String]) -> Self {
        let mut root = Self::default();
        'paths: for path in paths {
            let mut tree = &mut root;
            let mut parts = path.split('.').peekable();
            while let Some(part) = parts.next() {
                let child = tree.child(part);
                if parts.peek().is_none() {
                    *child = None;
                }
                match child {
                    None => continue 'paths,
                    Some(child) => tree = child,
                }
            }
        }
        root
    }
}

impl Keys {
    /// `entityFormatter.Format` on what the decoder made of the body. `None` where KrakenD answers 500.
    pub(super) fn format(&self, body: Value) -> Option<Value> {
        let mut data = match (self.is_collection, body) {
            (false, Value::Object(object)) => Some(object),
            (false, Value::Null) => None,
            (true, body @ (Value::Array(_) | Value::Null)) => Some(Map::from_iter([("collection".into(), body)])),
            _ => return None,
        };
        for part in self.target.iter().flat_map(|target| target.split('.')) {
            let inner = data.as_mut().and_then(|data| data.remove(part));
            let found = if let Some(Value::Object(inner)) = inner { Some(inner) } else { None };
            let missing = found.is_none();
            data = Some(found.unwrap_or_default());
            if missing {
                break;
            }
        }
        let filters = self.deleted.is_empty();
        if !filters {
            let mut tree = data.map_or(Value::Null, Value::Object);
            for path in &self.deleted {
                flatmap_delete(&path.split('.').collect::<Vec<_>>(), &mut tree);
            }
            data = if let Value::Object(left) = tree { Some(left) } else { None };
        }
        if let Some(data) = data.as_mut().filter(|_| filters) {
            if self.allow.is_empty() {
                delete(&Tree::deny(&self.deny), data);
            } else {
                prune(&Tree::allow(&self.allow), data);
            }
            // Go takes them in random order; this is all at once.
            let taken: Vec<_> =
                self.mapping.iter().map(|(old, new)| (old == new, cut(new), data.remove(old))).collect();
            for (_, new, value) in taken.into_iter().filter(|(same, ..)| !same) {
                if let Some(value) = value {
                    data.insert(new.into(), value);
                }
            }
        }
        let data = data.map_or(Value::Null, Value::Object);
        Some(match &self.group {
            Some(group) => Value::Object(Map::from_iter([(group.clone(), data)])),
            None => data,
        })
    }

    /// The same as a shape. Leaks it.
    pub(super) fn shape(&self) -> Shape {
        let mut fields = if self.allow.is_empty() {
            Fields::AllExcept(leak(except(&Tree::deny(&self.deny))))
        } else {
            Fields::Allow(leak(only(&Tree::allow(&self.allow))))
        };
        let allowed = !self.allow.is_empty();
        let (Fields::Allow(named) | Fields::AllExcept(named)) = &mut fields;
        let mut list = named.to_vec();
        for (old, new) in &self.mapping {
            let known = list.iter().position(|field| field.name == old);
            match known {
                Some(index) if matches!(list[index].value, super::Keep::Nothing) => {}
                Some(index) if old == new => list[index] = Field::drop(leak_str(old)),
                Some(index) => list[index] = list[index].rename(leak_str(cut(new))),
                None if allowed => {}
                None if old == new => list.push(Field::drop(leak_str(old))),
                None => list.push(Field::renamed(leak_str(old), leak_str(cut(new)))),
            }
        }
        // Of several fields with one new name the last in the list counts: keep the order of `mapping`.
        list.sort_by_key(|field| self.mapping.iter().position(|(old, _)| old == field.name));
        *named = leak(list);
        let mut shape = if self.is_collection { Shape::COLLECTION } else { Shape::OBJECT }.fields(fields);
        if let Some(target) = &self.target {
            shape = shape.target(leak(target.split('.').map(leak_str).collect()));
        }
        if !self.deleted.is_empty() {
            let path = |path: &String| leak(path.split('.').map(leak_str).collect());
            let ops = self.deleted.iter().map(|deleted| FlatmapOp::Delete(path(deleted))).collect();
            shape = shape.fields(Fields::AllExcept(&[])).flatmap(leak(ops));
        }
        match &self.group {
            Some(group) => shape.group(leak_str(group)),
            None => shape,
        }
    }
}

/// `node.Del` of krakend/flatmap. What lost its last member is `null`.
fn flatmap_delete(path: &[&str], value: &mut Value) {
    let (step, rest) = (path[0], &path[1..]);
    let emptied = match value {
        Value::Object(members) => {
            let count = members.len();
            members.retain(|name, value| {
                let found = step == "*" || step == name;
                if found && !rest.is_empty() {
                    flatmap_delete(rest, value);
                }
                !found || !rest.is_empty()
            });
            count > 0 && members.is_empty()
        }
        // None of the names that are tested with is a number.
        Value::Array(list) if step == "*" => {
            let count = list.len();
            match rest {
                [] => list.clear(),
                rest => list.iter_mut().for_each(|value| flatmap_delete(rest, value)),
            }
            count > 0 && list.is_empty()
        }
        _ => false,
    };
    if emptied {
        *value = Value::Null;
    }
}

/// The new name of a mapping ends at its first dot (KrakenD trap 44).
fn cut(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// `AllowlistPrune`: true when nothing is left.
fn prune(allowed: &Tree, data: &mut Map<String, Value>) -> bool {
    data.retain(|key, value| match (allowed.get(key), value) {
        (Some(None), _) => true,
        (Some(Some(inner)), Value::Object(object)) => !prune(inner, object),
        _ => false,
    });
    data.is_empty()
}

/// `recDelete`.
fn delete(denied: &Tree, data: &mut Map<String, Value>) {
    for (name, inner) in &denied.0 {
        match (inner, data.get_mut(name)) {
            (None, _) => drop(data.remove(name)),
            (Some(inner), Some(Value::Object(object))) => delete(inner, object),
            _ => {}
        }
    }
}

fn only(tree: &Tree) -> Vec<Field> {
    let field = |(name, inner): &(String, Option<Tree>)| match inner {
        None => Field::keep(leak_str(name)),
        Some(inner) => Field::inside(leak_str(name), Fields::Allow(leak(only(inner)))),
    };
    tree.0.iter().map(field).collect()
}

fn except(tree: &Tree) -> Vec<Field> {
    let field = |(name, inner): &(String, Option<Tree>)| match inner {
        None => Field::drop(leak_str(name)),
        Some(inner) => Field::inside(leak_str(name), Fields::AllExcept(leak(except(inner)))),
    };
    tree.0.iter().map(field).collect()
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Vec::leak(list)
}

fn leak_str(text: &str) -> &'static str {
    String::leak(text.into())
}

pub(super) fn shaped(value: &Value) -> Shaped {
    match value {
        Value::Null => Shaped::Null,
        Value::Object(object) if object.is_empty() => Shaped::Empty,
        _ => Shaped::Object,
    }
}

/// The input as Go's decoder sees it: U+FFFD for what is not UTF-8 and for half surrogate pairs.
pub(super) fn as_go_reads(input: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = input;
    while let Err(error) = std::str::from_utf8(rest) {
        text.push_str(std::str::from_utf8(&rest[..error.valid_up_to()]).expect("it is valid up to there"));
        text.push('\u{FFFD}');
        rest = &rest[error.valid_up_to() + 1..];
    }
    text.push_str(std::str::from_utf8(rest).expect("the loop ended"));
    let characters: Vec<char> = text.chars().collect();
    let unit = |at: usize| {
        let escape: String = characters.get(at..at + 6)?.iter().collect();
        u32::from_str_radix(escape.strip_prefix("\\u")?.trim_start_matches('+'), 16).ok()
    };
    let mut repaired = String::new();
    let mut at = 0;
    while at < characters.len() {
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                repaired.push_str("\\ufffd");
                at += 6;
                continue;
            }
            _ if characters[at] == '\\' => 2,
            _ => 1,
        };
        repaired.extend(characters.iter().skip(at).take(length));
        at += length;
    }
    repaired
}
