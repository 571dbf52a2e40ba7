//! What a named broker of Service Bus may say.

use std::time::Duration;

use super::connection_string::{ConnectionString, parse_hostname};
use crate::settings::checks::{Wrong, check_numbers, check_tls, given, literals, needs};
use crate::settings::{CA_CERTS, DISABLE_SYSTEM_CA_POOL, setting};
use crate::{OpenError, Setting, SettingKind, Settings, parse_duration};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = &[
    setting(
        "connection_string",
        SettingKind::Secret,
        "The namespace and a key, as Azure's portal shows it: `Endpoint=sb://...`.",
    ),
    setting("hostname", SettingKind::Text, "The namespace, for a credential of Entra: `NAME.servicebus.windows.net`."),
    setting(
        "credential",
        SettingKind::Text,
        "Where tokens come from: `environment`, `workload_identity`, `managed_identity`, `cli`, or `default` for all in turn.",
    ),
    setting("tenant_id", SettingKind::Text, "The tenant of an application in Entra."),
    setting("client_id", SettingKind::Text, "The id of an application; alone it chooses a managed identity."),
    setting("client_secret", SettingKind::Secret, "The secret of an application."),
    setting("token_file", SettingKind::Path, "The path of a pod's token, which is read again by itself."),
    setting("authority_host", SettingKind::Text, "Entra's address. Default: `https://login.microsoftonline.com`."),
    setting("transport", SettingKind::Text, "`tcp`, or `websockets` for AMQP over WebSockets."),
    setting(
        "heartbeat",
        SettingKind::Duration,
        "A service that is not heard for as long is taken to be lost, in whole seconds from `2s` to `5m`. Default: `60s`.",
    ),
    CA_CERTS,
    DISABLE_SYSTEM_CA_POOL,
    setting(
        "max_pending",
        SettingKind::Number,
        "How many messages may be on their way to the service, 1048576 at most; more are refused at once. Default: 4096.",
    ),
];

/// With more messages on their way than this, something is wrong.
const MOST_PENDING: usize = 1 << 20;

/// Settings of the default credential.
const OF_IDENTITY: [&str; 6] =
    ["credential", "tenant_id", "client_id", "client_secret", "token_file", "authority_host"];

/// What a token is got with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Environment,
    WorkloadIdentity,
    ManagedIdentity,
    Cli,
}

impl Which {
    const ALL: [(&str, Self); 4] = [
        ("environment", Self::Environment),
        ("workload_identity", Self::WorkloadIdentity),
        ("managed_identity", Self::ManagedIdentity),
        ("cli", Self::Cli),
    ];

    /// Reads the setting `credential`; nothing is `default`, which is all of them in turn.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text == "default" {
            return Ok(None);
        }
        let known = Self::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, which)| Some(*which)).ok_or_else(|| {
            "is none of `default`, `environment`, `workload_identity`, `managed_identity` and `cli`".to_owned()
        })
    }
}

/// Reads the setting `transport`: whether it is over WebSockets.
pub(super) fn is_websockets(text: &str) -> Result<bool, String> {
    match text {
        "tcp" => Ok(false),
        "websockets" => Ok(true),
        _ => Err("is neither `tcp` nor `websockets`".to_owned()),
    }
}

/// Reads how long the service may be silent, in whole seconds.
pub(super) fn heartbeat(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    match duration.as_secs() {
        2..=300 if duration.subsec_nanos() == 0 => Ok(duration),
        _ => Err("is not whole seconds from 2s to 5m".to_owned()),
    }
}

/// Checks what can be known of a named broker's settings without their variables and files.
///
/// # Errors
/// The first thing that is wrong, without a value.
pub(super) fn check(settings: &Settings) -> Result<(), OpenError> {
    let Some(broker) = settings.name else { return Ok(()) };
    check_named(settings).map_err(|(name, message)| OpenError::Setting { broker, name, message })
}

