//! `gateway.prod.json` over `gateway.json`: what differs in an environment.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Loader, beside};
use crate::diagnostic::{Diagnostic, Sink};
use crate::location::Location;
use crate::suggest::closest;
use crate::syntax::{canonical, duplicates, is_comment};
use crate::tree::{Member, Node, Span, Value};

/// What is merged: two of the config's lists have a rule of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Service,
    Endpoint,
    /// Anything else: objects merge, everything else replaces.
    Plain,
}

/// An endpoint by what tells it from the others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Route {
    method: String,
    path: String,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What an overlay's file may be called, after its own kind the others.
pub(super) const EXTENSIONS: [&str; 4] = ["json", "yaml", "yml", "toml"];

/// Where the overlay of the environment `name` would be.
pub(super) fn path(config: &Path, name: &str, extension: &str) -> PathBuf {
    let stem = config.file_stem().unwrap_or_default().to_string_lossy();
    config.with_file_name(format!("{stem}.{name}.{extension}"))
}

/// Lays the file of the environment `name` over `root`, if it can be read. `shown` becomes both files' names.
pub(super) fn lay(
    loader: &mut Loader<'_>,
    location: &Location,
    name: &str,
    root: Option<&mut Node>,
    shown: &mut String,
) {
    let extension = location.path.extension().and_then(|it| it.to_str()).unwrap_or("json");
    let stem = location.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file_name = |extension: &str| format!("{stem}.{name}.{extension}");
    let path = |extension: &str| path(&location.path, name, extension);
    let others = EXTENSIONS.iter().copied().filter(|other| *other != extension);
    let there: Vec<_> = std::iter::once(extension).chain(others).filter(|it| path(it).is_file()).collect();
    if let [first, second, ..] = there[..] {
        let message = format!("`{}` and `{}` are both there", file_name(first), file_name(second));
        let error = Diagnostic::error("bad-overlay", TOP, message).label(format!("GATEWAY_ENV is `{name}`"));
        return loader.push(error.help("keep one of them"));
    }
    let extension = there.first().copied().unwrap_or(extension);
    let shown_as = beside(&location.shown_as, &file_name(extension));
    let file = match loader.add(&path(extension), shown_as.clone(), None) {
        Ok(file) => file,
        Err(reason) => {
            let message = format!("cannot read `{shown_as}`, which GATEWAY_ENV asks for: {reason}");
            let error = Diagnostic::error("bad-overlay", TOP, message).label(format!("GATEWAY_ENV is `{name}`"));
            return loader.push(error.help(names(&location.path, &stem)));
        }
    };
    shown.push_str(&format!(", {shown_as}"));
    let Some(over) = loader.tree(file, &mut vec![path(extension)]) else { return };
    let Some(root) = root.filter(|_| loader.whole) else { return };
    if !matches!(over.value, Value::Object(_)) {
        let message = format!("an overlay must be an object, not {}", over.type_name());
        return loader.push(Diagnostic::error("wrong-type", over.mark(), message).label("expected an object"));
    }
    let (mark, told) = (over.mark(), loader.sink.len());
    let changed = merge(root, over, Level::Service, loader.sink);
    loader.whole &= loader.sink.len() == told;
    if loader.whole && !changed {
        let error = Diagnostic::error("no-overlay", mark, format!("`{shown_as}` changes nothing"));
        let error = error.label(format!("the same is in `{}`", location.shown_as));
        loader.push(error.help("write what is different in this environment"));
    }
}

/// For so many endpoints that are not there, one that is like them is looked for. More are another config's.
const MAX_SEARCHES: usize = 20;

/// Where there is nothing to underline.
const TOP: Span = Span { file: 0, start: 0, end: 0 };

pub(super) fn bad_name(name: &str, sink: &Sink) {
    let message = format!("GATEWAY_ENV is `{name}`, which cannot be part of the name of a file");
    let error = Diagnostic::error("bad-overlay", TOP, message);
    sink.push(error.help("letters, digits, `-` and `_`: `prod` stands for `gateway.prod.json`"));
}

