//! The names that attributes can have: those of application properties, and of what Service Bus itself reads.

/// How the names of attributes begin that stand for properties which the service acts on.
pub(super) const RESERVED: &[&str] = &["Servicebus-"];

/// What stands for the properties of a message, as attributes: publishing sets the property, and a delivery has the
/// attribute where the property is set.
pub(super) const CONTENT_TYPE: &str = "Content-Type";
pub(super) const PARTITION_KEY: &str = "Servicebus-Partition-Key";
pub(super) const SCHEDULED_ENQUEUE_TIME: &str = "Servicebus-Scheduled-Enqueue-Time";
pub(super) const TIME_TO_LIVE: &str = "Servicebus-Time-To-Live";
pub(super) const CORRELATION_ID: &str = "Servicebus-Correlation-Id";
pub(super) const SUBJECT: &str = "Servicebus-Subject";
pub(super) const REPLY_TO: &str = "Servicebus-Reply-To";
pub(super) const REPLY_TO_SESSION_ID: &str = "Servicebus-Reply-To-Session-Id";
pub(super) const TO: &str = "Servicebus-To";

/// Those that begin with a reserved name.
const PROPERTIES: [&str; 8] =
    [PARTITION_KEY, SCHEDULED_ENQUEUE_TIME, TIME_TO_LIVE, CORRELATION_ID, SUBJECT, REPLY_TO, REPLY_TO_SESSION_ID, TO];

/// Checks the name of an attribute.
///
/// # Errors
/// The protocol cannot carry it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("an application property has a name".to_owned());
    }
    if is_reserved(name) && property(name).is_none() {
        let known = PROPERTIES.join("`, `");
        return Err(format!("{name:?} is no property of Service Bus (known: `{known}`)"));
    }
    Ok(())
}

/// Whether an attribute of that name stands for something that the service reads.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| name.get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved)))
}

/// The property that an attribute of that name stands for, under the name above.
pub(super) fn property(name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Some(CONTENT_TYPE);
    }
    // Most names are no property's.
    if !is_reserved(name) {
        return None;
    }
    PROPERTIES.into_iter().find(|property| property.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["X-Name", "a b", "é:ü", "Content-Type", "servicebus-to", "Servicebus", "x-opt-thing"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Servicebus-Nothing", "servicebus-"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert_eq!(property("content-type"), Some(CONTENT_TYPE));
        assert_eq!(property("SERVICEBUS-REPLY-TO"), Some(REPLY_TO));
        assert_eq!(property("X-Reply-To"), None);
    }
}
