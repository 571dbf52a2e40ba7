use std::error::Error;
use std::fmt;

use http::uri::Authority;

/// What went wrong between the gateway and an HTTP backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// No connection: the name, the network, the port, or `dialer_timeout`. Nothing was sent.
    Connect,
    /// No TLS: a certificate, a protocol, or the time for the handshake. Nothing was sent.
    Tls,
    /// `response_header_timeout` went by. The backend may have done its work.
    HeaderTimeout,
    /// The connection ended before the headers were complete. The backend may have done its work.
    Closed,
    /// Anything else: an answer that is not HTTP, a request that cannot be sent.
    Other,
}

/// A request to an HTTP backend without a response. Its text is one line and names the backend's authority.
#[derive(Debug)]
pub struct ClientError {
    kind: ClientErrorKind,
    /// Host and port, without a user's name or password.
    authority: Option<String>,
    source: Box<dyn Error + Send + Sync>,
}

impl ClientError {
    pub(super) fn new(kind: ClientErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, authority: None, source: source.into() }
    }

    pub(super) fn of_client(error: hyper_util::client::legacy::Error) -> Self {
        let kind = kind_of(&error);
        Self::new(kind, error)
    }

    pub(super) fn to(mut self, authority: Option<&Authority>) -> Self {
        self.authority = authority.map(|authority| match authority.port() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        });
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ClientErrorKind {
        self.kind
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| Error::source(*error))
}

fn kind_of(error: &hyper_util::client::legacy::Error) -> ClientErrorKind {
    if let Some(own) = chain(error).find_map(|error| error.downcast_ref::<ClientError>()) {
        return own.kind;
    }
    if error.is_connect() {
        return ClientErrorKind::Connect;
    }
    let closed = chain(error).any(|error| {
        let hyper = error.downcast_ref::<hyper::Error>();
        let closed =
            hyper.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed());
        closed || error.is::<std::io::Error>()
    });
    if closed { ClientErrorKind::Closed } else { ClientErrorKind::Other }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(authority) = &self.authority {
            write!(f, "{authority}: ")?;
        }
        let what = match self.kind {
            ClientErrorKind::Connect => "cannot connect",
            ClientErrorKind::Tls => "TLS failed",
            ClientErrorKind::HeaderTimeout => "no response in time",
            ClientErrorKind::Closed => "connection ended before the response",
            ClientErrorKind::Other => "request failed",
        };
        f.write_str(what)?;
        // hyper's outer errors only say that there is an inner one.
        match chain(&*self.source).last() {
            Some(cause) => write!(f, ": {}", cause.to_string().replace(['\r', '\n'], " ")),
            None => Ok(()),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
