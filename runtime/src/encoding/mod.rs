//! Encodings: how a backend's body is read, and how an endpoint's answer is written.
//!
//! Whatever a backend sends becomes the text of a JSON object, so that shaping, merging and every later step know one
//! thing only. JSON itself is not decoded for that: it is checked and shaped while it is copied. The others are small
//! enough to be built as a tree of at most [`MAX_DEPTH`] levels.

#[cfg(feature = "xml")]
mod feed;
mod input;
pub(crate) mod output;
mod scalar;
#[cfg(feature = "xml")]
mod xml;
#[cfg(feature = "yaml")]
mod yaml;

pub use self::input::Decode;
pub(crate) use self::input::read;

/// How deep a tree may be that is built of a body, where JSON's own limit does not apply.
#[cfg(any(feature = "xml", feature = "yaml"))]
const MAX_DEPTH: usize = 120;
