//! What a named broker of RabbitMQ may say.

use std::time::Duration;

use super::addresses::{self, check_vhost, is_external};
use crate::settings::checks::{Wrong, check_numbers, check_tls, given, literals, needs};
use crate::settings::{CA_CERTS, CLIENT_CERT, CLIENT_KEY, DISABLE_SYSTEM_CA_POOL, TLS_REQUIRED, setting};
use crate::{OpenError, Setting, SettingKind, Settings, parse_duration};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        required: true,
        ..setting(
            "servers",
            SettingKind::List,
            "The addresses, `amqp://` or `amqps://`, separated by commas or in a list. What one says goes before what is below.",
        )
    },
    setting("user", SettingKind::Text, "The user to log in as. Default: `guest`."),
    setting("password", SettingKind::Secret, "The user's password. Default: `guest`."),
    setting("vhost", SettingKind::Text, "The virtual host. Default: `/`."),
    setting("auth", SettingKind::Text, "How to log in: `plain`, or `external` by the client's certificate."),
    TLS_REQUIRED,
    CA_CERTS,
    CLIENT_CERT,
    CLIENT_KEY,
    DISABLE_SYSTEM_CA_POOL,
    setting(
        "heartbeat",
        SettingKind::Duration,
        "A server that is not heard for as long is taken to be lost, in whole seconds. Default: `10s`.",
    ),
    setting(
        "connection_name",
        SettingKind::Text,
        "What the server calls the connections in its lists. Default: `sluicegate NAME`.",
    ),
    setting(
        "max_pending",
        SettingKind::Number,
        "How many messages may be on their way to the server; more are refused at once. Default: 16384.",
    ),
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
    if !given(settings, "servers") {
        return Err(("servers", "is missing".to_owned()));
    }
    let lists: Vec<_> = literals(settings, "servers").collect();
    // One that stands elsewhere may say what the others do not.
    let lists = if lists.len() == settings.sources("servers").len() { vec![lists.join(",")] } else { Vec::new() };
    for list in lists {
        let addresses = addresses::parse(&list).map_err(|message| ("servers", message))?;
        if wants_tls(settings) && addresses.iter().any(|address| address.tls == Some(false)) {
            return Err(("servers", "has an address with `amqp://`, and TLS is required: write `amqps://`".to_owned()));
        }
    }
    needs(settings, "password", "user")?;
    for name in ["user", "connection_name"] {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    for text in literals(settings, "vhost") {
        check_vhost(text).map_err(|message| ("vhost", message))?;
    }
    for text in literals(settings, "auth") {
        if is_external(text).map_err(|message| ("auth", message))? {
            if !given(settings, "tls.client_cert") {
                return Err(("auth", "is `external`, which needs `tls.client_cert`".to_owned()));
            }
            if given(settings, "user") {
                return Err((
                    "user",
                    "cannot stand beside `auth` as `external`: the certificate says who it is".to_owned(),
                ));
            }
        }
    }
    for text in literals(settings, "heartbeat") {
        heartbeat(text).map_err(|message| ("heartbeat", message))?;
    }
    check_tls(settings)?;
    check_numbers(settings, &["max_pending"])
}

/// Whether the settings leave no choice, as far as the config itself says.
fn wants_tls(settings: &Settings) -> bool {
    ["tls.ca_certs", "tls.client_cert"].into_iter().any(|name| given(settings, name))
        || literals(settings, "tls.required").any(|text| text == "true")
}

/// Reads a heartbeat, in whole seconds.
pub(crate) fn heartbeat(text: &str) -> Result<u16, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    match u16::try_from(duration.as_secs()) {
        Ok(seconds) if seconds > 0 && duration == Duration::from_secs(seconds.into()) => Ok(seconds),
        _ => Err(format!("is not whole seconds from 1s to {}s", u16::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Source;

    #[test]
    fn what_is_wrong_is_found() {
        const SERVERS: (&str, &[Source]) = ("servers", &[Source::Literal("a,b")]);
        const CERTIFICATE: [(&str, &[Source]); 2] =
            [("tls.client_cert", &[Source::Literal("c")]), ("tls.client_key", &[Source::Literal("k")])];
        let external = ("auth", &[Source::Literal("external")][..]);
        for (values, expected) in [
            (&[][..], "`servers` of the broker `billing` is missing"),
            (
                &[("servers", &[Source::Literal("amqp://x:hunter2@")][..])],
                "`servers` of the broker `billing` is not a server's address: has no host",
            ),
            (
                &[("servers", &[Source::Literal("amqp://a")]), CERTIFICATE[0], CERTIFICATE[1]],
                "`servers` of the broker `billing` has an address with `amqp://`, and TLS is required: write `amqps://`",
            ),
            (
                &[SERVERS, ("password", &[Source::Literal("hunter2")])],
                "`password` of the broker `billing` needs `user`",
            ),
            (&[SERVERS, external], "`auth` of the broker `billing` is `external`, which needs `tls.client_cert`"),
            (
                &[SERVERS, ("auth", &[Source::Literal("scram")])],
                "`auth` of the broker `billing` is neither `plain` nor `external`",
            ),
            (
                &[SERVERS, external, CERTIFICATE[0], CERTIFICATE[1], ("user", &[Source::Literal("eve")])],
                "`user` of the broker `billing` cannot stand beside `auth` as `external`: the certificate says who it is",
            ),
            (&[SERVERS, CERTIFICATE[0]], "`tls.client_cert` of the broker `billing` needs `tls.client_key`"),
            (
                &[SERVERS, ("heartbeat", &[Source::Literal("500ms")])],
                "`heartbeat` of the broker `billing` is not whole seconds from 1s to 65535s",
            ),
            (
                &[SERVERS, ("max_pending", &[Source::Literal("0")])],
                "`max_pending` of the broker `billing` is not a whole number above 0",
            ),
        ] {
            let settings = Settings { name: Some("billing"), values: values.to_vec().leak(), base: PathBuf::new() };
            assert_eq!(check(&settings).unwrap_err().to_string(), expected);
        }
        let values = vec![SERVERS, external, CERTIFICATE[0], CERTIFICATE[1]];
        check(&Settings { name: Some("billing"), values: values.leak(), base: PathBuf::new() }).unwrap();
    }
}
