//! What a named broker of Kafka may say.

use super::addresses;
use super::endpoint::Endpoint;
use crate::settings::checks::{self, Wrong, flag, literals};
use crate::settings::{CA_CERTS, CLIENT_CERT, CLIENT_KEY, DISABLE_SYSTEM_CA_POOL, setting};
use crate::{OpenError, Setting, SettingKind, Settings};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        required: true,
        ..setting(
            "servers",
            SettingKind::List,
            "The addresses to start from, `HOST` or `HOST:PORT`, with commas or in a list. The port is 9092 unless given.",
        )
    },
    setting(
        "client_id",
        SettingKind::Text,
        "What the gateway is called in the logs of the broker. Default: `sluicegate`.",
    ),
    setting("rack", SettingKind::Text, "The rack that the gateway is in, to read from the nearest replica."),
    setting(
        "group_instance_id",
        SettingKind::Text,
        "Makes this process a static member of its groups. It differs in each process: `env:HOSTNAME`.",
    ),
    setting("tls.enabled", SettingKind::Flag, "Speaks TLS. So do `ca_certs` and `client_cert`."),
    CA_CERTS,
    CLIENT_CERT,
    CLIENT_KEY,
    setting("tls.key_password", SettingKind::Secret, "The password of `tls.client_key`."),
    DISABLE_SYSTEM_CA_POOL,
    setting(
        "sasl.mechanism",
        SettingKind::Text,
        "How to log in: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`.",
    ),
    setting("sasl.user", SettingKind::Text, "The user to log in as."),
    setting("sasl.password", SettingKind::Secret, "The user's password."),
    setting(
        "sasl.token",
        SettingKind::Secret,
        "A token for `OAUTHBEARER`, read again whenever a new one is needed: `file:PATH`.",
    ),
    setting("sasl.token_endpoint", SettingKind::Text, "The URL that tokens for `OAUTHBEARER` are fetched from."),
    setting("sasl.client_id", SettingKind::Text, "The id of the gateway at `token_endpoint`."),
    setting("sasl.client_secret", SettingKind::Secret, "The gateway's secret at `token_endpoint`."),
    setting(
        "sasl.client_auth",
        SettingKind::Text,
        "Where id and secret stand in a request for a token: `basic` in a header, `post` in the body. Default: `basic`.",
    ),
    setting("sasl.scope", SettingKind::Text, "The scope to ask `token_endpoint` for."),
    setting("sasl.audience", SettingKind::Text, "The audience to ask `token_endpoint` for."),
];

/// How a client logs in, by the names that Kafka has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
    OauthBearer,
}

const KNOWN: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER";

impl Mechanism {
    /// Every one, by its name.
    const ALL: [(&'static str, Self); 4] = [
        ("PLAIN", Self::Plain),
        ("SCRAM-SHA-256", Self::ScramSha256),
        ("SCRAM-SHA-512", Self::ScramSha512),
        ("OAUTHBEARER", Self::OauthBearer),
    ];

    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it, without the text.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        if let Some((_, mechanism)) = Self::ALL.iter().find(|(known, _)| *known == name) {
            return Ok(*mechanism);
        }
        Err(match name {
            "AWS_MSK_IAM" | "GSSAPI" => format!("is `{name}`, which this version does not speak: {KNOWN}"),
            _ => format!("is none of {KNOWN}"),
        })
    }

    /// Checks which credentials are given.
    ///
    /// # Errors
    /// It has no use for one of them, or needs another.
    pub(crate) fn check(self, given: &dyn Fn(&str) -> bool) -> Result<(), Wrong> {
        let tokens = ["sasl.token", "sasl.token_endpoint"];
        let user = ["sasl.user"];
        let (needed, others): (&[&'static str], &[&'static str]) = match self {
            Self::OauthBearer => (&tokens, &user),
            Self::Plain | Self::ScramSha256 | Self::ScramSha512 => (&user, &tokens),
        };
        if let Some(other) = others.iter().find(|other| given(other)) {
            return Err((other, "is nothing that this `mechanism` has".to_owned()));
        }
        match needed.iter().filter(|name| given(name)).count() {
            0 => Err(("sasl.mechanism", format!("needs `{}`", needed.join("` or `")))),
            1 => Ok(()),
            _ => Err(("sasl.token", "cannot stand beside `sasl.token_endpoint`".to_owned())),
        }
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mechanism)| *mechanism == self).map_or("PLAIN", |(name, _)| name)
    }
}

