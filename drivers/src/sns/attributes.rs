//! The names that attributes can have: those of message attributes, and of the parameters of a publish.

use crate::aws::attributes::{self, starts_with};

/// How the names of attributes begin that stand for parameters which SNS acts on.
pub(crate) const RESERVED: &[&str] = &["Sns-"];

/// The subject that mail has, and that stands in an envelope.
pub(crate) const SUBJECT: &str = "Sns-Subject";
/// `json` where the body has a text for each protocol.
pub(crate) const MESSAGE_STRUCTURE: &str = "Sns-Message-Structure";

const PARAMETERS: [&str; 2] = [SUBJECT, MESSAGE_STRUCTURE];

/// Checks the name of an attribute.
///
/// # Errors
/// SNS does not take it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if RESERVED.iter().any(|reserved| starts_with(name, reserved)) && parameter(name).is_none() {
        let known = PARAMETERS.join("`, `");
        return Err(format!("{name:?} is no parameter of SNS (known: `{known}`)"));
    }
    attributes::check_name(name)
}

/// The parameter that an attribute of that name stands for, under the name above.
pub(crate) fn parameter(name: &str) -> Option<&'static str> {
    PARAMETERS.into_iter().find(|parameter| parameter.eq_ignore_ascii_case(name))
}

/// Checks a message group or a deduplication id: `what` says which.
///
/// # Errors
/// SNS does not take it.
#[cfg_attr(not(feature = "sns"), allow(dead_code, reason = "for the client"))]
pub(crate) fn check_token(what: &str, text: &str) -> Result<(), String> {
    const MAX: usize = 128;
    if text.is_empty() || text.len() > MAX {
        return Err(format!("{what} has 1 to {MAX} characters, this one has {}", text.len()));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(wrong) => Err(format!("{wrong:?} is not allowed in {what}: it has letters, digits and punctuation")),
        None => Ok(()),
    }
}

/// Checks a subject.
///
/// # Errors
/// SNS does not take it.
#[cfg_attr(not(feature = "sns"), allow(dead_code, reason = "for the client"))]
pub(crate) fn check_subject(text: &str) -> Result<(), String> {
    const MAX: usize = 100;
    if text.is_empty() || text.chars().count() > MAX {
        return Err(format!("a subject has 1 to {MAX} characters, this one has {}", text.chars().count()));
    }
    if text.starts_with(char::is_whitespace) || text.contains(char::is_control) {
        return Err("a subject has no line breaks nor control characters, and begins with no space".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["X-Order-Id", "Content-Type", "Sns-Subject", "sns-subject", "SNS-Message-Structure", "sns"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Sns-Nothing", "sns-", "a b", "AWS.x"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn tokens_and_subjects() {
        for token in ["a", "customer-7", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &"x".repeat(128)] {
            assert_eq!(check_token("a message group", token), Ok(()), "{token}");
        }
        for token in ["", "a b", "é", "a\n", &"x".repeat(129)] {
            assert!(check_token("a message group", token).is_err(), "{token}");
        }
        for subject in ["Your order", "é 1", &"x".repeat(100)] {
            assert_eq!(check_subject(subject), Ok(()), "{subject}");
        }
        for subject in ["", " a", "a\nb", "a\u{7}", &"x".repeat(101)] {
            assert!(check_subject(subject).is_err(), "{subject:?}");
        }
    }
}
