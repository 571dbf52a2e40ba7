//! The files that a config is made of: which of them is meant, and where a person finds what stands there.

use crate::source::{Piece, SourceFile};
use crate::tree::Span;

impl AsRef<[Self]> for SourceFile {
    fn as_ref(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

/// The file that a span lies in.
pub(crate) fn file_of(files: &[SourceFile], span: Span) -> &SourceFile {
    &files[usize::try_from(span.file).unwrap_or(usize::MAX)]
}

/// What a person wrote for the bytes of `span`: the same but for text that a template wrote.
pub(crate) fn written(files: &[SourceFile], mut span: Span) -> Span {
    // What a template writes is never a template, so one step is enough; the bound is for good measure.
    for _ in 0..files.len() {
        match origin(file_of(files, span).pieces(), span) {
            Some(origin) => span = origin,
            None => break,
        }
    }
    span
}

/// Where the bytes of `span` come from, `None` in a text that a person wrote.
fn origin(pieces: &[Piece], span: Span) -> Option<Span> {
    let last = pieces.len().checked_sub(1)?;
    let first = pieces.partition_point(|piece| piece.output.end <= span.start).min(last);
    let piece = &pieces[first];
    if !piece.copied {
        return Some(piece.source);
    }
    let from = piece.source.start + span.start.saturating_sub(piece.output.start).min(piece.output.len());
    // What goes on in another piece is underlined to the end of the first.
    let to = piece.source.start + span.end.clamp(piece.output.start, piece.output.end) - piece.output.start;
    Some(piece.source.at(from, to.max(from)))
}

/// `gateway.json:12:5`.
pub(crate) fn place(files: &[SourceFile], span: Span) -> String {
    let span = written(files, span);
    let file = file_of(files, span);
    let at = file.position(span.start);
    format!("{}:{}:{}", file.name(), at.line, at.column)
}

/// Keeps secrets out of what is drawn, here and in the template that wrote them.
pub(crate) fn conceal(files: &[SourceFile], secrets: Vec<Span>) {
    let mut found: Vec<_> = secrets.iter().map(|secret| written(files, *secret)).collect();
    // In the template an action stands for the secret, and is no secret.
    found.retain(|span| file_of(files, *span).pieces().is_empty());
    found.extend(secrets);
    for (index, file) in files.iter().enumerate() {
        let own = found.iter().filter(|span| usize::try_from(span.file).is_ok_and(|file| file == index));
        file.conceal(own.map(|span| span.start..span.end).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_wrote_leads_back_to_it() {
        // `{"a": {{ .b }}}` became `{"a": 12}`.
        let span = |start, end| Span { file: 0, start, end };
        let pieces = vec![
            Piece { output: 0..6, source: span(0, 6), copied: true },
            Piece { output: 6..8, source: span(6, 14), copied: false },
            Piece { output: 8..9, source: span(14, 15), copied: true },
        ];
        let template = SourceFile::new("a.json", "", r#"{"a": {{ .b }}}"#);
        let files = [template, SourceFile::new("out", "", r#"{"a": 12}"#).written_by(pieces)];
        for (from, to) in
            [((1, 4), (1, 4)), ((6, 8), (6, 14)), ((7, 8), (6, 14)), ((8, 9), (14, 15)), ((9, 9), (15, 15))]
        {
            assert_eq!(written(&files, Span { file: 1, start: from.0, end: from.1 }), span(to.0, to.1), "{from:?}");
        }
        // An object begins in one piece and ends in another.
        assert_eq!(written(&files, Span { file: 1, start: 0, end: 9 }), span(0, 6));
        assert_eq!(place(&files, Span { file: 1, start: 7, end: 8 }), "a.json:1:7");
        assert_eq!(written(&files, span(3, 4)), span(3, 4));
    }
}
