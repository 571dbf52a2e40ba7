//! The names that attributes can have.

/// In bytes.
pub(super) const MAX_NAME: usize = 256;

/// How the names begin that the service keeps for itself.
const OWN: &str = "goog";

/// How the names begin that the service gives by itself, as to messages that it dead-letters.
pub(super) const RESERVED: &[&str] = &["CloudPubSub", OWN];

/// Checks the name of an attribute.
///
/// # Errors
/// The service does not take it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("an attribute's name is empty".to_owned());
    }
    if name.starts_with(OWN) {
        return Err(format!("{name:?} begins with `{OWN}`, as only Google's own attributes do"));
    }
    match name.len() > MAX_NAME {
        true => Err(format!("an attribute's name has at most {MAX_NAME} bytes, this one has {}", name.len())),
        false => Ok(()),
    }
}