/// The environments that there are files for.
fn names(config: &Path, stem: &str) -> String {
    let entries = config.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let rest = name.strip_prefix(stem)?.strip_prefix('.')?;
            let (environment, extension) = rest.split_once('.')?;
            EXTENSIONS.contains(&extension).then(|| format!("`{environment}`"))
        })
        .collect();
    found.sort_unstable();
    match found.is_empty() {
        true => "there is no overlay beside the config".to_owned(),
        false => format!("there are overlays for {}", found.join(", ")),
    }
}

/// Lays `over` over `base`, and says whether that changes something: objects merge, `null` removes, and everything else
/// replaces, but for `endpoints`, which match by method and path, and `backend`, which match by their position.
pub(super) fn merge(base: &mut Node, over: Node, level: Level, sink: &Sink) -> bool {
    let (Value::Object(members), Value::Object(changes)) = (&mut base.value, over.value) else { return false };
    // The last of them would be all that is left.
    duplicates(&changes, is_comment, sink);
    let mut changed = false;
    for change in changes {
        if is_comment(&change.key) {
            continue;
        }
        // As every parser takes it, the last of a key that stands twice; a namespace has several names.
        let same = |member: &Member| canonical(&member.key) == canonical(&change.key);
        let there = members.iter().rposition(|member| member.key == change.key);
        let there = there.or_else(|| members.iter().rposition(same));
        changed |= match (there, &change.value.value) {
            (Some(_), Value::Null) => {
                members.retain(|member| !same(member));
                true
            }
            (None, Value::Null) => {
                let message = format!("there is no `{}` to remove", change.key);
                let error = Diagnostic::error("no-overlay", change.key_span, message).label("`null` removes a key");
                let known = members.iter().map(|member| member.key.as_str());
                sink.push(error.did_you_mean(closest(&change.key, known)));
                false
            }
            (Some(index), _) => merge_member(&mut members[index], change, level, sink),
            (None, _) => {
                members.push(change);
                true
            }
        }
    }
    changed
}

fn merge_member(member: &mut Member, change: Member, level: Level, sink: &Sink) -> bool {
    match (&mut member.value.value, change.value.value, level, change.key.as_str()) {
        (Value::Object(_), value @ Value::Object(_), ..) => {
            merge(&mut member.value, Node { span: change.value.span, value }, Level::Plain, sink)
        }
        (Value::Array(items), Value::Array(changes), Level::Service, "endpoints") => endpoints(items, changes, sink),
        (Value::Array(items), Value::Array(changes), Level::Endpoint, "backend") => backends(items, changes, sink),
        (_, value, ..) => {
            let value = Node { span: change.value.span, value };
            let changed = !value.is_same(&member.value);
            *member = Member { value, ..change };
            changed
        }
    }
}

/// Method and path; `None` of what is not an endpoint.
fn route(node: &Node) -> Option<Route> {
    let text = |key| node.member(key).and_then(|member| member.value.text()).map(|text| text.value.clone());
    let method = match node.member("method") {
        Some(_) => text("method")?.to_uppercase(),
        None => "GET".to_owned(),
    };
    Some(Route { method, path: text("endpoint")? })
}

