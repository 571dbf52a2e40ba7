//! What a named broker of NATS may say.

use super::addresses;
use crate::settings::checks::{Wrong, check_numbers, check_tls, literals, needs};
use crate::settings::{CA_CERTS, CLIENT_CERT, CLIENT_KEY, DISABLE_SYSTEM_CA_POOL, TLS_REQUIRED, setting};
use crate::{OpenError, Setting, SettingKind, Settings};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = ALL;

/// Those that have nothing to do with subscriptions: JetStream's.
pub(crate) static OF_JETSTREAM: &[Setting] = ALL.split_at(ALL.len() - 1).0;

const ALL: &[Setting] = &[
    Setting {
        required: true,
        ..setting(
            "servers",
            SettingKind::List,
            "The addresses, `nats://HOST:PORT`, separated by commas or in a list. A login in one goes before the ones below.",
        )
    },
    setting(
        "user",
        SettingKind::Text,
        "The user to log in as. At most one of a user, `token`, `nkey` and `credentials` is given.",
    ),
    setting("password", SettingKind::Secret, "The user's password."),
    setting("token", SettingKind::Secret, "A token to log in with."),
    setting("nkey", SettingKind::Secret, "The seed of a user's nkey: `SU...`."),
    setting("credentials", SettingKind::Path, "The path of a credentials file: a JWT and a seed."),
    TLS_REQUIRED,
    CA_CERTS,
    CLIENT_CERT,
    CLIENT_KEY,
    DISABLE_SYSTEM_CA_POOL,
    setting(
        "max_pending",
        SettingKind::Number,
        "How many messages may be without their confirmation; more are refused at once. Default: 65536.",
    ),
    setting(
        "buffer",
        SettingKind::Number,
        "How many messages each subscription holds that nobody has received yet. Default: 1024.",
    ),
];

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
    needs(settings, "password", "user")?;
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
    check_tls(settings)?;
    check_numbers(settings, &["max_pending", "buffer"])
}
