//! What a named broker of NATS may say.

use super::addresses;
use crate::{OpenError, Setting, SettingKind, Settings, Source};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = ALL;

/// Those that have nothing to do with subscriptions: JetStream's.
pub(crate) static OF_JETSTREAM: &[Setting] = ALL.split_at(ALL.len() - 1).0;

const ALL: &[Setting] = &[
    Setting { required: true, ..setting("servers", SettingKind::List) },
    setting("user", SettingKind::Text),
    setting("password", SettingKind::Secret),
    setting("token", SettingKind::Secret),
    setting("nkey", SettingKind::Secret),
    setting("credentials", SettingKind::Path),
    setting("tls.required", SettingKind::Flag),
    setting("tls.ca_certs", SettingKind::Paths),
    setting("tls.client_cert", SettingKind::Path),
    setting("tls.client_key", SettingKind::Path),
    setting("tls.disable_system_ca_pool", SettingKind::Flag),
    setting("max_pending", SettingKind::Number),
    setting("buffer", SettingKind::Number),
];

const fn setting(name: &'static str, kind: SettingKind) -> Setting {
    Setting { name, kind, required: false }
}

/// The ways to log in.
pub(crate) const LOGINS: [&str; 4] = ["user", "token", "nkey", "credentials"];

/// Checks what can be known of a named broker's settings without their variables and files.
///
/// # Errors
/// The first thing that is wrong, without a value.
pub(crate) fn check(settings: &Settings) -> Result<(), OpenError> {
    let Some(broker) = settings.name else { return Ok(()) };
    check_named(settings).map_err(|(name, message)| OpenError::Setting { broker, name, message })
}

type Wrong = (&'static str, String);

fn check_named(settings: &Settings) -> Result<(), Wrong> {
    let given = |name: &str| !settings.sources(name).is_empty();
    if !given("servers") {
        return Err(("servers", "is missing".to_owned()));
    }
    for list in literals(settings, "servers") {
        addresses::parse(list).map_err(|message| ("servers", message))?;
    }
    let mut ways = LOGINS.into_iter().filter(|way| given(way));
    if let (Some(way), Some(other)) = (ways.next(), ways.next()) {
        return Err((other, format!("cannot stand beside `{way}`")));
    }
    for (name, needed) in
        [("password", "user"), ("tls.client_cert", "tls.client_key"), ("tls.client_key", "tls.client_cert")]
    {
        if given(name) && !given(needed) {
            return Err((name, format!("needs `{needed}`")));
        }
    }
    for name in LOGINS {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    // Base32 with a checksum; whether that is right is seen where the key is made.
    let is_seed = |seed: &str| seed.len() == 58 && seed.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    if literals(settings, "nkey").any(|seed| !is_seed(seed.trim())) {
        return Err(("nkey", "is not an nkey's seed".to_owned()));
    }
    for name in ["tls.required", "tls.disable_system_ca_pool"] {
        literals(settings, name).try_for_each(|text| flag(text).map(drop).map_err(|message| (name, message)))?;
    }
    if literals(settings, "tls.disable_system_ca_pool").any(|text| text == "true") && !given("tls.ca_certs") {
        return Err(("tls.disable_system_ca_pool", "needs `tls.ca_certs`: nobody else is trusted".to_owned()));
    }
    for name in ["max_pending", "buffer"] {
        literals(settings, name).try_for_each(|text| number(text).map(drop).map_err(|message| (name, message)))?;
    }
    Ok(())
}

/// The values of a setting that stand in the config.
fn literals(settings: &Settings, name: &str) -> impl Iterator<Item = &'static str> {
    settings.sources(name).iter().filter_map(|source| match source {
        Source::Literal(text) => Some(*text),
        Source::Env(_) | Source::File(_) => None,
    })
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