/// Whether a setting of a named broker needs a build with the feature `kafka-tls`. `value` is `None` where only the gateway
/// will know it.
#[must_use]
pub fn needs_tls(name: &str, value: Option<&str>) -> bool {
    match name {
        "tls.enabled" => value != Some("false"),
        // The one that does without OpenSSL.
        "sasl.mechanism" => value != Some("PLAIN"),
        name => TLS.contains(&name),
    }
}

/// Checks what can be known of a named broker's settings without their variables and files.
///
/// # Errors
/// The first thing that is wrong, without a value.
pub(crate) fn check(settings: &Settings) -> Result<(), OpenError> {
    let Some(broker) = settings.name else { return Ok(()) };
    check_named(settings).map_err(|(name, message)| OpenError::Setting { broker, name, message })
}

fn check_named(settings: &Settings) -> Result<(), Wrong> {
    let given = |name: &str| checks::given(settings, name);
    if !given("servers") {
        return Err(("servers", "is missing".to_owned()));
    }
    for list in literals(settings, "servers") {
        addresses::parse(list).map_err(|message| ("servers", message))?;
    }
    for (name, needed) in [
        ("tls.client_cert", "tls.client_key"),
        ("tls.client_key", "tls.client_cert"),
        ("tls.key_password", "tls.client_key"),
        ("sasl.user", "sasl.password"),
        ("sasl.password", "sasl.user"),
        ("sasl.user", "sasl.mechanism"),
        ("sasl.token", "sasl.mechanism"),
        ("sasl.token_endpoint", "sasl.mechanism"),
        ("sasl.token_endpoint", "sasl.client_id"),
        ("sasl.token_endpoint", "sasl.client_secret"),
        ("sasl.client_id", "sasl.token_endpoint"),
        ("sasl.client_secret", "sasl.token_endpoint"),
        ("sasl.client_auth", "sasl.token_endpoint"),
        ("sasl.scope", "sasl.token_endpoint"),
        ("sasl.audience", "sasl.token_endpoint"),
    ] {
        if given(name) && !given(needed) {
            return Err((name, format!("needs `{needed}`")));
        }
    }
    for name in ["client_id", "rack", "group_instance_id", "sasl.user", "sasl.client_id", "sasl.scope", "sasl.audience"]
    {
        if literals(settings, name).any(str::is_empty) {
            return Err((name, "is empty".to_owned()));
        }
    }
    for name in ["tls.enabled", "tls.disable_system_ca_pool"] {
        literals(settings, name).try_for_each(|text| flag(text).map(drop).map_err(|message| (name, message)))?;
    }
    // Whom to trust is said for the token endpoint as well.
    let is_of_endpoint = |name: &str| given("sasl.token_endpoint") && TRUST.contains(&name);
    if literals(settings, "tls.enabled").any(|text| text == "false")
        && let Some(name) = TLS.into_iter().find(|name| given(name) && !is_of_endpoint(name))
    {
        return Err((name, "cannot stand beside `\"enabled\": false`".to_owned()));
    }
    if literals(settings, "tls.disable_system_ca_pool").any(|text| text == "true") && !given("tls.ca_certs") {
        return Err(("tls.disable_system_ca_pool", "needs `tls.ca_certs`: nobody else is trusted".to_owned()));
    }
    for name in literals(settings, "sasl.mechanism") {
        let mechanism = Mechanism::parse(name).map_err(|message| ("sasl.mechanism", message))?;
        mechanism.check(&given)?;
    }
    for url in literals(settings, "sasl.token_endpoint") {
        Endpoint::parse(url).map_err(|message| ("sasl.token_endpoint", message.to_owned()))?;
    }
    for text in literals(settings, "sasl.client_auth") {
        is_in_body(text).map_err(|message| ("sasl.client_auth", message))?;
    }
    Ok(())
}

