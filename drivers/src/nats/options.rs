//! How a client reaches its servers: addresses, login and TLS, from the environment or of a named broker.

mod login;
mod nkey;
mod servers;
#[cfg(test)]
mod tests;
mod tls;

use std::env::VarError;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub(crate) use login::{Answer, Login};
pub(crate) use nkey::Nkey;
pub(crate) use servers::Server;
pub(crate) use tls::Tls;

use super::settings;
use crate::{OpenError, Settings, Source};

/// How long one server may take to accept a connection, TLS and login included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The variable that stands for the settings of a broker without a name.
const VARIABLE: &str = "NATS_SERVER_URL";
const EXPECTED: &str = "the server's address, nats://HOST:4222; several are separated by commas";

/// Settings that name files.
const FILES: [&str; 4] = ["credentials", "tls.ca_certs", "tls.client_cert", "tls.client_key"];

/// Settings that are read only when a client opens.
const FIXED: [&str; 2] = ["buffer", "max_pending"];

/// A file as it was at some time.
#[derive(PartialEq, Eq)]
pub(crate) struct Stamp {
    path: PathBuf,
    /// When it was changed, and its length; `None` where it could not be seen.
    found: Option<(SystemTime, u64)>,
}

/// Where addresses and credentials are read from.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    settings: Settings,
}

/// Addresses and credentials as they are now. Not shown, for its secrets.
pub(crate) struct Access {
    /// At least one.
    pub(crate) servers: Vec<Server>,
    login: Login,
    pub(crate) tls: Tls,
}

impl Options {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }

    /// The broker's name in the config, where it has one.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.settings.name
    }

    /// Reads variables and files, which a client does at every try to connect, so that credentials can be renewed
    /// while it runs. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(crate) fn load(&self) -> Result<Access, OpenError> {
        settings::check(&self.settings)?;
        let servers = self.servers()?;
        Ok(Access { servers, login: self.login()?, tls: self.tls()? })
    }

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    pub(crate) fn stamps(&self) -> Vec<Stamp> {
        let of = |(name, source): (&str, &Source)| {
            let path = match (source, FILES.contains(&name)) {
                (_, true) => self.path(source).ok()?,
                (Source::File(path), false) => self.settings.base.join(path),
                (Source::Literal(_) | Source::Env(_), false) => return None,
            };
            let found = std::fs::metadata(&path).ok();
            let found = found.and_then(|found| Some((found.modified().ok()?, found.len())));
            Some(Stamp { path, found })
        };
        let all =
            self.settings.values.iter().flat_map(|(name, sources)| sources.iter().map(move |source| (*name, source)));
        all.filter(|(name, _)| !FIXED.contains(name)).filter_map(of).collect()
    }

    /// A number that is not 0, or `default` where it is not set.
    ///
    /// # Errors
    /// The value is no such number.
    pub(crate) fn number(&self, name: &'static str, default: usize) -> Result<usize, OpenError> {
        match self.settings.text(name)? {
            None => Ok(default),
            Some(text) => settings::number(&text).map_err(|message| self.wrong(name, message)),
        }
    }

    fn servers(&self) -> Result<Vec<Server>, OpenError> {
        if self.settings.name.is_none() {
            return from_variable(std::env::var(VARIABLE));
        }
        let lists = self.settings.list("servers")?;
        servers::parse(&lists.join(",")).map_err(|message| self.wrong("servers", message))
    }

    fn login(&self) -> Result<Login, OpenError> {
        // One at most: that was checked.
        match settings::LOGINS.into_iter().find(|way| !self.settings.sources(way).is_empty()) {
            Some("user") => Ok(Login::Password {
                user: self.text("user")?,
                password: self.settings.text("password")?.unwrap_or_default(),
            }),
            Some("token") => Ok(Login::Token(self.text("token")?)),
            Some("nkey") => {
                let seed = self.text("nkey")?;
                Nkey::user(&seed).map(Login::Nkey).map_err(|message| self.wrong("nkey", message))
            }
            Some(way) => {
                let text = self.read_file(way, &self.settings.sources("credentials")[0])?;
                Login::from_credentials(&text).map_err(|message| self.wrong("credentials", message))
            }
            None => Ok(Login::None),
        }
    }

    fn tls(&self) -> Result<Tls, OpenError> {
        let settings = &self.settings;
        let mut tls = Tls::new(self.flag("tls.required")?, !self.flag("tls.disable_system_ca_pool")?);
        for source in settings.sources("tls.ca_certs") {
            let pem = self.read_file("tls.ca_certs", source)?;
            tls.add_roots(pem.as_bytes()).map_err(|message| self.wrong("tls.ca_certs", message))?;
            tls.required = true;
        }
        let certificate = settings.sources("tls.client_cert").first();
        // Either both or neither: that was checked.
        if let (Some(certificate), Some(key)) = (certificate, settings.sources("tls.client_key").first()) {
            let certificate = self.read_file("tls.client_cert", certificate)?;
            let key = self.read_file("tls.client_key", key)?;
            tls.set_certificate(certificate.as_bytes()).map_err(|message| self.wrong("tls.client_cert", message))?;
            tls.set_key(key.as_bytes()).map_err(|message| self.wrong("tls.client_key", message))?;
            tls.required = true;
        }
        Ok(tls)
    }

    fn flag(&self, name: &'static str) -> Result<bool, OpenError> {
        let text = self.settings.text(name)?;
        text.map_or(Ok(false), |text| settings::flag(&text).map_err(|message| self.wrong(name, message)))
    }

    fn text(&self, name: &'static str) -> Result<String, OpenError> {
        match self.settings.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.wrong(name, "is empty")),
        }
    }

    /// The content of the file that a setting names.
    fn read_file(&self, name: &'static str, source: &Source) -> Result<String, OpenError> {
        let path = self.path(source).map_err(|message| self.wrong(name, message))?;
        std::fs::read_to_string(&path).map_err(|error| {
            // A variable may hold the secret itself where it should name a file: its value is not shown.
            let file = match source {
                Source::Literal(path) | Source::File(path) => (*path).to_owned(),
                Source::Env(variable) => format!("the file that the environment variable {variable} names"),
            };
            self.wrong(name, format!("needs {file}: {error}"))
        })
    }

    /// The file that a setting names. `file:PATH` is that file, not one that holds its path.
    fn path(&self, source: &Source) -> Result<PathBuf, String> {
        let path = match source {
            Source::File(path) => PathBuf::from(path),
            other => PathBuf::from(other.read(&self.settings.base)?),
        };
        Ok(self.settings.base.join(path))
    }

    fn wrong(&self, name: &'static str, message: impl Into<String>) -> OpenError {
        let broker = self.settings.name.unwrap_or_default();
        OpenError::Setting { broker, name, message: message.into() }
    }
}

/// The servers of a broker without a name.
fn from_variable(value: Result<String, VarError>) -> Result<Vec<Server>, OpenError> {
    let invalid = |message: String| OpenError::InvalidVariable { name: VARIABLE, message };
    match value {
        Ok(list) => servers::parse(&list).map_err(invalid),
        Err(VarError::NotPresent) => Err(OpenError::MissingVariable { name: VARIABLE, expected: EXPECTED }),
        // The value is not shown.
        Err(VarError::NotUnicode(_)) => Err(invalid("is not UTF-8".to_owned())),
    }
}

impl Access {
    /// How to log in to `server`: as its address says, or else as the broker's settings say.
    pub(crate) fn login<'a>(&'a self, server: &'a Server) -> &'a Login {
        server.login.as_ref().unwrap_or(&self.login)
    }
}
