//! Which server is connected to.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::rabbitmq::DRIVER;
use crate::rabbitmq::options::{Access, Options, Server};
use crate::settings::reader::Stamp;
use crate::stream::Stream;
use crate::{OpenError, Settings};

/// How often files are looked at while there is a connection.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// When a new connection is tried again that could not be made with the files as they are.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// How a login goes, over a connection that is there.
pub(super) trait Login: Send {
    /// A connection that is logged in.
    type Connection: Send;

    /// Logs in. Has no limit of its own on how long that takes.
    ///
    /// # Errors
    /// Why not, without secrets.
    fn log_in(
        &self,
        stream: Stream,
        server: &Server,
        access: &Access,
    ) -> impl Future<Output = Result<Self::Connection, String>> + Send;
}

/// Connects to one of a broker's servers at a time.
pub(super) struct Dialer<L> {
    options: Options,
    login: L,
    patience: Duration,
    /// The one to try next.
    next: usize,
    /// The files of its settings, as they were when they were read last.
    files: Vec<Stamp>,
}

impl<L: Login> Dialer<L> {
    /// Reads the settings, to know that they can be read.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub(super) fn new(settings: &Settings, login: L) -> Result<Self, OpenError> {
        let options = Options::new(settings);
        let patience = options.load()?.patience();
        // Gateways spread over the servers.
        let next = RandomState::new().hash_one(0) as usize >> 1;
        Ok(Self { options, login, patience, next, files: Vec::new() })
    }

    /// How long [`dial`](Self::dial) may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Reads the settings again, and tries every server once, beginning with the one after the last.
    ///
    /// # Errors
    /// Why each of them could not be connected to, without secrets.
    pub(super) async fn dial(&mut self) -> Result<L::Connection, String> {
        let options = self.options.clone();
        // What changes while it is read has changed since.
        let load = move || (options.stamps(), options.load());
        let (files, access) = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())?;
        self.files = files;
        let access = Arc::new(access.map_err(|error| error.to_string())?);
        self.patience = access.patience();
        let mut reasons = Vec::new();
        for _ in 0..access.servers.len() {
            let server = &access.servers[self.next % access.servers.len()];
            self.next = self.next.wrapping_add(1);
            let reason = match timeout(server.timeout, self.connect(server, &access)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer within {:?}", server.timeout),
            };
            reasons.push(format!("{server}: {reason}"));
        }
        Err(reasons.join("; "))
    }

    async fn connect(&self, server: &Server, access: &Arc<Access>) -> Result<L::Connection, String> {
        let mut stream = Stream::connect(&server.host, server.port).await?;
        if let Some(name) = &server.tls {
            let access = Arc::clone(access);
            let config = tokio::task::spawn_blocking(move || access.tls.client_config());
            let config = config.await.map_err(|error| error.to_string())??;
            stream = stream.encrypted(config, name).await?;
        }
        self.login.log_in(stream, server, access).await
    }

    /// Waits until a file of the settings has changed and a server could be connected to with them as they are now. As long
    /// as that fails, whoever has a connection keeps it.
    pub(super) async fn renewed(&mut self) -> L::Connection {
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
                Ok(connection) => {
                    tracing::info!(driver = DRIVER.name, broker, "connected anew: files of its settings have changed");
                    return connection;
                }
                Err(reason) => {
                    let what =
                        "files of its settings have changed, and it cannot connect with them: the connection is kept";
                    tracing::warn!(driver = DRIVER.name, broker, reason, "{what}");
                    try_again = Some(Instant::now() + TRY_AGAIN);
                }
            }
        }
    }
}
