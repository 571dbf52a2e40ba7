//! How a client reaches its servers: addresses, login and TLS, from the environment or of a named broker.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::addresses::{self, Address, check_vhost, is_external};
use super::settings;
use crate::dialer::CONNECT_TIMEOUT;
use crate::settings::reader::{Reader, Stamp};
use crate::tls::Tls;
use crate::{OpenError, Settings};

/// A server that is not heard for as long is gone. In seconds.
const DEFAULT_HEARTBEAT: u16 = 10;

const DEFAULT_PORT: u16 = 5672;
const DEFAULT_TLS_PORT: u16 = 5671;
const DEFAULT_VHOST: &str = "/";
const DEFAULT_LOGIN: &str = "guest";

/// The variable that stands for the settings of a broker without a name.
const VARIABLE: &str = "RABBIT_SERVER_URL";
const EXPECTED: &str = "the server's address, amqp://USER:PASSWORD@HOST:5672/VHOST; several are separated by commas";

/// Settings that are read only when a client opens.
const FIXED: [&str; 1] = ["max_pending"];

/// Where addresses and credentials are read from.
#[derive(Clone, Debug)]
pub(super) struct Options {
    reader: Reader,
}

/// Addresses and credentials as they are now. Not shown, for its secrets.
pub(super) struct Access {
    /// At least one.
    pub(super) servers: Vec<Server>,
    pub(super) tls: Tls,
    /// What the connections are called in the server's lists.
    pub(super) connection_name: String,
}

/// One server, and how to log in to it. Shown without its login.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    /// The name in the server's certificate, where TLS is spoken.
    pub(super) tls: Option<String>,
    pub(super) login: Login,
    pub(super) vhost: String,
    /// In seconds.
    pub(super) heartbeat: u16,
    pub(super) channel_max: Option<u16>,
    pub(super) frame_max: Option<u32>,
    pub(super) timeout: Duration,
}

/// Who a client says it is. Not shown.
pub(super) enum Login {
    Password {
        user: String,
        password: String,
    },
    /// The one that the certificate names.
    External,
}

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
        if self.name().is_some() {
            return self.reader.stamps(&FIXED);
        }
        let Ok(addresses) = variable() else { return Vec::new() };
        let Some(query) = addresses.into_iter().next().map(|address| address.query) else { return Vec::new() };
        let files = [query.ca_cert, query.client_cert, query.client_key].into_iter().flatten();
        files.map(|path| Stamp::of(PathBuf::from(path))).collect()
    }

    /// Reads variables and files, which a client does at every try to connect, so that credentials can be renewed
    /// while it runs. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(super) fn load(&self) -> Result<Access, OpenError> {
        match self.name() {
            None => from_variable(),
            Some(name) => self.of_a_named_broker(name),
        }
    }

    fn of_a_named_broker(&self, name: &str) -> Result<Access, OpenError> {
        let reader = &self.reader;
        settings::check(&reader.settings)?;
        let tls = reader.tls()?;
        let optional = |name: &'static str| -> Result<Option<String>, OpenError> {
            if reader.settings.sources(name).is_empty() { Ok(None) } else { reader.text(name).map(Some) }
        };
        let login = match optional("user")? {
            None => None,
            Some(user) => Some((user, reader.settings.text("password")?.unwrap_or_default())),
        };
        let vhost = optional("vhost")?.map(|text| check_vhost(&text)).transpose();
        let vhost = vhost.map_err(|message| reader.wrong("vhost", message))?;
        let external = optional("auth")?.map(|text| is_external(&text)).transpose();
        let external = external.map_err(|message| reader.wrong("auth", message))?;
        let heartbeat = optional("heartbeat")?.map(|text| settings::heartbeat(&text)).transpose();
        let heartbeat = heartbeat.map_err(|message| reader.wrong("heartbeat", message))?;
        let list = reader.settings.list("servers")?.join(",");
        let addresses = addresses::parse(&list).map_err(|message| reader.wrong("servers", message))?;
        let complete = |mut address: Address| {
            let query = &mut address.query;
            if query.ca_cert.is_some() || query.client_cert.is_some() {
                return Err(
                    "has a file of TLS, which is in `tls.ca_certs`, `tls.client_cert` and `tls.client_key` here"
                        .to_owned(),
                );
            }
            if tls.required && address.tls == Some(false) {
                return Err("has an address with `amqp://`, and TLS is required: write `amqps://`".to_owned());
            }
            address.tls = address.tls.or(Some(tls.required));
            address.login = address.login.or_else(|| login.clone());
            address.vhost = address.vhost.or_else(|| vhost.clone());
            query.external = query.external.or(external);
            query.heartbeat = query.heartbeat.or(heartbeat);
            Ok(Server::from(address))
        };
        let servers = addresses.into_iter().map(complete).collect::<Result<Vec<_>, _>>();
        let servers = servers.map_err(|message| reader.wrong("servers", message))?;
        let connection_name = optional("connection_name")?.unwrap_or_else(|| format!("sluicegate {name}"));
        Ok(Access { servers, tls, connection_name })
    }
}

