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
    item: Item,
}

enum Item {
    Value(Node),
    Table(Table),
    /// `[[name]]`, and the span of the first such name.
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
        let index = table.find(&last.name);
        match index.map(|index| &mut table.members[index]) {
            Some(Entry { item: Item::List(_, tables), .. }) if is_list => tables.push(own),
            Some(Entry { key, item: Item::Table(table) }) if !is_list && table.made == Made::InPassing => {
                (table.span, table.made) = (header, Made::ByHeader);
                key.span = last.span;
            }
            _ => {
                let item = if is_list { Item::List(last.span, Vec::from([own])) } else { Item::Table(own) };
                table.members.push(Entry { key: last, item });
                let index = table.members.len() - 1;
                return self.current.push(index);
            }
        }
        self.current.extend(index);
    }

    /// Sets a key of the open table. One that is there already is set a second time.
    pub(super) fn set(&mut self, mut path: Vec<Key>, value: Node) {
        let Some(key) = path.pop() else { return };
        let depth = self.current.len();
        self.go(path, Made::ByKey);
        self.table().members.push(Entry { key, item: Item::Value(value) });
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
            let found = table.find(&key.name).filter(|index| match &table.members[*index].item {
                // Keys add nothing to what has a header of its own.
                Item::Table(table) => made == Made::InPassing || table.made != Made::ByHeader,
                Item::List(..) => made == Made::InPassing,
                Item::Value(_) => false,
            });
            let index = found.unwrap_or_else(|| {
                let new = Table { span: key.span, made, members: Vec::new() };
                table.members.push(Entry { key, item: Item::Table(new) });
                table.members.len() - 1
            });
            self.current.push(index);
        }
    }

    /// The open table.
    fn table(&mut self) -> &mut Table {
        let mut table = &mut self.root;
        for index in &self.current {
            // Only tables are gone into, and no list of them is empty.
            table = match table.members.get_mut(*index).map(|entry| &mut entry.item) {
                Some(Item::Table(inner)) => inner,
                Some(Item::List(_, tables)) => tables.last_mut().expect("a list begins with its first table"),
                _ => unreachable!("a value is not gone into"),
            };
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
        let member = |entry: Entry| Member { key_span: entry.key.span, key: entry.key.name, value: entry.item.node() };
        Node { span: self.span, value: Value::Object(self.members.into_iter().map(member).collect()) }
    }
}

// === impl Item ===

impl Item {
    fn node(self) -> Node {
        match self {
            Self::Value(node) => node,
            Self::Table(table) => table.node(),
            Self::List(span, tables) => {
                Node { span, value: Value::Array(tables.into_iter().map(Table::node).collect()) }
            }
        }
    }
}