/// Settings that only TLS has a use for: each of them asks for it.
pub(crate) const TLS: [&str; 5] =
    ["tls.ca_certs", "tls.client_cert", "tls.client_key", "tls.key_password", "tls.disable_system_ca_pool"];

/// Those that say whom to trust.
const TRUST: [&str; 2] = ["tls.ca_certs", "tls.disable_system_ca_pool"];

/// Whether a token endpoint is told the client's secret in the body of a request (`post`) and not in a header (`basic`).
pub(crate) fn is_in_body(text: &str) -> Result<bool, String> {
    match text {
        "basic" => Ok(false),
        "post" => Ok(true),
        _ => Err("is neither `basic` nor `post`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn settings_are_checked_without_a_client() {
        const A: (&str, &[Source]) = ("servers", &[Source::Literal("a")]);
        const ENV: &[Source] = &[Source::Env("SLUICEGATE_NO_SUCH_VARIABLE")];
        const FILE: &[Source] = &[Source::File("no/such/file")];
        const PLAIN: (&str, &[Source]) = ("sasl.mechanism", &[Source::Literal("PLAIN")]);
        const TOKENS: (&str, &[Source]) = ("sasl.mechanism", &[Source::Literal("OAUTHBEARER")]);
        const ENDPOINT: (&str, &[Source]) = ("sasl.token_endpoint", &[Source::Literal("https://id.example.com/token")]);
        const ID: (&str, &[Source]) = ("sasl.client_id", &[Source::Literal("gateway")]);
        const SECRET: (&str, &[Source]) = ("sasl.client_secret", FILE);
        const FALSE: (&str, &[Source]) = ("tls.enabled", &[Source::Literal("false")]);
        const TRUE: &[Source] = &[Source::Literal("true")];
        let said = |values| {
            let settings = Settings { name: Some("billing"), values, base: std::path::PathBuf::new() };
            check(&settings).map_err(|error| error.to_string())
        };
        // Neither variables nor files are read.
        assert_eq!(
            said(&[("servers", ENV), ("sasl.mechanism", ENV), ("sasl.user", ENV), ("sasl.password", FILE)]),
            Ok(())
        );
        assert_eq!(said(&[A, ("tls.disable_system_ca_pool", TRUE), ("tls.ca_certs", FILE)]), Ok(()));
        assert_eq!(
            said(&[A, ("tls.enabled", &[Source::Literal("false")]), PLAIN, ("sasl.user", ENV), ("sasl.password", ENV)]),
            Ok(())
        );
        assert_eq!(
            said(&[A, TOKENS, ENDPOINT, ID, SECRET, FALSE, ("tls.ca_certs", FILE), ("sasl.scope", ENV)]),
            Ok(())
        );
        for (error, expected) in [
            (said(&[]), "`servers` of the broker `billing` is missing"),
            (said(&[("servers", &[Source::Literal("a"), Source::Literal("b:hunter2")])]), "has no valid port"),
            (said(&[A, PLAIN]), "`sasl.mechanism` of the broker `billing` needs `sasl.user`"),
            (said(&[A, ("sasl.user", ENV)]), "`sasl.user` of the broker `billing` needs `sasl.password`"),
            (said(&[A, ("sasl.password", ENV)]), "`sasl.password` of the broker `billing` needs `sasl.user`"),
            (said(&[A, ("sasl.token", ENV)]), "`sasl.token` of the broker `billing` needs `sasl.mechanism`"),
            (said(&[A, PLAIN, ("sasl.token", ENV)]), "`sasl.token` of the broker `billing` is nothing that"),
            (
                said(&[A, ("sasl.token_endpoint", ENV)]),
                "`sasl.token_endpoint` of the broker `billing` needs `sasl.mech",
            ),
            (
                said(&[A, TOKENS, ("sasl.token_endpoint", ENV), ("sasl.client_secret", ENV)]),
                "`sasl.token_endpoint` of the broker `billing` needs `sasl.client_id`",
            ),
            (
                said(&[A, TOKENS, ("sasl.token_endpoint", ENV), ID]),
                "`sasl.token_endpoint` of the broker `billing` needs `sasl.client_secret`",
            ),
            (
                said(&[A, TOKENS, ("sasl.token", ENV), ("sasl.scope", ENV)]),
                "`sasl.scope` of the broker `billing` needs `sasl.token_endpoint`",
            ),
            (
                said(&[A, TOKENS, ENDPOINT, ID, SECRET, ("sasl.token", ENV)]),
                "`sasl.token` of the broker `billing` cannot stand beside `sasl.token_endpoint`",
            ),
            (
                said(&[A, PLAIN, ENDPOINT, ID, SECRET, ("sasl.user", ENV), ("sasl.password", ENV)]),
                "`sasl.token_endpoint` of the broker `billing` is nothing that",
            ),
            (
                said(&[A, TOKENS, ("sasl.token_endpoint", &[Source::Literal("http://a/hunter2")]), ID, SECRET]),
                "`sasl.token_endpoint` of the broker `billing` shows the secret on its way",
            ),
            (
                said(&[A, TOKENS, ENDPOINT, ID, SECRET, ("sasl.client_auth", &[Source::Literal("hunter2")])]),
                "`sasl.client_auth` of the broker `billing` is neither `basic` nor `post`",
            ),
            (
                said(&[A, TOKENS, ENDPOINT, ID, SECRET, ("sasl.scope", &[Source::Literal("")])]),
                "`sasl.scope` of the broker `billing` is empty",
            ),
            (
                said(&[A, ("sasl.mechanism", &[Source::Literal("AWS_MSK_IAM")])]),
                "`sasl.mechanism` of the broker `billing` is `AWS_MSK_IAM`, which this version does not speak",
            ),
            (
                said(&[A, ("sasl.mechanism", &[Source::Literal("OAUTHBEARER")])]),
                "`sasl.mechanism` of the broker `billing` needs `sasl.token`",
            ),
            (
                said(&[
                    A,
                    ("sasl.mechanism", &[Source::Literal("GSSAPI")]),
                    ("sasl.user", ENV),
                    ("sasl.password", ENV),
                ]),
                "`sasl.mechanism` of the broker `billing` is `GSSAPI`, which this version does not speak",
            ),
            (
                said(&[
                    A,
                    ("sasl.mechanism", &[Source::Literal("hunter2")]),
                    ("sasl.user", ENV),
                    ("sasl.password", ENV),
                ]),
                "`sasl.mechanism` of the broker `billing` is none of PLAIN,",
            ),
            (said(&[A, ("tls.client_cert", FILE)]), "`tls.client_cert` of the broker `billing` needs `tls.client_key`"),
            (
                said(&[A, ("tls.key_password", FILE)]),
                "`tls.key_password` of the broker `billing` needs `tls.client_key`",
            ),
            (
                said(&[A, ("tls.enabled", &[Source::Literal("false")]), ("tls.ca_certs", FILE)]),
                "`tls.ca_certs` of the broker `billing` cannot stand beside",
            ),
            (
                said(&[A, ("tls.disable_system_ca_pool", TRUE)]),
                "`tls.disable_system_ca_pool` of the broker `billing` needs `tls.ca_certs`",
            ),
            (said(&[A, ("client_id", &[Source::Literal("")])]), "`client_id` of the broker `billing` is empty"),
        ] {
            let error = error.expect_err(expected);
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
