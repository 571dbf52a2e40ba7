//! How a client reaches its brokers: addresses, login and TLS, from the environment or of a named broker, as
//! librdkafka is told them.

#[cfg(feature = "kafka-tls")]
mod asking;
#[cfg(feature = "kafka-tls")]
mod tls;
mod token;

use std::env::VarError;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

#[cfg(feature = "kafka-tls")]
pub(crate) use self::asking::Asking;
pub(crate) use self::token::TokenSource;
#[cfg(feature = "kafka-tls")]
pub(crate) use self::token::{ANYBODY, OPAQUE, claims};
#[cfg(feature = "kafka-tls")]
use super::client::oidc::Tokens;
use super::settings::{self, Mechanism};
use super::{addresses, settings::TLS};
use crate::settings::checks::flag;
use crate::settings::reader::{Reader, Stamp};
use crate::{OpenError, Settings};

/// The variable that stands for the settings of a broker without a name.
pub(super) const VARIABLE: &str = "KAFKA_BROKERS";
pub(super) const EXPECTED: &str = "the brokers' addresses, HOST:PORT, separated by commas";

const INSTANCE_ID: &str = "group_instance_id";

/// Settings that are read again by themselves when they are needed.
const ASKED_FOR: [&str; 2] = ["sasl.token", "sasl.client_secret"];

/// The files of the settings, as they were at some time.
#[derive(PartialEq, Eq)]
pub(crate) struct Stamps {
    all: Vec<Stamp>,
    /// Without those of what librdkafka asks for.
    others: Vec<Stamp>,
}

/// Where addresses and credentials are read from.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    reader: Reader,
    /// Where there is a token endpoint.
    #[cfg(feature = "kafka-tls")]
    tokens: Option<std::sync::Arc<Tokens>>,
}

/// What a client of any kind is told, as it is now. Not shown, for its secrets.
pub(crate) struct Access {
    /// To be completed by what is special to the kind.
    pub(crate) config: ClientConfig,
    /// For the one who sees what the client says.
    pub(crate) secrets: Secrets,
}

/// What must be in no log line, and where a token comes from.
#[derive(Default)]
pub(crate) struct Secrets {
    pub(crate) texts: Vec<String>,
    pub(crate) token: Option<TokenSource>,
}

impl Stamps {
    /// Whether there should be another client because of what has changed until `new`. One that is connected asks for some of
    /// it by itself.
    pub(crate) fn need_another(&self, new: &Self, is_connected: bool) -> bool {
        if is_connected { self.others != new.others } else { self.all != new.all }
    }
}

