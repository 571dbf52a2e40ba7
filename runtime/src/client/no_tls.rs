use http::Uri;
use tokio::net::TcpStream;

use super::transport::Transport;
use super::{ClientError, ClientErrorKind, ClientTls};

/// Stands for TLS in a gateway that was built without it.
#[derive(Clone)]
pub(super) struct Tls;

impl Tls {
    pub(super) fn new(_: &ClientTls) -> Result<Self, ClientError> {
        Ok(Self)
    }

    #[expect(clippy::unused_async, reason = "same signature as with TLS")]
    pub(super) async fn connect(&self, _: &Uri, _: TcpStream) -> Result<Transport, ClientError> {
        Err(ClientError::new(ClientErrorKind::Tls, "this gateway was built without the feature `tls`"))
    }
}
