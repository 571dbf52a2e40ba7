//! Reads what a client connects with, again at each try: values, files, and TLS.

use std::path::PathBuf;
use std::time::SystemTime;

#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka-tls",
    feature = "nats",
    feature = "rabbitmq",
    feature = "sns",
    feature = "sqs"
))]
use super::checks;
#[cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "kafka-tls",
    feature = "nats",
    feature = "rabbitmq"
))]
use crate::tls::Tls;
use crate::{OpenError, Settings, Source};

/// Settings that name files.
const FILES: [&str; 5] = ["credentials", "token_file", "tls.ca_certs", "tls.client_cert", "tls.client_key"];

/// A file as it was at some time.
#[derive(PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) path: PathBuf,
    /// When it was changed, and its length; `None` where it could not be seen.
    found: Option<(SystemTime, u64)>,
}

impl Stamp {
    /// Looks at a file. Blocks.
    pub(crate) fn of(path: PathBuf) -> Self {
        let found = std::fs::metadata(&path).ok();
        let found = found.and_then(|found| Some((found.modified().ok()?, found.len())));
        Self { path, found }
    }
}

/// Reads a broker's settings.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) settings: Settings,
}

impl Reader {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }

    /// The files that the settings name, but for those that are `fixed`, as they are now. Blocks.
    pub(crate) fn stamps(&self, fixed: &[&str]) -> Vec<Stamp> {
        let of = |(name, source): (&str, &Source)| {
            let path = match (source, FILES.contains(&name)) {
                (_, true) => self.path(source).ok()?,
                (Source::File(path), false) => self.settings.base.join(path),
                (Source::Literal(_) | Source::Env(_), false) => return None,
            };
            Some(Stamp::of(path))
        };
        let all =
            self.settings.values.iter().flat_map(|(name, sources)| sources.iter().map(move |source| (*name, source)));
        all.filter(|(name, _)| !fixed.contains(name)).filter_map(of).collect()
    }

    /// A number that is not 0, or `default` where it is not set.
    ///
    /// # Errors
    /// The value is no such number.
    #[cfg(any(feature = "azure_service_bus", feature = "gcp_pubsub", feature = "nats", feature = "rabbitmq"))]
    pub(crate) fn number(&self, name: &'static str, default: usize) -> Result<usize, OpenError> {
        match self.settings.text(name)? {
            None => Ok(default),
            Some(text) => checks::number(&text).map_err(|message| self.wrong(name, message)),
        }
    }

    #[cfg(any(
        feature = "azure_service_bus",
        feature = "gcp_pubsub",
        feature = "kafka-tls",
        feature = "nats",
        feature = "rabbitmq",
        feature = "sns",
        feature = "sqs"
    ))]
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, OpenError> {
        let text = self.settings.text(name)?;
        text.map_or(Ok(false), |text| checks::flag(&text).map_err(|message| self.wrong(name, message)))
    }

    /// A text that is not empty.
    #[cfg(any(feature = "azure_service_bus", feature = "gcp_pubsub", feature = "nats", feature = "rabbitmq"))]
    pub(crate) fn text(&self, name: &'static str) -> Result<String, OpenError> {
        match self.settings.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.wrong(name, "is empty")),
        }
    }

    /// Whom the settings that begin with `tls.` have trusted. TLS is required where they name somebody.
    #[cfg(any(
        feature = "azure_service_bus",
        feature = "gcp_pubsub",
        feature = "kafka-tls",
        feature = "nats",
        feature = "rabbitmq"
    ))]
    pub(crate) fn trust(&self) -> Result<Tls, OpenError> {
        let sources = self.settings.sources("tls.ca_certs");
        let mut tls = Tls::new(!sources.is_empty(), !self.flag("tls.disable_system_ca_pool")?);
        for source in sources {
            let pem = self.read_file("tls.ca_certs", source)?;
            tls.add_roots(pem.as_bytes()).map_err(|message| self.wrong("tls.ca_certs", message))?;
        }
        Ok(tls)
    }

    /// What the settings that begin with `tls.` say.
    #[cfg(any(feature = "nats", feature = "rabbitmq"))]
    pub(crate) fn tls(&self) -> Result<Tls, OpenError> {
        let settings = &self.settings;
        let mut tls = self.trust()?;
        tls.required |= self.flag("tls.required")?;
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

    /// The content of the file that a setting names.
    #[cfg(any(
        feature = "azure_service_bus",
        feature = "gcp_pubsub",
        feature = "kafka-tls",
        feature = "nats",
        feature = "rabbitmq",
        feature = "sns",
        feature = "sqs"
    ))]
    pub(crate) fn read_file(&self, name: &'static str, source: &Source) -> Result<String, OpenError> {
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
    pub(crate) fn path(&self, source: &Source) -> Result<PathBuf, String> {
        let path = match source {
            Source::File(path) => PathBuf::from(path),
            other => PathBuf::from(other.read(&self.settings.base)?),
        };
        Ok(self.settings.base.join(path))
    }

    pub(crate) fn wrong(&self, name: &'static str, message: impl Into<String>) -> OpenError {
        let broker = self.settings.name.unwrap_or_default();
        OpenError::Setting { broker, name, message: message.into() }
    }
}
