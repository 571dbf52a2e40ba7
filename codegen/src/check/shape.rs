//! `target`, `allow`, `deny`, `mapping`, `group`, `is_collection`: one trie, built as lura's `formatter.go` builds its own.

use std::collections::HashMap;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::{Field, FieldRule, Fields, Shape};
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::{Member, Node};

/// How many names a path of `allow` or `deny` may have: the code for it is as deep, and the compiler's stack is not endless.
pub(super) const MAX_LEVELS: usize = 32;

pub(super) fn shape(context: &Context<'_>, backend: Object<'_>) -> Shape {
    let allow = paths(context, backend, "allow");
    let deny = paths(context, backend, "deny");
    if let (false, false, Some(member)) = (allow.is_empty(), deny.is_empty(), backend.member("deny")) {
        let warning = Diagnostic::warning("allow-and-deny", member.key_span, "`deny` does nothing beside `allow`");
        let help = "remove it: what `allow` does not name is left out";
        context.push(warning.label("KrakenD ignores this one").help(help));
    }
    let mut fields = if !allow.is_empty() {
        let mut list = Vec::new();
        let mut places = HashMap::new();
        allow.iter().for_each(|path| allow_path(&mut list, &mut places, path.value));
        Fields::Allow(list)
    } else if !deny.is_empty() {
        let mut list = Vec::new();
        let mut places = HashMap::new();
        deny.iter().for_each(|path| deny_path(&mut list, &mut places, path.value));
        Fields::Deny(list)
    } else {
        Fields::All
    };
    if let Some(mapping) = backend.object("mapping") {
        rename(context, mapping, &mut fields);
    }
    let target = backend.text("target").map(|target| target.value).filter(|target| !target.is_empty());
    Shape {
        is_collection: backend.flag("is_collection"),
        target: target.map(|target| target.split('.').map(str::to_owned).collect()).unwrap_or_default(),
        fields,
        flatmap: Vec::new(),
        group: backend.text("group").map(|group| group.value.to_owned()).filter(|group| !group.is_empty()),
    }
}

/// The paths of `allow` or `deny` that are not too deep.
fn paths<'a>(context: &Context<'_>, backend: Object<'a>, key: &str) -> Vec<At<&'a str>> {
    let mut paths = backend.texts(key);
    paths.retain(|path| {
        let levels = path.value.split('.').count();
        if levels > MAX_LEVELS {
            let message = format!("a path of `{key}` is {levels} levels deep");
            let error = Diagnostic::error("out-of-range", path.span, message);
            context.push(error.label(format!("expected {MAX_LEVELS} or less")));
        }
        levels <= MAX_LEVELS
    });
    paths
}

/// Adds `a.b.c`. A later path replaces what an earlier one says about the same name: `[a, a.b]` keeps `a.b`, `[a.b, a]` all of `a`.
fn allow_path<'a>(list: &mut Vec<Field>, places: &mut Places<'a>, path: &'a str) {
    let mut list = list;
    let mut places = Some(places);
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = entry(list, places.take(), name);
        if names.peek().is_none() {
            field.rule = FieldRule::Keep;
            return;
        }
        if !matches!(field.rule, FieldRule::Inside(_)) {
            field.rule = FieldRule::Inside(Fields::Allow(Vec::new()));
        }
        let FieldRule::Inside(Fields::Allow(inner)) = &mut field.rule else { return };
        list = inner;
    }
}

/// Adds `a.b.c`. The shortest path wins, whatever the order.
fn deny_path<'a>(list: &mut Vec<Field>, places: &mut Places<'a>, path: &'a str) {
    let mut list = list;
    let mut places = Some(places);
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = entry(list, places.take(), name);
        if field.rule == FieldRule::Drop {
            return;
        }
        if names.peek().is_none() {
            field.rule = FieldRule::Drop;
            return;
        }
        if !matches!(field.rule, FieldRule::Inside(_)) {
            field.rule = FieldRule::Inside(Fields::Deny(Vec::new()));
        }
        let FieldRule::Inside(Fields::Deny(inner)) = &mut field.rule else { return };
        list = inner;
    }
}

/// Where the fields of the first level stand in their list: there may be thousands.
type Places<'a> = HashMap<&'a str, usize>;

