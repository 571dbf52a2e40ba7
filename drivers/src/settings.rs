//! The settings of a named broker: what a config may say of it, and where the values come from.

pub(crate) mod checks;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
pub(crate) mod reader;

use std::env::VarError;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use crate::OpenError;

/// A setting that a driver's named broker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name; a dot stands for an object around it: `tls.ca_certs`.
    pub name: &'static str,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether the client cannot open without it.
    pub required: bool,
    /// What it means, for who writes a config.
    pub about: &'static str,
}

/// What a [`Setting`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A text.
    Text,
    /// Several texts.
    List,
    /// A text that must not be seen: a build warns where it stands in the config.
    Secret,
    /// The path of a file.
    Path,
    /// Several paths of files.
    Paths,
    /// `true` or `false`.
    Flag,
    /// A Go duration: `5s`.
    Duration,
    /// A whole number, not negative.
    Number,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The config itself.
    Literal(&'static str),
    /// An environment variable, read when the broker opens: `env:NAME`.
    Env(&'static str),
    /// A file, read again when the client connects: `file:PATH`.
    File(&'static str),
}

/// What a config says of one broker.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The broker's name; `None` is the one that the environment describes.
    pub name: Option<&'static str>,
    /// Names and values, as the driver's [`Setting`]s have them. A value of one text is a list of one.
    pub values: &'static [(&'static str, &'static [Source])],
    /// Where relative paths start.
    pub base: PathBuf,
}

/// A setting that a client opens without.
pub(crate) const fn setting(name: &'static str, kind: SettingKind, about: &'static str) -> Setting {
    Setting { name, kind, required: false, about }
}

// What TLS is told alike everywhere.
pub(crate) const CA_CERTS: Setting =
    setting("tls.ca_certs", SettingKind::Paths, "The paths of authorities to trust, in PEM, besides the system's.");
pub(crate) const CLIENT_CERT: Setting =
    setting("tls.client_cert", SettingKind::Path, "The path of the client's certificate, in PEM.");
pub(crate) const CLIENT_KEY: Setting =
    setting("tls.client_key", SettingKind::Path, "The path of the key of the client's certificate, in PEM.");
pub(crate) const DISABLE_SYSTEM_CA_POOL: Setting = setting(
    "tls.disable_system_ca_pool",
    SettingKind::Flag,
    "Trusts no other authorities than `tls.ca_certs`. Default: false.",
);
pub(crate) const TLS_REQUIRED: Setting = setting(
    "tls.required",
    SettingKind::Flag,
    "Refuses servers without TLS. `ca_certs` and `client_cert` do so too. Default: false.",
);

// === impl Source ===

impl Source {
    /// The value. A file's last line break is left out. Blocks while a file is read.
    ///
    /// # Errors
    /// The variable is not set, or the file cannot be read: what is wrong, without the value.
    pub fn read(&self, base: &Path) -> Result<String, String> {
        match self {
            Self::Literal(text) => Ok((*text).to_owned()),
            Self::Env(name) => env::var(name).map_err(|error| no_variable(name, &error)),
            Self::File(path) => {
                let mut text = fs::read_to_string(base.join(path)).map_err(|error| format!("needs {path}: {error}"))?;
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
                Ok(text)
            }
        }
    }
}

/// What the standard library says shows the value that is not Unicode.
fn no_variable(name: &str, error: &VarError) -> String {
    match error {
        VarError::NotPresent => format!("needs the environment variable {name}, which is not set"),
        VarError::NotUnicode(_) => format!("needs the environment variable {name}, which is not UTF-8"),
    }
}

/// A literal may be a secret, so it is not shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal(..)"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

// === impl Settings ===

impl Settings {
    /// The values of the setting `name`, as they are written.
    #[must_use]
    pub fn sources(&self, name: &str) -> &'static [Source] {
        self.values.iter().find(|(known, _)| *known == name).map_or(&[], |(_, sources)| sources)
    }

    /// The one value of the setting `name`, read now.
    ///
    /// # Errors
    /// Its variable is not set, or its file cannot be read.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, OpenError> {
        self.sources(name).first().map(|source| self.read(name, source)).transpose()
    }

    /// The values of the setting `name`, read now.
    ///
    /// # Errors
    /// A variable is not set, or a file cannot be read.
    pub fn list(&self, name: &'static str) -> Result<Vec<String>, OpenError> {
        self.sources(name).iter().map(|source| self.read(name, source)).collect()
    }

    /// All that cannot be read now: variables that are not set, and files. An open ends at the first of them.
    #[must_use]
    pub fn unreadable(&self) -> Vec<OpenError> {
        let all = self.values.iter().flat_map(|(name, sources)| sources.iter().map(move |source| (*name, source)));
        all.filter_map(|(name, source)| self.read(name, source).err()).collect()
    }

    fn read(&self, name: &'static str, source: &Source) -> Result<String, OpenError> {
        let broker = self.name.unwrap_or_default();
        source.read(&self.base).map_err(|message| OpenError::Setting { broker, name, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_not_shown() {
        let base = env::temp_dir();
        let file = format!("sluicegate-settings-{}", std::process::id());
        fs::write(base.join(&file), "from a file\r\n").expect("the file can be written");
        assert_eq!(Source::File(file.clone().leak()).read(&base), Ok("from a file".to_owned()));
        fs::remove_file(base.join(file)).expect("the file can be removed");
        let settings = Settings {
            name: Some("billing"),
            values: &[
                ("servers", &[Source::Literal("a"), Source::Literal("b")]),
                ("token", &[Source::Env("SLUICEGATE_NO_SUCH_VARIABLE")]),
            ],
            base,
        };
        assert_eq!(settings.list("servers").unwrap(), ["a", "b"]);
        assert_eq!(settings.text("user").unwrap(), None);
        let error = settings.text("token").unwrap_err().to_string();
        assert_eq!(
            error,
            "`token` of the broker `billing` needs the environment variable SLUICEGATE_NO_SUCH_VARIABLE, which is not set"
        );
        let unreadable: Vec<_> = settings.unreadable().iter().map(ToString::to_string).collect();
        assert_eq!(unreadable, [error]);
        let error = no_variable("TOKEN", &VarError::NotUnicode("hunter2".into()));
        assert_eq!(error, "needs the environment variable TOKEN, which is not UTF-8");
        assert!(!format!("{:?}", Source::Literal("secret")).contains("secret"));
    }
}
