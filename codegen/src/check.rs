//! The tree, held against the tables before, to the model: everything that needs more than a type.
//!
//! Every function reports to the sink and goes on. What it returns after a report is never emitted:
//! one error withholds the whole model.

mod backend;
mod endpoint;
mod host;
mod names;
mod path;
mod publish;
mod pubsub;
mod router;
mod routes;
mod service;
mod shape;
mod tls;
mod url_template;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, NOT_YET, Sink};
use crate::model::Place;
use crate::source::SourceFile;
use crate::syntax::kind::At;
use crate::tree::Span;

pub(crate) use endpoint::Owner;
pub(crate) use names::header;
pub(crate) use service::gateway;
pub(crate) use url_template::{is_response, unknown_parameter};

/// What every check can ask.
pub(crate) struct Context<'a> {
    file: &'a SourceFile,
    sink: &'a Sink,
    defaults: Defaults,
    /// Every file that the config names, found or not.
    files: RefCell<Vec<PathBuf>>,
}

/// The service's values, which endpoints and backends inherit.
struct Defaults {
    timeout: Duration,
    cache_ttl: Option<Duration>,
    output: Option<String>,
    /// Sanitised. `None` when the key is there and wrong, and was reported.
    hosts: Option<Vec<String>>,
    max_payload: Option<usize>,
}

impl Context<'_> {
    fn place(&self, span: Span) -> Place {
        let at = self.file.position(span.start);
        Place(format!("{}:{}:{}", self.file.name(), at.line, at.column))
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }

    /// A number that cannot be negative.
    pub(crate) fn size(&self, value: Option<At<i64>>, name: &str) -> Option<usize> {
        let value = value?;
        let size = usize::try_from(value.value).ok();
        if size.is_none() {
            let error = Diagnostic::error("out-of-range", value.span, format!("`{name}` is negative"));
            self.push(error.label("expected 0 or more"));
        }
        size
    }

    pub(crate) fn not_yet(&self, span: Span, what: &str) {
        let error = Diagnostic::error(NOT_YET, span, format!("{what} is not supported yet"));
        self.push(error.label("this version of Sluicegate cannot do it"));
    }
}
