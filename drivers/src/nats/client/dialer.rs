//! Which server is connected to.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::connect::{Established, connect};
use crate::nats::options::{CONNECT_TIMEOUT, Options};
use crate::settings::reader::Stamp;
use crate::{OpenError, Settings};

/// How often files are looked at while there is a connection.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// When a new connection is tried again that could not be made with the files as they are.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Connects to one of a broker's servers at a time.
pub(crate) struct Dialer {
    options: Options,
    /// How many servers there were the last time.
    servers: usize,
    /// The one to try next.
    next: usize,
    /// The files of its settings, as they were when they were read last.
    files: Vec<Stamp>,
}

impl Dialer {
    /// Reads the settings, to know that they can be read.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub(crate) fn new(settings: &Settings) -> Result<Self, OpenError> {
        let options = Options::new(settings);
        let servers = options.load()?.servers.len();
        // Gateways spread over the servers.
        let next = RandomState::new().hash_one(0) as usize >> 1;
        Ok(Self { options, servers, next, files: Vec::new() })
    }

    /// How many servers there are.
    pub(crate) fn servers(&self) -> usize {
        self.servers
    }

    /// How long [`dial`](Self::dial) may take.
    pub(crate) fn patience(&self) -> Duration {
        let servers = u32::try_from(self.servers).unwrap_or(u32::MAX);
        CONNECT_TIMEOUT.saturating_mul(servers.saturating_add(1))
    }

    /// Reads the settings again, and tries every server once, beginning with the one after the last.
    ///
    /// # Errors
    /// Why each of them could not be connected to, without secrets.
    pub(crate) async fn dial(&mut self) -> Result<Established, String> {
        let options = self.options.clone();
        // What changes while it is read has changed since.
        let load = move || (options.stamps(), options.load());
        let (files, access) = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())?;
        self.files = files;
        let access = Arc::new(access.map_err(|error| error.to_string())?);
        self.servers = access.servers.len();
        let mut reasons = Vec::new();
        for _ in 0..self.servers {
            let server = &access.servers[self.next % self.servers];
            self.next = self.next.wrapping_add(1);
            let connecting = connect(server, Arc::clone(&access), self.options.name());
            let reason = match timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(Ok(established)) if established.info.is_leaving && self.servers > 1 => {
                    "it is shutting down".to_owned()
                }
                Ok(Ok(established)) => return Ok(established),
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer within {CONNECT_TIMEOUT:?}"),
            };
            reasons.push(format!("{server}: {reason}"));
        }
        Err(reasons.join("; "))
    }

    /// Waits until a file of the settings has changed and a server could be connected to with them as they are now. As long
    /// as that fails, whoever has a connection keeps it.
    pub(crate) async fn renewed(&mut self, driver: &'static str) -> Established {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        let broker = self.options.name();
        let mut try_again = None;
        loop {
            sleep(LOOK_EVERY).await;
            let options = self.options.clone();
            let Ok(files) = tokio::task::spawn_blocking(move || options.stamps()).await else { continue };
            if files == self.files && try_again.is_none_or(|at| Instant::now() < at) {
                continue;
            }
            match self.dial().await {
                Ok(established) => {
                    tracing::info!(driver, broker, "connected anew: files of its settings have changed");
                    return established;
                }
                Err(reason) => {
                    let what =
                        "files of its settings have changed, and it cannot connect with them: the connection is kept";
                    tracing::warn!(driver, broker, reason, "{what}");
                    try_again = Some(Instant::now() + TRY_AGAIN);
                }
            }
        }
    }
}
