//! The environment variables that a config may ask for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Variables that hold a path besides GATEWAY_CONFIG and GATEWAY_BASE: relative to the root of the package in a build, and
/// to where it was called in a command.
pub const PATH_VARIABLES: &[&str] = &["GATEWAY_SETTINGS", "FC_SETTINGS", "FC_PARTIALS", "FC_TEMPLATES", "FC_OUT"];

/// How a variable is looked up.
type Lookup<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Where variables come from, and which of them were asked for: a build depends on these.
pub struct Environment<'a> {
    variable: Box<Lookup<'a>>,
    asked: RefCell<BTreeSet<String>>,
}

// === impl Environment ===

impl<'a> Environment<'a> {
    /// Variables as `variable` has them.
    pub fn new(variable: impl Fn(&str) -> Option<OsString> + 'a) -> Self {
        Self { variable: Box::new(variable), asked: RefCell::default() }
    }

    /// A variable, as it is set.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        self.asked.borrow_mut().insert(name.to_owned());
        // What cannot be a name is set nowhere.
        if name.is_empty() || name.contains(['=', '\0']) { None } else { (self.variable)(name) }
    }

    /// A variable that is set to something: shells and CI systems leave empty ones behind.
    pub(crate) fn filled(&self, name: &str) -> Option<OsString> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The path that a variable names.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.filled(name).map(PathBuf::from)
    }

    /// Every name that was asked for so far, in the order of the alphabet.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }
}

impl fmt::Debug for Environment<'_> {
    /// The names that were asked for: the values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("asked", &self.asked).finish_non_exhaustive()
    }
}
