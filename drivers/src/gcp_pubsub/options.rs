//! How a client reaches the service: address, credentials and TLS, from the environment or of a named broker.

use std::env::{self, VarError};
use std::path::PathBuf;
use std::{fmt, fs};

use serde_json::Value;

use super::client::identity::{self, Identity};
use super::endpoint::{self, Endpoint, UNIVERSE};
use super::settings::{self, check_project};
use crate::settings::reader::{Reader, Stamp};
use crate::tls::Tls;
use crate::{OpenError, Settings};

const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";
const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const UNIVERSE_DOMAIN: &str = "GOOGLE_CLOUD_UNIVERSE_DOMAIN";
const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";

/// Where `gcloud auth application-default login` leaves them, within the home.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";

/// Settings that are read only when a client opens.
const FIXED: [&str; 1] = ["max_pending"];

/// Where address and credentials are read from.
#[derive(Clone, Debug)]
pub(super) struct Options {
    reader: Reader,
}

/// Address and credentials as they are now. Not shown, for its secrets.
pub(super) struct Access {
    pub(super) server: Server,
    pub(super) tls: Tls,
    pub(super) identity: Identity,
}

/// An address to connect to.
pub(super) type Server = Endpoint;

impl Options {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { reader: Reader::new(settings) }
    }

    /// The broker's name in the config, where it has one.
    pub(super) fn name(&self) -> Option<&'static str> {
        self.reader.settings.name
    }

    /// A number that is not 0, or `default` where it is not set.
    ///
    /// # Errors
    /// The value is no such number.
    pub(super) fn number(&self, name: &'static str, default: usize) -> Result<usize, OpenError> {
        self.reader.number(name, default)
    }

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        let mut stamps = self.reader.stamps(&FIXED);
        let settings = &self.reader.settings;
        let has_own =
            ["credentials", "credentials_json", "emulator"].iter().any(|name| !settings.sources(name).is_empty());
        let has_emulator = self.name().is_none() && env::var_os(EMULATOR).is_some();
        if !has_own && !has_emulator {
            stamps.extend(default_file().map(|(path, _)| Stamp::of(path)));
        }
        stamps
    }

    /// Reads variables and files, which a client does at every try to connect, so that credentials can be renewed
    /// while it runs. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(super) fn load(&self) -> Result<Access, OpenError> {
        match self.name() {
            None => from_environment(),
            Some(_) => self.of_a_named_broker(),
        }
    }

    fn of_a_named_broker(&self) -> Result<Access, OpenError> {
        let reader = &self.reader;
        settings::check(&reader.settings)?;
        let optional = |name: &'static str| -> Result<Option<String>, OpenError> {
            if reader.settings.sources(name).is_empty() { Ok(None) } else { reader.text(name).map(Some) }
        };
        let checked = |name: &'static str, check: fn(&str) -> Result<(), String>| {
            let text = optional(name)?;
            let wrong = text.as_deref().and_then(|text| check(text).err());
            wrong.map_or(Ok(text), |message| Err(reader.wrong(name, message)))
        };
        if let Some(text) = optional("emulator")? {
            let server = endpoint::parse_emulator(&text).map_err(|message| reader.wrong("emulator", message))?;
            return Ok(Access { server, tls: Tls::new(false, true), identity: Identity::Nobody });
        }
        let json = match reader.settings.sources("credentials").first() {
            Some(source) => {
                let json = reader.read_file("credentials", source)?;
                identity::check(&json).map_err(|message| reader.wrong("credentials", message))?;
                Some(json)
            }
            None => match checked("credentials_json", identity::check)? {
                Some(json) => Some(json),
                None => default_credentials()?,
            },
        };
        let endpoint = optional("endpoint")?.map(|text| endpoint::parse(&text)).transpose();
        let endpoint = endpoint.map_err(|message| reader.wrong("endpoint", message))?;
        let server = endpoint.unwrap_or_else(|| endpoint::of_universe(&universe(json.as_deref())));
        let quota_project = checked("quota_project", check_project)?.or_else(quota_project);
        let identity = Identity::Somebody { json, quota_project };
        Ok(Access { server, tls: reader.trust()?, identity })
    }
}

fn from_environment() -> Result<Access, OpenError> {
    let tls = Tls::new(false, true);
    if let Some(text) = variable(EMULATOR)? {
        let server = endpoint::parse_emulator(&text);
        let server = server.map_err(|message| OpenError::InvalidVariable { name: EMULATOR, message })?;
        return Ok(Access { server, tls, identity: Identity::Nobody });
    }
    let json = default_credentials()?;
    let server = endpoint::of_universe(&universe(json.as_deref()));
    let identity = Identity::Somebody { json, quota_project: quota_project() };
    Ok(Access { server, tls, identity })
}

/// What Google calls the application's default credentials, as far as they are in a file.
fn default_credentials() -> Result<Option<String>, OpenError> {
    let Some((path, is_asked_for)) = default_file() else { return Ok(None) };
    let invalid = |message: String| OpenError::InvalidVariable { name: CREDENTIALS, message };
    match fs::read_to_string(&path) {
        Ok(json) => {
            let checked = identity::check(&json);
            checked.map_err(|message| invalid(format!("leads to {}, which {message}", path.display())))?;
            Ok(Some(json))
        }
        Err(error) if is_asked_for => Err(invalid(format!("needs {}: {error}", path.display()))),
        // As is usual where there is a metadata server.
        Err(_) => Ok(None),
    }
}

/// The file of the default credentials, and whether it was named.
fn default_file() -> Option<(PathBuf, bool)> {
    match env::var_os(CREDENTIALS).filter(|path| !path.is_empty()) {
        Some(path) => Some((path.into(), true)),
        None => env::var_os("HOME").map(|home| (PathBuf::from(home).join(WELL_KNOWN), false)),
    }
}

/// The domain of the cloud that the credentials are of.
fn universe(json: Option<&str>) -> String {
    let of_file = || {
        let json: Value = serde_json::from_str(json?).ok()?;
        json.get("universe_domain").and_then(Value::as_str).map(str::to_owned)
    };
    env::var(UNIVERSE_DOMAIN).ok().or_else(of_file).filter(|domain| !domain.is_empty()).unwrap_or(UNIVERSE.to_owned())
}

fn quota_project() -> Option<String> {
    env::var(QUOTA_PROJECT).ok().filter(|project| !project.is_empty())
}

/// A variable that is set to something.
fn variable(name: &'static str) -> Result<Option<String>, OpenError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(OpenError::InvalidVariable { name, message: "is not UTF-8".to_owned() }),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
