//! Tables, put together from headers and dotted keys.

use crate::tree::{Member, Node, Span, Value};

/// A part of a dotted key or of a header.
pub(super) struct Key {
    pub(super) span: Span,
    pub(super) name: String,
}

/// A document, or an inline table: its own members, and the table whose members come next.
pub(super) struct Tables {
    root: Table,
    /// The way to the open table: the number of a member each.
    current: Vec<usize>,
}

struct Table {
    /// Its header, or the key that made it.
    span: Span,
    made: Made,
    members: Vec<Entry>,
}

/// What made a table.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    /// A header of a table inside of it.
    InPassing,
    ByHeader,
    /// A dotted key.
    ByKey,
}

struct Entry {
    key: Key,
    kind: Kind,
    /// The table that it is, or the last one of the list; empty for a value.
    open: Table,
}

enum Kind {
    Value(Node),
    Table,
    /// `[[name]]`: the span of the first such name, and the tables before the last.
    List(Span, Vec<Table>),
}

// === impl Tables ===

impl Tables {
    pub(super) fn new(span: Span) -> Self {
        Self { root: Table { span, made: Made::ByHeader, members: Vec::new() }, current: Vec::new() }
    }

    /// How many tables the open one is in.
    pub(super) fn depth(&self) -> usize {
        self.current.len()
    }

    /// Opens the table of a header. One that is there already is made a second time.
    pub(super) fn open(&mut self, mut path: Vec<Key>, is_list: bool, header: Span) {
        self.current.clear();
        let Some(last) = path.pop() else { return };
        self.go(path, Made::InPassing);
        let table = self.table();
        let own = Table { span: header, made: Made::ByHeader, members: Vec::new() };
        let found = table.find(&last.name);
        if let Some((index, entry)) = found.and_then(|index| Some((index, table.members.get_mut(index)?))) {
            match &mut entry.kind {
                Kind::List(_, before) if is_list => {
                    before.push(std::mem::replace(&mut entry.open, own));
                    return self.current.push(index);
                }
                Kind::Table if !is_list && entry.open.made == Made::InPassing => {
                    (entry.open.span, entry.open.made, entry.key.span) = (header, Made::ByHeader, last.span);
                    return self.current.push(index);
                }
                _ => {}
            }
        }
        let kind = if is_list { Kind::List(last.span, Vec::new()) } else { Kind::Table };
        table.members.push(Entry { key: last, kind, open: own });
        let index = table.members.len() - 1;
        self.current.push(index);
    }

    /// Sets a key of the open table. One that is there already is set a second time.
    pub(super) fn set(&mut self, mut path: Vec<Key>, value: Node) {
        let Some(key) = path.pop() else { return };
        let depth = self.current.len();
        self.go(path, Made::ByKey);
        let nothing = Table { span: key.span, made: Made::ByKey, members: Vec::new() };
        self.table().members.push(Entry { key, kind: Kind::Value(value), open: nothing });
        self.current.truncate(depth);
    }

    /// The tree, whose root has the bytes `span`.
    pub(super) fn finish(self, span: Span) -> Node {
        Node { span, ..self.root.node() }
    }

    /// Goes into the tables of `path`, below the open one, and makes those that are not there.
    fn go(&mut self, path: Vec<Key>, made: Made) {
        for key in path {
            let table = self.table();
            let found = table.find(&key.name).filter(|index| match &table.members[*index].kind {
                // Keys add nothing to what has a header of its own.
                Kind::Table => made == Made::InPassing || table.members[*index].open.made != Made::ByHeader,
                Kind::List(..) => made == Made::InPassing,
                Kind::Value(_) => false,
            });
            let index = found.unwrap_or_else(|| {
                let new = Table { span: key.span, made, members: Vec::new() };
                table.members.push(Entry { key, kind: Kind::Table, open: new });
                table.members.len() - 1
            });
            self.current.push(index);
        }
    }

    /// The open table.
    fn table(&mut self) -> &mut Table {
        let mut table = &mut self.root;
        for index in &self.current {
            table = &mut table.members[*index].open;
        }
        table
    }
}

// === impl Table ===

impl Table {
    /// The last member of this name.
    fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().rposition(|entry| entry.key.name == name)
    }

    fn node(self) -> Node {
        let members = self.members.into_iter().map(|Entry { key, kind, open }| {
            let value = match kind {
                Kind::Value(node) => node,
                Kind::Table => open.node(),
                Kind::List(span, before) => {
                    let tables = before.into_iter().chain([open]).map(Table::node);
                    Node { span, value: Value::Array(tables.collect()) }
                }
            };
            Member { key_span: key.span, key: key.name, value }
        });
        Node { span: self.span, value: Value::Object(members.collect()) }
    }
}
