//! Which of a broker's servers is connected to, for the drivers that speak to one at a time.

use std::fmt::Display;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::OpenError;
use crate::settings::reader::Stamp;

/// How long one server may take to accept a connection, TLS and login included, unless it says otherwise.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often files are looked at while there is a connection.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// When a new connection is tried again that could not be made with the files as they are.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// A driver's settings, and how it connects with them.
pub(crate) trait Dial: Clone + Send + Sync + 'static {
    /// Addresses and credentials as they are now.
    type Access: Send + Sync + 'static;
    /// Shown without its login.
    type Server: Display + Sync;
    /// A connection that is logged in.
    type Connection: Send;

    /// The broker's name in the config, where it has one.
    fn broker(&self) -> Option<&'static str>;

    /// Reads variables and files. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    fn load(&self) -> Result<Self::Access, OpenError>;

    /// The files that [`load`](Self::load) reads, as they are now. Blocks.
    fn stamps(&self) -> Vec<Stamp>;

    /// At least one.
    fn servers(access: &Self::Access) -> &[Self::Server];

    /// How long [`connect`](Self::connect) may take.
    fn timeout(server: &Self::Server) -> Duration;

    /// Connects and logs in, without a limit of its own on how long that takes.
    ///
    /// # Errors
    /// Why not, without secrets.
    fn connect(
        &self,
        server: &Self::Server,
        access: &Arc<Self::Access>,
    ) -> impl Future<Output = Result<Self::Connection, String>> + Send;
}

/// Connects to one of a broker's servers at a time.
pub(crate) struct Dialer<D> {
    dial: D,
    /// How many servers there were the last time, and how long trying them all takes at most.
    servers: usize,
    patience: Duration,
    /// The one to try next.
    next: usize,
    /// The files of its settings, as they were when they were read last.
    files: Vec<Stamp>,
}

impl<D: Dial> Dialer<D> {
    /// Reads the settings, to know that they can be read.
    ///
    /// # Errors
    /// A setting is missing or malformed.
    pub(crate) fn new(dial: D) -> Result<Self, OpenError> {
        let access = dial.load()?;
        // Gateways spread over the servers.
        let next = RandomState::new().hash_one(0) as usize >> 1;
        let mut dialer = Self { dial, servers: 0, patience: Duration::ZERO, next, files: Vec::new() };
        dialer.look_at(D::servers(&access));
        Ok(dialer)
    }

    /// How many servers there are.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a NATS server asks to be left for another"))]
    pub(crate) fn servers(&self) -> usize {
        self.servers
    }

    /// How long [`dial`](Self::dial) may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    fn look_at(&mut self, servers: &[D::Server]) {
        self.servers = servers.len();
        self.patience = servers.iter().map(D::timeout).fold(CONNECT_TIMEOUT, Duration::saturating_add);
    }

    /// Reads the settings again, and tries every server once, beginning with the one after the last.
    ///
    /// # Errors
    /// Why each of them could not be connected to, without secrets.
    pub(crate) async fn dial(&mut self) -> Result<D::Connection, String> {
        let dial = self.dial.clone();
        // What changes while it is read has changed since.
        let load = move || (dial.stamps(), dial.load());
        let (files, access) = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())?;
        self.files = files;
        let access = Arc::new(access.map_err(|error| error.to_string())?);
        let servers = D::servers(&access);
        self.look_at(servers);
        let mut reasons = Vec::new();
        for _ in servers {
            let server = &servers[self.next % servers.len()];
            self.next = self.next.wrapping_add(1);
            let limit = D::timeout(server);
            let reason = match timeout(limit, self.dial.connect(server, &access)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer within {limit:?}"),
            };
            reasons.push(format!("{server}: {reason}"));
        }
        Err(reasons.join("; "))
    }

    /// Waits until a file of the settings has changed and a server could be connected to with them as they are now. As long
    /// as that fails, whoever has a connection keeps it.
    pub(crate) async fn renewed(&mut self, driver: &'static str) -> D::Connection {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        let broker = self.dial.broker();
        let mut try_again = None;
        loop {
            sleep(LOOK_EVERY).await;
            let dial = self.dial.clone();
            let Ok(files) = tokio::task::spawn_blocking(move || dial.stamps()).await else { continue };
            if files == self.files && try_again.is_none_or(|at| Instant::now() < at) {
                continue;
            }
            match self.dial().await {
                Ok(connection) => {
                    tracing::info!(driver, broker, "connected anew: files of its settings have changed");
                    return connection;
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
