use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A file of what is missing: a line `NAME: why`, comments begin with `#`. No file is an empty list.
///
/// Every entry has to be true: a list can only become shorter.
#[derive(Default)]
pub(super) struct List(BTreeMap<String, String>);

impl List {
    pub(super) fn load(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let (name, why) = line.split_once(": ").unwrap_or((line, ""));
                    (name.trim().to_owned(), why.trim().to_owned())
                })
                .collect(),
        )
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