/// The field called `name`, added when it is not there.
fn entry<'a, 'b>(list: &'a mut Vec<Field>, places: Option<&mut Places<'b>>, name: &'b str) -> &'a mut Field {
    let next = list.len();
    let index = match places {
        Some(places) => *places.entry(name).or_insert(next),
        None => list.iter().position(|field| field.name == name).unwrap_or(next),
    };
    if index == next {
        list.push(Field { name: name.to_owned(), rename: None, rule: FieldRule::Keep });
    }
    &mut list[index]
}

/// Joins `mapping` into the first level.
fn rename(context: &Context<'_>, mapping: Object<'_>, fields: &mut Fields) {
    let members = mapping.node().members();
    let sources: HashMap<&str, &Member> = members.iter().rev().map(|member| (member.key.as_str(), member)).collect();
    let known: HashMap<String, usize> = match &*fields {
        Fields::All => HashMap::new(),
        Fields::Allow(list) | Fields::Deny(list) => {
            list.iter().enumerate().map(|(index, field)| (field.name.clone(), index)).collect()
        }
    };
    let mut places: Places<'_> = known.iter().map(|(name, index)| (name.as_str(), *index)).collect();
    let mut targets: HashMap<&str, &Member> = HashMap::new();
    for member in members {
        let Some(target) = target(context, member) else { continue };
        if refused(context, &sources, member, target, &targets) {
            continue;
        }
        targets.insert(target, member);
        let list = match fields {
            Fields::All => {
                *fields = Fields::Deny(Vec::new());
                let Fields::Deny(list) = fields else { continue };
                list
            }
            // What `allow` leaves out cannot be renamed.
            Fields::Allow(_) if !places.contains_key(member.key.as_str()) => continue,
            Fields::Allow(list) | Fields::Deny(list) => list,
        };
        let field = entry(list, Some(&mut places), &member.key);
        if field.rule != FieldRule::Drop {
            field.rename = Some(target.to_owned());
        }
    }
}

/// The new name, which ends at its first dot (trap 44).
fn target<'a>(context: &Context<'_>, member: &'a Member) -> Option<&'a str> {
    let text = member.value.text()?.value.as_str();
    let target = text.split('.').next().unwrap_or(text);
    if target.is_empty() {
        let error =
            Diagnostic::error("bad-mapping", member.value.span, format!("the new name of `{}` is empty", member.key));
        context.push(error.label("expected a name"));
        return None;
    }
    if target.len() < text.len() {
        let message = format!("the new name of `{}` ends at its first dot", member.key);
        let warning = Diagnostic::warning("bad-mapping", member.value.part(target.len()..text.len()), message);
        context.push(
            warning
                .label("cut off")
                .help(format!("write `\"{target}\"`; `group` puts a whole response into an object")),
        );
    }
    Some(target)
}

/// Whether the result would depend on the order in which KrakenD happens to go through its map.
fn refused(
    context: &Context<'_>,
    mapping: &HashMap<&str, &Member>,
    member: &Member,
    target: &str,
    targets: &HashMap<&str, &Member>,
) -> bool {
    let error = |node: &Node, message: String| Diagnostic::error("ambiguous-mapping", node.span, message);
    if target == member.key {
        let error = error(&member.value, format!("`{target}` is renamed to itself")).label("KrakenD removes the field");
        context.push(error.help("remove the entry to keep the field"));
    } else if let Some(first) = targets.get(target) {
        let error =
            error(&member.value, format!("two fields are renamed to `{target}`")).label("KrakenD keeps a random one");
        let error = error.related(first.key_span, format!("`{}` has this name too", first.key));
        context.push(error.help("give each field a name of its own"));
    } else if let Some(next) = mapping.get(target) {
        let message = format!("`{}` is renamed to `{target}`, which is renamed itself", member.key);
        let error = error(&member.value, message).label("KrakenD renames in random order");
        let error = error.related(next.key_span, format!("`{target}` is renamed here"));
        context.push(error.help("give it a name that no field of the answer has"));
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(fields: &Fields) -> String {
        let list = |list: &[Field]| {
            let fields = list.iter().map(|field| match &field.rule {
                FieldRule::Keep => field.name.clone(),
                FieldRule::Drop => format!("-{}", field.name),
                FieldRule::Inside(inner) => format!("{}{}", field.name, show(inner)),
            });
            fields.collect::<Vec<_>>().join(" ")
        };
        match fields {
            Fields::All => "*".to_owned(),
            Fields::Allow(fields) => format!("({})", list(fields)),
            Fields::Deny(fields) => format!("[{}]", list(fields)),
        }
    }

    #[test]
    fn allow_is_built_as_lura_builds_it() {
        for (paths, expected) in [
            (&["a", "b.c", "b.d.e"][..], "(a b(c d(e)))"),
            (&["a", "a.b"], "(a(b))"),
            (&["a.b", "a"], "(a)"),
            (&["a.b.c", "a.b", "a.b.d"], "(a(b(d)))"),
        ] {
            let mut list = Vec::new();
            let mut places = HashMap::new();
            paths.iter().for_each(|path| allow_path(&mut list, &mut places, path));
            assert_eq!(show(&Fields::Allow(list)), expected, "{paths:?}");
        }
    }

    #[test]
    fn deny_does_not_depend_on_the_order() {
        for (paths, expected) in [
            (&["a", "b.c", "b.d.e"][..], "[-a b[-c d[-e]]]"),
            (&["a", "a.b"], "[-a]"),
            (&["a.b", "a"], "[-a]"),
            (&["a.b.c", "a.b", "a.d"], "[a[-b -d]]"),
        ] {
            let mut list = Vec::new();
            let mut places = HashMap::new();
            paths.iter().for_each(|path| deny_path(&mut list, &mut places, path));
            assert_eq!(show(&Fields::Deny(list)), expected, "{paths:?}");
        }
    }
}
