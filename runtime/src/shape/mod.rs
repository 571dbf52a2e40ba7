//! Applies `is_collection`, `target`, `allow`, `deny`, `mapping` and `group` to a JSON body in one pass, and
//! `flatmap_filter` in two.
//!
//! A [`Shape`] is constant data in generated code. [`Shape::apply`] reads the body once, checks all of it, and copies
//! what is kept into the output, without building a tree. The results are those of lura's `proxy/formatter.go`, in its
//! order: `is_collection`, `target`, `allow` or `deny`, `mapping`, `group` (KrakenD traps 43 to 48).
//!
//! # What is read
//!
//! JSON as Go's `json.Decoder` reads it: one value after optional white space; **anything behind that value is
//! ignored**. Grammar, escapes and control characters are checked everywhere, also in what is dropped; 10,000 levels
//! are the limit. Bytes that are not UTF-8 and escapes of half a surrogate pair become U+FFFD.
//!
//! # What is written
//!
//! - Keys in the order of the source, numbers and strings exactly as they were written there. KrakenD sorts keys and
//!   escapes `<>&`; a JSON parser sees no difference.
//! - White space inside kept values, and between members kept next to each other, stays; around others it goes. It
//!   depends on nothing but shape and input.
//! - Of duplicate keys the last one counts. For the fields that a shape names, and for every root that
//!   [`Shape::apply_fields`] records, the others are removed. Elsewhere they are passed through: every JSON parser
//!   takes the last one.

mod error;
mod flatmap;
mod level;
mod lookup;
mod merge;
mod pick;
mod scan;
mod text;
mod transcode;
mod tree;

use std::borrow::Cow;

pub use error::{JsonError, Problem};
pub use flatmap::FlatmapOp;
pub(crate) use lookup::{Found, Lookup};
pub use merge::{Root, merge};
pub(crate) use pick::{pick, plain};
pub(crate) use text::write_string;
pub(crate) use tree::Tree;
#[cfg(feature = "yaml")]
pub(crate) use tree::unique;

use scan::Scanner;
use transcode::Transcoder;

/// What becomes of a backend's body. Constant data, built in the initializer of a `static`:
///
/// ```
/// use sluicegate_runtime::shape::{Field, Fields, Shape};
///
/// static GET_USERS_ID: Shape = Shape::OBJECT
///     .target(&["data", "user"])
///     .fields(Fields::Allow(&[
///         Field::keep("id"),
///         Field::renamed("login", "name"),
///         Field::inside("address", Fields::Allow(&[Field::keep("city")])),
///     ]))
///     .group("user");
///
/// let body = br#"{"data": {"user": {"id": 7, "login": "ada", "address": {"city": "Turin", "zip": "10121"}}}}"#;
/// let mut output = Vec::new();
/// GET_USERS_ID.apply(body, &mut output)?;
/// assert_eq!(output, br#"{"user":{"id": 7,"name":"ada","address":{"city": "Turin"}}}"#);
/// # Ok::<(), sluicegate_runtime::shape::JsonError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    collection: bool,
    target: &'static [&'static str],
    fields: Fields,
    flatmap: &'static [FlatmapOp],
    group: Option<&'static str>,
}

/// Which members of an object are kept: `allow`, `deny` and `mapping` for one level.
///
/// A name stands at most once in a list.
#[derive(Clone, Copy, Debug)]
pub enum Fields {
    /// Only the named ones. An object in which none is left disappears from its parent (KrakenD trap 45).
    Allow(&'static [Field]),
    /// All, with the named ones as they say. `deny` and `mapping` read like this.
    AllExcept(&'static [Field]),
}

/// One key of an object and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    renamed: Option<&'static str>,
    value: Keep,
}

#[derive(Clone, Copy, Debug)]
enum Keep {
    All,
    Nothing,
    Inside(Fields),
}

impl Field {
    /// Kept as it is.
    pub const fn keep(name: &'static str) -> Self {
        Self { name, renamed: None, value: Keep::All }
    }

    /// Dropped: a leaf of `deny`.
    pub const fn drop(name: &'static str) -> Self {
        Self { name, renamed: None, value: Keep::Nothing }
    }

    /// Kept under another name.
    pub const fn renamed(name: &'static str, new_name: &'static str) -> Self {
        Self { name, renamed: Some(new_name), value: Keep::All }
    }

    /// An object of which `fields` are kept. Under [`Fields::Allow`] anything but an object, and an object in which
    /// nothing is left, is dropped; under [`Fields::AllExcept`] anything but an object is kept as it is.
    pub const fn inside(name: &'static str, fields: Fields) -> Self {
        Self { name, renamed: None, value: Keep::Inside(fields) }
    }

    /// The same under another name, as `mapping` has it.
    ///
    /// KrakenD drops a field that is mapped to its own name; that is [`Field::drop`] here.
    ///
    /// All fields are renamed at once, so names may be swapped. A renamed field takes the place of whatever else has
    /// that name; of several with the same new name the last in the list counts. (KrakenD takes them in random order.)
    pub const fn rename(self, new_name: &'static str) -> Self {
        Self { renamed: Some(new_name), ..self }
    }
}

/// What came out of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shaped {
    /// `null`: the body was, and there is neither target nor group. Never counts as a completed response.
    Null,
    /// `{}`. Never counts as a completed response (KrakenD trap 26).
    Empty,
    /// An object with members.
    Object,
}

impl Shape {
    /// A body that is an object, kept whole.
    pub const OBJECT: Self =
        Self { collection: false, target: &[], fields: Fields::AllExcept(&[]), flatmap: &[], group: None };

    /// A body that is an array (`is_collection`): it becomes `{"collection": [...]}`, and everything else acts on that.
    pub const COLLECTION: Self = Self { collection: true, ..Self::OBJECT };

