//! A config's text, and lines and columns in it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::tree::Span;

/// A file that was read: the text, how it is called in messages, and where the files that it names are looked up.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    base: PathBuf,
    text: String,
    /// Where another file asks for this one.
    asked_at: Option<Span>,
    /// For a text that a template wrote: where each part of it comes from, in its order.
    pieces: Vec<Piece>,
    lines: OnceLock<Vec<usize>>,
    /// Characters before every [`BLOCK`]th byte.
    blocks: OnceLock<Vec<usize>>,
    /// Bytes that are not drawn, once the text was checked.
    secrets: OnceLock<Vec<Range<usize>>>,
}

/// A part of a text that a template wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its bytes of the text.
    pub(crate) output: Range<usize>,
    /// What wrote them: an action, or text of the template.
    pub(crate) source: Span,
    /// Whether the two are the same, byte by byte.
    pub(crate) copied: bool,
    /// How it came there: the action that copied it from another file, and calls of templates.
    pub(crate) way: Option<Arc<Way>>,
}

/// A step on the way from a config to what is written in another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The action that leads further.
    pub(crate) at: Span,
    /// The step before.
    pub(crate) from: Option<Arc<Self>>,
}

/// Bytes between two entries of the table of characters: a config may be one line of megabytes.
const BLOCK: usize = 1024;

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
        Self {
            name: name.into(),
            base: base.into(),
            text: text.into(),
            asked_at: None,
            pieces: Vec::new(),
            lines: OnceLock::new(),
            blocks: OnceLock::new(),
            secrets: OnceLock::new(),
        }
    }

    /// The same, with where another file asks for it.
    pub(crate) fn asked_at(self, span: Span) -> Self {
        Self { asked_at: Some(span), ..self }
    }

    /// A text that a template wrote.
    pub(crate) fn written_by(self, pieces: Vec<Piece>) -> Self {
        Self { pieces, ..self }
    }

    /// Where another file asks for this one.
    pub(crate) fn asker(&self) -> Option<Span> {
        self.asked_at
    }

    /// What a template's text came from, in the order of the text.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
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

    /// Where the byte `offset` stands. The tables of lines and columns are made once.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_index(offset);
        let start = self.lines()[line];
        Position { line: line + 1, column: self.characters(offset) - self.characters(start) + 1 }
    }

    /// Keeps `secrets` out of what [`line_at`](Self::line_at) returns. The first call holds.
    pub(crate) fn conceal(&self, secrets: Vec<Range<usize>>) {
        let _ = self.secrets.set(secrets);
    }

    /// Whether some of these bytes are not drawn.
    pub(crate) fn conceals(&self, bytes: Range<usize>) -> bool {
        let secrets = self.secrets.get().map_or(&[][..], Vec::as_slice);
        secrets.iter().any(|secret| secret.start < bytes.end && bytes.start < secret.end)
    }

    /// [`line_at`](Self::line_at) as it may be drawn: an asterisk or another sign of the same length for each
    /// character of a secret, so that offsets and columns stay.
    pub(crate) fn drawn_line_at(&self, offset: usize) -> (String, usize) {
        let (line, start) = self.line_at(offset);
        let secrets = self.secrets.get().map_or(&[][..], Vec::as_slice);
        let is_secret = |at: usize| secrets.iter().any(|secret| secret.contains(&at));
        if !secrets.iter().any(|secret| secret.start < start + line.len() && start < secret.end) {
            return (line.to_owned(), start);
        }
        let drawn = line.char_indices().map(|(at, letter)| match letter.len_utf8() {
            _ if !is_secret(start + at) => letter,
            1 => '*',
            2 => '\u{b7}',
            3 => '\u{2022}',
            _ => '\u{1f784}',
        });
        (drawn.collect(), start)
    }

    /// The text of the line that holds the byte `offset`, without its end, and the offset of its first byte.
    fn line_at(&self, offset: usize) -> (&str, usize) {
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

    /// How many characters begin before the byte `offset`, but for the one that `offset` lies in.
    fn characters(&self, offset: usize) -> usize {
        let bytes = self.text.as_bytes();
        let begins = |byte: &&u8| (**byte & 0xc0) != 0x80;
        let blocks = self.blocks.get_or_init(|| {
            let mut count = 0;
            let chunks = bytes.chunks(BLOCK).map(|chunk| {
                let before = count;
                count += chunk.iter().filter(begins).count();
                before
            });
            chunks.collect()
        });
        let mut offset = offset.min(bytes.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let block = (offset / BLOCK).min(blocks.len().saturating_sub(1));
        let before = blocks.get(block).copied().unwrap_or(0);
        before + bytes[block * BLOCK..offset].iter().filter(begins).count()
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
    fn columns_of_a_long_line() {
        let source = SourceFile::new("a.json", "", format!("\n{}", "ä".repeat(10_000)));
        for column in [0, 1, 511, 512, 513, 4_096, 9_999, 10_000] {
            assert_eq!(source.position(1 + 2 * column), Position { line: 2, column: column + 1 });
        }
    }

    #[test]
    fn secrets_are_not_drawn() {
        let source = SourceFile::new("a.json", "", "a: \"sé€🦀t\"\nb");
        source.conceal(Vec::from([4..8, 8..15]));
        let (drawn, start) = source.drawn_line_at(2);
        assert_eq!((drawn.as_str(), start), ("a: \"*·•🞄*\"", 0));
        assert_eq!(drawn.len(), source.line_at(2).0.len());
        assert_eq!(source.drawn_line_at(18), ("b".to_owned(), 17));
    }

    #[test]
    fn empty_text_has_one_line() {
        let source = SourceFile::new("a.json", "", "");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.line_at(0), ("", 0));
    }
}
