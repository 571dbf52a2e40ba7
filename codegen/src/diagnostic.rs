//! What the author of a config is told.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::tree::{Node, Span, pointers};

/// The code of what is known and cannot be done yet.
pub(crate) const NOT_YET: &str = "not-supported-yet";

/// The code of values that YAML's readers do not agree on.
pub(crate) const AMBIGUOUS: &str = "ambiguous-value";

/// The codes of what a text that is read has wrong.
pub(crate) const UNREAD: [&str; 3] = ["syntax", "unsupported-value", AMBIGUOUS];

/// One mistake, or something that is probably one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the build.
    pub severity: Severity,
    /// A short name that does not change: `unknown-key`.
    pub code: &'static str,
    /// The bytes that are wrong.
    pub span: Span,
    /// What is wrong: lower case, no final dot.
    pub message: String,
    /// What to say below the underline.
    pub label: String,
    /// What would be right; empty when nothing is known.
    pub help: Vec<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Other places that matter, each with what it is: `first given here`.
    pub related: Vec<(Span, String)>,
    /// RFC 6901 pointer into the config; empty for the whole file.
    pub pointer: String,
}

/// Whether a diagnostic stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not: what is written is legal, and probably not meant.
    Warning,
}

/// Gathers diagnostics, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    diagnostics: RefCell<Vec<Diagnostic>>,
}

// === impl Diagnostic ===

impl Diagnostic {
    pub(crate) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            span,
            message: message.into(),
            label: String::new(),
            help: Vec::new(),
            notes: Vec::new(),
            related: Vec::new(),
            pointer: String::new(),
        }
    }

    pub(crate) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn related(mut self, span: Span, what: impl Into<String>) -> Self {
        self.related.push((span, what.into()));
        self
    }

    /// Adds `did you mean` where there is something close.
    pub(crate) fn did_you_mean(self, suggestion: Option<&str>) -> Self {
        match suggestion {
            Some(suggestion) => self.help(format!("did you mean `{suggestion}`?")),
            None => self,
        }
    }
}

// === impl Sink ===

impl Sink {
    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Warns of what may be the cause of an error at the same bytes: that gets the help then, and there is no warning.
    pub(crate) fn warn_or_help(&self, warnings: Vec<Diagnostic>) {
        if warnings.is_empty() {
            return;
        }
        let mut diagnostics = self.diagnostics.borrow_mut();
        let errors = diagnostics.iter().enumerate().filter(|(_, found)| found.severity == Severity::Error);
        let errors: HashMap<Span, usize> = errors.map(|(index, found)| (found.span, index)).collect();
        for warning in warnings {
            match errors.get(&warning.span) {
                Some(index) => diagnostics[*index].help = warning.help,
                None => diagnostics.push(warning),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.diagnostics.borrow().len()
    }

    /// Takes what another has gathered.
    pub(crate) fn extend(&self, diagnostics: Vec<Diagnostic>) {
        self.diagnostics.borrow_mut().extend(diagnostics);
    }

    /// Takes out what was gathered, as it came.
    pub(crate) fn take(&self) -> Vec<Diagnostic> {
        self.diagnostics.take()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.borrow().iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether a value or more could not be read.
    pub(crate) fn has_unread(&self) -> bool {
        self.diagnostics.borrow().iter().any(|diagnostic| UNREAD.contains(&diagnostic.code))
    }

    /// Everything gathered, in the order of the file, with pointers into `root`.
    pub(crate) fn finish(self, root: Option<&Node>) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics.into_inner();
        let secondary = |diagnostic: &Diagnostic| {
            diagnostic.code == NOT_YET || diagnostic.code == AMBIGUOUS && diagnostic.severity == Severity::Warning
        };
        let primary = || diagnostics.iter().filter(|found| !secondary(found));
        let told: HashSet<Span> = primary().map(|found| found.span).collect();
        // Only an error takes the place of one.
        let wrong: HashSet<Span> =
            primary().filter(|found| found.severity == Severity::Error).map(|found| found.span).collect();
        // What could not work anyway need not be said to be missing.
        diagnostics.retain(|found| {
            let place = if found.severity == Severity::Error { &wrong } else { &told };
            !secondary(found) || !place.contains(&found.span)
        });
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.file, diagnostic.span.start, diagnostic.span.end));
        // What is in a value is told once, however often the value is used: an alias of YAML repeats it.
        let mut once = HashSet::new();
        diagnostics.retain(|found| once.insert((found.span, found.code, found.message.clone())));
        if let Some(root) = root {
            let spans: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.span).collect();
            for (diagnostic, pointer) in diagnostics.iter_mut().zip(pointers(root, &spans)) {
                diagnostic.pointer = pointer;
            }
        }
        diagnostics
    }
}