impl Options {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            reader: Reader::new(settings),
            #[cfg(feature = "kafka-tls")]
            tokens: (!settings.sources("sasl.token_endpoint").is_empty()).then(std::sync::Arc::default),
        }
    }

    /// What is known of tokens, where there is an endpoint that gives them.
    #[cfg(feature = "kafka-tls")]
    pub(crate) fn tokens(&self) -> Option<&std::sync::Arc<Tokens>> {
        self.tokens.as_ref()
    }

    /// The broker's name in the config, where it has one.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.reader.settings.name
    }

    /// Reads what [`load`](Self::load) reads, but for a token of an endpoint. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        #[cfg(feature = "kafka-tls")]
        if self.tokens.is_some() {
            drop(self.asking()?);
        }
        self.read().map(drop)
    }

    /// Reads variables and files, which happens whenever a client is made, so that credentials can be renewed. Blocks, and
    /// waits for the first token of an endpoint: librdkafka asks no sooner than after ten seconds again.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(crate) fn load(&self) -> Result<Access, OpenError> {
        let access = self.read()?;
        self.wait_for_token()?;
        Ok(access)
    }

    /// Waits for the first token where an endpoint gives them. Blocks for a few seconds at most.
    ///
    /// # Errors
    /// There is none yet.
    pub(crate) fn wait_for_token(&self) -> Result<(), OpenError> {
        #[cfg(feature = "kafka-tls")]
        if let Some(tokens) = &self.tokens {
            return tokens.wait().map_err(|reason| self.reader.wrong("sasl.token_endpoint", reason));
        }
        Ok(())
    }

    fn read(&self) -> Result<Access, OpenError> {
        settings::check(&self.reader.settings)?;
        let mut access = Access { config: common(), secrets: Secrets::default() };
        access.config.set("bootstrap.servers", self.servers()?.join(","));
        for (name, property) in [("client_id", "client.id"), ("rack", "client.rack")] {
            if let Some(text) = self.reader.settings.text(name)? {
                access.config.set(property, self.not_empty(name, text)?);
            }
        }
        let tls = self.tls(&mut access)?;
        let sasl = self.sasl(&mut access)?;
        let protocol = match (tls, sasl) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        access.config.set("security.protocol", protocol);
        Ok(access)
    }

    /// What this process is called as a static member of its groups.
    ///
    /// # Errors
    /// The value is missing or malformed.
    pub(crate) fn instance_id(&self) -> Result<Option<String>, OpenError> {
        self.reader.settings.text(INSTANCE_ID)?.map(|text| self.not_empty(INSTANCE_ID, text)).transpose()
    }

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    pub(crate) fn stamps(&self) -> Stamps {
        Stamps { all: self.reader.stamps(&[]), others: self.reader.stamps(&ASKED_FOR) }
    }

    fn servers(&self) -> Result<Vec<String>, OpenError> {
        if self.reader.settings.name.is_none() {
            return from_variable(std::env::var(VARIABLE));
        }
        let lists = self.reader.settings.list("servers")?;
        addresses::parse(&lists.join(",")).map_err(|message| self.reader.wrong("servers", message))
    }

    /// Whether TLS is spoken.
    fn tls(&self, access: &mut Access) -> Result<bool, OpenError> {
        let asked = TLS.into_iter().find(|name| !self.reader.settings.sources(name).is_empty());
        let enabled = match self.reader.settings.text("tls.enabled")? {
            Some(text) => flag(&text).map_err(|message| self.reader.wrong("tls.enabled", message))?,
            None => asked.is_some(),
        };
        if enabled {
            self.speak_tls(access)?;
        }
        Ok(enabled)
    }

    #[cfg(not(feature = "kafka-tls"))]
    fn speak_tls(&self, _: &mut Access) -> Result<(), OpenError> {
        Err(self.reader.wrong("tls.enabled", "needs a build with the feature `kafka-tls`"))
    }

    /// Whether there is a login.
    fn sasl(&self, access: &mut Access) -> Result<bool, OpenError> {
        let Some(name) = self.reader.settings.text("sasl.mechanism")? else { return Ok(false) };
        let mechanism = Mechanism::parse(&name).map_err(|message| self.reader.wrong("sasl.mechanism", message))?;
        if mechanism != Mechanism::Plain && !cfg!(feature = "kafka-tls") {
            let message = format!("is `{}`, which needs a build with the feature `kafka-tls`", mechanism.name());
            return Err(self.reader.wrong("sasl.mechanism", message));
        }
        let given = |name: &str| !self.reader.settings.sources(name).is_empty();
        mechanism.check(&given).map_err(|(name, message)| self.reader.wrong(name, message))?;
        access.config.set("sasl.mechanism", mechanism.name());
        if mechanism == Mechanism::OauthBearer {
            access.secrets.token = Some(TokenSource::new(self)?);
            return Ok(true);
        }
        for (name, property) in [("sasl.user", "sasl.username"), ("sasl.password", "sasl.password")] {
            let text = self.reader.settings.text(name)?.unwrap_or_default();
            access.config.set(property, self.not_empty(name, text.clone())?);
            if name == "sasl.password" {
                access.secrets.texts.push(text);
            }
        }
        Ok(true)
    }

    /// A text that librdkafka can be given: C's strings end at a zero.
    fn not_empty(&self, name: &'static str, text: String) -> Result<String, OpenError> {
        match text {
            text if text.is_empty() => Err(self.reader.wrong(name, "is empty")),
            text if text.contains('\0') => Err(self.reader.wrong(name, "has a zero byte in it")),
            text => Ok(text),
        }
    }
}

/// What every client is told, whoever it reaches.
fn common() -> ClientConfig {
    let mut config = ClientConfig::new();
    // The lines that tell of connections are of librdkafka's `debug`; the others of that are not asked for.
    config.set_log_level(RDKafkaLogLevel::Debug).set("debug", "broker");
    for (property, value) in [
        ("client.id", "sluicegate"),
        ("socket.keepalive.enable", "true"),
        // Whoever does not answer for so long is not there: a request that waits is told so.
        ("socket.timeout.ms", "10000"),
        ("socket.connection.setup.timeout.ms", "5000"),
        // A wrong password is tried no more often than that, and a broker that is back is found within it.
        ("reconnect.backoff.ms", "100"),
        ("reconnect.backoff.max.ms", "3000"),
        // Balancers in between forget what is idle for four minutes.
        ("topic.metadata.refresh.interval.ms", "180000"),
        ("statistics.interval.ms", "5000"),
        // Nothing is told to the brokers that they are not asked for.
        ("enable.metrics.push", "false"),
    ] {
        config.set(property, value);
    }
    config
}

/// The servers of a broker without a name.
fn from_variable(value: Result<String, VarError>) -> Result<Vec<String>, OpenError> {
    let invalid = |message: String| OpenError::InvalidVariable { name: VARIABLE, message };
    match value {
        Ok(list) => addresses::parse(&list).map_err(invalid),
        Err(VarError::NotPresent) => Err(OpenError::MissingVariable { name: VARIABLE, expected: EXPECTED }),
        // The value is not shown.
        Err(VarError::NotUnicode(_)) => Err(invalid("is not UTF-8".to_owned())),
    }
}
