//! The names that attributes can have: those of AMQP's headers, and of its properties.

/// How the names of attributes begin that stand for properties which a server acts on.
pub(crate) const RESERVED: &[&str] = &["Amqp-"];

/// AMQP keeps a header's name as a short string.
const MAX_NAME_BYTES: usize = 255;

/// Headers that a server reads as lists of further routing keys, in these cases alone. It closes the channel of a text.
const ROUTES: [&str; 2] = ["CC", "BCC"];

/// What stands for the properties of a message, as attributes: publishing sets the property, and a delivery has the
/// attribute where the property is set.
pub(crate) const CONTENT_TYPE: &str = "Content-Type";
pub(crate) const CONTENT_ENCODING: &str = "Content-Encoding";
pub(crate) const EXPIRATION: &str = "Amqp-Expiration";
pub(crate) const PRIORITY: &str = "Amqp-Priority";
pub(crate) const TIMESTAMP: &str = "Amqp-Timestamp";
pub(crate) const CORRELATION_ID: &str = "Amqp-Correlation-Id";
pub(crate) const REPLY_TO: &str = "Amqp-Reply-To";
pub(crate) const TYPE: &str = "Amqp-Type";
pub(crate) const APP_ID: &str = "Amqp-App-Id";
pub(crate) const USER_ID: &str = "Amqp-User-Id";
pub(crate) const DELIVERY_MODE: &str = "Amqp-Delivery-Mode";

/// Those that begin with a reserved name.
const PROPERTIES: [&str; 9] =
    [EXPIRATION, PRIORITY, TIMESTAMP, CORRELATION_ID, REPLY_TO, TYPE, APP_ID, USER_ID, DELIVERY_MODE];

/// Checks the name of an attribute.
///
/// # Errors
/// The protocol cannot carry it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a header has a name".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("a header's name has at most {MAX_NAME_BYTES} bytes, this one has {}", name.len()));
    }
    if ROUTES.contains(&name) {
        return Err(format!("the header `{name}` is a list of routing keys to RabbitMQ, and no text"));
    }
    if is_reserved(name) && property(name).is_none() {
        let known = PROPERTIES.join("`, `");
        return Err(format!("{name:?} is no property of AMQP (known: `{known}`)"));
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| name.get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved)))
}

/// The property that an attribute of that name stands for, under the name above.
pub(crate) fn property(name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Some(CONTENT_TYPE);
    }
    if name.eq_ignore_ascii_case(CONTENT_ENCODING) {
        return Some(CONTENT_ENCODING);
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
        for name in ["X-Name", "a b", "é:ü", "Content-Type", "amqp-priority", "Amqp-Type", "x-death", "am", "Cc", "bcc"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Amqp-Nothing", "amqp-", "CC", "BCC", &"x".repeat(256)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert_eq!(property("content-type"), Some(CONTENT_TYPE));
        assert_eq!(property("AMQP-REPLY-TO"), Some(REPLY_TO));
        assert_eq!(property("X-Reply-To"), None);
    }
}
