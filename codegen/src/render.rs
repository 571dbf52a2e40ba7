//! Diagnostics as text for people and as JSON for tools.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceFile;
use crate::sources::{file_of, origin as origin_of, place, written};
use crate::tree::Span;

/// A line longer than this, in characters, is shown in part.
const MAX_LINE: usize = 160;
/// How much of a longer line is shown before the underline.
const BEFORE: usize = 40;

/// The diagnostics as rustc draws its own, one after the other with an empty line between. `files` are those that were
/// checked: one, or all of a [`Checked`](crate::Checked).
#[must_use]
pub fn render_human(files: &(impl AsRef<[SourceFile]> + ?Sized), diagnostics: &[Diagnostic], colors: bool) -> String {
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    // Wide enough that nothing is cut but by us: a terminal wraps by itself.
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(MAX_LINE * 4);
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&human(&renderer, files.as_ref(), diagnostic));
        out.push('\n');
    }
    out
}

/// The diagnostics as an array of objects, with lines and columns from 1 in characters.
#[must_use]
pub fn render_json(files: &(impl AsRef<[SourceFile]> + ?Sized), diagnostics: &[Diagnostic]) -> String {
    let reports: Vec<_> = diagnostics.iter().map(|diagnostic| Report::new(files.as_ref(), diagnostic)).collect();
    // Strings and numbers always serialize.
    let mut json = serde_json::to_string_pretty(&reports).unwrap_or_default();
    json.push('\n');
    json
}

fn human(renderer: &Renderer, files: &[SourceFile], diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let span = written(files, diagnostic.span);
    let file = file_of(files, span);
    let at = file.position(span.start);
    let shown = Shown::new(file, span);
    let mut annotation = AnnotationKind::Primary.span(shown.start..shown.end);
    if !diagnostic.label.is_empty() {
        annotation = annotation.label(diagnostic.label.as_str());
    }
    let snippet = Snippet::source(shown.text.as_str()).path(file.name()).line_start(at.line).fold(false);
    let related = diagnostic.related.iter();
    let related = related.map(|(span, what)| Level::NOTE.message(format!("{what}: {}", place(files, *span))));
    let ways = ways(files, diagnostic.span).into_iter().map(|way| Level::NOTE.message(way));
    let notes = diagnostic.notes.iter().map(|note| Level::NOTE.message(note.as_str()));
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(help.as_str()));
    let group = level.primary_title(diagnostic.message.as_str()).element(snippet.annotation(annotation));
    let drawn = renderer.render(&[group.elements(related).elements(ways).elements(notes).elements(help)]);
    // The library counts columns in what it is given, which is a part of a long line.
    let counted = shown.text[..shown.start].chars().count() + 1;
    if counted == at.column {
        return drawn;
    }
    let place = |column| format!("{}:{}:{column}", file.name(), at.line);
    drawn.replacen(&place(counted), &place(at.column), 1)
}

/// How a person comes to what stands at `span`: the line that a template made of it, and where the file is asked for.
fn ways(files: &[SourceFile], span: Span) -> Vec<String> {
    let mut ways = Vec::new();
    let origin = written(files, span);
    if origin.file != span.file {
        let output = file_of(files, span);
        let shown = Shown::new(output, span);
        let line = output.position(span.start).line;
        // What is the same in both is drawn already.
        let same = shown.text.trim() == Shown::new(file_of(files, origin), origin).text.trim();
        let text = if same { String::new() } else { format!(": {}", shown.text.trim()) };
        ways.push(format!("line {line} of what the template gives{text}"));
        let mut way = origin_of(output.pieces(), span).and_then(|(_, piece)| piece.way.as_deref());
        let mut inner = origin;
        while let Some(step) = way {
            let what = file_of(files, inner).name();
            ways.push(match inner.file == step.at.file {
                true => format!("called at {}", place(files, step.at)),
                false => format!("`{what}` is used at {}", place(files, step.at)),
            });
            inner = step.at;
            way = step.from.as_deref();
        }
    }
    let mut file = file_of(files, origin);
    // A file that asks for itself is refused before, and yet.
    while let (Some(asker), true) = (file.asker(), ways.len() <= files.len()) {
        ways.push(format!("`{}` is included at {}", file.name(), place(files, asker)));
        file = file_of(files, written(files, asker));
    }
    ways
}

/// The part of a line that is drawn, and the bytes of it that are underlined.
struct Shown {
    text: String,
    start: usize,
    end: usize,
}

