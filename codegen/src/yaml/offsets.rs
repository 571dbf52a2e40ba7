//! From the numbers of characters, which the parser counts, to bytes.

/// Characters between two entries of the table.
const BLOCK: usize = 64;

/// Where the characters of a text begin.
pub(super) struct Offsets<'a> {
    text: &'a str,
    /// The byte of every [`BLOCK`]th character; empty where each character is a byte.
    blocks: Vec<usize>,
}

// === impl Offsets ===

impl<'a> Offsets<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let blocks = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().step_by(BLOCK).map(|(offset, _)| offset).collect(),
        };
        Self { text, blocks }
    }

    /// The byte that the character of this number begins at; the end of the text behind the last.
    pub(super) fn byte(&self, index: usize) -> usize {
        if self.blocks.is_empty() {
            return index.min(self.text.len());
        }
        let Some(start) = self.blocks.get(index / BLOCK) else { return self.text.len() };
        let rest = &self.text[*start..];
        rest.char_indices().nth(index % BLOCK).map_or(self.text.len(), |(offset, _)| start + offset)
    }
}