    /// Takes the object at this path instead of the whole. Where there is none, the result is `{}`.
    pub const fn target(self, path: &'static [&'static str]) -> Self {
        Self { target: path, ..self }
    }

    /// Which members are kept.
    pub const fn fields(self, fields: Fields) -> Self {
        Self { fields, ..self }
    }

    /// Moves, deletes and appends in what is kept. Needs a tree of it, which may have 128 levels.
    pub const fn flatmap(self, ops: &'static [FlatmapOp]) -> Self {
        Self { flatmap: ops, ..self }
    }

    /// Puts the result into an object under this name.
    pub const fn group(self, name: &'static str) -> Self {
        Self { group: Some(name), ..self }
    }

    /// Whether this is [`Shape::OBJECT`] as it is, for which [`validate_object`] saves the copy.
    pub const fn is_plain(&self) -> bool {
        let unfiltered = matches!(self.fields, Fields::AllExcept([]));
        unfiltered && !self.collection && self.target.is_empty() && self.flatmap.is_empty() && self.group.is_none()
    }

    /// The same for a body that is an object, and whether it was for an array.
    pub(crate) fn of_object(&self) -> (Self, bool) {
        (Self { collection: false, ..*self }, self.collection)
    }

    /// The same for a body that is an array.
    pub(crate) fn of_collection(&self) -> Self {
        Self { collection: true, ..*self }
    }

    /// Appends what becomes of `input` to `output`; nothing on an error.
    ///
    /// # Errors
    ///
    /// [`JsonError`] where the first value in `input` is not JSON, or not what the shape expects: an object, or an
    /// array for a collection; `null` for both.
    pub fn apply(&self, input: &[u8], output: &mut Vec<u8>) -> Result<Shaped, JsonError> {
        self.run(input, output, None)
    }

    /// [`Shape::apply`] that also records where in `output` each root member is, for [`merge`]. `roots` is emptied
    /// first; its keys are unique and in the order of `output`. `null` has no roots, an error leaves none.
    ///
    /// # Errors
    ///
    /// As [`Shape::apply`].
    pub fn apply_fields(&self, input: &[u8], output: &mut Vec<u8>, roots: &mut Vec<Root>) -> Result<Shaped, JsonError> {
        self.run(input, output, Some(roots))
    }

    fn run(&self, input: &[u8], output: &mut Vec<u8>, mut roots: Option<&mut Vec<Root>>) -> Result<Shaped, JsonError> {
        if !self.flatmap.is_empty() {
            return flatmap::run(self, input, output, roots);
        }
        let start = output.len();
        let shaped = repairing(input, |text| {
            output.truncate(start);
            if self.target.is_empty() && matches!(self.fields, Fields::AllExcept(_)) {
                output.reserve(text.len() + 64);
            }
            Transcoder::new(text, output, roots.as_deref_mut()).run(self)
        });
        if shaped.is_err() {
            output.truncate(start);
            if let Some(roots) = roots {
                roots.clear();
            }
        }
        shaped.map(|(_, shaped)| shaped)
    }
}

/// Checks the first value in `input`, of whatever kind, and returns its text: a part of `input`, unless it has bytes
/// that are not UTF-8 or escapes of half a surrogate pair; then a copy in which they are U+FFFD.
///
/// For a body that is handed on as it is. Duplicate keys stay.
///
/// # Errors
///
/// [`JsonError`] where that value is not JSON.
pub fn validate(input: &[u8]) -> Result<Cow<'_, [u8]>, JsonError> {
    Ok(validate_with(input, |_| Ok(()))?.0)
}

/// [`validate`] for what [`Shape::OBJECT`] takes: `null` or an object. `{}` may have white space in it.
///
/// # Errors
///
/// [`JsonError`] where the value is not JSON, or something else.
pub fn validate_object(input: &[u8]) -> Result<(Cow<'_, [u8]>, Shaped), JsonError> {
    validate_with(input, |text| match text {
        [b'{', inside @ ..] if inside.trim_ascii_start() == b"}" => Ok(Shaped::Empty),
        [b'{', ..] => Ok(Shaped::Object),
        b"null" => Ok(Shaped::Null),
        _ => Err(Problem::NotAnObject),
    })
}

fn validate_with<T>(
    input: &[u8],
    judge: impl Fn(&[u8]) -> Result<T, Problem>,
) -> Result<(Cow<'_, [u8]>, T), JsonError> {
    let (repaired, (range, judged)) = repairing(input, |text| {
        let mut scanner = Scanner::new(text);
        let offset = scanner.pos();
        scanner.value()?;
        let range = offset..scanner.pos();
        match judge(&text[range.clone()]) {
            Ok(judged) => Ok((range, judged)),
            Err(problem) => Err(JsonError { offset, problem }),
        }
    })?;
    let text = match repaired {
        None => Cow::Borrowed(&input[range]),
        Some(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start);
            Cow::Owned(text)
        }
    };
    Ok((text, judged))
}

/// Runs `read` on `input`, or on a repaired copy where it needs one, which is then returned too.
fn repairing<T>(
    input: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<T, JsonError>,
) -> Result<(Option<Vec<u8>>, T), JsonError> {
    if simdutf8::basic::from_utf8(input).is_ok() {
        match read(input) {
            Err(JsonError { problem: Problem::LoneSurrogate, .. }) => {}
            result => return result.map(|value| (None, value)),
        }
    }
    let repaired = text::repair(input);
    match read(&repaired) {
        Ok(value) => Ok((Some(repaired), value)),
        Err(error) => Err(JsonError { offset: text::before_repair(input, error.offset), ..error }),
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
