//! gateway.json to diagnostics, or to Rust source.

mod diagnostic;
mod json;
pub mod model;
mod render;
mod source;
mod suggest;
mod tree;

pub use diagnostic::{Diagnostic, Severity};
pub use render::{render_human, render_json, render_short};
pub use source::{Position, SourceFile};
pub use tree::Span;
