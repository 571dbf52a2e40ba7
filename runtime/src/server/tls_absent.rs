//! Stands in for `tls` in a build without that feature.

use std::io;

use tokio::net::TcpStream;

/// Loaded certificates; cannot exist in a build without the feature `tls`.
#[derive(Clone, Debug)]
pub enum Tls {}

pub(super) type TlsStream = TcpStream;

impl Tls {
    pub(super) async fn accept(&self, _stream: TcpStream) -> io::Result<TlsStream> {
        match *self {}
    }
}

pub(super) fn tcp(stream: &TlsStream) -> &TcpStream {
    stream
}

pub(super) fn is_http2(_stream: &TlsStream) -> bool {
    false
}
