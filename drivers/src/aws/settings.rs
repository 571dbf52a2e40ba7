//! What a named broker of SNS or SQS may say.

use crate::settings::checks::{Wrong, given, literals, needs};
use crate::settings::{CA_CERTS, DISABLE_SYSTEM_CA_POOL, setting};
use crate::{OpenError, Setting, SettingKind, Settings};

/// The settings of both drivers.
pub(crate) static SETTINGS: &[Setting] = &[
    setting(
        "region",
        SettingKind::Text,
        "The region: `us-east-2`. Default: the one of the topic's URL or of the environment.",
    ),
    setting("profile", SettingKind::Text, "The profile of the shared configuration files."),
    setting("role", SettingKind::Text, "The ARN of a role to assume."),
    setting("external_id", SettingKind::Text, "What the role wants to be told by who assumes it."),
    setting(
        "endpoint",
        SettingKind::Text,
        "The `http://` or `https://` address of the service, instead of the region's own.",
    ),
    setting("access_key_id", SettingKind::Text, "The id of a key, instead of the SDK's default credentials."),
    setting("secret_access_key", SettingKind::Secret, "The secret of that key."),
    setting("session_token", SettingKind::Secret, "The session token of temporary credentials."),
    CA_CERTS,
    DISABLE_SYSTEM_CA_POOL,
];

/// Checks what can be known of a named broker's settings without their variables and files.
///
/// # Errors
/// The first thing that is wrong, without a value.
pub(crate) fn check(settings: &Settings) -> Result<(), OpenError> {
    let Some(broker) = settings.name else { return Ok(()) };
    check_named(settings).map_err(|(name, message)| OpenError::Setting { broker, name, message })
}

fn check_named(settings: &Settings) -> Result<(), Wrong> {
    for Setting { name, .. } in SETTINGS {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    needs(settings, "access_key_id", "secret_access_key")?;
    needs(settings, "secret_access_key", "access_key_id")?;
    needs(settings, "session_token", "access_key_id")?;
    needs(settings, "external_id", "role")?;
    if given(settings, "profile") && given(settings, "access_key_id") {
        return Err(("profile", "cannot stand beside `access_key_id`".to_owned()));
    }
    for text in literals(settings, "region") {
        super::is_region(text).map_err(|message| ("region", message))?;
    }
    for text in literals(settings, "endpoint") {
        super::is_endpoint(text).map_err(|message| ("endpoint", message.to_owned()))?;
    }
    for text in literals(settings, "role") {
        super::is_role(text).map_err(|message| ("role", message))?;
    }
    crate::settings::checks::check_tls(settings)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Source;

    #[test]
    fn what_is_wrong_is_found() {
        const ID: (&str, &[Source]) = ("access_key_id", &[Source::Literal("AKIA")]);
        const SECRET: (&str, &[Source]) = ("secret_access_key", &[Source::Env("SECRET")]);
        for (values, expected) in [
            (&[ID][..], "`access_key_id` of the broker `billing` needs `secret_access_key`"),
            (&[SECRET], "`secret_access_key` of the broker `billing` needs `access_key_id`"),
            (
                &[("session_token", &[Source::Literal("t")])],
                "`session_token` of the broker `billing` needs `access_key_id`",
            ),
            (
                &[ID, SECRET, ("profile", &[Source::Literal("p")])],
                "`profile` of the broker `billing` cannot stand beside `access_key_id`",
            ),
            (&[("external_id", &[Source::Literal("x")])], "`external_id` of the broker `billing` needs `role`"),
            (&[("region", &[Source::Literal("")])], "`region` of the broker `billing` is empty"),
            (
                &[("region", &[Source::Literal("US")])],
                "`region` of the broker `billing` is no region: a region has small letters, digits and `-`: `us-east-2`",
            ),
            (
                &[("endpoint", &[Source::Literal("localhost:4566")])],
                "`endpoint` of the broker `billing` is not an http or https address",
            ),
            (&[("role", &[Source::Literal("admin")])], "`role` of the broker `billing` is not an ARN"),
            (
                &[("tls.disable_system_ca_pool", &[Source::Literal("true")])],
                "`tls.disable_system_ca_pool` of the broker `billing` needs `tls.ca_certs`: nobody else is trusted",
            ),
        ] {
            let settings = Settings { name: Some("billing"), values: values.to_vec().leak(), base: PathBuf::new() };
            assert_eq!(check(&settings).unwrap_err().to_string(), expected);
        }
        let right: &[(&str, &[Source])] = &[
            ID,
            SECRET,
            ("region", &[Source::Literal("eu-central-1")]),
            ("role", &[Source::Literal("arn:aws:iam::123456789012:role/path/name")]),
            ("external_id", &[Source::Literal("x")]),
            ("endpoint", &[Source::Literal("https://localhost")]),
        ];
        check(&Settings { name: Some("billing"), values: right, base: PathBuf::new() }).unwrap();
        check(&Settings::default()).unwrap();
    }
}
