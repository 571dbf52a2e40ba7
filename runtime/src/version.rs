//! What the gateway calls itself.

use http::HeaderValue;

/// The version of this crate, which generated code was made for.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The value of `User-Agent` towards backends.
pub(crate) static PRODUCT: HeaderValue = HeaderValue::from_static(concat!("Sluicegate/", env!("CARGO_PKG_VERSION")));

/// Stops the compilation of code that was generated for another version of this crate.
///
/// # Panics
/// While compiling, when `version` is not this crate's.
pub const fn generated_for(version: &str) {
    let (wanted, own) = (version.as_bytes(), VERSION.as_bytes());
    let mut equal = wanted.len() == own.len();
    let mut at = 0;
    while equal && at < own.len() {
        equal = wanted[at] == own[at];
        at += 1;
    }
    assert!(equal, "this file was generated for another version of sluicegate-runtime: build the gateway again");
}
