//! How a client reaches the service: the namespace's host, login and TLS, from the environment or of a named broker.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::connection_string::{self, ConnectionString};
use super::settings::{self, Which, is_websockets};
use crate::settings::reader::{Reader, Stamp};
use crate::tls::Tls;
use crate::{OpenError, Settings};

/// How long connecting may take, with TLS, and the tokens for all topics and subscriptions.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A service that is not heard for as long is gone.
const HEARTBEAT: Duration = Duration::from_secs(60);

const PORT: u16 = 5672;
const TLS_PORT: u16 = 5671;
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

const CONNECTION_STRING: &str = "SERVICEBUS_CONNECTION_STRING";
const HOSTNAME: &str = "AZURE_SERVICEBUS_HOSTNAME";
const EXPECTED: &str = "the namespace's connection string; without it, AZURE_SERVICEBUS_HOSTNAME must be set";

/// Settings that are read only when a client opens,
/// and one that Azure's client reads again by itself.
const FIXED: [&str; 2] = ["max_pending", "token_file"];

/// Where addresses and credentials are read from.
#[derive(Clone, Debug)]
pub(super) struct Options {
    reader: Reader,
}

/// Address and credentials as they are now. Not shown, for its secrets.
pub(super) struct Access {
    /// The one there is.
    pub(super) servers: [Server; 1],
    pub(super) tls: Tls,
    pub(super) login: Login,
    /// The one topic or queue that the login is for.
    pub(super) entity: Option<String>,
}

/// Where the service is.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encrypted: bool,
    pub(super) websockets: bool,
    pub(super) heartbeat: Duration,
}

/// How tokens are had. Not shown.
#[derive(Clone)]
pub(super) enum Login {
    Shared(connection_string::Login),
    Identity(Identity),
}

/// What Azure's identities are told; what is not given is in the environment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) which: Option<Which>,
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) authority_host: Option<String>,
}

impl Options {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { reader: Reader::new(settings) }
    }

    /// The broker's name in the config, where it has one.
    pub(super) fn name(&self) -> Option<&'static str> {
        self.reader.settings.name
    }

    /// A number of messages that is not 0, or `default` where it is not set.
    ///
    /// # Errors
    /// The value is no such number.
    pub(super) fn number(&self, name: &'static str, default: usize) -> Result<usize, OpenError> {
        let number = self.reader.number(name, default)?;
        settings::check_pending(number).map_err(|message| self.reader.wrong(name, message))?;
        Ok(number)
    }

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        self.reader.stamps(&FIXED)
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
        let tls = reader.trust()?;
        let optional = |name: &'static str| -> Result<Option<String>, OpenError> {
            if reader.settings.sources(name).is_empty() { Ok(None) } else { reader.text(name).map(Some) }
        };
        let transport = optional("transport")?.map(|text| is_websockets(&text)).transpose();
        let websockets = transport.map_err(|message| reader.wrong("transport", message))?;
        let heartbeat = optional("heartbeat")?.map(|text| settings::heartbeat(&text)).transpose();
        let heartbeat = heartbeat.map_err(|message| reader.wrong("heartbeat", message))?;
        let with_heartbeat = |mut access: Access| {
            access.servers[0].heartbeat = heartbeat.unwrap_or(HEARTBEAT);
            access
        };
        if let Some(text) = optional("connection_string")? {
            let string = ConnectionString::parse(&text);
            let mut string = string.map_err(|message| reader.wrong("connection_string", message))?;
            string.websockets = websockets.unwrap_or(string.websockets);
            return Ok(with_heartbeat(Access::of_string(string, tls)));
        }
        let (host, port) = connection_string::parse_hostname(&reader.text("hostname")?)
            .map_err(|message| reader.wrong("hostname", message))?;
        let which = match optional("credential")? {
            Some(text) => Which::parse(&text).map_err(|message| reader.wrong("credential", message))?,
            None => None,
        };
        let token_file = reader.settings.sources("token_file").first();
        let token_file = token_file.map(|source| reader.path(source)).transpose();
        let identity = Identity {
            which,
            tenant_id: optional("tenant_id")?,
            client_id: optional("client_id")?,
            client_secret: optional("client_secret")?,
            token_file: token_file.map_err(|message| reader.wrong("token_file", message))?,
            authority_host: optional("authority_host")?,
        };
        Ok(with_heartbeat(Access::of_host(host, port, websockets.unwrap_or(false), tls, identity)))
    }
}

impl Access {
    fn of_string(string: ConnectionString, tls: Tls) -> Self {
        let ConnectionString { host, port, login, entity, emulator, websockets } = string;
        let server = Server::new(host, port, !emulator, websockets);
        Self { servers: [server], tls, login: Login::Shared(login), entity }
    }

    fn of_host(host: String, port: Option<u16>, websockets: bool, tls: Tls, identity: Identity) -> Self {
        let server = Server::new(host, port, true, websockets);
        Self { servers: [server], tls, login: Login::Identity(identity), entity: None }
    }

    pub(super) fn timeout() -> Duration {
        CONNECT_TIMEOUT
    }
}

impl Server {
    fn new(host: String, port: Option<u16>, encrypted: bool, websockets: bool) -> Self {
        let default = match (encrypted, websockets) {
            (true, false) => TLS_PORT,
            (false, false) => PORT,
            (true, true) => HTTPS_PORT,
            (false, true) => HTTP_PORT,
        };
        Self { host, port: port.unwrap_or(default), encrypted, websockets, heartbeat: HEARTBEAT }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn from_environment() -> Result<Access, OpenError> {
    // Neither is required, and the system's roots are trusted.
    let tls = Tls::new(true, true);
    let invalid = |name| move |message| OpenError::InvalidVariable { name, message };
    if let Some(text) = variable(CONNECTION_STRING)? {
        let string = ConnectionString::parse(&text).map_err(invalid(CONNECTION_STRING))?;
        return Ok(Access::of_string(string, tls));
    }
    let Some(text) = variable(HOSTNAME)? else {
        return Err(OpenError::MissingVariable { name: CONNECTION_STRING, expected: EXPECTED });
    };
    let (host, port) = connection_string::parse_hostname(&text).map_err(invalid(HOSTNAME))?;
    let identity = Identity {
        which: None,
        tenant_id: None,
        client_id: None,
        client_secret: None,
        token_file: None,
        authority_host: None,
    };
    Ok(Access::of_host(host, port, false, tls, identity))
}

/// A variable that is set and not empty.
fn variable(name: &'static str) -> Result<Option<String>, OpenError> {
    match std::env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(OpenError::InvalidVariable { name, message: "is not UTF-8".to_owned() }),
    }
}
