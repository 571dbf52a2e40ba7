//! What drivers check of a named broker's settings before a variable or a file is read.

use crate::{Settings, Source};

/// The setting that is wrong, and what is wrong with it, without the value.
pub(crate) type Wrong = (&'static str, String);

/// The values of a setting that stand in the config.
pub(crate) fn literals(settings: &Settings, name: &str) -> impl Iterator<Item = &'static str> {
    settings.sources(name).iter().filter_map(|source| match source {
        Source::Literal(text) => Some(*text),
        Source::Env(_) | Source::File(_) => None,
    })
}

/// Whether a setting is given.
pub(crate) fn given(settings: &Settings, name: &str) -> bool {
    !settings.sources(name).is_empty()
}

/// Checks that `needed` is given where `name` is.
pub(crate) fn needs(settings: &Settings, name: &'static str, needed: &'static str) -> Result<(), Wrong> {
    match given(settings, name) && !given(settings, needed) {
        true => Err((name, format!("needs `{needed}`"))),
        false => Ok(()),
    }
}

/// Checks the settings that begin with `tls.`.
pub(crate) fn check_tls(settings: &Settings) -> Result<(), Wrong> {
    needs(settings, "tls.client_cert", "tls.client_key")?;
    needs(settings, "tls.client_key", "tls.client_cert")?;
    for name in ["tls.required", "tls.disable_system_ca_pool"] {
        literals(settings, name).try_for_each(|text| flag(text).map(drop).map_err(|message| (name, message)))?;
    }
    if literals(settings, "tls.disable_system_ca_pool").any(|text| text == "true") && !given(settings, "tls.ca_certs") {
        return Err(("tls.disable_system_ca_pool", "needs `tls.ca_certs`: nobody else is trusted".to_owned()));
    }
    Ok(())
}

/// Checks numbers that must not be 0.
pub(crate) fn check_numbers(settings: &Settings, names: &[&'static str]) -> Result<(), Wrong> {
    for name in names {
        literals(settings, name).try_for_each(|text| number(text).map(drop).map_err(|message| (*name, message)))?;
    }
    Ok(())
}

/// Reads a flag.
pub(crate) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "is neither `true` nor `false`".to_owned())
}

/// Reads a number that is not 0.
pub(crate) fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("is not a whole number above 0".to_owned()),
    }
}
