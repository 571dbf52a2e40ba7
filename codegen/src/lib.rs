//! gateway.json to diagnostics, or to Rust source.

mod diagnostic;
mod json;
pub mod model;
mod source;
mod tree;

pub use diagnostic::{Diagnostic, Severity};
pub use source::{Position, SourceFile};
pub use tree::Span;
