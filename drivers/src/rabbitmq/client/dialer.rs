//! How a server is connected to.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::OpenError;
use crate::dialer::Dial;
use crate::rabbitmq::options::{Access, Options, Server};
use crate::settings::reader::Stamp;
use crate::stream::Stream;

/// Connects to one of a broker's servers at a time, and logs in by `L`.
pub(super) type Dialer<L> = crate::dialer::Dialer<By<L>>;

/// How a login goes, over a connection that is there.
pub(super) trait Login: Clone + Send + Sync + 'static {
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

/// The settings, and a way to log in with them.
#[derive(Clone)]
pub(super) struct By<L> {
    pub(super) options: Options,
    pub(super) login: L,
}

impl<L: Login> Dial for By<L> {
    type Access = Access;
    type Server = Server;
    type Connection = L::Connection;

    fn broker(&self) -> Option<&'static str> {
        self.options.name()
    }

    fn load(&self) -> Result<Access, OpenError> {
        self.options.load()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.options.stamps()
    }

    fn servers(access: &Access) -> &[Server] {
        &access.servers
    }

    fn timeout(server: &Server) -> Duration {
        server.timeout
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
}
