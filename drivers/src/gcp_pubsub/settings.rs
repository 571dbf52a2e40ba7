//! What a named broker of Google Cloud Pub/Sub may say.

use super::endpoint;
use crate::settings::checks::{Wrong, check_numbers, check_tls, given, literals};
use crate::settings::{CA_CERTS, DISABLE_SYSTEM_CA_POOL, setting};
use crate::{OpenError, Setting, SettingKind, Settings};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = &[
    setting(
        "credentials",
        SettingKind::Path,
        "The path of a file of Google's credentials. Default: the application's default credentials.",
    ),
    setting(
        "credentials_json",
        SettingKind::Secret,
        "What such a file holds, instead of its path: `env:NAME`, `file:PATH`.",
    ),
    setting("quota_project", SettingKind::Text, "The project that requests are counted for."),
    setting(
        "endpoint",
        SettingKind::Text,
        "The address of a region or a private one: `europe-west1-pubsub.googleapis.com`.",
    ),
    setting(
        "emulator",
        SettingKind::Text,
        "The `HOST:PORT` of an emulator, which is spoken to without TLS and credentials.",
    ),
    CA_CERTS,
    DISABLE_SYSTEM_CA_POOL,
    setting(
        "max_pending",
        SettingKind::Number,
        "How many messages may be on their way to the service; more are refused at once. Default: 16384.",
    ),
];

/// Checks what can be known of a named broker's settings without their variables and files.
///
/// # Errors
/// The first thing that is wrong, without a value.
pub(super) fn check(settings: &Settings) -> Result<(), OpenError> {
    let Some(broker) = settings.name else { return Ok(()) };
    check_named(settings).map_err(|(name, message)| OpenError::Setting { broker, name, message })
}

fn check_named(settings: &Settings) -> Result<(), Wrong> {
    if given(settings, "emulator") {
        let others = SETTINGS.iter().filter(|setting| !matches!(setting.name, "emulator" | "max_pending"));
        for other in others {
            if given(settings, other.name) {
                return Err((other.name, "cannot stand beside `emulator`, which knows nobody".to_owned()));
            }
        }
    }
    if given(settings, "credentials") && given(settings, "credentials_json") {
        return Err(("credentials_json", "cannot stand beside `credentials`".to_owned()));
    }
    for name in ["credentials", "credentials_json", "quota_project"] {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    for text in literals(settings, "quota_project") {
        check_project(text).map_err(|message| ("quota_project", message))?;
    }
    for text in literals(settings, "endpoint") {
        endpoint::parse(text).map_err(|message| ("endpoint", message))?;
    }
    for text in literals(settings, "emulator") {
        endpoint::parse_emulator(text).map_err(|message| ("emulator", message))?;
    }
    check_tls(settings)?;
    check_numbers(settings, &["max_pending"])
}

/// Checks a project, which a header has to carry.
pub(super) fn check_project(text: &str) -> Result<(), String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("is no project".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Source;

    #[test]
    fn what_is_wrong_is_found() {
        const EMULATOR: (&str, &[Source]) = ("emulator", &[Source::Literal("localhost:8085")]);
        const FILE: (&str, &[Source]) = ("credentials", &[Source::Literal("key.json")]);
        for (values, expected) in [
            (
                &[EMULATOR, FILE][..],
                "`credentials` of the broker `google` cannot stand beside `emulator`, which knows nobody",
            ),
            (
                &[FILE, ("credentials_json", &[Source::Env("KEY")])],
                "`credentials_json` of the broker `google` cannot stand beside `credentials`",
            ),
            (
                &[("quota_project", &[Source::Literal("my project")])],
                "`quota_project` of the broker `google` is no project",
            ),
            (
                &[("endpoint", &[Source::Literal("http://localhost")])],
                "`endpoint` of the broker `google` is without TLS: only an emulator (`emulator`) is spoken to so",
            ),
            (
                &[("max_pending", &[Source::Literal("0")])],
                "`max_pending` of the broker `google` is not a whole number above 0",
            ),
        ] {
            let settings = Settings { name: Some("google"), values: values.to_vec().leak(), base: PathBuf::new() };
            assert_eq!(check(&settings).unwrap_err().to_string(), expected);
        }
        for values in [&[][..], &[EMULATOR], &[FILE, ("endpoint", &[Source::Literal("eu-pubsub.googleapis.com")])]] {
            check(&Settings { name: Some("google"), values: values.to_vec().leak(), base: PathBuf::new() }).unwrap();
        }
    }
}
