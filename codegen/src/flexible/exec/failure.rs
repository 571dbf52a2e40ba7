//! What ends a template.

use crate::diagnostic::Diagnostic;
use crate::tree::Span;

/// A mistake that was found while a template was carried out.
#[derive(Debug)]
pub(in super::super) struct Failure {
    pub(in super::super) span: Span,
    pub(in super::super) message: String,
    pub(in super::super) label: String,
    code: &'static str,
    help: Vec<String>,
    /// It was told already, by who found it.
    whole: Option<Diagnostic>,
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            code: "template-fails",
            help: Vec::new(),
            whole: None,
        }
    }

    pub(super) fn of(diagnostic: Diagnostic) -> Self {
        Self { whole: Some(diagnostic), ..Self::new(Span { file: 0, start: 0, end: 0 }, "", "") }
    }

    pub(super) fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(super) fn into_diagnostic(self) -> Diagnostic {
        if let Some(whole) = self.whole {
            return whole;
        }
        let told = Diagnostic::error(self.code, self.span, self.message).label(self.label);
        self.help.into_iter().fold(told, Diagnostic::help)
    }
}
