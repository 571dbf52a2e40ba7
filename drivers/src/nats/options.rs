//! How a client reaches its servers: addresses, login and TLS, from the environment or of a named broker.

mod login;
mod nkey;
mod servers;
#[cfg(test)]
mod tests;

use std::env::VarError;

pub(crate) use login::{Answer, Login};
pub(crate) use nkey::Nkey;
pub(crate) use servers::Server;

use super::settings;
use crate::settings::reader::{Reader, Stamp};
use crate::tls::Tls;
use crate::{OpenError, Settings};

/// The variable that stands for the settings of a broker without a name.
const VARIABLE: &str = "NATS_SERVER_URL";
const EXPECTED: &str = "the server's address, nats://HOST:4222; several are separated by commas";

/// Settings that are read only when a client opens.
const FIXED: [&str; 2] = ["buffer", "max_pending"];

/// Where addresses and credentials are read from.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    reader: Reader,
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
        Self { reader: Reader::new(settings) }
    }

    /// The broker's name in the config, where it has one.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.reader.settings.name
    }

    /// Reads variables and files, which a client does at every try to connect, so that credentials can be renewed
    /// while it runs. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(crate) fn load(&self) -> Result<Access, OpenError> {
        settings::check(&self.reader.settings)?;
        let servers = self.servers()?;
        Ok(Access { servers, login: self.login()?, tls: self.reader.tls()? })
    }

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    pub(crate) fn stamps(&self) -> Vec<Stamp> {
        self.reader.stamps(&FIXED)
    }

    /// A number that is not 0, or `default` where it is not set.
    ///
    /// # Errors
    /// The value is no such number.
    pub(crate) fn number(&self, name: &'static str, default: usize) -> Result<usize, OpenError> {
        self.reader.number(name, default)
    }

    fn servers(&self) -> Result<Vec<Server>, OpenError> {
        if self.reader.settings.name.is_none() {
            return from_variable(std::env::var(VARIABLE));
        }
        let lists = self.reader.settings.list("servers")?;
        servers::parse(&lists.join(",")).map_err(|message| self.reader.wrong("servers", message))
    }

    fn login(&self) -> Result<Login, OpenError> {
        // One at most: that was checked.
        match settings::LOGINS.into_iter().find(|way| !self.reader.settings.sources(way).is_empty()) {
            Some("user") => Ok(Login::Password {
                user: self.reader.text("user")?,
                password: self.reader.settings.text("password")?.unwrap_or_default(),
            }),
            Some("token") => Ok(Login::Token(self.reader.text("token")?)),
            Some("nkey") => {
                let seed = self.reader.text("nkey")?;
                Nkey::user(&seed).map(Login::Nkey).map_err(|message| self.reader.wrong("nkey", message))
            }
            Some(way) => {
                let text = self.reader.read_file(way, &self.reader.settings.sources("credentials")[0])?;
                Login::from_credentials(&text).map_err(|message| self.reader.wrong("credentials", message))
            }
            None => Ok(Login::None),
        }
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