impl Shown {
    fn new(file: &SourceFile, span: Span) -> Self {
        let (line, line_start) = file.drawn_line_at(span.start);
        let line = line.as_str();
        // What spans lines is underlined to the end of its first.
        let start = floor(line, span.start.saturating_sub(line_start));
        let end = floor(line, span.end.saturating_sub(line_start)).max(start);
        if line.chars().nth(MAX_LINE).is_none() {
            return Self { text: line.to_owned(), start, end };
        }
        let from = line[..start].char_indices().rev().nth(BEFORE - 1).map_or(0, |(offset, _)| offset);
        let to = line[from..].char_indices().nth(MAX_LINE).map_or(line.len(), |(offset, _)| from + offset);
        let lead = if from > 0 { "..." } else { "" };
        let tail = if to < line.len() { "..." } else { "" };
        let text = format!("{lead}{}{tail}", &line[from..to]);
        Self { text, start: start - from + lead.len(), end: end.min(to) - from + lead.len() }
    }
}

/// The start of the character of `text` that `offset` lies in.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[derive(Serialize)]
struct Report<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    help: Option<String>,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    pointer: &'a str,
    /// Other places, and how a person comes to this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(files: &'a [SourceFile], diagnostic: &'a Diagnostic) -> Self {
        let span = written(files, diagnostic.span);
        let file = file_of(files, span);
        let (start, end) = (file.position(span.start), file.position(span.end));
        let related = diagnostic.related.iter().map(|(span, what)| format!("{what}: {}", place(files, *span)));
        let notes = diagnostic.notes.iter().cloned();
        Self {
            code: diagnostic.code,
            severity: severity_name(diagnostic.severity),
            message: &diagnostic.message,
            help: if diagnostic.help.is_empty() { None } else { Some(diagnostic.help.join("\n")) },
            file: file.name(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            pointer: &diagnostic.pointer,
            notes: related.chain(ways(files, diagnostic.span)).chain(notes).collect(),
        }
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Span;

    fn draw(text: &str, start: usize, end: usize) -> String {
        let file = SourceFile::new("a.json", "", text);
        let error = Diagnostic::error("x", Span { file: 0, start, end }, "wrong").label("here").help("do right");
        render_human(&file, &[error], false)
    }

    #[test]
    fn the_shape_of_rustc() {
        let expected = "error: wrong\n --> a.json:2:3\n  |\n2 | b cd e\n  |   ^^ here\n  |\n  = help: do right\n";
        assert_eq!(draw("a\nb cd e\nf", 4, 6), expected);
        assert_eq!(draw("a\r\nb cd e\r\nf", 5, 7), expected);
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_underline_in_place() {
        let expected = "error: wrong\n --> a.json:1:4\n  |\n1 |     ä cd\n  |       ^^ here\n  |\n  = help: do right\n";
        assert_eq!(draw("\tä cd", 4, 6), expected);
    }

    #[test]
    fn empty_files_and_ends_of_lines() {
        let expected = "error: wrong\n --> a.json:1:1\n  |\n1 |\n  | ^ here\n  |\n  = help: do right\n";
        assert_eq!(draw("", 0, 0), expected);
        let expected = "error: wrong\n --> a.json:1:2\n  |\n1 | a\n  |  ^ here\n  |\n  = help: do right\n";
        assert_eq!(draw("a\nb", 1, 1), expected);
    }

    #[test]
    fn what_spans_lines_ends_with_its_first() {
        let expected = "error: wrong\n --> a.json:1:1\n  |\n1 | ab\n  | ^^ here\n  |\n  = help: do right\n";
        assert_eq!(draw("ab\ncd", 0, 5), expected);
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let text = format!("{}XY{}", "a".repeat(100_000), "b".repeat(100_000));
        let drawn = draw(&text, 100_000, 100_002);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[1], " --> a.json:1:100001");
        assert_eq!(lines[3], format!("1 | ...{}XY{}...", "a".repeat(40), "b".repeat(118)));
        assert_eq!(lines[4], format!("  | {}^^ here", " ".repeat(43)));
    }

    #[test]
    fn json_has_every_field() {
        let file = SourceFile::new("a.json", "", "ä\nbcd");
        let mut error = Diagnostic::error("x", Span { file: 0, start: 4, end: 6 }, "wrong").help("one").help("two");
        error.pointer = "/a".to_owned();
        let expected = serde_json::json!([{
            "code": "x", "severity": "error", "message": "wrong", "help": "one\ntwo", "file": "a.json",
            "line": 2, "column": 2, "end_line": 2, "end_column": 4, "pointer": "/a",
        }]);
        let json: serde_json::Value = serde_json::from_str(&render_json(&file, &[error])).expect("JSON");
        assert_eq!(json, expected);
        assert_eq!(render_json(&file, &[]), "[]\n");
    }
}
