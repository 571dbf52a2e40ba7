//! How a server is connected to.

use std::sync::Arc;
use std::time::Duration;

use super::connect::{Established, connect};
use crate::OpenError;
use crate::dialer::{CONNECT_TIMEOUT, Dial};
use crate::nats::options::{Access, Options, Server};
use crate::settings::reader::Stamp;

/// Connects to one of a broker's servers at a time.
pub(crate) type Dialer = crate::dialer::Dialer<Options>;

impl Dial for Options {
    type Access = Access;
    type Server = Server;
    type Connection = Established;

    fn broker(&self) -> Option<&'static str> {
        self.name()
    }

    fn load(&self) -> Result<Access, OpenError> {
        self.load()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.stamps()
    }

    fn servers(access: &Access) -> &[Server] {
        &access.servers
    }

    fn timeout(_: &Server) -> Duration {
        CONNECT_TIMEOUT
    }

    async fn connect(&self, server: &Server, access: &Arc<Access>) -> Result<Established, String> {
        let established = connect(server, Arc::clone(access), self.name()).await?;
        if established.info.is_leaving && access.servers.len() > 1 {
            return Err("it is shutting down".to_owned());
        }
        Ok(established)
    }
}