fn endpoints(items: &mut Vec<Node>, changes: Vec<Node>, sink: &Sink) -> bool {
    let mut known = Known::new(items);
    let mut seen: HashMap<Route, Span> = HashMap::new();
    let mut removed = HashSet::new();
    let mut changed = false;
    for mut change in changes {
        let Some(wanted) = route(&change) else {
            let wrong = ["endpoint", "method"].iter().filter_map(|key| change.member(key));
            let wrong = wrong.map(|member| &member.value).find(|value| value.text().is_none());
            let mark = wrong.unwrap_or(&change).mark();
            let error = Diagnostic::error("no-overlay", mark, "an overlay's endpoint has to say which it is");
            let error = error.label(if wrong.is_some() { "not a string" } else { "no `endpoint` here" });
            sink.push(error.help("write `\"endpoint\"`, and `\"method\"` where it is not `GET`"));
            continue;
        };
        let span = change.member("endpoint").map_or(change.span, |member| member.value.span);
        if let Some(first) = seen.get(&wanted) {
            let error = Diagnostic::error("duplicate-endpoint", span, format!("`{wanted}` is changed twice"));
            sink.push(error.label("the second").related(*first, "the first is here").help("write one of both"));
            continue;
        }
        let backend = change.member("backend").map(|member| &member.value);
        match known.places.get(&wanted) {
            Some(index) if backend.is_some_and(|it| matches!(it.value, Value::Null)) => {
                removed.insert(*index);
                changed = true;
            }
            Some(index) => {
                let told = sink.len();
                if let Value::Object(members) = &mut change.value {
                    duplicates(members, is_comment, sink);
                    // What says which it is changes nothing.
                    members.retain(|member| !matches!(member.key.as_str(), "endpoint" | "method"));
                }
                let changes = merge(&mut items[*index], change, Level::Endpoint, sink);
                if sink.len() == told && !changes {
                    let error = Diagnostic::error("no-overlay", span, format!("this changes nothing of `{wanted}`"));
                    sink.push(error.label("the same is there already").help("write what is different, or remove it"));
                }
                changed |= changes;
            }
            None if backend.is_some_and(Node::is_array) => {
                items.push(change);
                changed = true;
            }
            None => sink.push(known.unknown(&wanted, span)),
        }
        seen.insert(wanted, span);
    }
    let mut index = 0..;
    items.retain(|_| index.next().is_none_or(|index| !removed.contains(&index)));
    changed
}

/// The endpoints of a config that is changed.
struct Known {
    /// In their order.
    routes: Vec<Route>,
    /// Where each stands among the config's items.
    places: HashMap<Route, usize>,
    /// The first route with a path, among `routes`.
    paths: HashMap<String, usize>,
    /// How often something close was looked for.
    searched: usize,
}

// === impl Known ===

impl Known {
    fn new(items: &[Node]) -> Self {
        let mut known = Self { routes: Vec::new(), places: HashMap::new(), paths: HashMap::new(), searched: 0 };
        for (index, item) in items.iter().enumerate() {
            if let Some(route) = route(item) {
                known.places.entry(route.clone()).or_insert(index);
                known.paths.entry(route.path.clone()).or_insert(known.routes.len());
                known.routes.push(route);
            }
        }
        known
    }

    fn unknown(&mut self, wanted: &Route, span: Span) -> Diagnostic {
        let error = Diagnostic::error("no-overlay", span, format!("there is no endpoint `{wanted}` to change"));
        let error = error.label("not in the config");
        if let Some(same) = self.paths.get(&wanted.path).and_then(|index| self.routes.get(*index)) {
            let help = format!("it is there as `{same}`: write `\"method\": \"{}\"`", same.method);
            return error.help(help);
        }
        self.searched += 1;
        let routes = if self.searched > MAX_SEARCHES { &[] } else { &self.routes[..] };
        match closest(&wanted.path, routes.iter().map(|route| route.path.as_str())) {
            Some(near) => error.did_you_mean(Some(near)),
            None => error.help("an endpoint that only this environment has needs its `backend`"),
        }
    }
}

fn backends(items: &mut Vec<Node>, changes: Vec<Node>, sink: &Sink) -> bool {
    let mut removed = Vec::new();
    let mut changed = false;
    for (index, change) in changes.into_iter().enumerate() {
        changed |= match (items.get_mut(index), &change.value) {
            (Some(_), Value::Null) => {
                removed.push(index);
                true
            }
            (None, Value::Null) => {
                let message = format!("there is no backend at position {} to remove", index + 1);
                sink.push(Diagnostic::error("no-overlay", change.span, message).label("`null` removes a backend"));
                false
            }
            (Some(item), Value::Object(_)) if matches!(item.value, Value::Object(_)) => {
                merge(item, change, Level::Plain, sink)
            }
            (Some(item), _) => {
                let same = change.is_same(item);
                *item = change;
                !same
            }
            (None, _) => {
                items.push(change);
                true
            }
        }
    }
    for index in removed.into_iter().rev() {
        items.remove(index);
    }
    changed
}
