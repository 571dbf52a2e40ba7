//! `{"$include": "endpoints/orders.json"}`: what another file holds.

use std::path::PathBuf;

use super::{Loader, beside, overlay};
use crate::diagnostic::Diagnostic;
use crate::tree::{Node, Value};

/// The key. KrakenD takes one that begins so for a comment.
const KEY: &str = "$include";
/// Files inside each other: more is a mistake that symbolic links hide.
const MAX_DEPTH: usize = 32;

/// Objects and lists inside each other, over all files; what is included there may be as deep again. Bounds the stack.
const MAX_NESTING: usize = 127;

/// Replaces each object that asks for a file, here and in what it asks for. In a list, a list takes its place.
pub(super) fn expand(loader: &mut Loader<'_>, node: &mut Node, ways: &mut Vec<PathBuf>) {
    loader.depth += 1;
    inner(loader, node, ways);
    loader.depth -= 1;
}

fn inner(loader: &mut Loader<'_>, node: &mut Node, ways: &mut Vec<PathBuf>) {
    if let Value::Object(members) = &mut node.value {
        for member in members.iter_mut() {
            expand(loader, &mut member.value, ways);
        }
        if members.iter().any(|member| member.key == KEY) {
            replace(loader, node, ways);
        }
    } else if let Value::Array(items) = &mut node.value {
        for mut item in std::mem::take(items) {
            let asks = item.member(KEY).is_some();
            expand(loader, &mut item, ways);
            match &mut item.value {
                Value::Array(inner) if asks => items.append(inner),
                _ => items.push(item),
            }
        }
    }
}

/// Puts the file's root in the place of `node`. What stands beside `$include` is laid over it.
fn replace(loader: &mut Loader<'_>, node: &mut Node, ways: &mut Vec<PathBuf>) {
    let Value::Object(members) = &mut node.value else { return };
    let Some(index) = members.iter().position(|member| member.key == KEY) else { return };
    let include = members.remove(index);
    let Some(name) = include.value.text().map(|text| text.value.clone()).filter(|name| !name.is_empty()) else {
        let message = format!("`{KEY}` must be the path of a file, not {}", include.value.type_name());
        let error = Diagnostic::error("wrong-type", include.value.mark(), message).label("expected a path");
        node.value = Value::Unreadable;
        return loader.push(error.help("a path from the folder of this file: `\"endpoints/orders.json\"`"));
    };
    let asker = include.value.span;
    if loader.is_full {
        node.value = Value::Unreadable;
        return;
    }
    if loader.depth > MAX_NESTING {
        node.value = Value::Unreadable;
        let message = format!("`{name}` is nested more than {MAX_NESTING} deep");
        let error = Diagnostic::error("unreadable-file", asker, message).label("with the files that ask for this one");
        return loader.push(error.help("include it further up"));
    }
    let path = loader.folder(asker.file).join(&name);
    let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    if ways.contains(&real) || ways.len() > MAX_DEPTH {
        node.value = Value::Unreadable;
        let error = Diagnostic::error("include-cycle", asker, format!("`{name}` includes itself"));
        return loader.push(error.label("this file is being read already").help("break the circle"));
    }
    let shown_as = beside(loader.file(asker.file).name(), &name);
    let file = match loader.add(&path, shown_as, Some(asker)) {
        Ok(file) => file,
        Err(reason) => {
            node.value = Value::Unreadable;
            let error = Diagnostic::error("unreadable-file", asker, format!("cannot read `{name}`: {reason}"));
            let error = error.label(format!("looked for `{}`", path.display()));
            return loader.push(match name.contains("${") {
                true => {
                    error.help(format!("variables have no values in a `{KEY}`: an overlay can include another file"))
                }
                false => error,
            });
        }
    };
    ways.push(real);
    let root = loader.tree(file, ways);
    ways.pop();
    let Some(mut root) = root else {
        node.value = Value::Unreadable;
        return;
    };
    let rest = std::mem::replace(&mut node.value, Value::Unreadable);
    let is_alone = matches!(&rest, Value::Object(members) if members.is_empty());
    if !is_alone {
        if !matches!(root.value, Value::Object(_)) {
            let message = format!("`{name}` holds {}, and there are keys beside `{KEY}`", root.type_name());
            let error = Diagnostic::error("wrong-type", asker, message).label("only an object can take them");
            return loader.push(error.help(format!("put the keys into `{name}`, or remove them")));
        }
        overlay::merge(&mut root, Node { span: node.span, value: rest }, overlay::Level::Plain, loader.sink);
    }
    *node = root;
}
