//! A config's text, and lines and columns in it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A config file: the text, how it is called in messages, and where the files that it names are looked up.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    base: PathBuf,
    text: String,
    lines: OnceLock<Vec<usize>>,
}

/// A line and a column, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

// === impl SourceFile ===

impl SourceFile {
    /// A config called `name` in messages, whose relative files are looked up in the folder `base`.
    pub fn new(name: impl Into<String>, base: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { name: name.into(), base: base.into(), text: text.into(), lines: OnceLock::new() }
    }

    /// The name that messages show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that relative files are looked up in.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the byte `offset` stands. The table of lines is made once.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_index(offset);
        let start = self.lines()[line];
        let before = self.text.get(start..self.floor(offset)).unwrap_or("");
        Position { line: line + 1, column: before.chars().count() + 1 }
    }

    /// The text of the line that holds the byte `offset`, without its end, and the offset of its first byte.
    pub(crate) fn line_at(&self, offset: usize) -> (&str, usize) {
        let line = self.line_index(offset);
        let start = self.lines()[line];
        let end = self.lines().get(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = &self.text[start..end];
        (text.strip_suffix('\r').unwrap_or(text), start)
    }

    fn line_index(&self, offset: usize) -> usize {
        self.lines().partition_point(|start| *start <= offset).saturating_sub(1)
    }

    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(offset, _)| offset + 1)).collect()
        })
    }

    /// The start of the character that `offset` lies in.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let source = SourceFile::new("a.json", "", "a\r\nä€b\n\n");
        for (offset, line, column) in
            [(0, 1, 1), (1, 1, 2), (3, 2, 1), (5, 2, 2), (6, 2, 2), (8, 2, 3), (10, 3, 1), (11, 4, 1), (99, 4, 1)]
        {
            assert_eq!(source.position(offset), Position { line, column }, "offset {offset}");
        }
        assert_eq!(source.line_at(1), ("a", 0));
        assert_eq!(source.line_at(5), ("ä€b", 3));
        assert_eq!(source.line_at(11), ("", 11));
    }

    #[test]
    fn empty_text_has_one_line() {
        let source = SourceFile::new("a.json", "", "");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.line_at(0), ("", 0));
    }
}
