//! What a config may hold, as tables: every key and namespace of KrakenD with its type and whether it is supported.
//!
//! `walk` holds a tree against the tables and reports unknown keys, wrong types and what is not
//! supported. What it lets pass is read through `Object`.

mod duplicates;
mod endpoint;
pub(crate) mod kind;
pub(crate) mod namespaces;
mod object;
mod options;
mod service;
mod walk;

pub(crate) use object::Object;
pub(crate) use service::SERVICE;
pub(crate) use walk::{is_comment, walk};

#[cfg(test)]
mod tests;