fn check_named(settings: &Settings) -> Result<(), Wrong> {
    match (given(settings, "connection_string"), given(settings, "hostname")) {
        (false, false) => return Err(("connection_string", "is missing; `hostname` would do as well".to_owned())),
        (true, true) => return Err(("hostname", "cannot stand beside `connection_string`".to_owned())),
        (true, false) => {
            if let Some(name) = OF_IDENTITY.into_iter().find(|name| given(settings, name)) {
                return Err((name, "cannot stand beside `connection_string`, which has a key".to_owned()));
            }
        }
        (false, true) => {}
    }
    for text in literals(settings, "connection_string") {
        ConnectionString::parse(text).map_err(|message| ("connection_string", message))?;
    }
    for text in literals(settings, "hostname") {
        parse_hostname(text).map_err(|message| ("hostname", message))?;
    }
    for text in literals(settings, "credential") {
        Which::parse(text).map_err(|message| ("credential", message))?;
    }
    for text in literals(settings, "transport") {
        is_websockets(text).map_err(|message| ("transport", message))?;
    }
    for text in literals(settings, "heartbeat") {
        heartbeat(text).map_err(|message| ("heartbeat", message))?;
    }
    for text in literals(settings, "authority_host") {
        if !text.starts_with("https://") {
            return Err(("authority_host", "does not begin with `https://`".to_owned()));
        }
    }
    needs(settings, "client_secret", "client_id")?;
    needs(settings, "client_secret", "tenant_id")?;
    needs(settings, "token_file", "client_id")?;
    needs(settings, "token_file", "tenant_id")?;
    if given(settings, "client_secret") && given(settings, "token_file") {
        return Err(("token_file", "cannot stand beside `client_secret`".to_owned()));
    }
    for name in ["tenant_id", "client_id"] {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    check_tls(settings)?;
    check_numbers(settings, &["max_pending"])?;
    literals(settings, "max_pending").try_for_each(|text| {
        check_pending(text.parse().unwrap_or_default()).map_err(|message| ("max_pending", message))
    })
}

/// # Errors
/// More messages are to be on their way than there can be.
pub(super) fn check_pending(number: usize) -> Result<(), String> {
    match number <= MOST_PENDING {
        true => Ok(()),
        false => Err(format!("is more than {MOST_PENDING}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Source;

    #[test]
    fn what_is_wrong_is_found() {
        type Values = Vec<(&'static str, &'static [Source])>;
        let one = |name, text: &'static str| -> (&'static str, &'static [Source]) {
            (name, vec![Source::Literal(text)].leak())
        };
        let host = one("hostname", "ns.servicebus.windows.net");
        let check =
            |values: Values| check(&Settings { name: Some("bus"), values: values.leak(), base: PathBuf::new() });
        for (values, expected) in [
            (vec![], "`connection_string` of the broker `bus` is missing; `hostname` would do as well"),
            (
                vec![one("connection_string", "Endpoint=sb://h;SharedAccessKey=hunter2")],
                "`connection_string` of the broker `bus` has no `SharedAccessKeyName`",
            ),
            (
                vec![host, one("connection_string", "x")],
                "`hostname` of the broker `bus` cannot stand beside `connection_string`",
            ),
            (
                vec![one("connection_string", "x"), one("client_id", "c")],
                "`client_id` of the broker `bus` cannot stand beside `connection_string`, which has a key",
            ),
            (
                vec![host, one("credential", "magic")],
                "`credential` of the broker `bus` is none of `default`, `environment`, `workload_identity`, \
                 `managed_identity` and `cli`",
            ),
            (vec![host, one("client_secret", "hunter2")], "`client_secret` of the broker `bus` needs `client_id`"),
            (vec![host, one("transport", "udp")], "`transport` of the broker `bus` is neither `tcp` nor `websockets`"),
            (
                vec![host, one("heartbeat", "1500ms")],
                "`heartbeat` of the broker `bus` is not whole seconds from 2s to 5m",
            ),
            (vec![host, one("max_pending", "1048577")], "`max_pending` of the broker `bus` is more than 1048576"),
            (
                vec![host, one("authority_host", "http://a")],
                "`authority_host` of the broker `bus` does not begin with `https://`",
            ),
            (
                vec![host, one("tls.disable_system_ca_pool", "true")],
                "`tls.disable_system_ca_pool` of the broker `bus` needs `tls.ca_certs`: nobody else is trusted",
            ),
        ] {
            assert_eq!(check(values).unwrap_err().to_string(), expected);
        }
        check(vec![host, one("tenant_id", "t"), one("client_id", "c"), one("client_secret", "s")]).unwrap();
    }
}