/// The servers of a broker without a name.
fn variable() -> Result<Vec<Address>, OpenError> {
    let invalid = |message: String| OpenError::InvalidVariable { name: VARIABLE, message };
    match std::env::var(VARIABLE) {
        Ok(list) => addresses::parse(&list).map_err(invalid),
        Err(VarError::NotPresent) => Err(OpenError::MissingVariable { name: VARIABLE, expected: EXPECTED }),
        // The value is not shown.
        Err(VarError::NotUnicode(_)) => Err(invalid("is not UTF-8".to_owned())),
    }
}

fn from_variable() -> Result<Access, OpenError> {
    let addresses = variable()?;
    let query = addresses.first().map(|address| address.query.clone()).unwrap_or_default();
    let tls = files_of_an_address(&query).map_err(|message| OpenError::InvalidVariable { name: VARIABLE, message })?;
    let servers = addresses.into_iter().map(Server::from).collect();
    Ok(Access { servers, tls, connection_name: "sluicegate".to_owned() })
}

/// TLS as the first address says it.
fn files_of_an_address(query: &addresses::Query) -> Result<Tls, String> {
    let read = |name: &str, path: &String| {
        std::fs::read(path).map_err(|error| format!("has `{name}`, which cannot be read: {error}"))
    };
    // With roots of its own it trusts no others, as Go's client reads it.
    let mut tls = Tls::new(false, query.ca_cert.is_none());
    if let Some(path) = &query.ca_cert {
        tls.add_roots(&read("cacertfile", path)?).map_err(|what| format!("has `cacertfile`, which {what}"))?;
    }
    if let (Some(certificate), Some(key)) = (&query.client_cert, &query.client_key) {
        tls.set_certificate(&read("certfile", certificate)?).map_err(|what| format!("has `certfile`, which {what}"))?;
        tls.set_key(&read("keyfile", key)?).map_err(|what| format!("has `keyfile`, which {what}"))?;
    }
    Ok(tls)
}

impl From<Address> for Server {
    fn from(address: Address) -> Self {
        let Address { host, port, tls, login, vhost, query } = address;
        let tls = tls.unwrap_or(false);
        let login = match query.external {
            Some(true) => Login::External,
            _ => {
                let (user, password) = login.unwrap_or_else(|| (DEFAULT_LOGIN.to_owned(), DEFAULT_LOGIN.to_owned()));
                Login::Password { user, password }
            }
        };
        Self {
            port: port.unwrap_or(if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT }),
            tls: tls.then(|| query.server_name.unwrap_or_else(|| host.clone())),
            host,
            login,
            vhost: vhost.unwrap_or_else(|| DEFAULT_VHOST.to_owned()),
            heartbeat: query.heartbeat.unwrap_or(DEFAULT_HEARTBEAT),
            channel_max: query.channel_max,
            frame_max: query.frame_max,
            timeout: query.connection_timeout.unwrap_or(CONNECT_TIMEOUT),
        }
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
