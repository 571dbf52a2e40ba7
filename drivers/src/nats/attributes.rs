//! The names that attributes can have: those of NATS' headers.

/// How the names of headers begin that a server acts on: `Nats-Msg-Id`, `Nats-Rollup`, `Nats-TTL`.
pub(crate) const RESERVED: &[&str] = &["Nats-"];

/// Checks the name of an attribute.
///
/// # Errors
/// The protocol cannot carry it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    match is_name(name) {
        true => Ok(()),
        false => Err(format!("{name:?} is not a header's name: printable ASCII without spaces and colons")),
    }
}

/// Whether the protocol can carry an attribute of that name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}
