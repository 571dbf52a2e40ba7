//! Makes a [`Text`], piece by piece, in the order of the file.

use super::{Escape, Text};

/// A text of which some pieces stand in the file as they are, and others otherwise.
pub(crate) struct Decoded {
    text: Text,
    /// Where in the file the next piece begins.
    at: usize,
}

// === impl Decoded ===

impl Decoded {
    pub(crate) fn new(start: usize) -> Self {
        Self { text: Text { value: String::new(), start, escapes: Vec::new() }, at: start }
    }

    /// The next bytes of the file, as they are.
    pub(crate) fn plain(&mut self, piece: &str) {
        self.text.value.push_str(piece);
        self.at += piece.len();
    }

    /// The next `length` bytes of the file, which mean `decoded`.
    pub(crate) fn escape(&mut self, length: usize, decoded: &str) {
        let start = self.text.value.len();
        self.text.value.push_str(decoded);
        let end = self.text.value.len();
        self.text.escapes.push(Escape { decoded: (start, end), source: (self.at, self.at + length) });
        self.at += length;
    }

    /// Where in the file the next piece begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn finish(self) -> Text {
        self.text
    }
}
