//! The files that a config is made of: which of them is meant, and where a person finds what stands there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::format::Format;
use crate::secrets;
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
            Some((origin, _)) => span = origin,
            None => break,
        }
    }
    span
}

/// Where the bytes of `span` come from, and the piece that says so; `None` in a text that a person wrote.
pub(crate) fn origin(pieces: &[Piece], span: Span) -> Option<(Span, &Piece)> {
    let final_piece = pieces.len().checked_sub(1)?;
    let at = |offset: usize| pieces.partition_point(|piece| piece.output.end <= offset).min(final_piece);
    let (first, last) = (at(span.start), at(span.end.saturating_sub(1).max(span.start)));
    // Quotes of a template around a value of another file: the value is meant.
    if last == first + 2
        && let [open, value, close] = &pieces[first..=last]
        && open.output.end == span.start + 1
        && close.output.start + 1 == span.end
        && value.copied
        && value.source.file != open.source.file
    {
        return Some((value.source, value));
    }
    let (piece, end) = (&pieces[first], &pieces[last]);
    if !piece.copied {
        return Some((piece.source, piece));
    }
    let within = |piece: &Piece, offset: usize| {
        piece.source.start + offset.clamp(piece.output.start, piece.output.end) - piece.output.start
    };
    let from = within(piece, span.start);
    // What begins and ends in one text is underlined with the actions in between, unless a loop turned back.
    let joined = end.copied && end.source.file == piece.source.file && end.way == piece.way;
    let to = joined.then(|| within(end, span.end)).filter(|to| *to >= from);
    let to = to.unwrap_or_else(|| within(piece, span.end));
    Some((piece.source.at(from, to), piece))
}

/// What a template writes in several turns is told once, and what is wrong with `<no value>` not at all: that it is written is
/// told.
pub(crate) fn once(files: &[SourceFile], diagnostics: &mut Vec<Diagnostic>) {
    if files.iter().all(|file| file.pieces().is_empty()) {
        return;
    }
    let nothings: Vec<_> = diagnostics.iter().filter(|told| told.code == NO_VALUE).map(|told| told.span).collect();
    let mut seen: HashMap<(Span, &'static str, String), usize> = HashMap::new();
    let mut kept: Vec<Diagnostic> = Vec::new();
    let mut more = Vec::new();
    for told in diagnostics.drain(..) {
        let at = written(files, told.span);
        if told.code != NO_VALUE && nothings.iter().any(|nothing| nothing.overlaps(at)) {
            continue;
        }
        match seen.entry((at, told.code, told.message.clone())) {
            Entry::Occupied(first) => more[*first.get()] += 1,
            Entry::Vacant(first) => {
                first.insert(kept.len());
                kept.push(told);
                more.push(0);
            }
        }
    }
    for (told, more) in kept.iter_mut().zip(more) {
        match more {
            0 => {}
            1 => told.notes.push("the template comes to it once more".into()),
            more => told.notes.push(format!("the template comes to it {more} more times")),
        }
    }
    *diagnostics = kept;
}

/// The code of an action that writes `<no value>`.
const NO_VALUE: &str = "no-value";

/// `gateway.json:12:5`.
pub(crate) fn place(files: &[SourceFile], span: Span) -> String {
    let span = written(files, span);
    let file = file_of(files, span);
    let at = file.position(span.start);
    format!("{}:{}:{}", file.name(), at.line, at.column)
}

/// Keeps secrets out of what is drawn, here and in the files that they were copied from. An action that writes a secret is none.
pub(crate) fn conceal(files: &[SourceFile], secrets: Vec<Span>) {
    let mut found = secrets.clone();
    for secret in secrets {
        let pieces = file_of(files, secret).pieces();
        let first = pieces.partition_point(|piece| piece.output.end <= secret.start);
        for piece in
            pieces[first..].iter().take_while(|piece| piece.output.start < secret.end).filter(|piece| piece.copied)
        {
            let start = secret.start.max(piece.output.start) - piece.output.start;
            let end = secret.end.min(piece.output.end) - piece.output.start;
            found.push(piece.source.at(piece.source.start + start, piece.source.start + end));
        }
    }
    let rendered = files.iter().any(|file| !file.pieces().is_empty());
    let mut by_file: HashMap<u32, Vec<Range<usize>>> = HashMap::new();
    for Span { file, start, end } in found {
        by_file.entry(file).or_default().push(start..end);
    }
    let mut hidden: Vec<Vec<Range<usize>>> = Vec::with_capacity(files.len());
    for (index, file) in (0..).zip(files) {
        let mut own = by_file.remove(&index).unwrap_or_default();
        if rendered && file.pieces().is_empty() && !file.text().contains("{{") {
            // A function may have made of it what stands in the config.
            own.extend(secrets::by_key(file.text(), Format::of(file.name())));
        }
        hidden.push(own);
    }
    for (index, file) in files.iter().enumerate() {
        let mut own = hidden[index].clone();
        // What is a secret where it was copied from is one where it was copied to.
        for piece in file.pieces().iter().filter(|piece| piece.copied) {
            for secret in
                usize::try_from(piece.source.file).ok().and_then(|file| hidden.get(file)).into_iter().flatten()
            {
                let (start, end) = (secret.start.max(piece.source.start), secret.end.min(piece.source.end));
                if start < end {
                    let at = |offset: usize| piece.output.start + offset - piece.source.start;
                    own.push(at(start)..at(end));
                }
            }
        }
        file.conceal(own);
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
            Piece { output: 0..6, source: span(0, 6), copied: true, way: None },
            Piece { output: 6..8, source: span(6, 14), copied: false, way: None },
            Piece { output: 8..9, source: span(14, 15), copied: true, way: None },
        ];
        let template = SourceFile::new("a.json", "", r#"{"a": {{ .b }}}"#);
        let files = [template, SourceFile::new("out", "", r#"{"a": 12}"#).written_by(pieces)];
        for (from, to) in
            [((1, 4), (1, 4)), ((6, 8), (6, 14)), ((7, 8), (6, 14)), ((8, 9), (14, 15)), ((9, 9), (15, 15))]
        {
            assert_eq!(written(&files, Span { file: 1, start: from.0, end: from.1 }), span(to.0, to.1), "{from:?}");
        }
        // An object begins in one piece and ends in another.
        assert_eq!(written(&files, Span { file: 1, start: 0, end: 9 }), span(0, 15));
        assert_eq!(written(&files, Span { file: 1, start: 0, end: 8 }), span(0, 6));
        assert_eq!(place(&files, Span { file: 1, start: 7, end: 8 }), "a.json:1:7");
        assert_eq!(written(&files, span(3, 4)), span(3, 4));
    }
}
